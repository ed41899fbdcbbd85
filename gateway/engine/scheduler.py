"""The scheduler: runs the tasks that come round, each on one of the servers that share a database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway.errors import AssentError, StateError
from gateway.flow.ports import House
from gateway.flow.schedule import TASKS, Task
from gateway.route.task import TaskRow

DONE = "DONE"


@dataclass(frozen=True, slots=True)
class SchedulerLimits:
    """Bounds of a scheduler.

    Attributes:
        lease_s: life of a lease without renewal, seconds; renewed three times as often.
        look_s: seconds between two looks for a task that is due.
        retry_s: seconds until a task that failed is tried again.
    """

    lease_s: float = 30.0
    look_s: float = 5.0
    retry_s: float = 60.0


class Scheduler:
    """Runs one due task after the other: none of them is urgent, and together they must not crowd out the jobs."""

    def __init__(
        self, house: House, owner: str, limits: SchedulerLimits | None = None, tasks: Sequence[Task] = TASKS
    ) -> None:
        """Run tasks as `owner`, a name unique to this process."""
        self._house = house
        self._owner = owner
        self._limits = limits or SchedulerLimits()
        self._tasks = {task.row_name(house): task for task in tasks}
        self._ensured = False

    async def work(self) -> None:
        """Run tasks when they are due, for ever; cancellation gives the lease back."""
        while True:
            row = await self._lease()
            if row is None:
                await self._house.bells.wait("tasks", self._limits.look_s)
                continue
            await self._run(row)

    async def _lease(self) -> TaskRow | None:
        now = self._house.clock.now()
        try:
            async with self._house.store.begin() as tx:
                if not self._ensured:
                    await tx.tasks.ensure(self._tasks.keys(), now)
                row = await tx.tasks.lease(self._owner, self._tasks.keys(), now, self._until(now))
            self._ensured = True
            return row
        except AssentError as error:
            structlog.get_logger().warning("task_lease_failed", reason=error.reason)
            return None

    def _until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._limits.lease_s)

    async def _run(self, row: TaskRow) -> None:
        """Run a task while its lease lives, and note how it ended."""
        task = self._tasks[row.name]
        log = structlog.get_logger().bind(task=row.name)
        running = asyncio.ensure_future(task.run(self._house))
        try:
            await self._keep_alive(row, running)
            report, outcome = running.result(), DONE
        except AssentError as error:
            report, outcome = {}, error.reason
            log.warning("task_failed", reason=error.reason)
        except Exception as error:
            # A bug in one task must not stop the others.
            report, outcome = {}, "BUG"
            log.error("task_failed", reason=outcome, exc_info=error)
        except asyncio.CancelledError:
            await _ended(running)
            await self._give_back(row)
            raise
        finally:
            # Nothing of the run goes on behind the back of the next holder.
            await _ended(running)
        if any(report.values()):
            (log.warning if task.loud else log.info)("task_done", **report)
        await self._finish(row, outcome, report)

    async def _keep_alive(self, row: TaskRow, running: asyncio.Future[Mapping[str, int]]) -> None:
        """Renew until the run ends.

        Raises:
            StateError: the lease is lost, or could not be renewed before it ended.
        """
        held_until = self._until(self._house.clock.now())
        while not (await asyncio.wait({running}, timeout=self._limits.lease_s / 3))[0]:
            now = self._house.clock.now()
            try:
                async with self._house.store.begin() as tx:
                    await tx.tasks.renew(row.name, row.fence, self._until(now))
                held_until = self._until(now)
            except StateError as error:
                # A busy or full store may recover before the lease ends; another holder may have begun after it.
                if now >= held_until or error.__cause__ is None:
                    raise

    async def _finish(self, row: TaskRow, outcome: str, report: Mapping[str, int]) -> None:
        now = self._house.clock.now()
        wait = self._tasks[row.name].every
        if outcome != DONE:
            wait = min(wait, timedelta(seconds=self._limits.retry_s))
        try:
            async with self._house.store.begin() as tx:
                await tx.tasks.finish(row.name, row.fence, outcome, report, now, now + wait)
        except AssentError as error:
            structlog.get_logger().info("task_lease_gone", task=row.name, reason=error.reason)

    async def _give_back(self, row: TaskRow) -> None:
        try:
            async with self._house.store.begin() as tx:
                await tx.tasks.release(row.name, row.fence)
        except AssentError as error:
            structlog.get_logger().info("task_lease_gone", task=row.name, reason=error.reason)


async def _ended(running: asyncio.Future[Mapping[str, int]]) -> None:
    """Cancel a run unless it is through, and wait for its end; its outcome stays in it."""
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
