"""Consent events as files carry them, turned into messages row by row.

A row is a JSON object in the words of the consent record: `event_id`, `type`
("consent_given", ...), `at` (ISO 8601 with an offset), `subject` (the raw
customer value), `items`, ... The gateway checks what a row says; only what no
message could carry is refused here, with the same kind of report.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from gateway.v1 import consent_pb2

_TEXTS = (
    "event_id", "subject", "handler", "consent_id", "notice", "channel", "purpose", "recipient", "method", "birthdate",
    "evidence_ref", "evidence_hash", "scan_hash", "witness", "place", "ui_version", "screen_id", "bundle_id",
    "app_version", "language", "device_ref", "ip_prefix", "identity_assurance", "age_band", "age_assurance",
    "guardian_relation", "guardian_proof_ref", "notice_mode", "default_state", "time_source",
)  # fmt: skip
_FLAGS = ("guardian_verified", "evidence")
_TIMES = {
    "at": "act_time",
    "valid_until": "valid_until_time",
    "retention_until": "retention_until_time",
    "until": "until_time",
    "shown_at": "shown_time",
}
_LISTS = ("categories", "subjects")
_ITEM_LISTS = ("categories", "methods", "recipients")
_MAX_SHOWN = 64  # characters of a field's name in a report
_COUNTS = {
    "max_uses": "an integer of at least 1",
    "dwell_ms": "an integer of milliseconds",
    "steps_count": "an integer of at least 1",
}
# What differs from act to act.
_COLUMNS = {
    "event_id": "event_ids",
    "at": "act_micros",
    "subject": "subjects",
    "consent_id": "consent_ids",
    "valid_until": "valid_until_micros",
    "evidence_ref": "evidence_refs",
    "evidence_hash": "evidence_hashes",
    "scan_hash": "scan_hashes",
    "device_ref": "device_refs",
    "ip_prefix": "ip_prefixes",
    "shown_at": "shown_micros",
    "dwell_ms": "dwell_ms",
}
_OWN = tuple(_COLUMNS)
# What a row, a field of it and a group take at most in a message, besides texts: tags, lengths and integers.
_ROW_BYTES = 10
_FIELD_BYTES = 10
_GROUP_BYTES = 100
_MAX_KEPT = 4096  # messages of what rows share
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = tuple((day.replace(tzinfo=UTC) - _EPOCH).days for day in (datetime.min, datetime.max))


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was not kept.

    Attributes:
        row: its number in the file.
        field: path of the field at fault, e.g. "items[0].form".
        reason: what is wrong and what is expected, never the value.
    """

    row: int
    field: str
    reason: str


class NotCarried(Exception):
    """A row holds something that no message carries; internal to the client."""

    def __init__(self, field: str, reason: str) -> None:
        """Name the field."""
        super().__init__(field)
        self.field = field
        self.reason = reason


class _Group:
    """Rows of one wording that state the same fields of their own."""

    __slots__ = ("columns", "rows")

    def __init__(self, names: Sequence[str]) -> None:
        self.rows: list[int] = []
        self.columns: dict[str, list[Any]] = {name: [] for name in names}


class EventGroups:
    """Gathers rows into groups that share a wording; what a row shares with rows before it is turned once.

    Attributes:
        rows: how many rows wait to be taken.
        size: how many bytes their message has at most.
    """

    def __init__(self) -> None:
        """Begin without rows."""
        self.rows = self.size = 0
        self._alike: dict[bytes, bytes] = {}
        self._groups: dict[tuple[bytes, tuple[str, ...]], _Group] = {}

    def add(self, number: int, mapping: Mapping[str, object], most_rows: int, most_bytes: int) -> bool:
        """Add a row, unless there is no room for it beside the others.

        Args:
            number: of the row.
            mapping: its object.
            most_rows: that a message may have.
            most_bytes: that it may have.

        Raises:
            NotCarried: as `event_message`, or for a row that no message has room for.
        """
        shared = dict(mapping)
        own = [(name, shared.pop(name)) for name in _OWN if name in shared]
        wording = self._wording(shared)
        size = _ROW_BYTES
        values: list[tuple[str, Any]] = []
        for name, value in own:
            if value is not None:
                read = _own(name, value)
                size += len(read) * (1 if read.isascii() else 4) + _FIELD_BYTES if type(read) is str else _FIELD_BYTES
                values.append((name, read))
        names = tuple([name for name, _ in values])
        group = self._groups.get((wording, names))
        if group is None:
            size += len(wording) + _GROUP_BYTES
        if size > most_bytes and _alone(number, mapping).ByteSize() > most_bytes:
            raise NotCarried("(row)", f"is larger than {most_bytes} bytes")
        if self.rows and (self.rows == most_rows or self.size + size > most_bytes):
            return False
        if group is None:
            group = self._groups[wording, names] = _Group(names)
        group.rows.append(number)
        for name, read in values:
            group.columns[name].append(read)
        self.rows += 1
        self.size += size
        return True

    def take(self) -> consent_pb2.ConsentEventBatch:
        """Return the rows that wait, and begin anew."""
        batch = consent_pb2.ConsentEventBatch()
        for (wording, _), group in self._groups.items():
            message = batch.groups.add(rows=group.rows)
            message.wording.MergeFromString(wording)
            for name, column in group.columns.items():
                getattr(message, _COLUMNS[name]).extend(column)
            for name in ("event_id", "subject"):
                if name not in group.columns:  # the gateway says that it is required
                    getattr(message, _COLUMNS[name]).extend([""] * len(group.rows))
        self.rows = self.size = 0
        self._groups.clear()
        return batch

    def _wording(self, shared: dict[str, Any]) -> bytes:
        """Turn what a row shares with others into a message.

        Raises:
            NotCarried: as `event_message`.
        """
        try:
            key = marshal.dumps(shared)
        except ValueError:
            # Of a type that JSON does not know; the table of messages knows what to say of it.
            return event_message(shared).SerializeToString()
        written = self._alike.get(key)
        if written is None:
            if len(self._alike) >= _MAX_KEPT:
                self._alike.clear()
            written = self._alike[key] = event_message(shared).SerializeToString()
        return written


