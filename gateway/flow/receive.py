"""The receiver's run (R): open, judge, blind, pull, match, judge again, close, release.

`run` may be called again at any time, after a crash, a lost lease or a silent partner:
every step looks at the durable state first and goes on from there.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.agreement.signature import verify_record
from gateway.disclosure import release_rows
from gateway.errors import HostileInput, Misuse
from gateway.flow import cohort as cohorts
from gateway.flow.authorize import authorize_receiver
from gateway.flow.closing import check_counts, check_transcripts, key_destroyed, run_events
from gateway.flow.ends import PeerEnded, RunRefused, consent_changed
from gateway.flow.lease import Lease
from gateway.flow.opening import agree_opening, open_session
from gateway.flow.runstate import RunState, amend, load_state
from gateway.flow.sessions import opening_of
from gateway.flow.threads import in_thread
from gateway.flow.transcript import agreement_key, is_done, session_transcript, set_done, sha256, stage_file
from gateway.psi import receiver
from gateway.psi.check import RepeatCheck, as_rows, check_ascending, check_chunk, element_reader
from gateway.psi.matched import from_bytes, to_bytes
from gateway.psi.record import Opening, RunHalf, run_record, sender_run_half_of
from gateway.psi.suite import DUMMY_KEY, ELEMENT_BYTES, chunk_count, chunk_rows, rows_per_chunk
from gateway.route.agreement import Column
from gateway.route.canonical import parse_time_text, time_text
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob, Failure, JobState, Refusal, WaitingFor
from gateway.route.matched import Matched
from gateway.route.session import Chunk, Session, SessionState, Stage

Bytes = npt.NDArray[np.uint8]
MATCHED_FILE = "matched"


class ReceiverRun:
    """One attempt at a receiver's job; holds what is costly to read again."""

    def __init__(self, lease: Lease) -> None:
        """Begin with nothing but the lease."""
        self.lease = lease
        self.house = lease.house
        self._cohort: ConsentedCohort | None = None

    async def run(self) -> None:
        """Carry the job to its end."""
        lease = self.lease
        await lease.enter(JobState.AUTHORIZING)
        if lease.job.state is JobState.RELEASING and await self.house.results.read(lease.job.job_id) is not None:
            await self._finish()
            return
        job = await self._authorize()
        await self._begin()
        session = await open_session(lease, job, (await load_state(lease)).nonce)
        lease.expires_at = session.expires_at
        if session.state.final and session.state is not SessionState.CLOSED:
            failure = session.failure or Failure(session.state.value, "the session is over")
            raise PeerEnded(failure.reason, failure.message)
        matched = await self._matched(job, session)
        await lease.enter(JobState.REJUDGING)
        await self._check_age(job)
        await self._close(job, session.session_id)
        await self._release(job, session.session_id, matched)
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
            judged = await cohorts.restore(self.house, job, ())
            if judged is None:
                await self.lease.confirm()
                judged = await cohorts.build(self.house, job, (await load_state(self.lease)).salts, ())
            if not self.lease.job.report:
                await self.lease.commit(report=judged.report, rows_total=judged.cohort.rows)
            self._cohort = judged.cohort
        if self._cohort.rows > job.agreement.caps.rows_receiver:
            cap = job.agreement.caps.rows_receiver
            raise RunRefused(Refusal("SIZE_OVER_CAP", f"the agreement allows {cap} rows of the receiver"))
        return self._cohort

    async def _cut(self, job: AuthorizedJob, cohort: ConsentedCohort, begun: bool) -> RunState:
        """Judge again just before our data leaves; withdrawn records get stand-ins of equal size."""
        state = await load_state(self.lease)
        if state.cut_at is None or not begun:
            # While nothing was blinded yet a later judgement is the better one.
            again = await cohorts.judge_again(self.house, job, cohort)
            gone = np.flatnonzero(~again.kept)
            stand_ins = tuple((int(record), b"\x01" + secrets.token_bytes(32)) for record in gone)
            state = await amend(self.lease, cut_at=again.at, replaced=stand_ins)
        return state

    async def _push_blinded(self, job: AuthorizedJob, sizes: Opening, cohort: ConsentedCohort) -> None:
        """Stage 1: blind in keyed-tag order, spool, push from where the partner stands."""
        house, lease, session_id = self.house, self.lease, self.lease.job.session_id
        file = await in_thread(stage_file, house, job.job_id, session_id, Stage.BLINDED, sizes)
        chunks, step = chunk_count(cohort.rows, ELEMENT_BYTES), rows_per_chunk(ELEMENT_BYTES)
        status = await lease.hear(house.peer.get_session(job.partner.card, session_id))
        durable = next((stage.last_seq for stage in status.stages if stage.stage is Stage.BLINDED), -1)
        if not -1 <= durable < max(file.chunks(), 0):
            raise HostileInput("SEQUENCE_GAP", f"stage 1: the partner says it holds chunk {durable}, never sent")
        state = await self._cut(job, cohort, begun=file.chunks() > 0)
        inputs = await in_thread(_with_stand_ins, cohort.inputs, state.replaced)

        async def chunk(seq: int) -> Chunk:
            if file.chunks() <= seq:
                with state.key() as key:
                    piece = inputs.slice(seq * step, step)
                    elements = await in_thread(receiver.blind, piece, key, house.limits.threads)
                await in_thread(file.append, elements.tobytes(), seq)
            await lease.progress(int(Stage.BLINDED), seq, min((seq + 1) * step, cohort.rows), cohort.rows)
            content = await in_thread(file.read, seq)
            return Chunk(session_id, Stage.BLINDED, seq, hashlib.sha256(content).digest(), content)

        async def rest() -> AsyncIterator[Chunk]:
            for seq in range(durable + 1, chunks):
                yield await chunk(seq)

        if durable + 1 < chunks:
            last = await lease.hear(house.peer.push(job.partner.card, rest()))
            if last != chunks - 1:
                raise HostileInput("SEQUENCE_GAP", f"stage 1: the partner confirmed chunk {last} of {chunks - 1}")

    async def _pull(self, job: AuthorizedJob, sizes: Opening, stage: Stage) -> None:
        """Stages 2 to 4: take what is missing, check every chunk, spool it."""
        house, session_id = self.house, self.lease.job.session_id
        file = await in_thread(stage_file, house, job.job_id, session_id, stage, sizes)
        if await in_thread(is_done, house, job.job_id, stage, file):
            return
        if stage is Stage.LATE_DROPS and (await load_state(self.lease)).drops_at is None:
            # The partner judges after it is asked: this is the earliest its list can be of.
            await amend(self.lease, drops_at=house.clock.now())
        size = sizes.record_size(int(stage))
        most = sum(sizes.receiver.rows) if stage is Stage.EVALUATED else sum(sizes.sender.rows)
        checks = _StageChecks(stage, sizes)
        begin = file.chunks()
        for seq in range(begin):
            checks.add(seq, as_rows(await in_thread(file.read, seq), size))
        # Asked for even when nothing is missing: the partner judges when it is asked.
        pulled = house.peer.pull(job.partner.card, session_id, stage, begin)
        async with aclosing(self.lease.hear_all(pulled)) as chunks:
            async for chunk in chunks:
                if chunk.seq != begin or chunk.stage is not stage or chunk.session_id != session_id:
                    raise HostileInput("SEQUENCE_GAP", f"stage {int(stage)}: chunk {chunk.seq} came, {begin} is next")
                expected = chunk_rows(most, size, begin)
                if stage is Stage.LATE_DROPS:
                    expected = min(expected, max(len(chunk.bytes) // size, 1))
                checks.add(begin, await in_thread(check_chunk, chunk, size, expected))
                await in_thread(file.append, chunk.bytes, begin)
                begin += 1
                await self.lease.progress(int(stage), begin - 1, file.rows(), most)
        if stage is not Stage.LATE_DROPS and file.rows() != most:
            raise HostileInput("BAD_SHAPE", f"stage {int(stage)} ended with {file.rows()} of {most} rows")
        await in_thread(checks.finish, file.read)
        await self.lease.confirm()
        await in_thread(set_done, house, job.job_id, stage, file)

    async def _matched(self, job: AuthorizedJob, session: Session) -> Matched:
        """Judge, exchange, join; the scalar dies as soon as the matches are on disk, sealed."""
        house, columns = self.house, cohorts.asked_columns(job)
        sealed = await in_thread(house.spool.read_sealed, job.job_id, MATCHED_FILE)
        if sealed is None:
            await self.lease.enter(JobState.JUDGING)
            cohort = await self._judged(job)
            sizes = await agree_opening(self.lease, job, session, cohort, columns)
            await self.lease.enter(JobState.EXCHANGING)
            await self._push_blinded(job, sizes, cohort)
            for stage in (Stage.EVALUATED, Stage.TABLE, Stage.LATE_DROPS):
                await self._pull(job, sizes, stage)
            state = await load_state(self.lease)
            sealed = await in_thread(lambda: to_bytes(self._join(job, columns, sizes, cohort, state)))
            await self.lease.confirm()
            await in_thread(house.spool.write_sealed, job.job_id, MATCHED_FILE, sealed)
        state = await load_state(self.lease)
        if state.destroyed_at is None:
            await self._destroy_keys(job, await self._judged(job), state)
        return await in_thread(from_bytes, sealed)

    async def _destroy_keys(self, job: AuthorizedJob, cohort: ConsentedCohort, state: RunState) -> None:
        """Count our own late withdrawals and let the scalar die: nothing needs it any more."""
        gone = ~(await cohorts.judge_again(self.house, job, cohort)).kept
        gone[[record for record, _ in state.replaced]] = False
        # Counted over the whole cohort: the count says nothing about who matched.
        await amend(
            self.lease, late_drops=int(gone.sum()), scalar=b"", tag_key=b"", destroyed_at=self.house.clock.now()
        )

    def _join(
        self,
        job: AuthorizedJob,
        columns: tuple[Column, ...],
        sizes: Opening,
        cohort: ConsentedCohort,
        state: RunState,
    ) -> Matched:
        house, session_id, threads = self.house, self.lease.job.session_id, self.house.limits.threads

        def whole(stage: Stage) -> Bytes:
            file = stage_file(house, job.job_id, session_id, stage, sizes)
            return as_rows(b"".join(file.read(seq) for seq in range(file.chunks())), sizes.record_size(int(stage)))

        inputs = _with_stand_ins(cohort.inputs, state.replaced)
        with state.key() as key:
            inverse = key.inverse()
            try:
                finalized = receiver.outputs(inputs, whole(Stage.EVALUATED), inverse, threads)
            finally:
                inverse.destroy()
        kept = np.ones(cohort.rows, dtype=bool)
        kept[[record for record, _ in state.replaced]] = False
        table = whole(Stage.TABLE)
        tags = kernel.tags(finalized, sizes.tag_bytes)
        found = receiver.intersect(tags, kept, table[:, : sizes.tag_bytes], whole(Stage.LATE_DROPS))
        return receiver.matched(
            cohort,
            found,
            finalized,
            np.ascontiguousarray(table[found.rows]),
            sizes.tag_bytes,
            columns,
            (job.agreement.match_keys[0], job.agreement.hash, bytes.fromhex(session_id)),
            threads,
        )

    async def _check_age(self, job: AuthorizedJob) -> None:
        """Refuse to go on with judgements older than the agreed consent age."""
        drops_at, now = (await load_state(self.lease)).drops_at, self.house.clock.now()
        if drops_at is None or (now - drops_at).total_seconds() > job.agreement.consent_age_s:
            raise RunRefused(consent_changed())

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
        if run_record(sha256(session.opening), half, theirs, parties) != answer.record:
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
        )
        drops = stage_file(self.house, session.job_id, session.session_id, Stage.LATE_DROPS, sizes)
        return half, drops.rows()

    async def _release(self, job: AuthorizedJob, session_id: str, matched: Matched) -> None:
        """Judge the matched customers for the last time and store what may be kept."""
        house, lease, state = self.house, self.lease, await load_state(self.lease)
        await self._check_age(job)
        allowed, at = await cohorts.still_allowed(house, job, matched.subject_refs)
        release = await in_thread(release_rows, job, session_id, matched, allowed, at, {})
        async with house.store.read() as tx:
            session = await tx.sessions.get(session_id)
        report = dict(lease.job.report) | {
            "matched": len(matched.subject_refs),
            "withdrawn_before_release": int((~allowed).sum()),
            "released": release.table.num_rows,
            "false_matches": matched.false_matches,
            "replaced": len(state.replaced),
            "late_drops": state.late_drops,
            "partner_rows": sum(opening_of(session).sender.rows),
            "obtained_at": time_text(release.obtained_at),
            "expires_at": time_text(release.expires_at),
        }
        await lease.enter(JobState.RELEASING)
        await lease.commit(report=report)
        await house.results.write(replace(release, report=report))

    async def _finish(self) -> None:
        """Destroy what the run needed, then let the result stand."""
        house, lease = self.house, self.lease
        await in_thread(house.spool.drop, lease.job.job_id)
        now, report = house.clock.now(), lease.job.report
        rows = int(str(report["released"]))
        event = lease.event(JobState.SUCCEEDED, released=rows)
        async with house.store.begin() as tx:
            await tx.runs.put(
                lease.job.job_id,
                lease.job.session_id,
                lease.job.request.agreement_id,
                parse_time_text(str(report["obtained_at"])),
                parse_time_text(str(report["expires_at"])),
                rows,
            )
            done = await lease.update(tx, event, state=JobState.SUCCEEDED, waiting_for=WaitingFor.NONE, finished_at=now)
        lease.committed(done, event)


class _StageChecks:
    """The checks that span the chunks of one pulled stage."""

    def __init__(self, stage: Stage, sizes: Opening) -> None:
        self._stage = stage
        self._tag_bytes = sizes.tag_bytes
        self._previous: bytes | None = None
        self._repeats = RepeatCheck(stage, rows_per_chunk(ELEMENT_BYTES))

    def add(self, seq: int, rows: Bytes) -> None:
        if self._stage is Stage.EVALUATED:
            self._repeats.add(rows)
        else:
            self._previous = check_ascending(self._stage, seq, rows[:, : self._tag_bytes], self._previous)

    def finish(self, read: Callable[[int], bytes]) -> None:
        if self._stage is Stage.EVALUATED:
            self._repeats.finish(element_reader(read))


def _with_stand_ins(inputs: pa.LargeBinaryArray, replaced: tuple[tuple[int, bytes], ...]) -> pa.LargeBinaryArray:
    """Put dummy inputs, which match nobody, in the places of withdrawn records."""
    if not replaced:
        return inputs
    dummies = kernel.oprf_inputs(DUMMY_KEY, pa.array([value for _, value in replaced], type=pa.binary()))
    places = np.arange(len(inputs))
    places[[record for record, _ in replaced]] = len(inputs) + np.arange(len(replaced))
    return pa.concat_arrays([inputs, dummies]).take(pa.array(places))
