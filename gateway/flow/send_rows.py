"""MATCH and ENRICH as sender: evaluate, cut, build the table, name late drops."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.errors import Misuse
from gateway.flow import cohort as cohorts
from gateway.flow.lease import Lease
from gateway.flow.runstate import amend, load_state
from gateway.flow.send import SenderRun
from gateway.flow.sent import SentRows, keep_sent, load_sent, save_sent
from gateway.flow.threads import in_thread
from gateway.flow.transcript import done_mark, is_done, stage_file
from gateway.psi import sender
from gateway.psi.attributes import encode
from gateway.psi.check import RepeatCheck, as_rows, element_reader
from gateway.psi.record import Opening
from gateway.psi.suite import ELEMENT_BYTES, chunk_count, rows_per_chunk
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob
from gateway.route.session import Session, Stage

Bytes = npt.NDArray[np.uint8]
# Build numbers of different leases never meet: a key seals one plaintext only.
BUILDS_PER_LEASE = 2**24


class RowsSender(SenderRun):
    """Answers which customers both have, and with agreed attributes of them."""

    def __init__(self, lease: Lease) -> None:
        """Begin with nothing but the lease."""
        super().__init__(lease)
        self._finalized: Bytes | None = None

    async def _serve(self, job: AuthorizedJob, sizes: Opening) -> None:
        await self._evaluate(sizes)
        await self._table(job, sizes)
        await self._late_drops(job, sizes)

    async def _keep(self, session: Session) -> dict[str, object]:
        """Keep who was sent under which row token."""
        await keep_sent(self.lease)
        return {}

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
        await self._mark(Stage.BLINDED, blinded)

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
        # The build number is on disk before any ciphertext is made under it, and never used again.
        build = max((await load_state(self.lease)).build, self.lease.job.fence * BUILDS_PER_LEASE) + 1
        again = await self._cut(job, cohort, build=build)
        columns, sealed = cohorts.asked_columns(job), None
        if columns:
            if cohort.columns is None:
                raise Misuse("the cohort was read without its columns")
            values = await in_thread(cohorts.uncovered_blanked, cohort.columns, again.covered)
            plaintexts = await in_thread(encode, values, columns)
            sealed = (plaintexts, job.agreement.match_keys[0], job.agreement.hash, bytes.fromhex(session_id), build)
        table = await in_thread(sender.table, finalized, again.kept, sizes.tag_bytes, sealed, house.limits.threads)
        file = await self._write_whole(Stage.TABLE, sizes, table.rows)
        await in_thread(save_sent, house, job_id, SentRows.of(cohort, table, again.covered))
        await self._mark(Stage.TABLE, file)
        self._finalized = None

    async def _late_drops(self, job: AuthorizedJob, sizes: Opening) -> None:
        """Stage 4: once R asks, name the tags of rows whose consent went after the cut.

        A row leaves whole also when only a column's consent went: its tag is the only handle.
        """
        house, job_id = self.house, job.job_id
        await self._until(lambda session: session.requested_stage >= Stage.LATE_DROPS)
        cohort = await self._judged(job)
        again = await cohorts.judge_again(house, job, cohort)
        sent = await in_thread(load_sent, house, job_id)
        named = await in_thread(sent.dropped_tags, again.kept, again.covered)
        await amend(self.lease, late_drops=len(named), drops_at=again.at)
        await self._mark(Stage.LATE_DROPS, await self._write_whole(Stage.LATE_DROPS, sizes, named))
