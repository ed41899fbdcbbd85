"""The sender's run (S): judge, evaluate, cut, build the table, name late drops, close.

`run` may be called again at any time, after a crash or a lost lease: every step looks
at the durable state first and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gateway.errors import HostileInput, Misuse
from gateway.flow import cohort as cohorts
from gateway.flow.authorize import authorize_sender
from gateway.flow.ends import PeerEnded, RunRefused, SessionExpired
from gateway.flow.lease import Lease
from gateway.flow.runstate import RunState, amend, load_state
from gateway.flow.sent import SentRows, keep_sent, load_sent, save_sent
from gateway.flow.sessions import opening_of
from gateway.flow.threads import in_thread
from gateway.flow.transcript import (
    COUNTERSIGNATURE,
    FULL_OPENING,
    RECEIVER_HALF,
    done_mark,
    envelope,
    is_done,
    open_envelope,
    set_done,
    stage_file,
)
from gateway.psi import sender
from gateway.psi.attributes import encode, plaintext_bytes
from gateway.psi.check import RepeatCheck, as_rows, element_reader
from gateway.psi.record import Opening, OpeningHalf, opening
from gateway.psi.suite import ELEMENT_BYTES, chunk_count, rows_per_chunk
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob, JobState, Refusal, WaitingFor
from gateway.route.session import Session, SessionState, Stage

Bytes = npt.NDArray[np.uint8]
WAIT_S = 1.0
# Build numbers of different leases never meet: a key seals one plaintext only.
BUILDS_PER_LEASE = 2**24


class SenderRun:
    """One attempt at a sender's job; holds what is costly to read again."""

    def __init__(self, lease: Lease) -> None:
        """Begin with nothing but the lease."""
        self.lease = lease
        self.house = lease.house
        self._cohort: ConsentedCohort | None = None
        self._finalized: Bytes | None = None

    async def run(self) -> None:
        """Carry the job to its end."""
        await self.lease.enter(JobState.AUTHORIZING)
        session = await self._session()
        if session.state is not SessionState.CLOSED:
            if (
                await in_thread(self.house.spool.read_sealed, self.lease.job.job_id, done_mark(Stage.LATE_DROPS))
                is None
            ):
                await self._exchange(session)
            await self.lease.enter(JobState.REJUDGING)
            await self._until(lambda now: now.state is SessionState.CLOSED)
        await self._finish()

    async def _exchange(self, session: Session) -> None:
        job = await self._authorize(session)
        await self.lease.enter(JobState.JUDGING)
        await self._begin()
        cohort = await self._judged(job)
        sizes = await self._open(job, session, cohort)
        await self.lease.enter(JobState.EXCHANGING)
        await self._evaluate(sizes)
        await self._table(job, sizes)
        await self._late_drops(job, sizes)

    async def _session(self) -> Session:
        async with self.house.store.read() as tx:
            session = await tx.sessions.get(self.lease.job.session_id)
        if session.state is SessionState.CLOSED:
            return session
        if session.state.final:
            failure = session.failure
            raise PeerEnded(
                failure.reason if failure else session.state.value,
                failure.message if failure else "the session is over",
            )
        if session.expires_at <= self.house.clock.now():
            raise SessionExpired
        return session

    async def _until(self, ready: Callable[[Session], bool]) -> Session:
        """Wait for the partner until the session is ready; the job says so meanwhile."""
        while True:
            session = await self._session()
            if await in_thread(ready, session):
                await self.lease.wait_for(WaitingFor.NONE)
                return session
            await self.lease.wait_for(WaitingFor.PEER)
            await self.house.bells.wait(session.session_id, WAIT_S)

    async def _authorize(self, session: Session) -> AuthorizedJob:
        async with self.house.store.read() as tx:
            partner = await tx.partners.get(session.partner)
            answer = await authorize_sender(self.house, tx, partner, session.offer, self.lease.job.job_id, begun=True)
        if isinstance(answer, Refusal):
            raise RunRefused(answer)
        return answer

    async def _begin(self) -> None:
        """Draw the run's secrets once; later only `amend` writes them."""
        house, job_id = self.house, self.lease.job.job_id
        if await in_thread(RunState.load, house, job_id) is None:
            if await in_thread(house.spool.read_sealed, job_id, FULL_OPENING) is not None:
                await load_state(self.lease)
            await self.lease.confirm()
            await in_thread(RunState.fresh().save, house, job_id)

    async def _judged(self, job: AuthorizedJob) -> ConsentedCohort:
        if self._cohort is None:
            columns = cohorts.asked_columns(job)
            judged = await cohorts.restore(self.house, job, columns)
            if judged is None:
                await self.lease.confirm()
                judged = await cohorts.build(self.house, job, (await load_state(self.lease)).salts, columns)
            if not self.lease.job.report:
                await self.lease.commit(report=judged.report, rows_total=judged.cohort.rows)
            self._cohort = judged.cohort
        if self._cohort.rows > job.agreement.caps.rows_sender:
            cap = job.agreement.caps.rows_sender
            raise RunRefused(Refusal("SIZE_OVER_CAP", f"the agreement allows {cap} rows of the sender"))
        return self._cohort

    async def _open(self, job: AuthorizedJob, session: Session, cohort: ConsentedCohort) -> Opening:
        """Stage 0: take R's half, answer with the full record, take R's countersignature."""
        if session.opening:
            return opening_of(session)
        house, job_id = self.house, job.job_id
        await self._until(lambda _: house.spool.read_sealed(job_id, RECEIVER_HALF) is not None)
        encoded = await in_thread(house.spool.read_sealed, job_id, RECEIVER_HALF)
        theirs, _ = open_envelope(encoded or b"", "opening-half", job.agreement, session.partner)
        half = OpeningHalf.parse(theirs, session.session_id, len(job.agreement.match_keys), session.offer.declared_rows)
        ours = OpeningHalf(session.session_id, (cohort.rows,), cohort.commitment, cohort.judged_at)
        sizes = opening(session.acceptance, half, ours, plaintext_bytes(cohorts.asked_columns(job)))
        signature = house.custody.sign_record("opening", sizes.record)
        if await in_thread(house.spool.read_sealed, job_id, FULL_OPENING) is None:
            await self.lease.confirm()
            await in_thread(house.spool.write_sealed, job_id, FULL_OPENING, envelope(sizes.record, signature))
            house.bells.ring(session.session_id)
        await self._until(lambda _: house.spool.read_sealed(job_id, COUNTERSIGNATURE) is not None)
        encoded = await in_thread(house.spool.read_sealed, job_id, COUNTERSIGNATURE)
        record, their_signature = open_envelope(encoded or b"", "opening", job.agreement, session.partner)
        if record != sizes.record:
            raise HostileInput("DIGEST_MISMATCH", "stage 0 OPENING: R countersigned another opening record")
        signatures = ((session.partner, their_signature), (house.custody.party, signature))
        async with house.store.begin() as tx:
            await tx.sessions.update(
                session.session_id,
                {"opening": sizes.record, "opening_signatures": signatures, "state": SessionState.ACTIVE},
            )
        house.bells.ring(session.session_id)
        return sizes

    async def _evaluate(self, sizes: Opening) -> None:
        """Stages 1 and 2: evaluate chunk after chunk as they come, and check for repeats."""
        house, job = self.house, self.lease.job
        total = sum(sizes.receiver.rows)
        blinded = await in_thread(stage_file, house, job.job_id, job.session_id, Stage.BLINDED, sizes)
        evaluated = await in_thread(stage_file, house, job.job_id, job.session_id, Stage.EVALUATED, sizes)
        if await in_thread(is_done, house, job.job_id, Stage.BLINDED, blinded):
            return
        repeats = RepeatCheck(Stage.BLINDED, rows_per_chunk(ELEMENT_BYTES))
        state = await load_state(self.lease)
        for seq in range(chunk_count(total, ELEMENT_BYTES)):
            if blinded.chunks() <= seq:
                await self._until(lambda _, seq=seq: blinded.chunks() > seq)  # type: ignore[misc]
            elements = as_rows(await in_thread(blinded.read, seq), ELEMENT_BYTES)
            repeats.add(elements)
            if evaluated.chunks() <= seq:
                with state.key() as key:
                    answer = await in_thread(sender.evaluate, elements, key, seq, house.limits.threads)
                await in_thread(evaluated.append, answer.tobytes(), seq)
            done = min((seq + 1) * rows_per_chunk(ELEMENT_BYTES), total)
            await self.lease.progress(int(Stage.EVALUATED), seq, done, total)
        await in_thread(repeats.finish, element_reader(blinded.read))
        await self.lease.confirm()
        await in_thread(set_done, house, job.job_id, Stage.BLINDED, blinded)
        house.bells.ring(job.session_id)

    async def _outputs(self, cohort: ConsentedCohort) -> Bytes:
        """F(y) of every record of the opening; computed early, disclosed last."""
        if self._finalized is None:
            state = await load_state(self.lease)
            with state.key() as key:
                self._finalized = await in_thread(sender.outputs, cohort.inputs, key, self.house.limits.threads)
        return self._finalized

    async def _table(self, job: AuthorizedJob, sizes: Opening) -> None:
        """Stage 3: judge again (the cut) once R asks for the table, build it, serve it whole."""
        house, job_id, session_id = self.house, job.job_id, self.lease.job.session_id
        if await in_thread(house.spool.read_sealed, job_id, done_mark(Stage.TABLE)) is not None:
            return
        cohort = await self._judged(job)
        finalized = await self._outputs(cohort)
        await self._until(lambda session: session.requested_stage >= Stage.TABLE)
        again = await cohorts.judge_again(house, job, cohort)
        # The build number is on disk before any ciphertext is made under it, and never used again.
        build = max((await load_state(self.lease)).build, self.lease.job.fence * BUILDS_PER_LEASE) + 1
        gone = tuple((int(record), b"") for record in np.flatnonzero(~again.kept))
        await amend(self.lease, build=build, cut_at=again.at, replaced=gone)
        columns, sealed = cohorts.asked_columns(job), None
        if columns:
            if cohort.columns is None:
                raise Misuse("the cohort was read without its columns")
            values = await in_thread(cohorts.uncovered_blanked, cohort.columns, again.covered)
            plaintexts = await in_thread(encode, values, columns)
            sealed = (plaintexts, job.agreement.match_keys[0], job.agreement.hash, bytes.fromhex(session_id), build)
        table = await in_thread(sender.table, finalized, again.kept, sizes.tag_bytes, sealed, house.limits.threads)
        await self.lease.confirm()
        await in_thread(house.spool.discard_stage, job_id, int(Stage.TABLE))
        file = await in_thread(stage_file, house, job_id, session_id, Stage.TABLE, sizes)
        step = rows_per_chunk(sizes.row_bytes)
        for seq, start in enumerate(range(0, len(table.rows), step)):
            await in_thread(file.append, table.rows[start : start + step].tobytes(), seq)
            await self.lease.progress(int(Stage.TABLE), seq, min(start + step, len(table.rows)), len(table.rows))
        await in_thread(save_sent, house, job_id, SentRows.of(cohort, table, again.covered))
        await self.lease.confirm()
        await in_thread(set_done, house, job_id, Stage.TABLE, file)
        self._finalized = None
        house.bells.ring(session_id)

    async def _late_drops(self, job: AuthorizedJob, sizes: Opening) -> None:
        """Stage 4: once R asks, name the tags of rows whose consent went after the cut.

        A row leaves whole also when only a column's consent went: its tag is the only handle.
        """
        house, job_id, session_id = self.house, job.job_id, self.lease.job.session_id
        await self._until(lambda session: session.requested_stage >= Stage.LATE_DROPS)
        cohort = await self._judged(job)
        again = await cohorts.judge_again(house, job, cohort)
        sent = await in_thread(load_sent, house, job_id)
        named = await in_thread(sent.dropped_tags, again.kept, again.covered)
        await amend(self.lease, late_drops=len(named), drops_at=again.at)
        await in_thread(house.spool.discard_stage, job_id, int(Stage.LATE_DROPS))
        file = await in_thread(stage_file, house, job_id, session_id, Stage.LATE_DROPS, sizes)
        step = rows_per_chunk(sizes.tag_bytes)
        for seq, start in enumerate(range(0, len(named), step)):
            await in_thread(file.append, named[start : start + step].tobytes(), seq)
        await self.lease.confirm()
        await in_thread(set_done, house, job_id, Stage.LATE_DROPS, file)
        house.bells.ring(session_id)

    async def _finish(self) -> None:
        """Keep who was sent under which row token; destroy everything else of the run."""
        house, lease = self.house, self.lease
        await lease.enter(JobState.RELEASING)
        if "sent" not in lease.job.report:
            async with house.store.read() as tx:
                sizes = opening_of(await tx.sessions.get(lease.job.session_id))
            state = await load_state(lease)
            await keep_sent(lease)
            sent = {
                "sent": sum(sizes.sender.rows) - len(state.replaced),
                "replaced": len(state.replaced),
                "late_drops": state.late_drops,
                "partner_rows": sum(sizes.receiver.rows),
            }
            await lease.commit(report={**lease.job.report, **sent})
        await in_thread(house.spool.drop, lease.job.job_id)
        event = lease.event(JobState.SUCCEEDED, sent=lease.job.report["sent"])
        await lease.commit(event, state=JobState.SUCCEEDED, waiting_for=WaitingFor.NONE, finished_at=house.clock.now())
