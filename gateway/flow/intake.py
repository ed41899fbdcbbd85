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
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeGuard

import pyarrow as pa

from consent.errors import FieldError
from consent.event import ConsentEvent
from consent.fields import in_utc
from consent.proof import OF_ONE_ACT, read_part
from consent.registry import Registry
from gateway import kernel
from gateway.errors import RequestError
from gateway.flow.wording import Wording, Wordings, halves, own_time
from gateway.route.canonical import quoted
from gateway.route.consent import EventFields

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


class TakenRow(NamedTuple):
    """A row that is an event, but for the time of its recording; a tuple, because an import makes millions.

    Attributes:
        row: its number.
        event_id: id of the event.
        subject: subject_ref.
        at: when it happened.
        consent_id: the consent that it gives or means.
        valid_until: first moment the consent holds no more.
        proof: what its proof says otherwise than its wording's.
        wording: the rest of the event.
        content_hash: SHA-256 (hex) of the canonical content.
        before: canonical content up to the place of `recorded_at`.
        after: canonical content from there.
    """

    row: int
    event_id: str
    subject: str
    at: datetime
    consent_id: str | None
    valid_until: datetime | None
    proof: tuple[tuple[str, Any], ...]
    wording: Wording
    content_hash: str
    before: str
    after: str

    def record(self, recorded_at: str) -> str:
        """Return the whole event in canonical form, as it is stored and as the log commits to it.

        Args:
            recorded_at: when our server took it in, as `said` writes it.
        """
        return f'{self.before},"recorded_at":"{recorded_at}",{self.after}'

    def event(self, recorded_at: datetime) -> ConsentEvent:
        """Return the event, taken in by our server at a time (UTC)."""
        act = self.wording.act
        return act.said_again(
            event_id=self.event_id,
            subject=self.subject,
            at=self.at,
            recorded_at=recorded_at,
            consent_id=self.consent_id,
            valid_until=self.valid_until,
            proof=replace(act.proof, **dict(self.proof)) if act.proof is not None and self.proof else act.proof,
        )


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
    rows: Sequence[Row],
    names: SubjectNames,
    registry: Registry,
    recorded_at: datetime,
    wordings: Wordings | None = None,
) -> tuple[list[TakenRow], list[RowError]]:
    """Make events of a batch of rows.

    Args:
        rows: (number, fields) as JSON gives them; `subject` and `subjects` are raw.
        names: how subjects are named here.
        registry: what rows may refer to.
        recorded_at: now (UTC); a row may state no other time of its recording.
        wordings: those read before under this registry; None begins without any.

    Returns:
        The events, and the errors of the other rows, both in order.
    """
    reader = _Reader(registry, Wordings(registry) if wordings is None else wordings, in_utc(recorded_at))
    errors: list[RowError] = []
    sound: list[Row] = []
    counts: list[int] = []
    raw: list[str] = []
    for row in rows:
        values = _subjects(row[1])
        if isinstance(values, RowError):
            errors.append(RowError(row[0], values.field, values.reason))
        else:
            sound.append(row)
            counts.append(len(values))
            raw += values
    refs = names.refs(raw)
    taken: list[TakenRow] = []
    position = 0
    for (number, fields), count in zip(sound, counts, strict=True):
        try:
            taken.append(reader.read(number, fields, refs[position], refs[position + 1 : position + count]))
        except FieldError as error:
            errors.append(row_error(number, error))
        except RequestError:
            errors.append(RowError(number, "(row)", "holds text that is not valid Unicode"))
        position += count
    errors.sort(key=lambda error: error.row)
    return taken, errors


