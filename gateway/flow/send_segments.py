"""AGGREGATE and OVERLAP as sender: evaluate, cut, list, encrypt, name late drops, answer the masked sums."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.disclosure import release_aggregate, release_cells, rule_of, sampler, verdict
from gateway.errors import HostileInput
from gateway.flow import cohort as cohorts
from gateway.flow.admission import admit
from gateway.flow.budget import charge
from gateway.flow.figures import load_cells, read_counts, read_shared, seal_cells, store_cells
from gateway.flow.grouping import layout_of
from gateway.flow.lease import Lease
from gateway.flow.listed import Listed, keep_listed, load_listed, save_listed
from gateway.flow.records import records_of
from gateway.flow.runstate import amend, check_age, load_state
from gateway.flow.segment import terms_of
from gateway.flow.segment_checks import grouped_part
from gateway.flow.send import SenderRun
from gateway.flow.sessions import opening_of
from gateway.flow.threads import in_thread
from gateway.flow.transcript import done_mark, read_rows, stage_file
from gateway.flow.value_noise import value_noise
from gateway.he import aggregate as he
from gateway.he.encoding import decode, encode, pack_noise, zero_rows
from gateway.psi import segments as psi
from gateway.psi.record import Opening
from gateway.psi.run import receiver_run_half_of
from gateway.psi.stages import POSITION_BYTES, Grouped, find
from gateway.route.aggregate import Aggregate, Layout
from gateway.route.agreement import Column, Noise
from gateway.route.canonical import time_text
from gateway.route.cohort import CohortRecords, ConsentedCohort
from gateway.route.job import AuthorizedJob
from gateway.route.session import AggregateStage, Session

Bytes = npt.NDArray[np.uint8]


class SegmentsSender(SenderRun):
    """Answers with statistics per segment of the receiver's; learns them where the agreement says so."""

    def __init__(self, lease: Lease) -> None:
        """Begin with nothing but the lease."""
        super().__init__(lease)
        self._records: CohortRecords | None = None

    async def records(self, job: AuthorizedJob) -> CohortRecords:
        """Return our records, in memory: in the order of the cohort file."""
        if self._records is None:
            cohort, key = await self._judged(job), (await load_state(self.lease)).tag_key
            columns = cohorts.asked_columns(job)
            self._records = await records_of(self.lease, job, cohort, self.members(job), columns, key)
        return self._records

    async def _admit(self, job: AuthorizedJob, cohort: ConsentedCohort) -> None:
        """Compare our list with those of earlier runs, and keep it."""
        await admit(self.lease, job, cohort, await self.records(job), self.memory)

    async def _serve(self, job: AuthorizedJob, sizes: Opening) -> None:
        grouped = grouped_part(sizes)
        layout = await in_thread(layout_of, job, len(sizes.receiver.rows), sum(sizes.sender.rows))
        await self._evaluate(sizes, grouped)
        await self._list(job, sizes, grouped)
        if layout is not None:
            await self._encrypt(job, sizes, grouped, layout)
        await self._late_drops(job, sizes)
        if find(sizes.stages, AggregateStage.MASKED) is not None:
            await self._answer(job, sizes, grouped, layout)
        if find(sizes.stages, AggregateStage.SHARED_RELEASE) is not None and layout is not None:
            await self._shared(job, sizes, grouped, layout)

    async def _is_done(self, stage: AggregateStage) -> bool:
        return await in_thread(self.house.spool.read_sealed, self.lease.job.job_id, done_mark(stage)) is not None

    async def _pushed(self, stage: AggregateStage, sizes: Opening) -> Bytes:
        """Wait until R has pushed a stage whole, and return it."""
        house, lease, size = self.house, self.lease, sizes.stage(stage)
        file = await in_thread(stage_file, house, lease.job.job_id, lease.job.session_id, stage, sizes)
        await self._until(lambda _: file.rows() == size.rows)
        await lease.progress(int(stage), file.chunks() - 1, size.rows, size.rows)
        return await in_thread(read_rows, file)

    async def _mark_pushed(self, stage: AggregateStage, sizes: Opening) -> None:
        """Mark R's stage as checked."""
        job = self.lease.job
        await self._mark(stage, await in_thread(stage_file, self.house, job.job_id, job.session_id, stage, sizes))

    async def _evaluate(self, sizes: Opening, grouped: Grouped) -> None:
        """Stages 1 and 2: nothing is evaluated before all segments are there, in order and without a repeat."""
        if await self._is_done(AggregateStage.EVALUATED):
            return
        elements = await self._pushed(AggregateStage.BLINDED, sizes)
        lengths, threads = grouped.elements(sizes.receiver.rows), self.house.limits.threads
        await in_thread(psi.check_lists, AggregateStage.BLINDED, elements, lengths)
        await in_thread(psi.check_repeats, AggregateStage.BLINDED, elements)
        with (await load_state(self.lease)).key() as key:
            answer = await in_thread(psi.evaluated, elements, lengths, key, threads)
        await self._mark_pushed(AggregateStage.BLINDED, sizes)
        await self._mark(AggregateStage.EVALUATED, await self._write_whole(AggregateStage.EVALUATED, sizes, answer))

    async def _list(self, job: AuthorizedJob, sizes: Opening, grouped: Grouped) -> None:
        """Stage 3: judge again (the cut) once R asks, hide the counts, charge, and serve the list."""
        if await self._is_done(AggregateStage.SENDER_ELEMENTS):
            return
        house, threads, segments = self.house, self.house.limits.threads, len(sizes.receiver.rows)
        records = await self.records(job)
        with (await load_state(self.lease)).key() as key:
            own = await in_thread(psi.tuples, records.inputs, len(records.inputs), key, threads)
        await self._until(lambda session: session.requested_stage >= AggregateStage.SENDER_ELEMENTS)
        await charge(self.lease, job, "count", segments)
        tau = _dummies(job, segments)
        kept = np.ones(len(records.places), dtype=bool)
        kept[(await self._cut(job, tau=tau)).places] = False
        session_id = bytes.fromhex(self.lease.job.session_id)
        dummies = [psi.dummy_inputs(session_id, segment, grouped.t) for segment in range(segments)]
        with (await load_state(self.lease)).key() as key:
            listed = await in_thread(psi.sender_list, own, kept, dummies, tau, key, threads)
        file = await self._write_whole(AggregateStage.SENDER_ELEMENTS, sizes, listed.elements)
        await in_thread(save_listed, house, job.job_id, Listed.of(records, listed.source))
        await self._mark(AggregateStage.SENDER_ELEMENTS, file)

    async def _encrypt(self, job: AuthorizedJob, sizes: Opening, grouped: Grouped, layout: Layout) -> None:
        """Stage 4: the key with its proof, then every row of stage 3; served chunk by chunk as it is made."""
        house, lease, size = self.house, self.lease, sizes.stage(AggregateStage.CIPHERTEXTS)
        session_id, scheme = lease.job.session_id, terms_of(job).scheme
        file = await in_thread(stage_file, house, job.job_id, session_id, AggregateStage.CIPHERTEXTS, sizes)
        if file.rows() == size.rows:
            return
        await self._until(lambda session: session.requested_stage >= AggregateStage.CIPHERTEXTS)
        state = await load_state(lease)
        async with house.processes.pool(he.setup_nothing) as pool:
            secret, record = await pool.run(he.key_head, state.he_key, scheme.key_bits, bytes.fromhex(session_id))
        if not state.he_key:
            # On disk before anything is encrypted under it.
            state = await amend(lease, he_key=secret)
        padded = record.ljust(grouped.key_rows * grouped.row_bytes, b"\0")
        head = np.frombuffer(padded, dtype=np.uint8).reshape(grouped.key_rows, grouped.row_bytes)
        records, source = await self.records(job), (await in_thread(load_listed, house, job.job_id)).source
        columns, step = cohorts.asked_columns(job), file.rows_per_chunk

        async with house.processes.pool(he.setup_owner, state.he_key, scheme.mode) as pool:

            async def chunk(seq: int) -> bytes:
                first, last = seq * step, min((seq + 1) * step, size.rows)
                key_rows = head[first:last]
                wanted = source[max(first - grouped.key_rows, 0) : max(last - grouped.key_rows, 0)]
                plain = await in_thread(_plaintexts, records, wanted, columns, layout)
                rows = await pool.run(he.encrypt_rows, plain) if len(wanted) else np.empty((0, 1, 1), np.uint8)
                return key_rows.tobytes() + rows.tobytes()

            ahead: deque[asyncio.Task[bytes]] = deque()
            seqs = iter(range(file.chunks(), -(-size.rows // step)))
            try:
                for seq in range(file.chunks(), -(-size.rows // step)):
                    while len(ahead) < pool.workers + 1 and (coming := next(seqs, None)) is not None:
                        ahead.append(asyncio.ensure_future(chunk(coming)))
                    content = await ahead.popleft()
                    await in_thread(file.append, content, seq)
                    house.bells.ring(session_id)
                    await lease.progress(int(size.stage), seq, min((seq + 1) * step, size.rows), size.rows)
            finally:
                for task in ahead:
                    task.cancel()
                await asyncio.gather(*ahead, return_exceptions=True)

    async def _late_drops(self, job: AuthorizedJob, sizes: Opening) -> None:
        """Stage 5: once R asks, name the rows whose consent went after the cut."""
        if await self._is_done(AggregateStage.LATE_DROPS):
            return
        await self._until(lambda session: session.requested_stage >= AggregateStage.LATE_DROPS)
        lost = await self.lost(job)
        listed = await in_thread(load_listed, self.house, job.job_id)
        gone = await in_thread(listed.dropped_rows, lost.places)
        await amend(self.lease, late_drops=len(gone), drops_at=lost.at)
        rows = gone.astype(">u8").view(np.uint8).reshape(-1, POSITION_BYTES)
        file = await self._write_whole(AggregateStage.LATE_DROPS, sizes, rows)
        await self._mark(AggregateStage.LATE_DROPS, file)

    async def _answer(self, job: AuthorizedJob, sizes: Opening, grouped: Grouped, layout: Layout | None) -> None:
        """Stages 6 and 7: decrypt the one batch, add our noise, hold back what the rule suppresses."""
        results = find(sizes.stages, AggregateStage.RESULTS)
        if await self._is_done(AggregateStage.MASKED if results is None else AggregateStage.RESULTS):
            return
        rows, segments = sizes.receiver.rows, len(sizes.receiver.rows)
        records = await self._pushed(AggregateStage.MASKED, sizes)
        check_age(await load_state(self.lease), job.agreement, self.house.clock.now())
        head, body = np.split(records, [grouped.count_rows(segments)])
        counts, withheld = read_counts(head.tobytes(), segments)
        if results is not None and any(withheld):
            raise HostileInput("BAD_SHAPE", "stage 6 MASKED: a segment is withheld from whom it is R's to release")
        tested = [count - grouped.t for count in counts]
        rule = rule_of(terms_of(job), job.binding)
        held = [verdict(rule, size, one) is not None for size, one in zip(rows, tested, strict=True)]
        await amend(self.lease, withheld=sum(held))
        if results is None:
            hidden = [one or other for one, other in zip(withheld, held, strict=True)]
            sums = await self._read_sums(job, sizes, layout, body, hidden)
            await self._seal(job, sizes, layout, psi.counted(rows, tested, tested, sums))
            await self._mark_pushed(AggregateStage.MASKED, sizes)
        elif layout is not None:
            await charge(self.lease, job, "values", segments)
            noise = await value_noise(self.lease, job, layout, segments)
            plain = await self._decrypt(job, grouped, body, [pack_noise(one, layout) for one in noise])
            places = {place for place, one in enumerate(held) if one}
            plain = await in_thread(he.withhold_results, plain, places, await self._modulus(sizes, grouped))
            flags = np.array(held, dtype=np.uint8).reshape(-1, 1)
            answer = np.concatenate([flags, plain.reshape(segments, -1)], axis=1)
            file = await self._write_whole(AggregateStage.RESULTS, sizes, answer)
            await self._mark_pushed(AggregateStage.MASKED, sizes)
            await self._mark(AggregateStage.RESULTS, file)

    async def _modulus(self, sizes: Opening, grouped: Grouped) -> int:
        """Read n where it stands in clear: at the head of stage 4."""
        job = self.lease.job
        file = await in_thread(stage_file, self.house, job.job_id, job.session_id, AggregateStage.CIPHERTEXTS, sizes)
        return int.from_bytes((await in_thread(file.read, 0))[: grouped.ciphertext_bytes // 2], "big")

    async def _seal(self, job: AuthorizedJob, sizes: Opening, layout: Layout | None, figures: Aggregate) -> None:
        """Let disclosure decide at once: figures that it holds back are written nowhere."""
        # Names of segments stay with the receiver.
        names = tuple(str(number + 1) for number in range(len(sizes.receiver.rows)))
        session_id, at = self.lease.job.session_id, self.house.clock.now()
        release = await in_thread(release_aggregate, job, session_id, figures, layout, names, at, {})
        await self.lease.confirm()
        await in_thread(seal_cells, self.house, job.job_id, release)

    async def _read_sums(
        self, job: AuthorizedJob, sizes: Opening, layout: Layout | None, body: Bytes, hidden: Sequence[bool]
    ) -> list[tuple[int, ...] | None]:
        """Read what R noised for us alone; a withheld segment decrypts to a mask and is not read."""
        if layout is None:
            return [None if one else () for one in hidden]
        grouped = grouped_part(sizes)
        plain, n = await self._decrypt(job, grouped, body, None), await self._modulus(sizes, grouped)
        shown = [place for place, one in enumerate(hidden) if not one]
        sums: list[tuple[int, ...] | None] = [None] * len(hidden)
        for place, figures in zip(shown, await in_thread(decode, plain[shown], n, layout), strict=True):
            sums[place] = figures
        return sums

    async def _decrypt(
        self, job: AuthorizedJob, grouped: Grouped, body: Bytes, addends: list[list[int]] | None
    ) -> Bytes:
        key, mode = (await load_state(self.lease)).he_key, terms_of(job).scheme.mode
        block = np.ascontiguousarray(body).reshape(-1, grouped.ciphertexts, grouped.ciphertext_bytes)
        async with self.house.processes.pool(he.setup_owner, key, mode) as pool:
            return await pool.run(he.open_masked, block, addends)

    async def _shared(self, job: AuthorizedJob, sizes: Opening, grouped: Grouped, layout: Layout) -> None:
        """Stage 8: what R passes on to us, with its own noise added and the counts of stage 6."""
        if await self._is_done(AggregateStage.SHARED_RELEASE):
            return
        rows, segments = sizes.receiver.rows, len(sizes.receiver.rows)
        records = await self._pushed(AggregateStage.SHARED_RELEASE, sizes)
        check_age(await load_state(self.lease), job.agreement, self.house.clock.now())
        masked = await self._pushed(AggregateStage.MASKED, sizes)
        counts, _ = read_counts(masked[: grouped.count_rows(segments)].tobytes(), segments)
        read = [read_shared(record.tobytes(), len(layout.lanes)) for record in records]
        tested = [count - grouped.t for count in counts]
        if any(sums is not None and count != known for (count, sums), known in zip(read, tested, strict=True)):
            raise HostileInput("BAD_SHAPE", "stage 8 SHARED_RELEASE: a count is not that of stage 6")
        await self._seal(job, sizes, layout, psi.counted(rows, tested, tested, [sums for _, sums in read]))
        await self._mark_pushed(AggregateStage.SHARED_RELEASE, sizes)

    async def _keep(self, session: Session) -> dict[str, object]:
        """Keep who stood in the list, and the release where we learn it."""
        await keep_listed(self.lease)
        found = await in_thread(load_cells, self.house, self.lease.job.job_id)
        if found is None:
            return {}
        job, at, (table, facts) = await self._authorize(session), self.house.clock.now(), found
        theirs = receiver_run_half_of(session.run_record, session.session_id)
        about = {**facts, "cut_at": time_text(theirs.cut_at), "withdrawn_since_cut": theirs.late_drops}
        release = release_cells(job, session.session_id, table, at, about)
        await store_cells(self.house, release)
        return {
            **about,
            "scheme": grouped_part(opening_of(session)).scheme,
            "obtained_at": time_text(release.obtained_at),
            "expires_at": time_text(release.expires_at),
            "released": table.num_rows,
        }


def _dummies(job: AuthorizedJob, segments: int) -> tuple[int, ...]:
    terms = terms_of(job)
    if terms.dummies is Noise.NONE:
        return (0,) * segments
    draw = sampler().draw_dummies
    return tuple(draw(terms.epsilon_count, terms.t) for _ in range(segments))


def _plaintexts(
    records: CohortRecords, source: npt.NDArray[np.int64], columns: tuple[Column, ...], layout: Layout
) -> Bytes:
    """Pack the rows behind some places of the list; rows of nobody hold encode(0). Blocks."""
    packed, real = zero_rows(layout, len(source)), np.flatnonzero(source >= 0)
    if len(real) and records.columns is not None:
        values = records.columns.take(pa.array(source[real]))
        packed[real] = encode(values, layout, columns, len(real))
    return packed
