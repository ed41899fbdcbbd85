"""MATCH and ENRICH as receiver: blind, pull evaluations and table, join, release the matched customers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gateway import kernel
from gateway.disclosure import release_rows
from gateway.flow import cohort as cohorts
from gateway.flow.opening import agree_opening
from gateway.flow.receive import ReceiverRun, with_stand_ins
from gateway.flow.runstate import RunState, load_state
from gateway.flow.sessions import opening_of
from gateway.flow.threads import in_thread
from gateway.flow.transcript import read_rows, stage_file
from gateway.psi import receiver
from gateway.psi.check import RepeatCheck, check_ascending, element_reader
from gateway.psi.matched import from_bytes, to_bytes
from gateway.psi.record import Opening
from gateway.psi.suite import ELEMENT_BYTES, rows_per_chunk
from gateway.route.agreement import Column
from gateway.route.canonical import time_text
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob, JobState
from gateway.route.matched import Matched
from gateway.route.session import Session, Stage

Bytes = npt.NDArray[np.uint8]
MATCHED_FILE = "matched"


class RowsReceiver(ReceiverRun[Matched]):
    """Learns which customers both have, and agreed attributes of them."""

    async def _is_released(self) -> bool:
        return await self.house.results.read(self.lease.job.job_id) is not None

    async def _outcome(self, job: AuthorizedJob, session: Session) -> Matched:
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
                checks = _Repeats(stage) if stage is Stage.EVALUATED else _Ascending(stage, sizes.tag_bytes)
                await self.pull(job, sizes, stage, checks)
            state = await load_state(self.lease)
            sealed = await in_thread(lambda: to_bytes(self._join(job, columns, sizes, cohort, state)))
            await self.lease.confirm()
            await in_thread(house.spool.write_sealed, job.job_id, MATCHED_FILE, sealed)
        state = await load_state(self.lease)
        if state.destroyed_at is None:
            await self._destroy_keys(job)
        return await in_thread(from_bytes, sealed)

    async def _push_blinded(self, job: AuthorizedJob, sizes: Opening, cohort: ConsentedCohort) -> None:
        """Stage 1: blind in keyed-tag order, chunk by chunk."""
        house, size = self.house, sizes.stage(Stage.BLINDED)
        file = await in_thread(stage_file, house, job.job_id, self.lease.job.session_id, Stage.BLINDED, sizes)
        state = await self.cut(job, cohort, begun=file.chunks() > 0)
        inputs = await in_thread(with_stand_ins, cohort.inputs, state.replaced)

        async def blind(seq: int) -> None:
            with state.key() as key:
                piece = inputs.slice(seq * file.rows_per_chunk, file.rows_per_chunk)
                elements = await in_thread(receiver.blind, piece, key, house.limits.threads)
            await in_thread(file.append, elements.tobytes(), seq)

        await self.push(job, size, file, blind)

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
            return read_rows(file)

        inputs = with_stand_ins(cohort.inputs, state.replaced)
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

    async def _release(self, job: AuthorizedJob, session: Session, matched: Matched) -> None:
        """Judge the matched customers for the last time and store what may be kept."""
        house, lease, state = self.house, self.lease, await load_state(self.lease)
        allowed, at = await cohorts.still_allowed(house, job, matched.subject_refs)
        release = await in_thread(release_rows, job, session.session_id, matched, allowed, at, {})
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


class _Repeats:
    """Stage 2 is ordered as stage 1 was: repeats are found over the whole of it."""

    def __init__(self, stage: Stage) -> None:
        self._repeats = RepeatCheck(stage, rows_per_chunk(ELEMENT_BYTES))

    def add(self, seq: int, rows: Bytes) -> None:
        self._repeats.add(rows)

    def finish(self, read: Callable[[int], bytes]) -> None:
        self._repeats.finish(element_reader(read))


class _Ascending:
    """Table and late drops ascend by tag."""

    def __init__(self, stage: Stage, tag_bytes: int) -> None:
        self._stage, self._tag_bytes = stage, tag_bytes
        self._previous: bytes | None = None

    def add(self, seq: int, rows: Bytes) -> None:
        self._previous = check_ascending(self._stage, seq, rows[:, : self._tag_bytes], self._previous)

    def finish(self, read: Callable[[int], bytes]) -> None:
        """Nothing is left to check: order was checked across chunks."""
