"""Rows of consent events as they arrive, made into events or into row errors that never repeat a value.

The raw subject is replaced by its subject_ref before anything else looks at a row.
What a row refers to must exist: a consent under a notice that nobody published, or
for a purpose that nobody registered, is refused here instead of being stored and
denied for ever.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple, TypeGuard

import pyarrow as pa
import pyarrow.compute as pc

from consent.errors import FieldError
from consent.event import ConsentEvent
from consent.fields import in_utc
from consent.proof import OF_ONE_ACT, read_part
from consent.registry import Registry
from gateway import kernel
from gateway.errors import RequestError
from gateway.flow.wording import Wording, Wordings, halves, own_time
from gateway.identifier.columns import graphic_ascii
from gateway.route.canonical import quoted
from gateway.route.consent import EPOCH, TIMES, EventFields, EventGroup

MAX_ID = 200  # characters of an event id, a consent id, a channel
MAX_SUBJECT = 512  # characters of a raw subject value
MAX_CONTENT_BYTES = 60_000  # of an event as a record: it must fit a log entry
SUBJECT_TYPE = re.compile(r"[a-z][a-z0-9_]{0,31}")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_PATH = re.compile(r"[a-z_]{1,40}(?:\[[0-9]{1,3}\])?(?:\.[a-z_]{1,40}(?:\[[0-9]{1,3}\])?)?")

Row = tuple[int, Mapping[str, object]]
Rows = Sequence[Row | EventGroup]

_FIRST, _LAST = (
    (moment - EPOCH) // timedelta.resolution
    for moment in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
)


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

        White space around a value is no part of it, as in data sets (identifier/opaque): else what somebody said would
        be another's than their row.

        Args:
            values: without a `subject_fault`.
        """
        column = pa.array(values, pa.string())
        if not graphic_ascii(column):
            column = pc.utf8_trim_whitespace(column)
        rows = kernel.subject_refs(self.key, self.type, column, self.threads)
        refs: list[str] = rows.view(f"S{rows.shape[1]}").reshape(-1).astype("U").tolist() if len(rows) else []
        return refs


def subject_fault(value: object) -> str | None:
    """Say what is wrong with a raw subject value, or None; no row of a data set has a subject at fault."""
    if not isinstance(value, str) or not _fits(value):
        return f"must be a text of 1 to {MAX_SUBJECT} characters"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode"
    return "holds a control character" if _CONTROL.search(value.strip()) else None


def row_count(rows: Rows) -> int:
    """Count rows, those of groups included."""
    return sum(len(row) if type(row) is EventGroup else 1 for row in rows)


def last_row(rows: Rows) -> int:
    """Return the highest number of a row."""
    return max(max(row.rows) if isinstance(row, EventGroup) else row[0] for row in rows)


def take_in(
    rows: Rows,
    names: SubjectNames,
    registry: Registry,
    recorded_at: datetime,
    wordings: Wordings | None = None,
) -> tuple[list[TakenRow], list[RowError]]:
    """Make events of a batch of rows.

    Args:
        rows: (number, fields) as JSON gives them, or groups of such; `subject` and `subjects` are raw.
        names: how subjects are named here.
        registry: what rows may refer to.
        recorded_at: now (UTC); a row may state no other time of its recording.
        wordings: those read before under this registry; None begins without any.

    Returns:
        The events, and the errors of the other rows, both in order.
    """
    reader = _Reader(registry, Wordings(registry) if wordings is None else wordings, in_utc(recorded_at))
    errors: list[RowError] = []
    sound: list[Row | EventGroup] = []
    counts: list[int] = []
    raw: list[str] = []
    for row in _opened(rows):
        if isinstance(row, EventGroup):
            sound.append(row)
            counts.append(len(row))
            raw += row.own["subject"]
            continue
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
    for row, count in zip(sound, counts, strict=True):
        own_refs = refs[position : position + count]
        position += count
        if isinstance(row, EventGroup):
            of_group, faults = reader.read_group(row, own_refs)
            taken += of_group
            errors += faults
            continue
        found = reader.read(row[0], row[1], own_refs[0], own_refs[1:])
        if isinstance(found, RowError):
            errors.append(found)
        else:
            taken.append(found)
    if any(type(row) is EventGroup for row in rows):  # the rows of one may lie among those of another
        taken.sort(key=itemgetter(0))
    errors.sort(key=lambda error: error.row)
    return taken, errors


def _opened(rows: Rows) -> Iterator[Row | EventGroup]:
    """Yield rows, and groups whose subjects are all sound; others are taken apart, to say what is wrong where."""
    for row in rows:
        if not isinstance(row, EventGroup):
            yield row
        elif "subjects" in row.shared or not _all_sound(row.own["subject"]):
            yield from ((number, row.fields(place)) for place, number in enumerate(row.rows))
        else:
            yield row


def _all_sound(subjects: Sequence[str]) -> bool:
    text = "".join(subjects)
    # Of printable ones, those of spaces alone sort before all others.
    if text.isascii() and text.isprintable() and min(subjects).strip() and max(map(len, subjects)) <= MAX_SUBJECT:
        return True
    return not any(map(subject_fault, subjects))


