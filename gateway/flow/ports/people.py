"""The store's people: what they said, by which ids other systems know them, and how many went abroad."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consent.evaluate import History, ProjectionRow, Use
from consent.event import ConsentEvent
from consent.mechanism import Exported
from gateway.route.consent import FirstEvents

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the history of all that bears on consent.

    Attributes:
        changes: number of the last append of consent events.
        registry: grows with every change of the registry, of a partner and of an agreement.
    """

    changes: int
    registry: int


@dataclass(frozen=True, slots=True)
class Told:
    """People of a range on whom the projection has a word about a use.

    Attributes:
        plain: {subject_ref: string, consent_id: string} ascending: they are plainly allowed.
        doubtful: (m, 26) ascending: the rule is to be asked about them. Nobody is in both.
    """

    plain: pa.Table
    doubtful: Bytes


class ConsentStore(Protocol):
    """Consent events (append-only) and their projection."""

    async def known_events(self, event_ids: Sequence[str]) -> dict[str, str]:
        """Return {event_id: content hash} of those already stored."""
        ...

    async def histories(self, subject_refs: Sequence[str]) -> dict[str, History]:
        """Return the full history of each subject (empty History when unknown). Any number of refs."""
        ...

    async def append(
        self,
        events: Sequence[tuple[ConsentEvent, str]],
        projection: Mapping[str, Sequence[ProjectionRow]],
        first: FirstEvents | None = None,
    ) -> None:
        """Insert events with their content hashes and replace the projection rows of the touched subjects.

        Args:
            events: of anybody.
            projection: of everybody whom the events concern.
            first: events of others, of whom nothing is on file, with their projection.

        Raises:
            StateError: REVISION_CONFLICT when an event id exists already.
        """
        ...

    async def lock_subjects(self, subject_refs: Sequence[str]) -> Collection[str]:
        """Keep every other writer of consents waiting until the transaction ends (no lost update).

        Returns:
            Those of them who have events on file.
        """
        ...

    async def plain(self, use: Use, floor: datetime, at: datetime, first: str, last: str) -> Bytes:
        """Return who has a plain row that answers for a Use at a time, (m, 26) ascending.

        A row answers when floor <= effective_from <= at and (valid_until is open or at < valid_until).

        Args:
            use: whose rows; for another basis than consent nobody is plain.
            floor: since when rows must have taken effect, see `plain_floor`.
            at: the moment of the judgement.
            first: least subject_ref of the range, inside.
            last: greatest, inside.
        """
        ...

    async def plain_ids(self, use: Use, floor: datetime, at: datetime, first: str, last: str) -> pa.Table:
        """As `plain`, with the ids of the consents: {subject_ref: string, consent_id: string} ascending."""
        ...

    async def told_apart(
        self, use: Use, floor: datetime, at: datetime, first: str, last: str, *, whoever_receives: bool
    ) -> Told:
        """Part the people of a range by their rows; who is in neither part is plainly not allowed.

        Args:
            use: on the basis of consent.
            floor: as in `plain`.
            at: as in `plain`.
            first: least subject_ref of the range, inside; it is held in memory whole.
            last: greatest, inside.
            whoever_receives: whether what was said of another recipient may bear on this use.
        """
        ...

    async def pairs_of(self, handler: str, purpose: str, recipient: str | None) -> list[tuple[str, str]]:
        """Return each (category, method) that anybody ever spoke of to a handler, ascending; None is any recipient."""
        ...

    async def on_file(self, first: str, last: str) -> Bytes:
        """Return the people of a range who have consent events on file, (m, 26) ascending."""
        ...

    async def mark(self) -> Mark:
        """Return the present place; what is appended later has a greater number."""
        ...

    async def changed(self, since: Mark, limit: int) -> Bytes | None:
        """Return whom an append after a mark named, (m, 26) ascending; None when more than `limit`."""
        ...

    async def wake(self, subject_refs: Collection[str]) -> None:
        """Have people found by `changed` though nothing new is on file of them: time brought something about."""
        ...

    async def lapsed(self, use: Use, after: datetime, until: datetime, limit: int) -> Bytes | None:
        """Return whose plain row of a Use ended: after < valid_until <= until, (m, 26) ascending; None as `changed`."""
        ...

    async def more_than(self, count: int) -> bool:
        """Return whether the store knows more people than a number."""
        ...

    async def subject_count(self) -> int:
        """Return how many subjects have events."""
        ...


@dataclass(frozen=True, slots=True)
class IdentityLink:
    """That an id in another system is a person's.

    Attributes:
        source: the other system.
        link_ref: keyed hash of the id there.
        subject_ref: the person.
        version: of the map, since when.
        ended: version that ended it; 0 while it holds.
        at: when it was made (UTC).
    """

    source: str
    link_ref: str
    subject_ref: str
    version: int
    ended: int
    at: datetime


class IdentityStore(Protocol):
    """Links from ids in other systems to people; a link is ended, never changed."""

    async def next_version(self) -> int:
        """Number a change of the map; whoever is next waits for our commit."""
        ...

    async def version(self) -> int:
        """Return the number of the map's last change, 0 before the first."""
        ...

    async def ended(self, sources: Sequence[str], since: int) -> Bytes:
        """Return whose links of some systems ended by a later change than `since`, (m, 26) ascending, each once."""
        ...

    async def current(self, source: str, link_refs: Sequence[str]) -> dict[str, str]:
        """Return {link_ref: subject_ref} of those ids that are linked."""
        ...

    async def link(
        self, source: str, version: int, at: datetime, link_refs: Sequence[str], people: Sequence[str]
    ) -> None:
        """Make links of ids that have none, as columns of one length; REVISION_CONFLICT where there is one."""
        ...

    async def unlink(self, source: str, version: int, link_refs: Sequence[str]) -> None:
        """End the links of ids."""
        ...

    async def of_person(self, subject_ref: str) -> list[IdentityLink]:
        """Return every link of a person there ever was, by source and version."""
        ...

    async def pairs(self, source: str, first: str, last: str) -> tuple[Bytes, Bytes]:
        """Return the links that hold of a range of link_refs, both ends inside: link_refs ascending and subject_refs.

        Returns:
            (m, 26) and (m, 26).
        """
        ...


@dataclass(frozen=True, slots=True)
class ExportCount:
    """How many people were exported in a year, each counted once.

    Attributes:
        year: China's time.
        recipient: to whom; "" is the whole house.
        sensitive: only those count of whom something sensitive went.
        people: how many.
        at: when the last of them were counted.
    """

    year: int
    recipient: str
    sensitive: bool
    people: int
    at: datetime


class ExportStore(Protocol):
    """Who was exported in a year: people, and counts that only grow."""

    async def add(self, year: int, recipient: str, people: Bytes, at: datetime, *, sensitive: bool) -> None:
        """Count people as exported to a recipient, and by the house; who was counted before is not counted again.

        Serialises its callers until the transaction ends, so that two of them do not pass one line together.

        Args:
            year: China's time.
            recipient: party id.
            people: (n, 26) ASCII, each once.
            at: when (UTC).
            sensitive: whether something sensitive of them goes.
        """
        ...

    async def exported(self, year: int, recipient: str, as_known_at: datetime) -> Exported:
        """Return how many were counted by a time; recipient "" is the whole house."""
        ...

    async def list(self, year: int, after: tuple[str, bool] | None = None, limit: int = 1000) -> list[ExportCount]:
        """Return the counts of a year as they stand, ordered by (recipient, sensitive), strictly after `after`."""
        ...
