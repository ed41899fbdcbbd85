"""The worker: takes jobs under a lease, carries them on, keeps the lease alive."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway.errors import AssentError, StateError
from gateway.flow.lease import Lease
from gateway.flow.ports import House
from gateway.flow.run import cancel, run
from gateway.route.job import Job, JobState

IDLE_S = 1.0
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """Bounds of a worker.

    Attributes:
        concurrent_jobs: jobs held at once; most of them wait for a partner.
        lease_s: life of a lease without renewal, seconds; renewed three times as often.
    """

    concurrent_jobs: int = 64
    lease_s: float = 15.0


class Worker:
    """Holds jobs of this spool until they are final."""

    def __init__(self, house: House, owner: str, limits: WorkerLimits) -> None:
        """Work as `owner`, a name unique to this process."""
        self._house = house
        self._owner = owner
        self._limits = limits
        self._held: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Lease and carry on jobs for ever; cancellation gives all leases back."""
        try:
            while True:
                job = await self._lease() if len(self._held) < self._limits.concurrent_jobs else None
                if job is None:
                    await self._house.bells.wait("jobs", IDLE_S)
                    continue
                task = asyncio.create_task(self._hold(job))
                self._held.add(task)
                task.add_done_callback(self._held.discard)
        finally:
            for task in self._held:
                task.cancel()
            await asyncio.gather(*self._held, return_exceptions=True)

    async def _lease(self) -> Job | None:
        now = self._house.clock.now()
        try:
            async with self._house.store.begin() as tx:
                return await tx.jobs.lease(self._owner, self._house.spool.spool_id, now, self._until(now))
        except AssentError as error:
            structlog.get_logger().warning("lease_failed", reason=error.reason)
            return None

    def _until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._limits.lease_s)

    async def _hold(self, job: Job) -> None:
        """Run one job while its lease lives; a cancel request or a lost lease stops the run."""
        lease = Lease(self._house, job)
        log = structlog.get_logger().bind(job_id=job.job_id, side=job.side.value)
        running = asyncio.create_task(self._carry(lease))
        try:
            wanted = await self._keep_alive(lease, running)
            await _ended(running)
            if wanted:
                await cancel(lease)
            elif not running.cancelled() and (error := running.exception()) is not None:
                if isinstance(error, StateError) and error.reason == "REVISION_CONFLICT":
                    log.info("lease_lost")
                else:
                    log.error("job_stopped", exc_info=error)
        except AssentError as error:
            log.warning("job_interrupted", reason=error.reason)
        finally:
            # Nothing of the run goes on behind the back of the next holder.
            await _ended(running)
            if not lease.job.state.final:
                await self._give_back(lease)

    async def _carry(self, lease: Lease) -> None:
        if lease.job.cancel_requested or lease.job.state is JobState.CANCELLING:
            await cancel(lease)
        else:
            await run(lease)

    async def _keep_alive(self, lease: Lease, running: asyncio.Task[None]) -> bool:
        """Renew until the run ends; return True when the owner wants the job cancelled.

        Raises:
            StateError: the lease is lost, or could not be renewed before it ended.
        """
        job_id, held_until = lease.job.job_id, self._until(self._house.clock.now())
        every = timedelta(seconds=self._limits.lease_s / 3)
        renew_at = held_until - 2 * every
        while True:
            # The job's bell rings for progress and for a cancel request alike.
            bell = asyncio.create_task(self._house.bells.wait(job_id, LOOK_S))
            await asyncio.wait({running, bell}, return_when=asyncio.FIRST_COMPLETED)
            bell.cancel()
            await asyncio.gather(bell, return_exceptions=True)
            if running.done():
                return False
            now = self._house.clock.now()
            try:
                if now >= renew_at:
                    async with self._house.store.begin() as tx:
                        job = await tx.jobs.renew(job_id, lease.job.fence, self._until(now))
                    held_until, renew_at = self._until(now), now + every
                else:
                    async with self._house.store.read() as tx:
                        job = await tx.jobs.get(job_id)
            except StateError as error:
                # A busy or full store may recover before the lease ends; a lost lease does not.
                if now >= held_until:
                    raise
                if error.reason != "STORE_UNAVAILABLE":  # nobody else can take what the database does not give
                    await lease.confirm()
                structlog.get_logger().warning("renewal_failed", job_id=job_id, reason=error.reason)
                continue
            if job.fence != lease.job.fence:
                raise StateError("REVISION_CONFLICT", "another worker holds the job now; this one stops")
            if job.cancel_requested and not lease.job.cancel_requested and job.state is not JobState.CANCELLING:
                return True

    async def _give_back(self, lease: Lease) -> None:
        try:
            async with self._house.store.begin() as tx:
                now = self._house.clock.now()
                await tx.jobs.release(lease.job.job_id, lease.job.fence, now + timedelta(seconds=1))
        except AssentError as error:
            structlog.get_logger().info("lease_gone", job_id=lease.job.job_id, reason=error.reason)


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel a task unless it is through, and wait for its end; its outcome stays in it."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
