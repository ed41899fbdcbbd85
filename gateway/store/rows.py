"""Route types to rows and back: the one place that restores what other modules made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import DecimalException
from enum import Enum, StrEnum
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

from consent.evaluate import Use
from consent.event import Actor, ConsentEvent, ConsentItem, EventType, Form, Mode
from consent.projection import ProjectionRow
from consent.proof import PROOF_FIELDS, PROOF_WORDS, Proof
from gateway.errors import HostileInput, Misuse, StateError
from gateway.flow.ports.store import RegistryItem
from gateway.route.agreement import Agreement, AgreementBinding, AgreementCopy, AgreementState, Operation
from gateway.route.audit import IntegratedEntry, PendingEntry
from gateway.route.job import Failure, Job, JobRequest, JobState, Refusal, Side, WaitingFor
from gateway.route.notice import NoticeKind, ReleasedRun, Removal, StoredNotice, Timing
from gateway.route.party import KnownCard, Partner, PartyCard, SignedCard
from gateway.route.provision import ProvidedRun
from gateway.route.session import Session, SessionOffer, SessionState
from gateway.store.column_type import json_text, to_micros
from gateway.store.connection import AnyRow
from gateway.store.fields import from_json, to_json
from gateway.tlog.leaf import parse_leaf

P = ParamSpec("P")
R = TypeVar("R")
Values = dict[str, Any]
Signatures = tuple[tuple[str, bytes], ...]

JOB_CHANGES = frozenset(
    {
        "state",
        "waiting_for",
        "stage",
        "seq",
        "rows_done",
        "rows_total",
        "session_id",
        "refusal",
        "failure",
        "report",
        "finished_at",
    }
)
SESSION_CHANGES = frozenset(
    {"state", "requested_stage", "opening", "opening_signatures", "run_record", "run_signatures", "failure"}
)
_AS_JSON = frozenset({"refusal", "failure", "report", "opening_signatures", "run_signatures"})


def _restores(noun: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Turn what a row that does not fit its type raises into StateError LOG_INCONSISTENT."""

    def decorate(restore: Callable[P, R]) -> Callable[P, R]:
        @wraps(restore)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return restore(*args, **kwargs)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError, DecimalException) as error:
                raise StateError(
                    "LOG_INCONSISTENT",
                    f"a stored {noun} cannot be read; stop this gateway and restore a backup of the store",
                ) from error

        return checked

    return decorate


@_restores("registry item")
def registry_item(row: AnyRow) -> RegistryItem:
    """Restore a registry item."""
    return RegistryItem(row.kind, row.item_id, row.version, row.state, row.body, row.at)


def consent_event_columns(
    events: Sequence[tuple[ConsentEvent, str]], revisions: Mapping[str, int]
) -> dict[str, list[Any]]:
    """Return the columns of consent events.

    Args:
        events: with their content hashes, in order.
        revisions: of their subjects, that these events make.
    """
    return {
        "event_id": [event.event_id for event, _ in events],
        "subject_ref": [event.subject for event, _ in events],
        "revision": [revisions[event.subject] for event, _ in events],
        "number": list(range(len(events))),
        "content_hash": [content_hash for _, content_hash in events],
        "body": [json_text(event.to_mapping()) for event, _ in events],
    }


@_restores("consent event")
def consent_events(bodies: Iterable[str]) -> list[ConsentEvent]:
    """Restore consent events from their JSON; strict reading was done when they came in.

    Several times faster than `ConsentEvent.from_mapping`, to which a test holds it equal.
    """
    events = json.loads("[" + ",".join(bodies) + "]")
    for fields in events:
        for name in fields.keys() & _EVENT_FIELDS.keys():
            fields[name] = _EVENT_FIELDS[name](fields[name])
        if proven := fields.keys() & _PROOF_FIELDS:
            fields["proof"] = _proof({name: fields.pop(name) for name in proven})
    return [ConsentEvent(**fields) for fields in events]


