"""Consent events on their way from a message into the store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import compress
from typing import Any

from consent.projection import ProjectionRow

TIMES = frozenset({"at", "valid_until", "shown_at"})  # of an event's own fields
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EventFields(Mapping[str, object]):
    """The fields of an event as JSON gives them, where the most of them are one object for many events.

    Attributes:
        own: event_id, at, subject, consent_id and valid_until, as far as they are stated.
        shared: all others; never changed, and the same object for events that say the same.
    """

    __slots__ = ("own", "shared")

    def __init__(self, own: Mapping[str, object], shared: Mapping[str, object]) -> None:
        """Join the two."""
        self.own = own
        self.shared = shared

    def __getitem__(self, name: str) -> object:
        return self.own[name] if name in self.own else self.shared[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from self.shared

    def __len__(self) -> int:
        return len(self.own) + len(self.shared)


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Rows that say the same but for what is each row's own: one by one they are `EventFields`.

    Attributes:
        rows: their numbers, at least one.
        shared: what they share.
        own: the fields of their own as columns, `event_id` and `subject` always; texts and integers as JSON gives
            them, times as microseconds since 1970 in 64 bits.
    """

    rows: Sequence[int]
    shared: Mapping[str, object]
    own: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        return len(self.rows)

    def fields(self, place: int) -> EventFields:
        """Return one row's event as it would come alone; a time that no calendar has is empty."""
        own = {name: _written(column[place]) if name in TIMES else column[place] for name, column in self.own.items()}
        return EventFields(own, self.shared)

    def without(self, places: Collection[int]) -> EventGroup:
        """Return the other rows."""
        kept = [place not in places for place in range(len(self.rows))]
        own = {name: list(compress(column, kept)) for name, column in self.own.items()}
        return EventGroup(list(compress(self.rows, kept)), self.shared, own)


def _written(micros: int) -> str:
    try:
        return (EPOCH + timedelta(microseconds=micros)).isoformat()
    except OverflowError:
        return ""


@dataclass(frozen=True, slots=True)
class FirstEvents:
    """One event each of people of whom nothing is on file, and its projection; columns of one length.

    They are fastest stored in ascending order of the subjects: a batch then walks each index once.

    Attributes:
        event_ids: ids of the events.
        subjects: subject_refs, each once.
        content_hashes: SHA-256 (hex) of each event without the time of its recording.
        records: each event as canonical JSON.
        projections: rows of the person's projection, where person, consent and times may be another's.
        consent_ids: of the consent in those rows; "" where there are none.
        effective_from: since when they are in effect (UTC).
        valid_until: their end (UTC); None is open.
    """

    event_ids: Sequence[str]
    subjects: Sequence[str]
    content_hashes: Sequence[str]
    records: Sequence[str]
    projections: Sequence[tuple[ProjectionRow, ...]]
    consent_ids: Sequence[str]
    effective_from: Sequence[datetime]
    valid_until: Sequence[datetime | None]

    def distinct(self) -> Collection[tuple[ProjectionRow, ...]]:
        """Return the projections, each object once."""
        return {id(projection): projection for projection in self.projections}.values()
