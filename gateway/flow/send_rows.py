"""MATCH and ENRICH as sender: evaluate, cut, build the table, name late drops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import aclosing, closing

import numpy as np
import numpy.typing as npt

from gateway import kernel
from gateway.flow import cohort as cohorts
from gateway.flow.inputs import Inputs
from gateway.flow.lease import Lease
from gateway.flow.lists import list_bytes, lists_of, runs_of
from gateway.flow.lost import Lost, among
from gateway.flow.marks import Marks
from gateway.flow.members import RowWriter
from gateway.flow.pipeline import ahead, each, in_turn
from gateway.flow.ports import Sorter, StageFile
from gateway.flow.released import store_customers
from gateway.flow.runstate import amend, check_age, load_state
from gateway.flow.send import SenderRun
from gateway.flow.sent import Sent, keep_sent
from gateway.flow.sessions import opening_of
from gateway.flow.threads import in_thread
from gateway.flow.transcript import done_mark, is_done, stage_file
from gateway.psi import sender
from gateway.psi.attributes import blank, plaintext_bytes
from gateway.psi.check import as_rows, check_repeats
from gateway.psi.fields import Fields
from gateway.psi.matched import matched_fields
from gateway.psi.record import Opening
from gateway.psi.suite import ELEMENT_BYTES, OUTPUT_BYTES, chunk_count, rows_per_chunk
from gateway.route.job import AuthorizedJob
from gateway.route.session import Session, Stage
from gateway.route.subject_ref import REF_BYTES

Bytes = npt.NDArray[np.uint8]
# Build numbers of different leases never meet: a key seals one plaintext only.
BUILDS_PER_LEASE = 2**24
KEY_BYTES = 8
"""Least bytes that rows are sorted by; a tag may be shorter."""


class RowsSender(SenderRun):
    """Answers which customers both have, and with agreed attributes of them."""

    def __init__(self, lease: Lease) -> None:
        """Begin with nothing but the lease."""
        super().__init__(lease)
        self._outputs: Sorter | None = None
        self._fillers: list[Sorter] = []

    async def _run(self) -> None:
        try:
            await super()._run()
        finally:
            await self._close_sorts()

    async def _close_sorts(self) -> None:
        for sorter in (self._outputs, *self._fillers):
            if sorter is not None:
                await in_thread(sorter.close)
        self._outputs, self._fillers = None, []

    async def _serve(self, job: AuthorizedJob, sizes: Opening) -> None:
        # Our own outputs are computed early, while R's elements come in, and disclosed last.
        await _both(self._evaluate(sizes), self._compute(job, sizes))
        await self._table(job, sizes)
        await self._late_drops(job, sizes)
        if sizes.matches_to_sender:
            await self._matched_tags(job, sizes)

    async def _keep(self, session: Session) -> dict[str, object]:
        """Keep who was sent under which row token, and whom R found where we learn it."""
        sizes = opening_of(session)
        kept = await self._release(session, sizes) if sizes.matches_to_sender else {}
        await keep_sent(self.lease)
        return kept

    async def _evaluate(self, sizes: Opening) -> None:
        """Stages 1 and 2: evaluate chunk after chunk as they come, and check for repeats."""
        house, job = self.house, self.lease.job
        total = sum(sizes.receiver.rows)
        blinded = await in_thread(stage_file, house, job.job_id, job.session_id, Stage.BLINDED, sizes)
        evaluated = await in_thread(stage_file, house, job.job_id, job.session_id, Stage.EVALUATED, sizes)
        if await in_thread(is_done, house, job.job_id, Stage.BLINDED, blinded):
            return
        state = await load_state(self.lease)

        async def answers() -> AsyncGenerator[Bytes, None]:
            for seq in range(evaluated.chunks(), chunk_count(total, ELEMENT_BYTES)):
                if blinded.chunks() <= seq:
                    await self._until(lambda _: blinded.chunks() > seq)  # noqa: B023 - awaited at once
                elements = as_rows(await in_thread(blinded.read, seq), ELEMENT_BYTES)
                with state.key() as key:
                    yield await in_thread(sender.evaluate, elements, key, seq, house.limits.threads)

        async with aclosing(ahead(answers())) as made:
            async for answer in made:
                seq = evaluated.chunks()
                await in_thread(evaluated.append, answer.tobytes(), seq)
                done = min((seq + 1) * rows_per_chunk(ELEMENT_BYTES), total)
                await self.lease.progress(int(Stage.EVALUATED), seq, done, total)
        await in_thread(
            check_repeats,
            Stage.BLINDED,
            lambda seq: as_rows(blinded.read(seq), ELEMENT_BYTES),
            blinded.chunks(),
            blinded.rows_per_chunk,
            self.memory // 8,
        )
        await self._mark(Stage.BLINDED, blinded)

    def _fields(self, job: AuthorizedJob, sizes: Opening) -> Fields:
        """Fields of a record that waits for the table: its output (of MATCH the tag alone) and what goes with it."""
        columns = cohorts.asked_columns(job)
        return Fields(
            list=list_bytes(job),
            output=OUTPUT_BYTES if columns else max(sizes.tag_bytes, KEY_BYTES),
            ref=REF_BYTES,
            covered=len(job.column_gates),
            plain=plaintext_bytes(columns),
        )

    async def _compute(self, job: AuthorizedJob, sizes: Opening) -> None:
        """F(y) of every record of the opening, in the order of the table to come."""
        house = self.house
        if await in_thread(house.spool.read_sealed, job.job_id, done_mark(Stage.TABLE)) is not None:
            return
        cohort, members, fields = await self._judged(job), self.members(job), self._fields(job, sizes)
        key_bytes = list_bytes(job) + max(sizes.tag_bytes, KEY_BYTES)
        share, width = self.memory * 3 // 8, fields["output"].stop - fields["output"].start
        self._outputs = house.spool.sorter(job.job_id, "outputs", fields.width, key_bytes, share)
        state = await load_state(self.lease)
        inputs = Inputs(house, job, cohort, members, state.tag_key, self.memory // 2)

        async def records() -> AsyncGenerator[Bytes, None]:
            first = 0
            with state.key() as key, closing(members.pieces()) as pieces:
                while (rows := await in_thread(next, pieces, None)) is not None:
                    values = await inputs.of(first, len(rows))
                    finalized = await in_thread(sender.outputs, values, key, house.limits.threads)
                    parts = {name: members.fields.of(rows, name) for name in ("covered", "plain") if name in fields}
                    parts["list"] = lists_of(np.arange(first, first + len(rows)), cohort.list_rows)
                    first += len(rows)
                    output = finalized[:, :width]
                    yield fields.join(len(rows), output=output, ref=members.fields.of(rows, "ref"), **parts)

        async with aclosing(ahead(records())) as made:
            async for rows in made:
                await in_thread(self._outputs.add, rows)

    async def _table(self, job: AuthorizedJob, sizes: Opening) -> None:
        """Stage 3: judge again (the cut) once R asks for the table, build it, serve it whole."""
        house, job_id, session_id = self.house, job.job_id, self.lease.job.session_id
        if self._outputs is None:
            return
        await self._until(lambda session: session.requested_stage >= Stage.TABLE)
        # The build number is on disk before any ciphertext is made under it, and never used again.
        build = max((await load_state(self.lease)).build, self.lease.job.fence * BUILDS_PER_LEASE) + 1
        lost = await self._cut(job, build=build)
        await self.lease.confirm()
        await in_thread(house.spool.discard_stage, job_id, int(Stage.TABLE))
        file = await in_thread(stage_file, house, job_id, session_id, Stage.TABLE, sizes)
        size = sizes.stage(Stage.TABLE)
        sent = await in_thread(Sent.begin, self.lease, sizes.tag_bytes, len(job.column_gates))
        # A row of nobody for every record that is gone, and for all that fill the list up.
        own = (await self._judged(job)).list_rows
        gone = np.bincount(lists_of(lost.places, own)[:, 0], minlength=len(own)).tolist()
        width = max(sizes.tag_bytes, KEY_BYTES)
        tables = []
        for number, (rows, real) in enumerate(zip(sizes.sender.rows, own, strict=True)):
            fillers = house.spool.sorter(job_id, f"fillers-{number}", width, width, self.memory // (8 * len(own)))
            self._fillers.append(fillers)
            await each(sender.random_tags(gone[number] + rows - real, width), fillers.add)
            tables.append(sender.TableBuilder(fillers.pieces(), size.record_size, sizes.tag_bytes, build))
        writer = RowWriter(file)
        fields = self._fields(job, sizes)
        ended = 0

        def write(piece: Bytes) -> None:
            piece = _disclosed(job, fields, piece, lost, house.limits.threads)
            lists = piece[:, fields["list"].start] if "list" in fields else np.zeros(len(piece), dtype=np.uint8)
            for number, begin, end in runs_of(lists):
                finish(number)
                part = piece[begin:end]
                rows, places = tables[number].add(self._rows(job, sizes, fields, part, build, number))
                writer.add(rows)
                sent.add(rows, places, fields, part)

        def finish(before: int) -> None:
            """End the lists before one: what stands for nobody behind their last record."""
            nonlocal ended
            for table in tables[ended:before]:
                for rows, places in table.finish():
                    writer.add(rows)
                    sent.add(rows, places, fields, np.empty((0, fields.width), dtype=np.uint8))
            ended = max(ended, before)

        def whole() -> None:
            finish(len(tables))
            writer.finish()
            sent.finish()

        async with aclosing(ahead(in_turn(self._outputs.pieces()))) as pieces:
            async for piece in pieces:
                await in_thread(write, piece)
        await in_thread(whole)
        await self.lease.progress(int(Stage.TABLE), file.chunks() - 1, size.rows, size.rows)
        await self._mark(Stage.TABLE, file)
        await self._close_sorts()

    def _rows(self, job: AuthorizedJob, sizes: Opening, fields: Fields, piece: Bytes, build: int, number: int) -> Bytes:
        """Make table rows of kept records of one list. Blocks."""
        if not job.columns:
            return np.ascontiguousarray(fields.of(piece, "output")[:, : sizes.tag_bytes])
        return kernel.seal_rows(
            fields.of(piece, "output"),
            fields.of(piece, "plain"),
            job.agreement.match_keys[number],
            job.agreement.hash,
            bytes.fromhex(self.lease.job.session_id),
            build,
            sizes.tag_bytes,
            self.house.limits.threads,
        )

    async def _late_drops(self, job: AuthorizedJob, sizes: Opening) -> None:
        """Stage 4: once R asks, name the tags of rows whose consent went after the cut.

        A row leaves whole also when only a column's consent went: its tag is the only handle.
        """
        house, job_id = self.house, job.job_id
        if await in_thread(house.spool.read_sealed, job_id, done_mark(Stage.LATE_DROPS)) is not None:
            return
        await self._until(lambda session: session.requested_stage >= Stage.LATE_DROPS)
        lost = await self.lost(job)
        await self.lease.confirm()
        await in_thread(house.spool.discard_stage, job_id, int(Stage.LATE_DROPS))
        file = await in_thread(stage_file, house, job_id, self.lease.job.session_id, Stage.LATE_DROPS, sizes)
        writer = RowWriter(file)

        sent = await in_thread(Sent.of, self.lease)
        dropped = sent.dropped(job, lost, house.limits.threads)
        if list_bytes(job):
            await self._ascending(dropped, sizes.tag_bytes, writer)
        else:
            await each(dropped, writer.add)
        await in_thread(writer.finish)
        await amend(self.lease, late_drops=writer.rows, drops_at=lost.at)
        await self._mark(Stage.LATE_DROPS, file)

    async def _ascending(self, tokens: Iterator[Bytes], tag_bytes: int, writer: RowWriter) -> None:
        """Write tokens in their order: a table of several lists ascends in each, the tags named here over all."""
        width = max(tag_bytes, KEY_BYTES)
        sorter = self.house.spool.sorter(self.lease.job.job_id, "dropped", width, width, self.memory // 8)
        try:
            await each((np.pad(piece, ((0, 0), (0, width - tag_bytes))) for piece in tokens), sorter.add)
            await each((np.ascontiguousarray(piece[:, :tag_bytes]) for piece in sorter.pieces()), writer.add)
        finally:
            await in_thread(sorter.close)

    async def _matched_tags(self, job: AuthorizedJob, sizes: Opening) -> None:
        """Stage 5: take R's word for whom it found; it is looked at again once both have signed."""
        house, size = self.house, sizes.stage(Stage.MATCHED_TAGS)
        if await in_thread(house.spool.read_sealed, job.job_id, done_mark(size.stage)) is not None:
            return
        file, drops = await self._file(Stage.MATCHED_TAGS, sizes), await self._file(Stage.LATE_DROPS, sizes)
        await self._until(lambda _: file.rows() == size.rows)
        await self.lease.progress(int(size.stage), file.chunks() - 1, size.rows, size.rows)
        check_age(await load_state(self.lease), job.agreement, house.clock.now())
        sent = await in_thread(Sent.of, self.lease)
        await in_thread(Marks(file, sum(sizes.sender.rows)).check, sent, drops, house.limits.threads)
        await self._mark(Stage.MATCHED_TAGS, file)

    async def _file(self, stage: Stage, sizes: Opening) -> StageFile:
        job = self.lease.job
        return await in_thread(stage_file, self.house, job.job_id, job.session_id, stage, sizes)

    async def _release(self, session: Session, sizes: Opening) -> dict[str, object]:
        """Judge those of our customers whom R found once more, and store who may be kept."""
        lease, job = self.lease, await self._authorize(session)
        check_age(await load_state(lease), job.agreement, self.house.clock.now())
        marks = Marks(await self._file(Stage.MATCHED_TAGS, sizes), sum(sizes.sender.rows))
        sent, fields = await in_thread(Sent.of, lease), matched_fields(sizes.tag_bytes, ())
        stored = await store_customers(lease, job, fields, marks.people(sent, fields), self.memory // 2)
        marked = await in_thread(marks.count)
        return {**stored.report(lease.job.report), "false_matches": marked - stored.matched}


def _disclosed(job: AuthorizedJob, fields: Fields, piece: Bytes, lost: Lost, threads: int) -> Bytes:
    """Leave out whom the cut left out, and blank what consent does not cover any more. Blocks."""
    refs = fields.of(piece, "ref")
    gone = among(lost.refs, refs, threads)
    if gone.any():
        piece, refs = np.ascontiguousarray(piece[~gone]), np.ascontiguousarray(refs[~gone])
    columns = cohorts.asked_columns(job)
    for number, (name, _) in enumerate(job.column_gates):
        bare = among(lost.uncovered[name], refs, threads)
        if bare.any():
            piece = piece.copy()
            plain = piece[:, fields["plain"]]
            blank(plain, columns, name, bare)
            piece[bare, fields["covered"].start + number] = 0
    return piece


async def _both(one: Awaitable[None], other: Awaitable[None]) -> None:
    """Run two steps side by side; when one fails the other is stopped."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
