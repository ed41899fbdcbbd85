"""The store's part in what time brings about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from consent.event import ConsentEvent, EventType
from consent.request import RightsRequest
from gateway.route.task import DeletionEvidence, DeletionTask, EndWarning, TaskRow


class TaskStore(Protocol):
    """Tasks that come round, each run by one of the servers at a time."""

    async def ensure(self, names: Collection[str], now: datetime) -> None:
        """Insert the tasks that are not there yet, due now."""
        ...

    async def lease(self, owner: str, names: Collection[str], now: datetime, until: datetime) -> TaskRow | None:
        """Take the due task of these names that waited longest and that nobody holds; its fence grows by one."""
        ...

    async def renew(self, name: str, fence: int, until: datetime) -> None:
        """Prolong a lease; StateError REVISION_CONFLICT when fenced out."""
        ...

    async def finish(
        self, name: str, fence: int, outcome: str, report: Mapping[str, int], now: datetime, not_before: datetime
    ) -> None:
        """Note how a run ended and give the lease back; StateError REVISION_CONFLICT when fenced out."""
        ...

    async def release(self, name: str, fence: int) -> None:
        """Give the lease of a run that came to no end back; whoever is free takes it."""
        ...

    async def list(self) -> list[TaskRow]:
        """Return all tasks by name."""
        ...

    async def mark(self, name: str) -> Mapping[str, int]:
        """Return how far a task has come, {} at first; in a writing transaction others wait for its end."""
        ...

    async def set_mark(self, name: str, mark: Mapping[str, int]) -> None:
        """Note how far a task has come."""
        ...


@dataclass(frozen=True, slots=True)
class EndedConsent:
    """A consent whose validity ended.

    Attributes:
        subject_ref: whose.
        consent_id: which.
        ended_at: first moment at which it held no more.
        plain: nothing else was ever said of it, so that it held until then.
    """

    subject_ref: str
    consent_id: str
    ended_at: datetime
    plain: bool


class ConsentEndStore(Protocol):
    """Consents that ended by time or use, each on record once."""

    async def window(self, after: datetime, until: datetime, size: int) -> datetime | None:
        """Return a time up to which about `size` uses of consents ended after `after`; None when none did."""
        ...

    async def ended(self, after: datetime, until: datetime) -> Sequence[Sequence[EndedConsent]]:
        """Return the consents of a window that ended in it, in pieces by reference, those on record left out."""
        ...

    async def record(self, ends: Sequence[EndedConsent]) -> list[EndedConsent]:
        """Put ends on record; return those that were not."""
        ...

    async def acts(self, after: int, size: int, types: Collection[EventType]) -> tuple[int, list[ConsentEvent]]:
        """Return events of these types about whoever was named by an append after number `after`.

        Returns:
            How far this looked, about `size` people at a time and whole appends always; the events, those of
            earlier appends about the same people too.
        """
        ...


class DeletionStore(Protocol):
    """Deletion tasks."""

    async def plan(self, tasks: Sequence[DeletionTask]) -> None:
        """Insert tasks; those that are there stay as they are."""
        ...

    async def ripe(self, now: datetime, limit: int) -> list[DeletionTask]:
        """Return tasks whose time has come and that are not open yet; to write, locked until the commit."""
        ...

    async def open(self, tasks: Sequence[DeletionTask]) -> None:
        """Note when planned tasks were opened, are due and are held."""
        ...

    async def drop(self, task_ids: Sequence[str]) -> None:
        """Remove planned tasks whose time was put off."""
        ...

    async def get(self, task_id: str) -> DeletionTask:
        """Return an opened task; StateError NOT_FOUND."""
        ...

    async def held_by_runs(self, subject_refs: Sequence[str], recipient: str, now: datetime) -> bool:
        """Return whether runs are still to be looked through for these people, or rows of theirs to go.

        Args:
            subject_refs: a few.
            recipient: of the runs, a party id; "" is everybody.
            now: whose retention ended by then keeps nothing.
        """
        ...

    async def done(self, task_id: str, by: str, now: datetime, evidence: Sequence[DeletionEvidence] = ()) -> bool:
        """Note that a task is done, and on what evidence; False when it was."""
        ...

    async def reached(self, now: datetime, after: str, limit: int) -> list[DeletionTask]:
        """Return open tasks about one recipient, by id, strictly after `after`, of whose people runs with it lost rows.

        Left out are those of a hold, those with rows that are still to go or to be acknowledged, and those with a run
        that withdrawals have not reached since. Of people whom events join it is enough that one lost a row: the
        caller looks at all of theirs.
        """
        ...

    async def by_due_time(self, until: datetime, now: datetime) -> list[tuple[datetime, int]]:
        """Return how many open tasks, not held, are due at each time up to `until`, ascending."""
        ...

    async def list(
        self, subject_ref: str, done: bool, after: tuple[datetime, str] | None, limit: int
    ) -> list[DeletionTask]:
        """Return opened tasks by due time, strictly after (due_at, task_id).

        Args:
            subject_ref: whose; "" is everybody's.
            done: those done too.
            after: where the page before ended.
            limit: most tasks.
        """
        ...


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure destroyed of a person.

    Attributes:
        events: consent events, of which ids and content hashes stay.
        links: of the identity map, ended ones too.
        removals: records of rows taken out of released runs.
        payloads: openings of log entries, whose commitments stay.
        hold: where these are held, sealed, until ...
        keep_until: ... they are destroyed, too; None when they were destroyed at once.
    """

    events: int
    links: int
    removals: int
    payloads: int
    hold: str = ""
    keep_until: datetime | None = None


class ErasureStore(Protocol):
    """People whose traces are destroyed."""

    async def owed(self, subject_ref: str, now: datetime) -> bool:
        """Return whether rows of released runs are still to be looked for, to go or to be acknowledged."""
        ...

    async def erase(self, subject_ref: str, name: str, now: datetime) -> Erased:
        """Destroy what is held of a person; registers of duties and requests, and ids of events, go over to `name`."""
        ...

    async def erased_at(self, name: str) -> datetime | None:
        """Return when the person of such a name was erased last, None when never."""
        ...


class WarningStore(Protocol):
    """Warnings of ends that draw near, the nearest of each."""

    async def raised(self, warning: EndWarning) -> bool:
        """Put a warning in the place of a less urgent one of the same end; False when it was raised before."""
        ...

    async def list(self, since: datetime, after: tuple[datetime, str, str] | None, limit: int) -> list[EndWarning]:
        """Return warnings of ends at or after a time, by (ends_at, kind, item_id), strictly after `after`."""
        ...


class RequestStore(Protocol):
    """Rights requests."""

    async def create(self, request: RightsRequest) -> RightsRequest:
        """Insert a request; the same id again returns the stored one."""
        ...

    async def get(self, request_id: str) -> RightsRequest:
        """Return a request, locked in a writing transaction; StateError NOT_FOUND."""
        ...

    async def update(self, request: RightsRequest) -> None:
        """Store state, reason and times."""
        ...

    async def corrected(self, since: datetime) -> dict[str, RightsRequest]:
        """Return by person the last correction that was carried out after a time."""
        ...

    async def list(self, open_only: bool, after: tuple[datetime, str] | None, limit: int) -> list[RightsRequest]:
        """Return requests by due time, strictly after (due_at, id)."""
        ...
