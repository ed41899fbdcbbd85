"""The sender's run (S), as far as all operations share it: judge, agree on sizes, wait for R, close.

`send_rows` and `send_segments` say what is computed in between. `run` may be called again at any time, after a crash
or a lost lease: every step looks at the durable state first and goes on from there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from gateway.errors import HostileInput
from gateway.flow import cohort as cohorts
from gateway.flow.authorize import authorize_sender
from gateway.flow.closing import missing_stage
from gateway.flow.ends import PeerEnded, RunRefused, SessionExpired
from gateway.flow.exporting import count_exported
from gateway.flow.grouping import grouped_of
from gateway.flow.lease import Lease
from gateway.flow.lists import list_count
from gateway.flow.lost import Lost, lost_since
from gateway.flow.members import Members
from gateway.flow.membership.keep import keep_membership
from gateway.flow.padding import check_padded, list_rows
from gateway.flow.ports import StageFile
from gateway.flow.runstate import RunState, amend, load_state
from gateway.flow.segment import minimum_cohort, terms_of
from gateway.flow.session import has_room
from gateway.flow.sessions import opening_of
from gateway.flow.threads import in_thread
from gateway.flow.transcript import (
    COUNTERSIGNATURE,
    FULL_OPENING,
    RECEIVER_HALF,
    envelope,
    open_envelope,
    set_done,
    stage_file,
    write_rows,
)
from gateway.psi.attributes import plaintext_bytes
from gateway.psi.record import Opening, OpeningHalf, opening
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob, JobState, Refusal, Side, WaitingFor
from gateway.route.session import AnyStage, Session, SessionState

Bytes = npt.NDArray[np.uint8]
WAIT_S = 1.0


class SenderRun(ABC):
    """One attempt at a sender's job; holds what is costly to read again."""

    def __init__(self, lease: Lease) -> None:
        """Begin with nothing but the lease."""
        self.lease = lease
        self.house = lease.house
        self.memory = 0
        self._cohort: ConsentedCohort | None = None

    @abstractmethod
    async def _serve(self, job: AuthorizedJob, sizes: Opening) -> None:
        """Compute and serve the stages; return when R has what it may have of us."""

    async def _admit(self, job: AuthorizedJob, cohort: ConsentedCohort) -> None:
        """Refuse an input that the agreement does not let through; rows of MATCH and ENRICH need no such look."""
        return

    @abstractmethod
    async def _keep(self, session: Session) -> dict[str, object]:
        """Keep what outlives the run, and return what the report says of it."""

    async def run(self) -> None:
        """Carry the job to its end."""
        with self.house.memory.lend() as self.memory:
            await self._run()

    async def _run(self) -> None:
        await self.lease.enter(JobState.AUTHORIZING)
        session = await self._session()
        if session.state is not SessionState.CLOSED:
            if not await self._is_served(session):
                await self._exchange(session)
            await self.lease.enter(JobState.REJUDGING)
            await self._until(lambda now: now.state is SessionState.CLOSED)
        await self._finish()

    async def _is_served(self, session: Session) -> bool:
        """Whether R has all that it may have of us, and we all that it may send."""
        if not session.opening:
            return False
        return await in_thread(missing_stage, self.house, session, opening_of(session)) is None

    async def _exchange(self, session: Session) -> None:
        job = await self._authorize(session)
        await self.lease.enter(JobState.JUDGING)
        await self._begin()
        cohort = await self._judged(job)
        await self._admit(job, cohort)
        sizes = await self._open(job, session, cohort)
        await self.lease.enter(JobState.EXCHANGING)
        await self._serve(job, sizes)

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
            # What stops the partner's chunk from being kept is our disk, not the partner.
            await self.lease.wait_for(WaitingFor.PEER if has_room(session.session_id) else WaitingFor.DISK)
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
            judged = await cohorts.restore(self.lease, job, columns)
            if judged is None:
                await self.lease.confirm()
                salts = (await load_state(self.lease)).salts
                judged = await cohorts.build(self.lease, job, salts, columns, self.memory)
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
        keys = list_count(job)
        allowed, plaintext = range(keys, keys + 1), plaintext_bytes(cohorts.asked_columns(job))
        if job.operation.grouped:
            allowed, plaintext = range(1, terms_of(job).segments + 1), 0
        half = OpeningHalf.parse(theirs, session.session_id, allowed, session.offer.declared_rows)
        _check_segments(job, half.rows)
        check_padded(job, Side.RECEIVER, sum(half.rows))
        rows = list_rows(job, job.side, cohort.rows)
        lists = (rows,) if job.operation.grouped else cohort.lists or (rows,)
        ours = OpeningHalf(session.session_id, lists, cohort.commitment, cohort.judged_at)
        grouped = await in_thread(grouped_of, job, len(half.rows), rows)
        both_learn = job.direction.to_sender and not job.operation.grouped
        sizes = opening(session.acceptance, half, ours, plaintext, grouped, both_learn)
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

    async def _write_whole(self, stage: AnyStage, sizes: Opening, rows: Bytes) -> StageFile:
        """Spool a stage that is served once it is whole, in place of an attempt that never left."""
        house, lease = self.house, self.lease
        await lease.confirm()
        await in_thread(house.spool.discard_stage, lease.job.job_id, int(stage))
        file = await in_thread(stage_file, house, lease.job.job_id, lease.job.session_id, stage, sizes)
        await in_thread(write_rows, file, rows)
        await lease.progress(int(stage), file.chunks() - 1, len(rows), len(rows))
        return file

    async def _mark(self, stage: AnyStage, file: StageFile) -> None:
        """Mark a stage as whole under the lease: it may be served from now on."""
        await self.lease.confirm()
        await in_thread(set_done, self.house, self.lease.job.job_id, stage, file)
        self.house.bells.ring(self.lease.job.session_id)

    def members(self, job: AuthorizedJob) -> Members:
        """Return the run's cohort file."""
        return Members(self.lease, job, cohorts.asked_columns(job))

    async def lost(self, job: AuthorizedJob) -> Lost:
        """Judge again whoever may have lost consent since the cohort was judged."""
        return await lost_since(self.lease, job, await self._judged(job), self.members(job), self.memory // 4)

    async def _cut(self, job: AuthorizedJob, **facts: object) -> Lost:
        """Judge again just before our data leaves; withdrawn records are replaced."""
        lost = await self.lost(job)
        await count_exported(self.lease, job, self.members(job), lost.refs)
        # A sender's record has one customer, so its number is the customer's place.
        gone = tuple((int(place), b"") for place in lost.places)
        await amend(self.lease, cut_at=lost.at, replaced=gone, **facts)
        return lost

    async def _finish(self) -> None:
        """Keep what the run leaves; destroy everything else of it."""
        house, lease = self.house, self.lease
        await lease.enter(JobState.RELEASING)
        if "sent" not in lease.job.report:
            async with house.store.read() as tx:
                session = await tx.sessions.get(lease.job.session_id)
            sizes, state = opening_of(session), await load_state(lease)
            kept = await self._keep(session)
            sent = {
                "sent": sum(sizes.sender.rows) - len(state.replaced) - int(str(lease.job.report.get("padding", 0))),
                "replaced": len(state.replaced),
                "late_drops": state.late_drops,
                "partner_rows": sum(sizes.receiver.rows),
            }
            await lease.commit(report={**lease.job.report, **kept, **sent})
        await keep_membership(lease)
        await in_thread(house.spool.drop, lease.job.job_id)
        counts = {name: lease.job.report[name] for name in ("sent", "released") if name in lease.job.report}
        event = lease.event(JobState.SUCCEEDED, **counts)
        await lease.commit(event, state=JobState.SUCCEEDED, waiting_for=WaitingFor.NONE, finished_at=house.clock.now())


def _check_segments(job: AuthorizedJob, rows: Sequence[int]) -> None:
    """Refuse, before anything is evaluated, a segment with too few people to hide in."""
    if job.operation.grouped and min(rows) < minimum_cohort(job):
        raise RunRefused(
            Refusal("COHORT_TOO_SMALL", f"a segment has fewer than {minimum_cohort(job)} people; merge or leave it out")
        )
