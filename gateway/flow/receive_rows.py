"""MATCH and ENRICH as receiver: blind, pull evaluations and table, join, release the matched customers."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway import kernel
from gateway.errors import Misuse
from gateway.flow import cohort as cohorts
from gateway.flow.drops import Drops
from gateway.flow.fan_out import FanOut
from gateway.flow.inputs import Inputs
from gateway.flow.lists import by_list, list_bytes, lists_of, runs_of
from gateway.flow.lost import among, lost_since
from gateway.flow.marks import Marks, numbered, write_marks
from gateway.flow.members import RowWriter, somebody, stage_pieces
from gateway.flow.opening import agree_opening
from gateway.flow.pipeline import ahead, in_turn
from gateway.flow.ports import Sorter, StageFile
from gateway.flow.receive import ReceiverRun, run_of, with_stand_ins
from gateway.flow.released import store_customers
from gateway.flow.runstate import RunState, load_state
from gateway.flow.sessions import opening_of
from gateway.flow.threads import in_thread
from gateway.flow.transcript import chunks_of, is_done, stage_file
from gateway.psi import receiver
from gateway.psi.check import as_rows, check_ascending, check_repeats
from gateway.psi.fields import Fields
from gateway.psi.matched import matched_fields
from gateway.psi.record import Opening
from gateway.psi.suite import ELEMENT_BYTES, OUTPUT_BYTES, chunk_count, rows_per_chunk
from gateway.route.canonical import canonical_bytes
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob, JobState
from gateway.route.session import Session, Stage
from gateway.route.subject_ref import REF_BYTES

Bytes = npt.NDArray[np.uint8]
MATCHED_FILE = "matched"
MATCHED_STAGE = 101
KEY_BYTES = 8
"""Least bytes that rows are sorted by; a tag may be shorter."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The matched customers, sealed on disk.

    Attributes:
        rows: how many.
        false_matches: rows under one of our tags that did not open.
        fan_out: of the partner's rows that matched, how many stand for one of our customers, for two, for more.
    """

    rows: int
    false_matches: int
    fan_out: Mapping[str, int]


class RowsReceiver(ReceiverRun[Matches]):
    """Learns which customers both have, and agreed attributes of them."""

    async def _is_released(self) -> bool:
        return "released" in self.lease.job.report and await self.house.results.exists(self.lease.job.job_id)

    async def _outcome(self, job: AuthorizedJob, session: Session) -> Matches:
        """Judge, exchange, join; the scalar dies as soon as the matches are on disk, sealed."""
        house, columns = self.house, cohorts.asked_columns(job)
        sealed = await in_thread(house.spool.read_sealed, job.job_id, MATCHED_FILE)
        if sealed is None:
            await self.lease.enter(JobState.JUDGING)
            cohort = await self._judged(job)
            sizes = await agree_opening(self.lease, job, session, cohort, columns)
            await self.lease.enter(JobState.EXCHANGING)
            sealed = await self._exchanged(job, sizes, cohort)
        else:
            sizes = opening_of(session)
        state, about = await load_state(self.lease), json.loads(sealed)
        if state.destroyed_at is None:
            if sizes.matches_to_sender:
                await self._push_matched(job, sizes)
            await self._destroy_keys(job)
        return Matches(about["rows"], about["false_matches"], about.get("fan_out", {}))

    async def _exchanged(self, job: AuthorizedJob, sizes: Opening, cohort: ConsentedCohort) -> bytes:
        """Move all stages and find the matches; return what is noted of them."""
        house = self.house
        tag_key = (await load_state(self.lease)).tag_key
        inputs = Inputs(house, job, cohort, self.members(job), tag_key, self.memory * 5 // 8)
        state = await self._push_blinded(job, sizes, inputs)
        evaluated = await self.pull(job, sizes, Stage.EVALUATED, _Repeats(self.memory // 8))
        # Of MATCH nothing but the tag of an output is wanted.
        output = OUTPUT_BYTES if job.columns else max(sizes.tag_bytes, KEY_BYTES)
        fields = Fields(list=list_bytes(job), output=output, ref=REF_BYTES)
        key_bytes = list_bytes(job) + max(sizes.tag_bytes, KEY_BYTES)
        own = house.spool.sorter(job.job_id, "outputs", fields.width, key_bytes, self.memory * 3 // 8)
        try:
            async for rows in ahead(self._outputs(job, sizes, inputs, state, evaluated, fields)):
                await in_thread(own.add, rows)
            del inputs
            await self.pull(job, sizes, Stage.TABLE, _Ascending(Stage.TABLE, sizes.tag_bytes, sizes.sender.rows))
            await self.pull(job, sizes, Stage.LATE_DROPS, _Ascending(Stage.LATE_DROPS, sizes.tag_bytes))
            return await self._joined(job, sizes, own, fields)
        finally:
            await in_thread(own.close)

    async def _push_blinded(self, job: AuthorizedJob, sizes: Opening, inputs: Inputs) -> RunState:
        """Stage 1: blind in keyed-tag order, chunk by chunk."""
        house, size = self.house, sizes.stage(Stage.BLINDED)
        file = await in_thread(stage_file, house, job.job_id, self.lease.job.session_id, Stage.BLINDED, sizes)
        state = await self.cut(job, begun=file.chunks() > 0)

        async def blind(seq: int) -> None:
            first = seq * file.rows_per_chunk
            piece = await inputs.of(first, min(file.rows_per_chunk, size.rows - first))
            with state.key() as key:
                stood = with_stand_ins(piece, state.replaced, first)
                elements = await in_thread(receiver.blind, stood, key, house.limits.threads)
            await in_thread(file.append, elements.tobytes(), seq)

        await self.push(job, size, file, blind)
        return state

    async def _outputs(
        self, job: AuthorizedJob, sizes: Opening, inputs: Inputs, state: RunState, file: StageFile, fields: Fields
    ) -> AsyncGenerator[Bytes, None]:
        """Unblind stage 2 chunk by chunk; yield a row of output and reference for each customer."""
        step, total = rows_per_chunk(ELEMENT_BYTES), sizes.stage(Stage.EVALUATED).rows
        replaced = np.array([record for record, _ in state.replaced], dtype=np.int64)
        people = self.members(job).of_records(step)
        width = fields["output"].stop - fields["output"].start
        with state.key() as key, closing(people), _inverse(key) as inverse:
            for seq in range(chunk_count(total, ELEMENT_BYTES)):
                first = seq * step
                piece = await inputs.of(first, min(step, total - first))
                evaluated = as_rows(await in_thread(file.read, seq), ELEMENT_BYTES)
                finalized = await in_thread(
                    receiver.outputs,
                    with_stand_ins(piece, state.replaced, first),
                    evaluated,
                    inverse,
                    seq,
                    self.house.limits.threads,
                )
                refs, records = await in_thread(next, people)
                gone = replaced[np.searchsorted(replaced, first) : np.searchsorted(replaced, first + step)] - first
                # Records that stand for nobody are finalized, for their checks, and left.
                kept = ~np.isin(records, gone) & somebody(refs)
                records = records[kept]
                lists = lists_of(first + records, sizes.receiver.rows)
                yield fields.join(len(records), list=lists, output=finalized[records, :width], ref=refs[kept])

    async def _joined(self, job: AuthorizedJob, sizes: Opening, own: Sorter, fields: Fields) -> bytes:
        """Join our outputs with S's table, range after range, and seal the matches."""
        house, session_id, threads = self.house, self.lease.job.session_id, self.house.limits.threads
        columns = cohorts.asked_columns(job)
        made = matched_fields(sizes.tag_bytes, columns, sizes.matches_to_sender, list_bytes(job))
        await in_thread(house.spool.discard_stage, job.job_id, MATCHED_STAGE)
        file = house.spool.stage(job.job_id, session_id, MATCHED_STAGE, made.width, sealed=True)
        table = stage_file(house, job.job_id, session_id, Stage.TABLE, sizes)
        dropped = stage_file(house, job.job_id, session_id, Stage.LATE_DROPS, sizes)
        # Tokens are asked for in the order of the table, which begins anew with each list.
        drops = [Drops(dropped, threads) for _ in sizes.sender.rows]
        writer, false_matches, fan_out = RowWriter(file), 0, FanOut()
        mark = list_bytes(job)

        def keep(ours: Bytes, theirs: Bytes) -> int:
            lists = theirs[:, 0] if mark else np.zeros(len(theirs), dtype=np.uint8)
            return sum(
                keep_list(number, ours[begin:end], theirs[begin:end, mark:]) for number, begin, end in runs_of(lists)
            )

        def keep_list(number: int, ours: Bytes, theirs: Bytes) -> int:
            tokens = np.ascontiguousarray(theirs[:, : sizes.tag_bytes])
            left = ~drops[number].among(tokens)
            ours, theirs, tokens = ours[left], theirs[left], tokens[left]
            parts = {"ref": fields.of(ours, "ref"), "token": tokens}
            if mark:
                parts["list"] = np.full((len(ours), 1), number, dtype=np.uint8)
            binding = (job.agreement.match_keys[number], job.agreement.hash, bytes.fromhex(session_id))
            if "number" in made:
                parts["number"], theirs = theirs[:, sizes.row_bytes :], theirs[:, : sizes.row_bytes]
            if not columns:
                fan_out.add(tokens)
                writer.add(made.join(len(ours), **parts))
                return 0
            plain, good = receiver.opened(
                fields.of(ours, "output"), np.ascontiguousarray(theirs), sizes.tag_bytes, columns, binding, threads
            )
            fan_out.add(tokens[good])
            parts = {name: part[good] for name, part in parts.items()}
            writer.add(made.join(int(good.sum()), plain=plain[good], **parts))
            return int((~good).sum())

        rows = numbered(stage_pieces(table)) if "number" in made else stage_pieces(table)
        rows = _listed(rows, sizes.sender.rows) if mark else rows
        pairs = receiver.join(own.pieces(), rows, mark + sizes.tag_bytes, threads)
        async for ours, theirs in ahead(in_turn(pairs)):
            false_matches += await in_thread(keep, ours, theirs)
        await in_thread(writer.finish)
        found = {"rows": writer.rows, "false_matches": false_matches, "fan_out": fan_out.counts}
        about = {**found, "chunks": chunks_of(file).hex()}
        await self.lease.confirm()
        await in_thread(house.spool.write_sealed, job.job_id, MATCHED_FILE, canonical_bytes(about))
        return canonical_bytes(about)

    async def _matched(self, job: AuthorizedJob, sizes: Opening) -> tuple[StageFile, Fields]:
        """Return the file of the matched customers, and the fields of its rows."""
        columns = cohorts.asked_columns(job)
        fields = matched_fields(sizes.tag_bytes, columns, sizes.matches_to_sender, list_bytes(job))
        spool, session_id = self.house.spool, self.lease.job.session_id
        return await in_thread(
            lambda: spool.stage(job.job_id, session_id, MATCHED_STAGE, fields.width, sealed=True)
        ), fields

    async def _push_matched(self, job: AuthorizedJob, sizes: Opening) -> None:
        """Stage 5: name to S the rows behind customers who may still be disclosed; durable before it leaves."""
        house, lease, size = self.house, self.lease, sizes.stage(Stage.MATCHED_TAGS)
        file = await in_thread(stage_file, house, job.job_id, lease.job.session_id, size.stage, sizes)
        await self.check_age(job)
        if not await in_thread(is_done, house, job.job_id, size.stage, file):
            members, threads = self.members(job), house.limits.threads
            lost = await lost_since(lease, job, await self._judged(job), members, self.memory // 4)
            matched, fields = await self._matched(job, sizes)

            def numbers() -> Iterator[npt.NDArray[np.int64]]:
                for rows in stage_pieces(matched):
                    yield fields.number(rows[~among(lost.refs, fields.of(rows, "ref"), threads)], "number")

            await lease.confirm()
            await in_thread(house.spool.discard_stage, job.job_id, int(size.stage))
            file = await in_thread(stage_file, house, job.job_id, lease.job.session_id, size.stage, sizes)
            await in_thread(write_marks, file, numbers(), sum(sizes.sender.rows))
            await self.mark(size.stage, file)

        async def nothing(seq: int) -> None:
            raise Misuse(f"chunk {seq} of a marked stage is not there")

        await self.push(job, size, file, nothing)

    async def _release(self, job: AuthorizedJob, session: Session, matches: Matches) -> None:
        """Judge the matched customers for the last time and store what may be kept."""
        lease, state, sizes = self.lease, await load_state(self.lease), opening_of(session)
        file, fields = await self._matched(job, sizes)
        await lease.enter(JobState.RELEASING)
        stored = await store_customers(lease, job, fields, stage_pieces(file), self.memory // 2)
        report = {
            **lease.job.report,
            **stored.report(lease.job.report),
            "false_matches": matches.false_matches,
            **({"fan_out": dict(matches.fan_out)} if matches.fan_out else {}),
            "replaced": len(state.replaced),
            "late_drops": state.late_drops,
            "partner_rows": sum(sizes.sender.rows),
        }
        if sizes.matches_to_sender:
            told = await in_thread(stage_file, self.house, job.job_id, session.session_id, Stage.MATCHED_TAGS, sizes)
            report["matches_sent"] = await in_thread(Marks(told, sum(sizes.sender.rows)).count)
        # With the report: from here on a withdrawal is looked for in the run, and not before its rows stand.
        changes, links = (await self._judged(job)).mark[0], await cohorts.seen_links(lease)
        run = run_of(lease.job, report, stored.released, changes, links)
        async with self.house.store.begin() as tx:
            await tx.runs.put(run)
            updated = await lease.update(tx, report=report)
        lease.committed(updated)


@contextmanager
def _inverse(key: kernel.Scalar) -> Iterator[kernel.Scalar]:
    """Lend the inverse of a scalar; it is wiped afterwards."""
    inverse = key.inverse()
    try:
        yield inverse
    finally:
        inverse.destroy()


class _Repeats:
    """Stage 2 is ordered as stage 1 was: repeats are found over the whole of it."""

    def __init__(self, memory: int) -> None:
        self._memory = memory

    def add(self, seq: int, rows: Bytes) -> None:
        """Nothing can be said of a chunk by itself."""

    def finish(self, file: StageFile) -> None:
        check_repeats(
            Stage.EVALUATED,
            lambda seq: as_rows(file.read(seq), ELEMENT_BYTES),
            file.chunks(),
            file.rows_per_chunk,
            self._memory,
        )


def _listed(table: Iterator[Bytes], lists: Sequence[int]) -> Iterator[Bytes]:
    """Yield the rows of a table, each with the number of its list before it, (n, 1 + width). Blocks."""
    first = 0
    for rows in table:
        yield np.concatenate([lists_of(np.arange(first, first + len(rows)), lists), rows], axis=1)
        first += len(rows)


class _Ascending:
    """Lists of the table ascend by tag, each in itself, and the late drops do."""

    def __init__(self, stage: Stage, tag_bytes: int, lists: Sequence[int] = ()) -> None:
        self._stage, self._tag_bytes, self._lists = stage, tag_bytes, lists
        self._list, self._row = -1, 0
        self._previous: bytes | None = None

    def add(self, seq: int, rows: Bytes) -> None:
        tags = rows[:, : self._tag_bytes]
        parts = by_list(self._row, len(tags), self._lists) if self._lists else ((0, 0, len(tags)),)
        for number, begin, end in parts:
            previous = self._previous if number == self._list else None
            self._previous = check_ascending(self._stage, seq, tags[begin:end], previous, begin)
            self._list = number
        self._row += len(tags)

    def finish(self, file: StageFile) -> None:
        """Nothing is left to check: order was checked across chunks."""
