"""Consent events on their way from a message into the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from consent.projection import ProjectionRow


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