class _Reader:
    """Reads rows one by one, by their wording where that is known."""

    def __init__(self, registry: Registry, wordings: Wordings, recorded_at: datetime) -> None:
        self._registry = registry
        self._wordings = wordings
        self._recorded_at = recorded_at

    def read(self, number: int, fields: Mapping[str, object], subject: str, others: list[str]) -> TakenRow:
        """Read a row.

        Args:
            number: of the row.
            fields: as they came.
            subject: reference of its subject.
            others: references of the people whom it joins or parts.

        Raises:
            FieldError: naming what is wrong.
            RequestError: BAD_FIELD for text that is not valid Unicode.
        """
        key, wording = self._wordings.find(fields)
        own = fields.own if type(fields) is EventFields else fields
        found = None if wording is None else self._alike(number, own, subject, wording)
        if found is not None:
            return found
        named: dict[str, object] = {**fields, "subject": subject}
        if others:
            named["subjects"] = others
        event = ConsentEvent.from_mapping(named, recorded_at=self._recorded_at)
        check_references(event, self._registry)
        before, after = halves(event.content())
        encoded = f"{before},{after}".encode()
        if len(encoded) > MAX_CONTENT_BYTES:
            raise FieldError("(row)", f"must be at most {MAX_CONTENT_BYTES} bytes")
        notice = None if event.notice is None else self._registry.notices[event.notice]
        wording = Wording(event, None if notice is None else notice.published_at)
        if key is not None:
            self._wordings.keep(key, wording)
        content_hash = hashlib.sha256(encoded).hexdigest()
        own_fields = event.event_id, subject, event.at, event.consent_id, event.valid_until
        return TakenRow(number, *own_fields, (), wording, content_hash, before, after)

    def _alike(self, number: int, own: Mapping[str, object], subject: str, wording: Wording) -> TakenRow | None:
        """Read a row in a known wording; None when anything about its own fields needs a closer look."""
        event_id, consent_id = own.get("event_id"), own.get("consent_id")
        at, ending = own_time(own.get("at")), own.get("valid_until")
        until = None if ending is None else own_time(ending)
        if (
            not _is_id(event_id)
            or not (consent_id is None or _is_id(consent_id))
            or at is None
            or (until is None and ending is not None)
            or (wording.published_at is not None and wording.published_at > at[0])
        ):
            return None
        texts = {"at": at[1], "event_id": quoted(event_id), "subject": f'"{subject}"'}
        if consent_id is not None:
            texts["consent_id"] = quoted(consent_id)
        if until is not None:
            texts["valid_until"] = until[1]
        proof: list[tuple[str, Any]] = []
        if wording.act.proof is not None:
            try:
                for name in OF_ONE_ACT:
                    if own.get(name) is not None:
                        value, said = read_part(own, name)
                        proof.append((name, value))
                        texts[name] = quoted(said) if isinstance(said, str) else str(said)
            except FieldError:
                return None
        before, after = wording.halves(texts)
        encoded = f"{before},{after}".encode()
        if len(encoded) > MAX_CONTENT_BYTES:
            return None
        content_hash = hashlib.sha256(encoded).hexdigest()
        own_fields = event_id, subject, at[0], consent_id, None if until is None else until[0]
        return TakenRow(number, *own_fields, tuple(proof), wording, content_hash, before, after)


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
        if text is not None and not _is_id(text):
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


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_ID and value.isprintable()


def _known(path: str, names: Iterable[str | None], registered: Mapping[str, object], noun: str) -> None:
    for name in names:
        if name is not None and name not in registered:
            raise FieldError(path, f"names a {noun} that is not registered here")


def _subjects(fields: Mapping[str, object]) -> list[str] | RowError:
    """Return the raw subject and, of a merge, the raw subjects after it; or an error without a row."""
    if type(fields) is EventFields:
        value, listed = fields.own.get("subject"), fields.shared.get("subjects")
    else:
        value, listed = fields.get("subject"), fields.get("subjects")
    if listed is None and type(value) is str and 0 < len(value) <= MAX_SUBJECT and value.isascii():
        return [value]
    values: list[str] = []
    if listed is not None and not isinstance(listed, (list, tuple)):
        return RowError(0, "subjects", "must be a list of texts")
    for path, named in [("subject", value), *(("subjects", other) for other in listed or ())]:
        fault = subject_fault(named)
        if fault is not None:
            return RowError(0, path, fault)
        values.append(str(named))
    return values