def _consent_items(items: list[Mapping[str, Any]]) -> tuple[ConsentItem, ...]:
    return tuple(
        _consent_item(
            item["purpose"],
            tuple(item["categories"]),
            tuple(item["methods"]),
            tuple(item["recipients"]),
            item["form"],
        )
        for item in items
    )


@lru_cache(maxsize=4096)  # a house has few kinds of consent and many people who gave them
def _consent_item(
    purpose: str, categories: tuple[str, ...], methods: tuple[str, ...], recipients: tuple[str, ...], form: str
) -> ConsentItem:
    return ConsentItem(purpose, categories, methods, recipients, Form(form))


def _proof(fields: dict[str, Any]) -> Proof:
    for name in fields.keys() & _PROOF_READERS.keys():
        fields[name] = _PROOF_READERS[name](fields[name])
    return Proof(**fields)


def _member(words: type[StrEnum]) -> Callable[[Any], object]:
    """Look a word up, four times faster than calling its enumeration."""
    return {word.value: word for word in words}.__getitem__


_PROOF_FIELDS = frozenset(PROOF_FIELDS)
_PROOF_READERS: Mapping[str, Callable[[Any], object]] = {
    **{name: _member(words) for name, words in PROOF_WORDS.items()},
    "shown_at": datetime.fromisoformat,
}

# The fields of a consent event that JSON does not carry as they are.
_EVENT_FIELDS: Mapping[str, Callable[[Any], object]] = {
    "type": _member(EventType),
    "at": datetime.fromisoformat,
    "recorded_at": datetime.fromisoformat,
    "by": _member(Actor),
    "mode": _member(Mode),
    "valid_until": datetime.fromisoformat,
    "items": _consent_items,
    "categories": tuple,
    "birthdate": date.fromisoformat,
    "retention_until": datetime.fromisoformat,
    "until": datetime.fromisoformat,
    "subjects": tuple,
}


UseKey = tuple[str, str, str, str, str]
"""Handler, purpose, recipient, category, method; recipient "" is own use."""


def use_key(use: Use | ProjectionRow) -> UseKey:
    """Return the values of `consent_uses` by which a use is found."""
    return use.handler, use.purpose, use.recipient or "", use.category, use.method


PlacedRow = tuple[int, ProjectionRow]
"""The number of a use, or of a group of uses, and what is said of it."""


def projection_columns(placed: Sequence[PlacedRow]) -> dict[str, list[Any]]:
    """Return the columns of what the projection says."""
    listed = [row for _, row in placed]
    return {
        "use_id": [number for number, _ in placed],
        "subject_ref": [row.subject for row in listed],
        "plain": [int(row.plain) for row in listed],
        "consent_id": [row.consent_id for row in listed],
        "effective_from": [to_micros(row.effective_from) for row in listed],
        "valid_until": [None if row.valid_until is None else to_micros(row.valid_until) for row in listed],
        "closed_from": [None if row.closed_from is None else to_micros(row.closed_from) for row in listed],
    }


def partner_values(card: SignedCard) -> Values:
    """Return the columns of a partner's card."""
    return {
        "party": card.card.party,
        "card": to_json(card.card),
        "record": card.record,
        "signature": card.signature,
        "fingerprint": card.fingerprint,
    }


@_restores("partner")
def partner(row: AnyRow) -> Partner:
    """Restore a partner."""
    return Partner(from_json(PartyCard, row.card), row.accepted_at, row.revision)


@_restores("partner card")
def known_card(row: AnyRow) -> KnownCard:
    """Restore one of a partner's cards."""
    return KnownCard(from_json(PartyCard, row.card), row.known_at)


def agreement_values(copy: AgreementCopy) -> Values:
    """Return the columns of our copy of an agreement."""
    return {
        "agreement_id": copy.agreement.agreement_id,
        "hash": copy.agreement.hash,
        "agreement": to_json(copy.agreement),
        "state": copy.state.value,
        "signatures": to_json(copy.signatures),
        "revision": copy.revision,
        "in_force_at": copy.in_force_at,
    }