def _alone(number: int, mapping: Mapping[str, object]) -> consent_pb2.ConsentEventRow:
    return consent_pb2.ConsentEventRow(row=number, event=event_message(mapping))


def event_message(mapping: Mapping[str, object]) -> consent_pb2.ConsentEvent:
    """Turn a row's object into a message.

    Raises:
        NotCarried: for an unknown field, a value of another type, or a time without an offset.
    """
    event = consent_pb2.ConsentEvent()
    for name, value in mapping.items():
        if value is not None:
            _set(event, name, value, mapping)
    return event


def _set(event: consent_pb2.ConsentEvent, name: str, value: object, mapping: Mapping[str, object]) -> None:
    if name in _TEXTS:
        setattr(event, name, _of_type(value, str, name, "a text"))
    elif name in _TIMES:
        _set_time(getattr(event, _TIMES[name]), value, name)
    elif name in _FLAGS:
        setattr(event, name, _of_type(value, bool, name, "true or false"))
    elif name in _WORDS:
        setattr(event, name, _word(value, name, name))
    elif name in _LISTS:
        getattr(event, name).extend(_texts(value, name))
    elif name == "category":
        _single_category(event, value, mapping)
    elif name in _COUNTS:
        setattr(event, name, _count(value, name))
    elif name == "items":
        event.items.extend(_items(value))
    elif name == "recorded_at":
        raise NotCarried(name, "is set by the server that records; leave it out")
    else:
        shown = name if len(name) <= _MAX_SHOWN and name.isprintable() else "?"
        raise NotCarried(shown, "is not a field of this record")


def _items(value: object) -> list[consent_pb2.ConsentItem]:
    found: list[consent_pb2.ConsentItem] = []
    for row, entry in enumerate(_of_type(value, list, "items", "a list of objects")):
        path = f"items[{row}]"
        item = consent_pb2.ConsentItem()
        for name, part in _of_type(entry, Mapping, path, "an object").items():
            if part is None:
                continue
            if name == "purpose":
                item.purpose = _of_type(part, str, f"{path}.purpose", "a text")
            elif name == "form":
                item.form = _word(part, name, f"{path}.form")
            elif name in _ITEM_LISTS:
                getattr(item, name).extend(_texts(part, f"{path}.{name}"))
            else:
                raise NotCarried(path, "has a field that is not of this record")
        found.append(item)
    return found


def _single_category(event: consent_pb2.ConsentEvent, value: object, mapping: Mapping[str, object]) -> None:
    if mapping.get("categories") is not None:
        raise NotCarried("category", "and categories say the same; give one of them")
    event.categories.append(_of_type(value, str, "category", "a text"))


def _of_type(value: Any, kind: type[Any], path: str, expected: str) -> Any:
    if not isinstance(value, kind):
        raise NotCarried(path, f"must be {expected}")
    if kind is str and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise NotCarried(path, "is not valid Unicode") from None
    return value


def _texts(value: object, path: str) -> list[str]:
    entries = _of_type(value, list, path, "a list of texts")
    return [_of_type(entry, str, f"{path}[{row}]", "a text") for row, entry in enumerate(entries)]


def _count(value: object, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise NotCarried(path, f"must be {_COUNTS[path]}")
    return value


def _word(value: object, kind: str, path: str) -> Any:
    number = _WORDS[kind].get(value) if isinstance(value, str) else None
    if number is None:
        raise NotCarried(path, f"must be one of {', '.join(_WORDS[kind])}")
    return number


def _own(name: str, value: object) -> Any:
    """Read a field that is each row's own into what its column holds."""
    if name in _TIMES:
        since = _since(value, name)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return _count(value, name) if name in _COUNTS else _of_type(value, str, name, "a text")


def _set_time(stamp: Timestamp, value: object, path: str) -> None:
    since = _since(value, path)
    stamp.SetInParent()  # also at the epoch, whose numbers are all zero
    stamp.seconds = since.days * 86_400 + since.seconds
    stamp.nanos = since.microseconds * 1000


def _since(value: object, path: str) -> timedelta:
    """Return how long after 1970 a time is."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(_of_type(value, str, path, "a time"))
        if at.tzinfo is not None and _DAYS[0] <= (since := at - _EPOCH).days <= _DAYS[1]:
            return since
    except (ValueError, OverflowError):
        pass
    raise NotCarried(path, "must be an ISO 8601 time with an offset, such as 2026-02-01T10:00:00+08:00")


def _words(enum: Any, prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix).lower(): number for name, number in enum.items() if number}


_WORDS: Mapping[str, dict[str, int]] = {
    "type": _words(consent_pb2.ConsentEventType, "CONSENT_EVENT_TYPE_"),
    "by": _words(consent_pb2.ConsentActor, "CONSENT_ACTOR_"),
    "action": _words(consent_pb2.ConsentAction, "CONSENT_ACTION_"),
    "mode": _words(consent_pb2.ConsentMode, "CONSENT_MODE_"),
    "form": _words(consent_pb2.ConsentForm, "CONSENT_FORM_"),
}
