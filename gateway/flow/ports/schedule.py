"""The store's part in what runs again and again, and in what lies outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.route.delivery import Delivery
from gateway.route.schedule import Schedule, ScheduledRun


class ScheduleStore(Protocol):
    """Schedules and their runs."""

    async def create(self, schedule: Schedule) -> Schedule:
        """Insert a schedule; the same uid again returns the stored one.

        Raises:
            StateError: REVISION_CONFLICT when the name stands for another, or the uid for other terms.
        """
        ...

    async def get(self, name: str) -> Schedule:
        """Return a schedule, locked in a writing transaction; StateError NOT_FOUND."""
        ...

    async def change(self, name: str, next_at: datetime | None) -> Schedule:
        """Pause (None) or resume a schedule; its revision grows by one. StateError NOT_FOUND."""
        ...

    async def delete(self, name: str) -> Schedule:
        """Remove a schedule with its runs; return it as it was. StateError NOT_FOUND."""
        ...

    async def due(self, now: datetime, limit: int) -> list[Schedule]:
        """Return schedules whose next due time has come, the longest due first."""
        ...

    async def advance(self, schedule: Schedule, next_at: datetime) -> bool:
        """Set the next due time where it still is that of `schedule`; False where another server was faster."""
        ...

    async def add_run(self, run: ScheduledRun) -> bool:
        """Insert a run; False when its due time has one already."""
        ...

    async def open_runs(
        self, uid: str = "", after: tuple[str, datetime] | None = None, limit: int = 1000
    ) -> list[ScheduledRun]:
        """Return runs that are not over by (uid, due_at), strictly after `after`; of one schedule or of all."""
        ...

    async def run(self, uid: str, due_at: datetime) -> ScheduledRun | None:
        """Return a run, locked in a writing transaction, or None."""
        ...

    async def update_run(self, run: ScheduledRun) -> None:
        """Store state, attempt, job, reason and times of a run that is locked."""
        ...

    async def runs(self, uid: str, after: datetime | None, limit: int) -> list[ScheduledRun]:
        """Return runs of a schedule, the newest due time first, strictly after `after`."""
        ...

    async def list(self, after: str = "", limit: int = 100) -> list[Schedule]:
        """Return schedules by name, strictly after `after`."""
        ...


class DeliveryStore(Protocol):
    """Results on their way to sinks or lying there, and rows that had to go from there."""

    async def create(self, delivery: Delivery) -> Delivery:
        """Insert a delivery; the same id again returns the stored one."""
        ...

    async def get(self, delivery_id: str) -> Delivery:
        """Return a delivery, locked in a writing transaction; StateError NOT_FOUND."""
        ...

    async def waiting(self, spool_id: str, now: datetime, limit: int) -> list[Delivery]:
        """Return deliveries whose attempt has come and whose result lies in a spool, the oldest first."""
        ...

    async def update(self, delivery: Delivery) -> None:
        """Store state, rows, attempt, failure and times."""
        ...

    async def of_job(self, job_id: str) -> list[Delivery]:
        """Return the deliveries of a job of which something lies, or may come to lie, in a sink."""
        ...

    async def of_sink(self, sink: str) -> list[Delivery]:
        """Return what lies in a sink, or may come to lie there."""
        ...

    async def over(self, now: datetime, spool_id: str) -> list[Delivery]:
        """Return deliveries that lie in sinks though the retention of their runs is over."""
        ...

    async def decide(self, delivery_ids: Sequence[str], subject_refs: Sequence[str]) -> None:
        """Note that the rows of these people must go from deliveries; what is noted stays."""
        ...

    async def undone(self, spool_id: str) -> list[Delivery]:
        """Return deliveries with rows that must go and are not gone, those on their way left out."""
        ...

    async def pending(self, delivery_id: str, limit: int) -> list[str]:
        """Return whose rows must go from a delivery, in order."""
        ...

    async def removed(self, delivery_id: str, subject_refs: Sequence[str], at: datetime) -> list[str]:
        """Note that rows are gone; return for whom that was not noted before."""
        ...

    async def removals_of(self, subject_ref: str) -> list[tuple[Delivery, datetime | None]]:
        """Return out of which deliveries rows of a person had to go, and when they were gone."""
        ...

    async def list(self, sink: str, after: tuple[datetime, str] | None, limit: int) -> list[Delivery]:
        """Return deliveries, newest first, strictly after (created_at, delivery_id); sink "" is all."""
        ...