@_restores("agreement")
def agreement_copy(row: AnyRow) -> AgreementCopy:
    """Restore our copy of an agreement."""
    return AgreementCopy(
        agreement=from_json(Agreement, _with_aggregate(row.agreement)),
        state=AgreementState(row.state),
        signatures=from_json(Signatures, row.signatures),
        revision=row.revision,
        in_force_at=row.in_force_at,
    )


@_restores("binding")
def binding(row: AnyRow) -> AgreementBinding:
    """Restore the binding of an agreement."""
    return from_json(AgreementBinding, {"segment_column": "", "minimum_cohort": 0, **row.binding})


def _with_aggregate(agreement: Mapping[str, Any]) -> dict[str, Any]:
    """Add what agreements stored before there were statistics do not say: none, and the receiver learns."""
    directions = [{"result_to": [way["receiver"]], **way} for way in agreement["directions"]]
    return {"aggregate": None, "padding": "NONE", **agreement, "directions": directions}


def job_values(job: Job) -> Values:
    """Return the columns of a job, without those of the queue (not_before, looked_at)."""
    return {
        "job_id": job.job_id,
        "side": job.side.value,
        "partner": job.partner,
        "request_id": job.request.request_id,
        "agreement_id": job.request.agreement_id,
        "operation": job.request.operation.value,
        "purpose": job.request.purpose,
        "columns": list(job.request.columns),
        "requested_by": job.request.requested_by,
        "state": job.state.value,
        "waiting_for": job.waiting_for.value,
        "stage": job.stage,
        "seq": job.seq,
        "rows_done": job.rows_done,
        "rows_total": job.rows_total,
        "session_id": job.session_id,
        "refusal": to_json(job.refusal),
        "failure": to_json(job.failure),
        "report": to_json(job.report),
        "cancel_requested": job.cancel_requested,
        "attempt": job.attempt,
        "fence": job.fence,
        "lease_owner": job.lease_owner,
        "lease_until": job.lease_until,
        "spool_id": job.spool_id,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "finished_at": job.finished_at,
        "revision": job.revision,
    }


@_restores("job")
def job(row: AnyRow) -> Job:
    """Restore a job."""
    return Job(
        job_id=row.job_id,
        side=Side(row.side),
        partner=row.partner,
        request=_job_request(row),
        state=JobState(row.state),
        waiting_for=WaitingFor(row.waiting_for),
        stage=row.stage,
        seq=row.seq,
        rows_done=row.rows_done,
        rows_total=row.rows_total,
        session_id=row.session_id,
        refusal=from_json(Refusal, row.refusal) if row.refusal is not None else None,
        failure=from_json(Failure, row.failure) if row.failure is not None else None,
        report=row.report,
        cancel_requested=row.cancel_requested,
        attempt=row.attempt,
        fence=row.fence,
        lease_owner=row.lease_owner,
        lease_until=row.lease_until,
        spool_id=row.spool_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
        revision=row.revision,
    )


def _job_request(row: AnyRow) -> JobRequest:
    return JobRequest(
        request_id=row.request_id,
        agreement_id=row.agreement_id,
        operation=Operation(row.operation),
        purpose=row.purpose,
        columns=tuple(row.columns),
        requested_by=row.requested_by,
    )


def session_values(session: Session) -> Values:
    """Return the columns of a session."""
    return {
        "session_id": session.session_id,
        "job_id": session.job_id,
        "side": session.side.value,
        "partner": session.partner,
        "nonce": session.offer.nonce,
        "state": session.state.value,
        "offer": to_json(session.offer),
        "sender_nonce": session.sender_nonce,
        "acceptance": session.acceptance,
        "acceptance_signature": session.acceptance_signature,
        "requested_stage": session.requested_stage,
        "opening": session.opening,
        "opening_signatures": to_json(session.opening_signatures),
        "run_record": session.run_record,
        "run_signatures": to_json(session.run_signatures),
        "failure": to_json(session.failure),
        "opened_at": session.opened_at,
        "expires_at": session.expires_at,
        "revision": session.revision,
    }


