"""Rows of consent events, from messages.

A wrong row is named in the import's report and does not end the import: what a
row says goes on as the mapping that `consent.event` reads strictly. Only the
frame of the import is checked here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from gateway.route.consent import EventFields, EventGroup
from gateway.rpc.convert.field import refuse, some, text
from gateway.v1 import consent_pb2

MAX_BATCH = 10_000
MAX_SUBJECT_TYPE = 32

_TEXTS = ("handler", "consent_id", "notice", "channel", "purpose", "recipient", "method", "birthdate")
_PROOF = (
    "witness", "place", "ui_version", "screen_id", "bundle_id", "app_version", "language", "identity_assurance",
    "age_band", "age_assurance", "guardian_relation", "guardian_proof_ref", "notice_mode", "default_state",
    "steps_count", "time_source",
)  # fmt: skip
_OWN_PROOF = ("evidence_ref", "evidence_hash", "scan_hash", "device_ref", "ip_prefix", "dwell_ms")
_SCALARS = (*_TEXTS, *_PROOF, *_OWN_PROOF, "guardian_verified", "evidence", "max_uses")
_OWN: tuple[Any, ...] = ("event_id", "act_time", "subject", "consent_id", "valid_until_time", "shown_time", *_OWN_PROOF)
_COLUMNS = (
    ("event_ids", "event_id"),
    ("subjects", "subject"),
    ("act_micros", "at"),
    ("consent_ids", "consent_id"),
    ("valid_until_micros", "valid_until"),
    ("evidence_refs", "evidence_ref"),
    ("evidence_hashes", "evidence_hash"),
    ("scan_hashes", "scan_hash"),
    ("device_refs", "device_ref"),
    ("ip_prefixes", "ip_prefix"),
    ("shown_micros", "shown_at"),
    ("dwell_ms", "dwell_ms"),
)
_TIMES = (
    ("valid_until_time", "valid_until"),
    ("retention_until_time", "retention_until"),
    ("until_time", "until"),
    ("shown_time", "shown_at"),
)


def options_from_proto(message: consent_pb2.ImportOptions) -> tuple[str, bool, bool]:
    """Parse the options of an import.

    Returns:
        (subject type, all or nothing, validate only).

    Raises:
        RequestError: BAD_FIELD.
    """
    return (
        text(message.subject_type, "options.subject_type", longest=MAX_SUBJECT_TYPE),
        message.all_or_nothing,
        message.validate_only,
    )


def batch_from_proto(
    message: consent_pb2.ConsentEventBatch,
) -> Sequence[tuple[int, Mapping[str, object]]] | Sequence[EventGroup]:
    """Parse a batch of rows.

    Args:
        message: taken apart: its events lose what is their own.

    Returns:
        (row number, event in the record's words) pairs, or groups of such.

    Raises:
        RequestError: BAD_FIELD for an empty or oversized batch, a row without number or event, a group whose
            columns are not of one length.
    """
    if message.groups:
        if message.rows:
            refuse("batch.groups", "and batch.rows exclude each other")
        if sum(len(group.rows) for group in message.groups) > MAX_BATCH:
            refuse("batch.groups", f"have more than {MAX_BATCH} rows")
        return [_group(group, f"batch.groups[{index}]") for index, group in enumerate(message.groups)]
    rows: list[tuple[int, Mapping[str, object]]] = []
    alike: dict[bytes, Mapping[str, object]] = {}
    for index, row in enumerate(some(message.rows, "batch.rows", most=MAX_BATCH)):
        if row.row < 1:
            refuse(f"batch.rows[{index}].row", "must be at least 1")
        if not row.HasField("event"):
            refuse(f"batch.rows[{index}].event", "is required")
        rows.append((row.row, _event_alike(row.event, alike)))
    return rows


def _group(message: consent_pb2.ConsentEventGroup, path: str) -> EventGroup:
    rows = list(message.rows)
    if not rows or min(rows) < 1:
        refuse(f"{path}.rows", "must be numbers of at least 1")
    if not message.HasField("wording"):
        refuse(f"{path}.wording", "is required")
    shared = event_from_proto(message.wording)
    own: dict[str, Sequence[object]] = {}
    for field, name in _COLUMNS:
        column = list(getattr(message, field))
        always = name in ("event_id", "subject")
        if name in shared and (shared.pop(name) or not always):
            refuse(f"{path}.wording", f"states {name}, which has a column")
        if not column and not always:
            continue
        if len(column) != len(rows):
            refuse(f"{path}.{field}", f"must have {len(rows)} values, one for each row")
        own[name] = column
    return EventGroup(rows, shared, own)


def _event_alike(event: consent_pb2.ConsentEvent, alike: dict[bytes, Mapping[str, object]]) -> EventFields:
    """As `event_from_proto`; what an event shares with others before it is parsed once.

    Args:
        event: loses what is its own.
        alike: what events said without what was their own, by its bytes.
    """
    own: dict[str, object] = {"event_id": event.event_id, "subject": event.subject}
    if event.HasField("act_time"):
        own["at"] = _written(event.act_time)
    if event.HasField("consent_id"):
        own["consent_id"] = event.consent_id
    if event.HasField("valid_until_time"):
        own["valid_until"] = _written(event.valid_until_time)
    if event.HasField("shown_time"):
        own["shown_at"] = _written(event.shown_time)
    for name in _OWN_PROOF:
        if event.HasField(name):
            own[name] = getattr(event, name)
    for name in _OWN:
        event.ClearField(name)
    said = event.SerializeToString()
    shared = alike.get(said)
    if shared is None:
        mapping = event_from_proto(event)
        del mapping["event_id"], mapping["subject"]
        shared = alike[said] = mapping
    return EventFields(own, shared)


def event_from_proto(event: consent_pb2.ConsentEvent) -> dict[str, object]:
    """Put an event into the record's words; fields that are not set are left out."""
    mapping: dict[str, object] = {
        "event_id": event.event_id,
        "type": _word(_TYPES, event.type),
        "subject": event.subject,
    }
    if event.HasField("act_time"):
        mapping["at"] = _written(event.act_time)
    for name in _SCALARS:
        if event.HasField(name):
            mapping[name] = getattr(event, name)
    for field, name in _TIMES:
        if event.HasField(field):
            mapping[name] = _written(getattr(event, field))
    if event.by:
        mapping["by"] = _word(_ACTORS, event.by)
    if event.mode:
        mapping["mode"] = _word(_MODES, event.mode)
    if event.action:
        mapping["action"] = _word(_ACTIONS, event.action)
    if event.items:
        mapping["items"] = [_item(item) for item in event.items]
    if event.categories:
        mapping["categories"] = list(event.categories)
    if event.subjects:
        mapping["subjects"] = list(event.subjects)
    return mapping


def _item(item: consent_pb2.ConsentItem) -> dict[str, object]:
    return {
        "purpose": item.purpose,
        "categories": list(item.categories),
        "methods": list(item.methods),
        "recipients": list(item.recipients),
        "form": _word(_FORMS, item.form),
    }


def _written(stamp: Timestamp) -> str:
    """Write a time as records carry it; one that is no time is refused with its row, by its field."""
    seconds, nanos = stamp.seconds, stamp.nanos
    hour = _hour(seconds // 3600)
    if not hour or not 0 <= nanos < 1_000_000_000:
        return ""
    # Records carry microseconds; what lies below was never kept.
    fraction = f".{nanos // 1000:06}" if nanos >= 1000 else ""
    return f"{hour}{_IN_HOUR[seconds % 3600]}{fraction}+00:00"


@lru_cache(maxsize=4096)  # five months; a campaign's acts lie together
def _hour(number: int) -> str:
    """Write the beginning of a time: the hour, counted from 1970. A Timestamp and Python know the same years."""
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=number)).isoformat()[:14]
    except OverflowError:
        return ""


_IN_HOUR = tuple(f"{second // 60:02}:{second % 60:02}" for second in range(3600))


def _word(words: Mapping[int, str], number: int) -> str:
    """Return an enum's word; an unknown number gives no word, and is refused with its row."""
    return words.get(number, "")


def _words(enum: Any, prefix: str) -> dict[int, str]:
    return {number: name.removeprefix(prefix).lower() for name, number in enum.items() if number}


_TYPES = _words(consent_pb2.ConsentEventType, "CONSENT_EVENT_TYPE_")
_ACTORS = _words(consent_pb2.ConsentActor, "CONSENT_ACTOR_")
_ACTIONS = _words(consent_pb2.ConsentAction, "CONSENT_ACTION_")
_MODES = _words(consent_pb2.ConsentMode, "CONSENT_MODE_")
_FORMS = _words(consent_pb2.ConsentForm, "CONSENT_FORM_")
