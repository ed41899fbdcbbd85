"""Consents of the gateway as DPV-27560 records: read back into the types of `consent`, with the notices shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from consent.dpv import consent_record, graph
from consent.event import Actor, Form
from consent.notice import Notice
from consent.record import ConsentRecord, State
from gateway.client.blocking import Client
from gateway.client.consent import Consent
from gateway.errors import StateError


def as_dpv(client: Client, consents: Iterable[Consent], at: datetime) -> dict[str, object]:
    """Return consents as one JSON-LD document.

    Args:
        client: of the gateway that keeps the notices.
        consents: as listed.
        at: when they were.
    """
    notices: dict[str, Notice | None] = {}
    documents = []
    for consent in consents:
        if consent.notice not in notices:
            notices[consent.notice] = _notice(client, consent.notice)
        documents.append(consent_record(_record(consent), notices[consent.notice], at))
    return graph(documents)


def _notice(client: Client, reference: str) -> Notice | None:
    name, _, version = reference.rpartition("@")
    if not name:
        return None
    try:
        found = client.notices.get(name, int(version))
    except StateError as error:
        if error.reason != "NOT_FOUND":
            raise
        return None
    return Notice(
        found.id,
        found.version,
        language=found.language,
        retention=found.retention,
        withdrawal_channel=found.withdrawal_channel,
        published_at=found.published_at,
    )


def _record(consent: Consent) -> ConsentRecord:
    # The gateway counts doubt and ended terms into the state already.
    state = State("".join(word.title() for word in consent.state.split("_")))
    return ConsentRecord(
        subject=consent.subject_ref,
        handler=consent.handler,
        purpose=consent.purpose or None,
        recipient=consent.recipient or None,
        categories=consent.categories,
        methods=consent.methods,
        undone=frozenset(consent.withdrawn_parts),
        state=state,
        form=None if consent.form == "UNSPECIFIED" else Form(consent.form.lower()),
        consent_id=consent.consent_id or None,
        supersedes=consent.supersedes,
        notice=consent.notice or None,
        effective_from=consent.effective_from,
        indicated_at=consent.indicated_at,
        indicated_by=None if consent.indicated_by == "UNSPECIFIED" else Actor(consent.indicated_by.lower()),
        channel=consent.channel or None,
        valid_until=consent.valid_until,
        kept_until=consent.kept_until,
        max_uses=consent.max_uses or None,
        uses=consent.uses,
        event_ids=consent.event_ids,
    )
