"""Rows of consent events as they arrive, made into events or into row errors that never repeat a value.

The raw subject is replaced by its subject_ref before anything else looks at a row.
What a row refers to must exist: a consent under a notice that nobody published, or
for a purpose that nobody registered, is refused here instead of being stored and
denied for ever.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from consent.errors import FieldError
from consent.event import ConsentEvent
from consent.fields import said
from consent.registry import Registry
from gateway import kernel
from gateway.errors import RequestError
from gateway.route.canonical import canonical_bytes

MAX_ID = 200  # characters of an event id, a consent id, a channel
MAX_SUBJECT = 512  # characters of a raw subject value
MAX_CONTENT_BYTES = 60_000  # of an event as a record: it must fit a log entry
SUBJECT_TYPE = re.compile(r"[a-z][a-z0-9_]{0,31}")

_PATH = re.compile(r"[a-z_]{1,40}(?:\[[0-9]{1,3}\])?(?:\.[a-z_]{1,40}(?:\[[0-9]{1,3}\])?)?")

Row = tuple[int, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was not taken in.

    Attributes:
        row: its number, as the caller counts.
        field: path of the field at fault.
        reason: what is expected of it; never its value.
    """

    row: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class TakenRow:
    """A row that is an event.

    Attributes:
        row: its number.
        event: the event; its subject is a subject_ref.
        content: the event as a record, without the time of its recording.
        content_hash: SHA-256 (hex) of that record's canonical bytes.
    """

    row: int
    event: ConsentEvent
    content: Mapping[str, object]
    content_hash: str

    def payload(self) -> dict[str, object]:
        """Return the whole record, as the log commits to it."""
        return {**self.content, "recorded_at": said(self.event.recorded_at)}


@dataclass(frozen=True, slots=True)
class SubjectNames:
    """How raw subject values become references in this house.

    Attributes:
        key: the local key.
        type: type label of the values, e.g. "customer".
        threads: native threads.
    """

    key: bytes
    type: str
    threads: int

    def __repr__(self) -> str:
        """Say the type alone: the key is a secret."""
        return f"SubjectNames(type={self.type!r})"

    def refs(self, values: Sequence[str]) -> list[str]:
        """Return the subject_ref of every value, in one native call.

        Args:
            values: valid UTF-8 texts of at most 65,535 bytes.
        """
        rows = kernel.subject_refs(self.key, self.type, pa.array(values, pa.string()), self.threads)
        refs: list[str] = rows.view(f"S{rows.shape[1]}").reshape(-1).astype("U").tolist() if len(rows) else []
        return refs


def subject_fault(value: object) -> str | None:
    """Say what is wrong with a raw subject value, or None."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_SUBJECT:
        return f"must be a text of 1 to {MAX_SUBJECT} characters"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode"
    return None


def take_in(
    rows: Sequence[Row], names: SubjectNames, registry: Registry, recorded_at: datetime
) -> tuple[list[TakenRow], list[RowError]]:
    """Make events of a batch of rows.

    Args:
        rows: (number, fields) as JSON gives them; `subject` and `subjects` are raw.
        names: how subjects are named here.
        registry: what rows may refer to.
        recorded_at: when our server takes them in (UTC).

    Returns:
        The events, and the errors of the other rows, both in order.
    """
    errors: list[RowError] = []
    sound: list[tuple[int, Mapping[str, object], list[str]]] = []
    for number, fields in rows:
        values = _subjects(fields)
        if isinstance(values, RowError):
            errors.append(RowError(number, values.field, values.reason))
        else:
            sound.append((number, fields, values))
    refs = names.refs([value for _, _, values in sound for value in values])
    taken: list[TakenRow] = []
    position = 0
    for number, fields, values in sound:
        own, *others = refs[position : position + len(values)]
        position += len(values)
        named: dict[str, object] = {**fields, "subject": own}
        if others:
            named["subjects"] = others
        try:
            event = ConsentEvent.from_mapping(named, recorded_at=recorded_at)
            check_references(event, registry)
            content = event.content()
            encoded = canonical_bytes(content)
            if len(encoded) > MAX_CONTENT_BYTES:
                raise FieldError("(row)", f"must be at most {MAX_CONTENT_BYTES} bytes")
        except FieldError as error:
            errors.append(row_error(number, error))
        except RequestError:
            errors.append(RowError(number, "(row)", "holds text that is not valid Unicode"))
        else:
            taken.append(TakenRow(number, event, content, hashlib.sha256(encoded).hexdigest()))
    errors.sort(key=lambda error: error.row)
    return taken, errors


def row_error(number: int, error: FieldError) -> RowError:
    """Turn what `consent` says of a field into a row error; a foreign field name is repeated only if harmless."""
    field = error.field if error.field == "(row)" or _PATH.fullmatch(error.field) else "(unknown field)"
    return RowError(number, field, error.message.removeprefix(f"{error.field}: "))


def check_references(event: ConsentEvent, registry: Registry) -> None:
    """Check that everything an event names exists, and that its ids can be stored and shown.

    Raises:
        FieldError: naming the field.
    """
    for name in ("event_id", "consent_id", "channel"):
        text: str | None = getattr(event, name)
        if text is not None and not (len(text) <= MAX_ID and text.isprintable()):
            raise FieldError(name, f"must be at most {MAX_ID} printable characters")
    if event.notice is not None:
        notice = registry.notices.get(event.notice)
        if notice is None:
            raise FieldError("notice", "names no published notice")
        if notice.published_at is not None and notice.published_at > event.at:
            raise FieldError("notice", "names a notice that was published only after the act")
    _known("handler", (event.handler,), registry.parties, "party")
    _known("purpose", (event.purpose,), registry.purposes, "purpose")
    _known("recipient", (event.recipient,), registry.parties, "party")
    _known("categories", event.categories, registry.categories, "category")
    _known("method", (event.method,), registry.methods, "method")
    for position, item in enumerate(event.items):
        path = f"items[{position}]"
        _known(f"{path}.purpose", (item.purpose,), registry.purposes, "purpose")
        _known(f"{path}.categories", item.categories, registry.categories, "category")
        _known(f"{path}.methods", item.methods, registry.methods, "method")
        _known(f"{path}.recipients", item.recipients, registry.parties, "party")


def _known(path: str, names: Iterable[str | None], registered: Mapping[str, object], noun: str) -> None:
    for name in names:
        if name is not None and name not in registered:
            raise FieldError(path, f"names a {noun} that is not registered here")


def _subjects(fields: Mapping[str, object]) -> list[str] | RowError:
    """Return the raw subject and, of a merge, the raw subjects after it; or an error without a row."""
    values: list[str] = []
    listed = fields.get("subjects")
    if listed is not None and not isinstance(listed, (list, tuple)):
        return RowError(0, "subjects", "must be a list of texts")
    for path, value in [("subject", fields.get("subject")), *(("subjects", value) for value in listed or ())]:
        fault = subject_fault(value)
        if fault is not None:
            return RowError(0, path, fault)
        values.append(str(value))
    return values
