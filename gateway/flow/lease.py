"""A job held by one worker: every commit carries its fence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, TypeVar, cast

from gateway.errors import StateError
from gateway.flow.ports import House, Transaction
from gateway.route.audit import AuditEvent
from gateway.route.job import Job, JobState, WaitingFor

SILENCE_S = 2.0
PROGRESS_S = 0.5
"""Between two notes of how far a stage is: each is a commit."""

Answer = TypeVar("Answer")

_ROUTE = (
    JobState.QUEUED,
    JobState.AUTHORIZING,
    JobState.JUDGING,
    JobState.EXCHANGING,
    JobState.REJUDGING,
    JobState.RELEASING,
    JobState.CANCELLING,
)
_ORDER = {state: place for place, state in enumerate(_ROUTE)}


class Lease:
    """The worker's hold on a job.

    Attributes:
        house: ports.
        job: as last committed by this worker.
        expires_at: end of the session's agreed life, once it is known.
    """

    def __init__(self, house: House, job: Job) -> None:
        """Hold a job just leased."""
        self.house = house
        self.job = job
        self.expires_at: datetime | None = None
        self._noted = 0.0
        self._place: dict[str, int] = {}

    async def update(self, tx: Transaction, *events: AuditEvent, **changes: object) -> Job:
        """Change the job inside a transaction of the caller, who calls `committed` after it.

        Raises:
            StateError: REVISION_CONFLICT when fenced out.
        """
        job = await tx.jobs.update(self.job.job_id, self.job.fence, changes)
        if events:
            await tx.audit.append(events)
        return job

    def committed(self, job: Job, *events: AuditEvent) -> None:
        """Take over what a transaction made true, and tell whoever watches."""
        self.job = job
        self.tell(events)

    async def commit(self, *events: AuditEvent, **changes: object) -> None:
        """Change the job in a transaction of its own."""
        async with self.house.store.begin() as tx:
            job = await self.update(tx, *events, **changes)
        self.committed(job, *events)

    async def confirm(self) -> None:
        """Make sure that nobody else holds the job, before something is written outside the store.

        Raises:
            StateError: REVISION_CONFLICT when fenced out.
        """
        async with self.house.store.read() as tx:
            current = await tx.jobs.get(self.job.job_id)
        if current.fence != self.job.fence:
            raise StateError("REVISION_CONFLICT", "another worker holds the job now; this one stops")

    async def enter(self, state: JobState, **changes: object) -> None:
        """Move forward to a state; a job resumed beyond it stays where it is. Each move is on record."""
        if _ORDER[state] > _ORDER[self.job.state]:
            place = {} if state is JobState.EXCHANGING else {"stage": 0, "seq": -1}
            self._place = {}
            await self.commit(self.event(state), state=state, waiting_for=WaitingFor.NONE, **place, **changes)

    async def wait_for(self, reason: WaitingFor) -> None:
        """Say that the job stands still, and why (or that it goes on)."""
        if self.job.waiting_for is not reason:
            await self.commit(waiting_for=reason, **self._place)

    async def progress(self, stage: int, seq: int, rows_done: int, rows_total: int) -> None:
        """Note how far a stage is, a few times a second at most; the spools, not this, are the truth."""
        now = asyncio.get_running_loop().time()
        same = stage == self.job.stage and self.job.waiting_for is WaitingFor.NONE
        self._place = {"stage": stage, "seq": seq, "rows_done": rows_done, "rows_total": rows_total}
        if same and rows_done < rows_total and now - self._noted < PROGRESS_S:
            return
        self._noted = now
        await self.commit(**self._place, waiting_for=WaitingFor.NONE)

    def event(self, state: JobState, **payload: object) -> AuditEvent:
        """Make the audit entry of a move to `state`."""
        return AuditEvent(
            type="job_state",
            time=self.house.clock.now(),
            subject_ref="",
            payload={
                "job": self.job.job_id,
                "side": self.job.side.value,
                "partner": self.job.partner,
                "session": self.job.session_id,
                "state": state.value,
                **payload,
            },
        )

    def tell(self, events: Sequence[AuditEvent] = ()) -> None:
        """Wake watchers of the job, and the sequencer when there are entries."""
        self.house.bells.ring(self.job.job_id)
        if events:
            self.house.bells.ring("audit")

    async def hear(self, call: Awaitable[Answer]) -> Answer:
        """Await the partner; while it is silent for two seconds the job says that it waits for it.

        Raises:
            StateError: STAGE_ORDER when the session's agreed life ends meanwhile.
        """
        task = asyncio.ensure_future(call)
        try:
            seen = self._place
            while not (await asyncio.wait({task}, timeout=SILENCE_S))[0]:
                if self._place == seen:
                    await self.wait_for(WaitingFor.PEER)
                seen = self._place
                if self.expires_at is not None and self.expires_at <= self.house.clock.now():
                    raise StateError("STAGE_ORDER", "the session reached its agreed maximum life; start a new job")
            return await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def hear_all(self, stream: AsyncIterator[Answer]) -> AsyncGenerator[Answer, None]:
        """Yield what the partner streams, with the same care for every piece; close the call at the end."""
        end = object()

        async def following() -> Any:
            return await anext(stream, end)

        async with aclosing(cast(AsyncGenerator[Answer, None], stream)):
            while (piece := await self.hear(following())) is not end:
                yield piece