class _Reader:
    """Reads rows one by one or in groups, by their wording where that is known."""

    def __init__(self, registry: Registry, wordings: Wordings, recorded_at: datetime) -> None:
        self._registry = registry
        self._wordings = wordings
        self._recorded_at = recorded_at

    def read(self, number: int, fields: Mapping[str, object], subject: str, others: list[str]) -> TakenRow | RowError:
        """Read a row, or say what is wrong with it; arguments as of `_read`."""
        try:
            return self._read(number, fields, subject, others)
        except FieldError as error:
            return row_error(number, error)
        except RequestError:
            return RowError(number, "(row)", "holds text that is not valid Unicode")

    def read_group(self, group: EventGroup, subjects: list[str]) -> tuple[list[TakenRow], list[RowError]]:
        """Read the rows of a group as `read` reads each.

        Args:
            group: its subjects are sound.
            subjects: reference of each row's subject.
        """
        found: list[TakenRow | RowError] = []
        wording = None
        while len(found) < len(group) and wording is None:
            place = len(found)
            fields = group.fields(place)
            _, wording = self._wordings.find(fields)
            if wording is None:  # the first that is sound makes it known
                found.append(self.read(group.rows[place], fields, subjects[place], []))
        if wording is not None:
            passed = range(len(found))
            odd = {*passed, *_odd(group, wording)}
            found += [
                self.read(group.rows[place], group.fields(place), subjects[place], [])
                for place in sorted(odd.difference(passed))
            ]
            rest, refs = group, subjects
            if odd:
                rest, refs = group.without(odd), [ref for place, ref in enumerate(subjects) if place not in odd]
            if len(rest):
                found += self._all_alike(rest, refs, wording)
        errors = [row for row in found if isinstance(row, RowError)]
        taken = [row for row in found if isinstance(row, TakenRow)]
        return taken, errors

    def _all_alike(self, group: EventGroup, subjects: list[str], wording: Wording) -> Iterable[TakenRow | RowError]:
        """Read the rows of a group in a known wording; nothing about them is odd but perhaps their proof or length."""
        count, own = len(group), dict(group.own)
        event_ids, consent_ids = own["event_id"], own.get("consent_id") or [None] * count
        times = {name: [EPOCH + timedelta(microseconds=micros) for micros in own[name]] for name in TIMES & own.keys()}
        texts: dict[str, list[str]] = {
            name: [f'"{time.isoformat()[:-6]}Z"' for time in column] for name, column in times.items()
        }
        texts["subject"] = [f'"{subject}"' for subject in subjects]
        for name in ("event_id", "consent_id"):
            if name in own:
                texts[name] = list(map(quoted, own[name]))
        proofs: list[tuple[tuple[str, Any], ...]] = [()] * count
        if (parts := [name for name in OF_ONE_ACT if name in own]) != []:
            try:
                proofs = self._proofs(group, parts, texts)
            except FieldError:  # of one of them: it is found again, and named
                return [self.read(number, group.fields(at), subjects[at], []) for at, number in enumerate(group.rows)]
        before, after = wording.all_halves(texts)
        encoded = [f"{first},{second}".encode() for first, second in zip(before, after, strict=True)]
        if max(map(len, encoded)) > MAX_CONTENT_BYTES:
            return [self.read(number, group.fields(at), subjects[at], []) for at, number in enumerate(group.rows)]
        until: Sequence[datetime | None] = times.get("valid_until") or [None] * count
        hashes = [hashlib.sha256(content).hexdigest() for content in encoded]
        own_fields = event_ids, subjects, times["at"], consent_ids, until, proofs
        return map(TakenRow._make, zip(group.rows, *own_fields, [wording] * count, hashes, before, after, strict=True))

    @staticmethod
    def _proofs(
        group: EventGroup, parts: Sequence[str], texts: dict[str, list[str]]
    ) -> list[tuple[tuple[str, Any], ...]]:
        """Read what proofs say of their own act, and write it into `texts`.

        Raises:
            FieldError: of one of them.
        """
        columns: list[list[tuple[str, Any]]] = []
        for name in parts:
            read = [read_part({name: value}, name) for value in _as_json(group, name)]
            columns.append([(name, value) for value, _ in read])
            texts[name] = [quoted(told) if isinstance(told, str) else str(told) for _, told in read]
        return list(zip(*columns, strict=True))

    def _read(self, number: int, fields: Mapping[str, object], subject: str, others: list[str]) -> TakenRow:
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


def _as_json(group: EventGroup, name: str) -> Sequence[object]:
    return [group.fields(at)[name] for at in range(len(group))] if name in TIMES else group.own[name]


def _odd(group: EventGroup, wording: Wording) -> set[int]:
    """Return the places of rows in a known wording that need a closer look."""
    odd: set[int] = set()
    for name in ("event_id", "consent_id"):
        column = group.own.get(name, ())
        if column and not ("".join(column).isprintable() and min(column) and max(map(len, column)) <= MAX_ID):
            odd.update(place for place, value in enumerate(column) if not _is_id(value))
    for name in TIMES & group.own.keys():
        column = group.own[name]
        if not _FIRST <= min(column) <= max(column) <= _LAST:
            odd.update(place for place, micros in enumerate(column) if not _FIRST <= micros <= _LAST)
    if "at" not in group.own:
        return {*range(len(group))}
    if wording.published_at is not None:
        published = (wording.published_at - EPOCH) // timedelta.resolution
        if min(group.own["at"]) < published:
            odd.update(place for place, micros in enumerate(group.own["at"]) if micros < published)
    return odd


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


def _fits(value: str) -> bool:
    return len(value) <= MAX_SUBJECT and value.strip() != ""


def _subjects(fields: Mapping[str, object]) -> list[str] | RowError:
    """Return the raw subject and, of a merge, the raw subjects after it; or an error without a row."""
    if type(fields) is EventFields:
        value, listed = fields.own.get("subject"), fields.shared.get("subjects")
    else:
        value, listed = fields.get("subject"), fields.get("subjects")
    if listed is None and type(value) is str and value.isascii() and value.isprintable() and _fits(value):
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
