"""The receiver's run (R), as far as all operations share it: open, judge, push, pull, close, release.

`receive_rows` and `receive_segments` say what is computed in between. `run` may be called again at any time, after a
crash, a lost lease or a silent partner: every step looks at the durable state first and goes on from there.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from operator import itemgetter
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.agreement.signature import verify_record
from gateway.errors import HostileInput, Misuse
from gateway.flow import cohort as cohorts
from gateway.flow.authorize import authorize_receiver
from gateway.flow.closing import check_counts, check_transcripts, counts_are_told, key_destroyed, run_events
from gateway.flow.ends import PeerEnded, RunRefused
from gateway.flow.exporting import count_exported
from gateway.flow.lease import Lease
from gateway.flow.linking import NO_LINKS, Seen
from gateway.flow.lost import Lost, lost_records, lost_since
from gateway.flow.members import Members
from gateway.flow.membership.keep import keep_membership
from gateway.flow.opening import open_session
from gateway.flow.pipeline import ahead
from gateway.flow.ports import StageFile
from gateway.flow.runstate import NO_SECRETS, RunState, amend, check_age, load_state
from gateway.flow.sessions import opening_of
from gateway.flow.threads import in_thread
from gateway.flow.transcript import agreement_key, is_done, session_transcript, set_done, stage_file, wire_chunk
from gateway.psi.check import as_rows, check_chunk
from gateway.psi.record import Opening
from gateway.psi.run import RunHalf, run_record, sender_run_half_of
from gateway.psi.suite import DUMMY_KEY, chunk_count, chunk_rows
from gateway.route.canonical import parse_time_text
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob, Failure, Job, JobState, Refusal, WaitingFor
from gateway.route.notice import ReleasedRun
from gateway.route.session import AggregateStage, AnyStage, Chunk, Session, SessionState, Stage, StageSize

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
CHUNKS_AHEAD = 2
"""Chunks that are computed while others are on their way."""

Outcome = TypeVar("Outcome")
LATE_DROPS = (Stage.LATE_DROPS, AggregateStage.LATE_DROPS)


class StageChecks(Protocol):
    """The checks that span the chunks of one pulled stage."""

    def add(self, seq: int, rows: Bytes) -> None:
        """Take the records of the next chunk; HostileInput ends the session."""
        ...

    def finish(self, file: StageFile) -> None:
        """Check what only the whole stage shows."""
        ...


class ReceiverRun(ABC, Generic[Outcome]):
    """One attempt at a receiver's job; holds what is costly to read again."""

    def __init__(self, lease: Lease) -> None:
        """Begin with nothing but the lease."""
        self.lease = lease
        self.house = lease.house
        self.memory = 0
        self._cohort: ConsentedCohort | None = None

    @abstractmethod
    async def _outcome(self, job: AuthorizedJob, session: Session) -> Outcome:
        """Judge, exchange and compute; return what the run found once it is on disk, sealed."""

    @abstractmethod
    async def _release(self, job: AuthorizedJob, session: Session, outcome: Outcome) -> None:
        """Judge for the last time and store what may be kept, with the job's report."""

    async def judge_end(self, job: AuthorizedJob) -> int:
        """Refuse a run that may not be released, before it is closed; rows that went are dropped one by one."""
        return 0

    @abstractmethod
    async def _is_released(self) -> bool:
        """Whether `_release` has stored everything."""

    async def run(self) -> None:
        """Carry the job to its end."""
        with self.house.memory.lend() as self.memory:
            await self._run()

    async def _run(self) -> None:
        lease = self.lease
        await lease.enter(JobState.AUTHORIZING)
        if lease.job.state is JobState.RELEASING and await self._is_released():
            await self._finish()
            return
        job = await self._authorize()
        await self._begin()
        session = await open_session(lease, job, (await load_state(lease)).nonce)
        lease.expires_at = session.expires_at
        if session.state.final and session.state is not SessionState.CLOSED:
            failure = session.failure or Failure(session.state.value, "the session is over")
            raise PeerEnded(failure.reason, failure.message)
        outcome = await self._outcome(job, session)
        await lease.enter(JobState.REJUDGING)
        await self.check_age(job)
        if session.state is not SessionState.CLOSED:
            # S keeps what it learns once the session is closed: whatever forbids the run must be found before.
            await self.judge_end(job)
        await self._close(job, session.session_id)
        await self.check_age(job)
        async with self.house.store.read() as tx:
            session = await tx.sessions.get(session.session_id)
        await self._release(job, session, outcome)
        await self._finish()

    async def _authorize(self) -> AuthorizedJob:
        async with self.house.store.read() as tx:
            answer = await authorize_receiver(self.house, tx, self.lease.job)
        if isinstance(answer, Refusal):
            raise RunRefused(answer)
        return answer

    async def _begin(self) -> None:
        """Draw the run's secrets once, before anything leaves; later only `amend` writes them."""
        house, job = self.house, self.lease.job
        if await in_thread(RunState.load, house, job.job_id) is None:
            if job.session_id:
                await load_state(self.lease)
            await self.lease.confirm()
            await in_thread(RunState.fresh().save, house, job.job_id)

    async def _judged(self, job: AuthorizedJob) -> ConsentedCohort:
        if self._cohort is None:
            judged = await cohorts.restore(self.lease, job, ())
            if judged is None:
                await self.lease.confirm()
                salts = (await load_state(self.lease)).salts
                judged = await cohorts.build(self.lease, job, salts, (), self.memory)
            if not self.lease.job.report:
                await self.lease.commit(report=judged.report, rows_total=judged.cohort.rows)
            self._cohort = judged.cohort
        if self._cohort.rows > job.agreement.caps.rows_receiver:
            cap = job.agreement.caps.rows_receiver
            raise RunRefused(Refusal("SIZE_OVER_CAP", f"the agreement allows {cap} rows of the receiver"))
        return self._cohort

    def members(self, job: AuthorizedJob) -> Members:
        """Return the run's cohort file."""
        return Members(self.lease, job, ())

    async def _lost(self, job: AuthorizedJob) -> tuple[Places, datetime]:
        """Return the records that may not be used any more, ascending, and when that was judged."""
        members = self.members(job)
        lost = await lost_since(self.lease, job, await self._judged(job), members, self.memory // 4)
        return await self.records_of(job, members, lost), lost.at

    async def records_of(self, job: AuthorizedJob, members: Members, lost: Lost) -> Places:
        """Return the records behind people who are not allowed any more, ascending."""
        return await in_thread(lost_records, members, lost)

    async def cut(self, job: AuthorizedJob, begun: bool) -> RunState:
        """Judge again just before our data leaves; withdrawn records get stand-ins of equal size."""
        state = await load_state(self.lease)
        if state.cut_at is None or not begun:
            # While nothing was blinded yet a later judgement is the better one.
            members = self.members(job)
            lost = await lost_since(self.lease, job, await self._judged(job), members, self.memory // 4)
            await count_exported(self.lease, job, members, lost.refs)
            gone, at = await self.records_of(job, members, lost), lost.at
            stand_ins = tuple((int(record), b"\x01" + secrets.token_bytes(32)) for record in gone)
            state = await amend(self.lease, cut_at=at, replaced=stand_ins)
        return state

    async def push(
        self, job: AuthorizedJob, size: StageSize, file: StageFile, compute: Callable[[int], Awaitable[None]]
    ) -> None:
        """Push a stage from where the partner stands; `compute` makes a chunk durable that is not there yet."""
        house, lease, session_id = self.house, self.lease, self.lease.job.session_id
        name, step = f"stage {int(size.stage)}", file.rows_per_chunk
        chunks = chunk_count(size.rows, size.record_size)
        status = await lease.hear(house.peer.get_session(job.partner.card, session_id))
        durable = next((stage.last_seq for stage in status.stages if stage.stage == size.stage), -1)
        if not -1 <= durable < max(file.chunks(), 0):
            raise HostileInput("SEQUENCE_GAP", f"{name}: the partner says it holds chunk {durable}, never sent")

        async def making() -> AsyncIterator[int]:
            for seq in range(file.chunks(), chunks):
                if file.chunks() <= seq:
                    await compute(seq)
                yield seq

        async def rest() -> AsyncGenerator[Chunk, None]:
            async with aclosing(ahead(making(), CHUNKS_AHEAD)) as made:
                async for chunk in kept(made):
                    yield chunk

        async def kept(made: AsyncGenerator[int, None]) -> AsyncIterator[Chunk]:
            for seq in range(durable + 1, chunks):
                while file.chunks() <= seq:
                    await anext(made)
                await lease.progress(int(size.stage), seq, min((seq + 1) * step, size.rows), size.rows)
                yield await in_thread(wire_chunk, file, size, session_id, seq)

        if durable + 1 < chunks:
            async with aclosing(rest()) as chunks_left:
                last = await lease.hear(house.peer.push(job.partner.card, chunks_left))
            if last != chunks - 1:
                raise HostileInput("SEQUENCE_GAP", f"{name}: the partner confirmed chunk {last} of {chunks - 1}")

    async def pull(self, job: AuthorizedJob, sizes: Opening, stage: AnyStage, checks: StageChecks) -> StageFile:
        """Pull a stage: take what is missing, check every chunk, spool it."""
        house, session_id, name = self.house, self.lease.job.session_id, f"stage {int(stage)}"
        size = sizes.stage(stage)
        file = await in_thread(stage_file, house, job.job_id, session_id, stage, sizes)
        if await in_thread(is_done, house, job.job_id, stage, file):
            return file
        if stage in LATE_DROPS and (await load_state(self.lease)).drops_at is None:
            # The partner judges after it is asked: this is the earliest its list can be of.
            await amend(self.lease, drops_at=house.clock.now())
        begin = file.chunks()
        for seq in range(begin):
            checks.add(seq, as_rows(await in_thread(file.read, seq), size.record_size))
        # Asked for even when nothing is missing: the partner judges when it is asked.
        pulled = house.peer.pull(job.partner.card, session_id, stage, begin)
        async with aclosing(self.lease.hear_all(pulled)) as chunks:
            async for chunk in chunks:
                if (chunk.stage, chunk.session_id) != (stage, session_id):
                    raise HostileInput("SEQUENCE_GAP", f"{name}: chunk {begin} is next, one of another stage came")
                if chunk.seq != begin:
                    raise HostileInput("SEQUENCE_GAP", f"{name}: chunk {chunk.seq} came, {begin} is next")
                expected = chunk_rows(size.rows, size.record_size, begin)
                if size.open_ended:
                    expected = min(expected, max(len(chunk.bytes) // size.record_size, 1))
                checks.add(begin, await in_thread(check_chunk, chunk, size.record_size, expected))
                await in_thread(file.append, chunk.bytes, begin, None if size.sealed else chunk.sha256)
                begin += 1
                await self.lease.progress(int(stage), begin - 1, file.rows(), size.rows)
        if not size.open_ended and file.rows() != size.rows:
            raise HostileInput("BAD_SHAPE", f"{name} ended with {file.rows()} of {size.rows} rows")
        await in_thread(checks.finish, file)
        await self.mark(stage, file)
        return file

    async def mark(self, stage: AnyStage, file: StageFile) -> None:
        """Mark a stage as whole and checked, under the lease."""
        await self.lease.confirm()
        await in_thread(set_done, self.house, self.lease.job.job_id, stage, file)

    async def withdrawn_since_cut(self, job: AuthorizedJob) -> tuple[int, datetime]:
        """Count our records whose consent went after the cut, over the whole cohort: it says nothing of who matched.

        Returns:
            How many, and when that was judged.
        """
        state, (gone, at) = await load_state(self.lease), await self._lost(job)
        replaced = np.array([record for record, _ in state.replaced], dtype=np.int64)
        return len(np.setdiff1d(gone, replaced, assume_unique=True)), at

    async def _destroy_keys(self, job: AuthorizedJob) -> None:
        """Count our own late withdrawals and let the secrets die: nothing needs them any more."""
        late_drops, _ = await self.withdrawn_since_cut(job)
        changes = {"late_drops": late_drops, "destroyed_at": self.house.clock.now()}
        await amend(self.lease, **NO_SECRETS, **changes)

    async def check_age(self, job: AuthorizedJob) -> None:
        """Refuse to go on with judgements older than the agreed consent age."""
        check_age(await load_state(self.lease), job.agreement, self.house.clock.now())

    async def _close(self, job: AuthorizedJob, session_id: str) -> None:
        """Exchange the run record; both logs then hold both signatures."""
        house, lease, card = self.house, self.lease, job.partner.card
        async with house.store.read() as tx:
            session = await tx.sessions.get(session_id)
        if session.state is SessionState.CLOSED:
            return
        half, dropped = await in_thread(self._own_half, session)
        answer = await lease.hear(house.peer.close_session(card, session_id, half.encode(), b"", b""))
        theirs = sender_run_half_of(answer.record, session_id)
        check_transcripts(half, theirs)
        check_counts(theirs, sum(opening_of(session).sender.rows))
        if theirs.late_drops != dropped:
            raise HostileInput("BAD_SHAPE", "closing: the partner states other late drops than it sent")
        parties = {"receiver": house.custody.party, "sender": card.party}
        if run_record(opening_of(session), half, theirs, parties) != answer.record:
            raise HostileInput("BAD_SHAPE", "closing: the run record is not what the two halves make")
        verify_record(agreement_key(job.agreement, card.party), "run", answer.record, answer.signature, card.party)
        own = house.custody.sign_record("run", answer.record)
        await lease.hear(house.peer.close_session(card, session_id, half.encode(), answer.record, own))
        signatures = ((house.custody.party, own), (card.party, answer.signature))
        events = [key_destroyed(house, session, half), *run_events(house, session, answer.record, signatures)]
        async with house.store.begin() as tx:
            await tx.sessions.update(
                session_id,
                {"run_record": answer.record, "run_signatures": signatures, "state": SessionState.CLOSED},
            )
            job_now = await lease.update(tx, *events, waiting_for=WaitingFor.NONE)
        lease.committed(job_now, *events)

    def _own_half(self, session: Session) -> tuple[RunHalf, int]:
        """Return our half of the run record, and how many late drops the partner sent. Blocks."""
        state = RunState.load(self.house, session.job_id)
        if state is None or state.cut_at is None or state.destroyed_at is None:
            raise Misuse("a run at its end lacks its cut or the destruction of its scalar")
        sizes = opening_of(session)
        half = RunHalf(
            session_id=session.session_id,
            transcript=session_transcript(self.house, session.job_id, session.session_id, sizes),
            cut_at=state.cut_at,
            tokenised=sum(sizes.receiver.rows) - len(state.replaced),
            replaced=len(state.replaced),
            late_drops=state.late_drops,
            keys_destroyed_at=state.destroyed_at,
            withheld=state.withheld if counts_are_told(sizes) else None,
        )
        late_drops = AggregateStage.LATE_DROPS if sizes.grouped else Stage.LATE_DROPS
        drops = stage_file(self.house, session.job_id, session.session_id, late_drops, sizes)
        return half, drops.rows()

    async def _finish(self) -> None:
        """Destroy what the run needed, then let the result stand."""
        house, lease = self.house, self.lease
        await keep_membership(lease)
        await in_thread(house.spool.drop, lease.job.job_id)
        now, report = house.clock.now(), lease.job.report
        rows = int(str(report["released"]))
        event = lease.event(JobState.SUCCEEDED, released=rows)
        async with house.store.begin() as tx:
            # What was noted at the release itself stands.
            await tx.runs.put(run_of(lease.job, report, rows, 0))
            done = await lease.update(tx, event, state=JobState.SUCCEEDED, waiting_for=WaitingFor.NONE, finished_at=now)
        lease.committed(done, event)


def run_of(job: Job, report: Mapping[str, object], rows: int, changes: int, links: Seen = NO_LINKS) -> ReleasedRun:
    """Return what is noted of a release.

    Args:
        job: of the release.
        report: with its times.
        rows: released.
        changes: appends of consent events that its last judgement had seen for sure.
        links: by which its people were found.
    """
    obtained_at = parse_time_text(str(report["obtained_at"]))
    return ReleasedRun(
        job_id=job.job_id,
        session_id=job.session_id,
        agreement_id=job.request.agreement_id,
        partner=job.partner,
        side=job.side,
        # Of statistics nobody can be left out after the cut.
        judged_at=parse_time_text(str(report["cut_at"])) if "cut_at" in report else obtained_at,
        released_at=obtained_at,
        expires_at=parse_time_text(str(report["expires_at"])),
        rows=rows,
        changes=changes,
        systems=links.systems,
        map_version=links.version,
    )


def with_stand_ins(
    inputs: pa.LargeBinaryArray, replaced: tuple[tuple[int, bytes], ...], first: int = 0
) -> pa.LargeBinaryArray:
    """Put dummy inputs, which match nobody, in the places of withdrawn records.

    Args:
        inputs: of records first, first + 1, ...
        replaced: records with what stands in for them, ascending.
        first: number of the first one.
    """
    begin = bisect_left(replaced, first, key=itemgetter(0))
    end = bisect_left(replaced, first + len(inputs), key=itemgetter(0))
    replaced = tuple((record - first, value) for record, value in replaced[begin:end])
    if not replaced:
        return inputs
    dummies = kernel.oprf_inputs(DUMMY_KEY, pa.array([value for _, value in replaced], type=pa.binary()))
    places = np.arange(len(inputs))
    places[[record for record, _ in replaced]] = len(inputs) + np.arange(len(replaced))
    return pa.concat_arrays([inputs, dummies]).take(pa.array(places))
