"""A consent record as others read it: JSON-LD in the DPV-27560 shape (ISO/IEC TS 27560, W3C Data Privacy Vocabulary).

The vocabulary has no Chinese extension: what only PIPL knows, such as separate consent
(单独同意), stands under `cn-pipl`, and the names of this house under `assent`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import quote

from consent.event import Actor, Form
from consent.fields import said
from consent.notice import Notice
from consent.party import HOME
from consent.record import ConsentRecord, State

CONFORMS_TO = "https://w3id.org/dpv/schema/dpv-27560#record"
CONTEXT: Mapping[str, str] = MappingProxyType(
    {
        "dpv": "https://w3id.org/dpv#",
        "loc": "https://w3id.org/dpv/loc#",
        "dct": "http://purl.org/dc/terms/",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "cn-pipl": "urn:assent:cn-pipl:",
        "assent": "urn:assent:",
    }
)
_RECORDS = uuid.uuid5(uuid.NAMESPACE_URL, CONFORMS_TO)
_PROCESSING = {
    "psi_hash": "dpv:Match",
    "he_aggregate": "dpv:Combine",
    "internal_join": "dpv:Combine",
    "plaintext_api": "dpv:Share",
    "batch_file": "dpv:Share",
    "push_message": "dpv:Use",
    "publish": "dpv:Disseminate",
    "store_only": "dpv:Store",
}
_FORMS = {
    Form.GENERAL: ["dpv:ExpressedConsent"],
    Form.SEPARATE: ["dpv:ExplicitlyExpressedConsent", "cn-pipl:SeparateConsent"],
    Form.WRITTEN: ["dpv:ExplicitlyExpressedConsent", "cn-pipl:SeparateConsent", "cn-pipl:WrittenConsent"],
}
_ACTORS = {
    Actor.SUBJECT: "dpv:DataSubject",
    Actor.GUARDIAN: "dpv:GuardianOfDataSubject",
    Actor.STAFF: "dpv:DataController",
}
_BY_NATURE = {State.REVOKED: "dpv:DataController", State.INVALIDATED: "dpv:Authority"}


def consent_record(record: ConsentRecord, notice: Notice | None, at: datetime) -> dict[str, object]:
    """Return one record as a JSON-LD document.

    Args:
        record: the consent.
        notice: the version that was shown; None when none is on file.
        at: when the record is looked at; its state depends on that.

    Returns:
        A JSON object. Parts that were taken out are left out, or all are there when nothing is left.
    """
    document: dict[str, object] = {
        "@context": dict(CONTEXT),
        "@type": "dpv:ConsentRecord",
        "dct:identifier": record_id(record),
        "dct:conformsTo": CONFORMS_TO,
        "dpv:hasDataSubject": {"@id": _iri("subjects", record.subject)},
        "dpv:hasDataController": _iri("parties", record.handler),
        "dpv:hasJurisdiction": f"loc:{HOME}",
    }
    if record.notice is not None:
        document["dpv:hasNotice"] = _notice(record.notice, notice)
    document["dpv:hasProcess"] = _processes(record, notice)
    if notice is not None and notice.withdrawal_channel:
        document["dpv:hasConsentControl"] = {
            "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
            "dpv:isExercisedAt": notice.withdrawal_channel,
        }
    document["dpv:hasConsentStatus"] = [_status(record, at)]
    if record.supersedes:
        document["dct:replaces"] = [_iri("consents", consent_id) for consent_id in record.supersedes]
    return document


def graph(documents: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """Return several records as one JSON-LD document."""
    records = [{name: entry for name, entry in one.items() if name != "@context"} for one in documents]
    return {"@context": dict(CONTEXT), "@graph": records}


def record_id(record: ConsentRecord) -> str:
    """Return the name of a record: a UUID of its scope and act, the same at every export."""
    scope = (record.subject, record.handler, record.purpose, record.recipient, record.consent_id)
    parts = [*map(repr, scope), *sorted(record.categories), *sorted(record.methods)]
    return f"urn:uuid:{uuid.uuid5(_RECORDS, chr(31).join(parts))}"


def _iri(kind: str, name: str) -> str:
    return f"assent:{kind}/{quote(name, safe='')}"


def _notice(reference: str, notice: Notice | None) -> dict[str, object]:
    shown: dict[str, object] = {"@type": "dpv:ConsentNotice", "@id": _iri("notices", reference)}
    if notice is not None:
        shown["dct:language"] = notice.language
        if notice.published_at is not None:
            shown["dct:date"] = notice.published_at.date().isoformat()
    return shown


def _processes(record: ConsentRecord, notice: Notice | None) -> list[dict[str, object]]:
    """One process for each set of categories that the same methods are agreed for."""
    cells = {(category, method) for category in record.categories for method in record.methods}
    left = cells - record.undone or cells
    methods_of: dict[tuple[str, ...], list[str]] = {}
    for category in record.categories:
        methods = tuple(method for method in record.methods if (category, method) in left)
        if methods:
            methods_of.setdefault(methods, []).append(category)
    if not cells:  # a question, or a no, that named neither
        methods_of[()] = []
    storage: list[dict[str, object]] = [{"@type": "dpv:StorageLocation", "dpv:hasLocation": f"loc:{HOME}"}]
    if notice is not None and notice.retention:
        storage.append({"@type": "dpv:StorageDuration", "dpv:hasDuration": notice.retention})
    found = []
    for methods, categories in methods_of.items():
        process: dict[str, object] = {
            "@type": "dpv:Process",
            "dpv:hasPurpose": None if record.purpose is None else _iri("purposes", record.purpose),
            "dpv:hasPersonalData": _one_or_all([_iri("categories", category) for category in categories]),
            "dpv:hasProcessing": _one_or_all([_PROCESSING.get(name) or _iri("methods", name) for name in methods]),
            "dpv:hasRecipient": None if record.recipient is None else _iri("parties", record.recipient),
            "dpv:hasLegalBasis": None if record.form is None else _FORMS[record.form][0],
            "dpv:hasStorageCondition": storage,
        }
        found.append({name: entry for name, entry in process.items() if entry not in (None, [])})
    return found


def _one_or_all(names: list[str]) -> str | list[str]:
    distinct = list(dict.fromkeys(names))
    return distinct[0] if len(distinct) == 1 else distinct


def _status(record: ConsentRecord, at: datetime) -> dict[str, object]:
    state = record.state_at(at)
    forms = [] if record.form is None else _FORMS[record.form]
    status: dict[str, object] = {"@type": [f"dpv:{state}", *forms]}
    ended = next((end for end in (record.valid_until, record.kept_until) if end is not None and end <= at), None)
    if state is State.EXPIRED and ended is not None:
        status["dpv:isIndicatedAtTime"] = said(ended)
        return status
    by = _BY_NATURE.get(state) if record.indicated_by is None else _ACTORS[record.indicated_by]
    if by is not None:
        status["dpv:isIndicatedBy"] = by
    if record.indicated_at is not None:
        status["dpv:isIndicatedAtTime"] = said(record.indicated_at)
    if record.channel is not None:
        status["dpv:hasIndicationMethod"] = record.channel
    if record.valid_until is not None and record.effective_from is not None:
        status["dpv:hasDuration"] = {
            "@type": "dpv:TemporalDuration",
            "rdf:value": _duration(record.valid_until - record.effective_from),
        }
    return status


def _duration(length: timedelta) -> str:
    """ISO 8601: days, and seconds where they are not whole."""
    seconds = max(length, timedelta(0)).seconds
    return f"P{max(length.days, 0)}D" + (f"T{seconds}S" if seconds else "")