@_restores("session")
def session(row: AnyRow) -> Session:
    """Restore a session."""
    return Session(
        session_id=row.session_id,
        job_id=row.job_id,
        side=Side(row.side),
        partner=row.partner,
        state=SessionState(row.state),
        offer=from_json(SessionOffer, row.offer),
        sender_nonce=row.sender_nonce,
        acceptance=row.acceptance,
        acceptance_signature=row.acceptance_signature,
        requested_stage=row.requested_stage,
        opening=row.opening,
        opening_signatures=from_json(Signatures, row.opening_signatures),
        run_record=row.run_record,
        run_signatures=from_json(Signatures, row.run_signatures),
        failure=from_json(Failure, row.failure) if row.failure is not None else None,
        opened_at=row.opened_at,
        expires_at=row.expires_at,
        revision=row.revision,
    )


@_restores("run")
def released_run(row: AnyRow) -> ReleasedRun:
    """Restore a run."""
    return ReleasedRun(
        job_id=row.job_id,
        session_id=row.session_id,
        agreement_id=row.agreement_id,
        partner=row.partner,
        side=Side(row.side),
        judged_at=row.judged_at,
        released_at=row.released_at,
        expires_at=row.expires_at,
        rows=row.rows,
        changes=row.changes,
        systems=tuple(row.systems or ()),
        map_version=row.map_version or 0,
    )


@_restores("run")
def provided_run(row: AnyRow) -> ProvidedRun:
    """Restore a run with what its job and its session keep of it."""
    return ProvidedRun(
        run=released_run(row),
        request=_job_request(row),
        report=row.report,
        started_at=row.opened_at,
        opening=row.opening,
        run_record=row.run_record,
        signed_by=tuple(sorted(party for party, _ in from_json(Signatures, row.run_signatures))),
    )


@_restores("removal")
def removal(row: AnyRow) -> Removal:
    """Restore a removal."""
    return Removal(
        job_id=row.job_id,
        subject_ref=row.subject_ref,
        token=row.token,
        reason_code=row.reason_code,
        timing=Timing(row.timing),
        happened_at=row.happened_at,
        recorded_at=row.recorded_at,
        channel=row.channel,
        decided_at=row.decided_at,
        notice_id=row.notice_id,
        removed_at=row.removed_at,
    )


@_restores("notice of a partner")
def stored_notice(row: AnyRow) -> StoredNotice:
    """Restore a notice to or from a partner."""
    return StoredNotice(
        notice_id=row.notice_id,
        partner=row.partner,
        ours=row.ours,
        kind=NoticeKind(row.kind),
        agreement_id=row.agreement_id,
        session_id=row.session_id,
        job_id=row.job_id,
        rows=row.rows,
        record=row.record,
        signature=row.signature,
        made_at=row.made_at,
        due_at=row.due_at,
        done_at=row.done_at,
        acknowledgement=row.acknowledgement,
        acknowledgement_signature=row.acknowledgement_signature,
    )


def pending_entries(found: Iterable[AnyRow]) -> list[PendingEntry]:
    """Restore entries that are not in the tree yet from (entry, leaf) rows."""
    return [PendingEntry(entry, leaf) for entry, leaf in found]


@_restores("log entry")
def integrated_entry(row: AnyRow) -> IntegratedEntry:
    """Restore an entry of the log with what remains of its opening."""
    try:
        header = parse_leaf(row.leaf)
    except HostileInput as error:
        raise ValueError("not a leaf") from error
    payload = row.payload if row.record is None else row.record.encode()
    return IntegratedEntry(row.entry, row.leaf, header.type, header.time, payload, row.salt, row.about == "")


def changed_values(noun: str, changes: Mapping[str, object], allowed: frozenset[str]) -> Values:
    """Return the columns that an update changes.

    Raises:
        Misuse: for a field that an update may not change.
    """
    if foreign := sorted(changes.keys() - allowed):
        raise Misuse(f"an update of a {noun} cannot change {', '.join(foreign)}")
    return {
        name: to_json(value) if name in _AS_JSON or isinstance(value, Enum) else value
        for name, value in changes.items()
    }
