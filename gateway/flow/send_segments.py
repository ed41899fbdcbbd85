"""AGGREGATE and OVERLAP as sender: evaluate, cut, list, encrypt, name late drops, answer the masked sums."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.disclosure import release_aggregate, rule_of, sampler, verdict
from gateway.errors import Misuse
from gateway.flow import cohort as cohorts
from gateway.flow.budget import charge
from gateway.flow.figures import read_counts, read_shared, required_aggregate, save_aggregate
from gateway.flow.grouping import layout_of
from gateway.flow.runstate import amend, load_state
from gateway.flow.segment import terms_of
from gateway.flow.segment_checks import grouped_part
from gateway.flow.send import SenderRun
from gateway.flow.sent import SentRows, keep_members, load_sent, save_sent
from gateway.flow.sessions import opening_of
from gateway.flow.threads import in_thread
from gateway.flow.transcript import done_mark, read_rows, stage_file
from gateway.he import aggregate as he
from gateway.he.encoding import decode, encode, pack_noise, zero_rows
from gateway.he.paillier import PrivateKey, generate
from gateway.he.proof import key_record
from gateway.psi import segments as psi
from gateway.psi.check import RepeatCheck, element_reader
from gateway.psi.record import Opening
from gateway.psi.stages import POSITION_BYTES, Grouped, find
from gateway.psi.suite import ELEMENT_BYTES, rows_per_chunk
from gateway.route.aggregate import Layout
from gateway.route.agreement import Column, Noise
from gateway.route.canonical import time_text
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob
from gateway.route.session import AggregateStage, Session

Bytes = npt.NDArray[np.uint8]


class SegmentsSender(SenderRun):
    """Answers with statistics per segment of the receiver's; learns them where the agreement says so."""

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
            await self._shared(sizes, grouped, layout)

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
        await in_thread(_check_blinded, elements, lengths)
        with (await load_state(self.lease)).key() as key:
            answer = await in_thread(psi.evaluated, elements, lengths, key, threads)
        await self._mark_pushed(AggregateStage.BLINDED, sizes)
        await self._mark(AggregateStage.EVALUATED, await self._write_whole(AggregateStage.EVALUATED, sizes, answer))

    async def _list(self, job: AuthorizedJob, sizes: Opening, grouped: Grouped) -> None:
        """Stage 3: judge again (the cut) once R asks, hide the counts, charge, and serve the list."""
        if await self._is_done(AggregateStage.SENDER_ELEMENTS):
            return
        house, threads, segments = self.house, self.house.limits.threads, len(sizes.receiver.rows)
        cohort = await self._judged(job)
        with (await load_state(self.lease)).key() as key:
            own = await in_thread(kernel.blind, cohort.inputs, key, threads)
        await self._until(lambda session: session.requested_stage >= AggregateStage.SENDER_ELEMENTS)
        await charge(self.lease, job, "count", segments)
        tau = _dummies(job, segments)
        again = await self._cut(job, cohort, tau=tau)
        session_id = bytes.fromhex(self.lease.job.session_id)
        dummies = [psi.dummy_inputs(session_id, segment, grouped.t) for segment in range(segments)]
        with (await load_state(self.lease)).key() as key:
            listed = await in_thread(psi.sender_list, own, again.kept, dummies, tau, key, threads)
        file = await self._write_whole(AggregateStage.SENDER_ELEMENTS, sizes, listed.elements)
        await in_thread(save_sent, house, job.job_id, SentRows.listed(cohort, listed.source))
        await self._mark(AggregateStage.SENDER_ELEMENTS, file)

    async def _encrypt(self, job: AuthorizedJob, sizes: Opening, grouped: Grouped, layout: Layout) -> None:
        """Stage 4: the key with its proof, then every row of stage 3; served chunk by chunk as it is made."""
        house, lease, size = self.house, self.lease, sizes.stage(AggregateStage.CIPHERTEXTS)
        session_id, scheme = lease.job.session_id, terms_of(job).scheme
        file = await in_thread(stage_file, house, job.job_id, session_id, AggregateStage.CIPHERTEXTS, sizes)
        if file.rows() == size.rows:
            return
        state = await load_state(lease)
        if not state.he_key:
            # On disk before anything is encrypted under it.
            secret = (await in_thread(generate, scheme.key_bits)).to_secret_bytes()
            state = await amend(lease, he_key=secret)
        head = await in_thread(_key_rows, state.he_key, bytes.fromhex(session_id), grouped)
        cohort, source = await self._judged(job), (await in_thread(load_sent, house, job.job_id)).source
        if cohort.columns is None:
            raise Misuse("the cohort was read without its columns")
        columns, step = cohorts.asked_columns(job), file.rows_per_chunk

        async with house.processes.pool(he.setup_owner, state.he_key, scheme.mode) as pool:

            async def chunk(seq: int) -> bytes:
                first, last = seq * step, min((seq + 1) * step, size.rows)
                key_rows = head[first:last]
                wanted = source[max(first - grouped.key_rows, 0) : max(last - grouped.key_rows, 0)]
                plain = await in_thread(_plaintexts, cohort, wanted, columns, layout)
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
        again = await cohorts.judge_again(self.house, job, await self._judged(job))
        sent = await in_thread(load_sent, self.house, job.job_id)
        gone = await in_thread(sent.dropped_rows, again.kept)
        await amend(self.lease, late_drops=len(gone), drops_at=again.at)
        rows = gone.astype(">u8").view(np.uint8).reshape(-1, POSITION_BYTES)
        file = await self._write_whole(AggregateStage.LATE_DROPS, sizes, rows)
        await self._mark(AggregateStage.LATE_DROPS, file)

    async def _answer(self, job: AuthorizedJob, sizes: Opening, grouped: Grouped, layout: Layout | None) -> None:
        """Stages 6 and 7: decrypt the one batch, add our noise, hold back what the rule suppresses."""
        results = find(sizes.stages, AggregateStage.RESULTS)
        if await self._is_done(results.stage if results else AggregateStage.MASKED):  # type: ignore[arg-type]
            return
        segments = len(sizes.receiver.rows)
        records = await self._pushed(AggregateStage.MASKED, sizes)
        head, body = np.split(records, [grouped.count_rows(segments)])
        counts, withheld = read_counts(head.tobytes(), segments)
        tested = [count - grouped.t for count in counts]
        if results is None:
            sums = await self._read_sums(job, sizes, grouped, layout, body, withheld)
            figures = psi.counted(sizes.receiver.rows, tested, tested, sums)
            await self.lease.confirm()
            await in_thread(save_aggregate, self.house, job.job_id, figures)
            await self._mark_pushed(AggregateStage.MASKED, sizes)
            return
        if layout is None:
            raise Misuse("results without a layout")
        rule = rule_of(terms_of(job), job.binding)
        held = [verdict(rule, size, one) is not None for size, one in zip(sizes.receiver.rows, tested, strict=True)]
        await charge(self.lease, job, "values", segments)
        noise = await self._noise(job, layout, segments)
        await amend(self.lease, withheld=sum(held))
        plain = await self._decrypt(job, grouped, body, [pack_noise(one, layout) for one in noise])
        n = await in_thread(_modulus, (await load_state(self.lease)).he_key)
        plain = await in_thread(he.withhold_results, plain, {place for place, one in enumerate(held) if one}, n)
        flags = np.array(held, dtype=np.uint8).reshape(-1, 1)
        rows = np.concatenate([flags, plain.reshape(segments, -1)], axis=1)
        file = await self._write_whole(AggregateStage.RESULTS, sizes, rows)
        await self._mark_pushed(AggregateStage.MASKED, sizes)
        await self._mark(AggregateStage.RESULTS, file)

    async def _noise(self, job: AuthorizedJob, layout: Layout, segments: int) -> list[tuple[int, ...]]:
        """Draw our noise of every sum once; it is on disk before anything that depends on it leaves."""
        state = await load_state(self.lease)
        if not state.noise:
            state = await amend(self.lease, noise=await in_thread(value_noise, job, layout, segments))
        return by_segment(state.noise, layout)

    async def _read_sums(
        self,
        job: AuthorizedJob,
        sizes: Opening,
        grouped: Grouped,
        layout: Layout | None,
        body: Bytes,
        withheld: Sequence[bool],
    ) -> list[tuple[int, ...] | None]:
        """Read what R noised for us alone; a withheld segment decrypts to a mask and is not read."""
        if layout is None:
            return [None if hidden else () for hidden in withheld]
        plain = await self._decrypt(job, grouped, body, None)
        n = await in_thread(_modulus, (await load_state(self.lease)).he_key)
        shown = [place for place, hidden in enumerate(withheld) if not hidden]
        sums: list[tuple[int, ...] | None] = [None] * len(withheld)
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

    async def _shared(self, sizes: Opening, grouped: Grouped, layout: Layout) -> None:
        """Stage 8: what R passes on to us, with its own noise added."""
        if await self._is_done(AggregateStage.SHARED_RELEASE):
            return
        records = await self._pushed(AggregateStage.SHARED_RELEASE, sizes)
        read = [read_shared(record.tobytes(), len(layout.lanes)) for record in records]
        counts = [count for count, _ in read]
        figures = psi.counted(sizes.receiver.rows, counts, counts, [sums for _, sums in read])
        await self.lease.confirm()
        await in_thread(save_aggregate, self.house, self.lease.job.job_id, figures)
        await self._mark_pushed(AggregateStage.SHARED_RELEASE, sizes)

    async def _keep(self, session: Session) -> dict[str, object]:
        """Keep who stood in the list, and the release where we learn it."""
        await keep_members(self.lease)
        sizes = opening_of(session)
        if not grouped_part(sizes).to_sender:
            return {}
        job, at = await self._authorize(session), self.house.clock.now()
        segments = len(sizes.receiver.rows)
        layout = await in_thread(layout_of, job, segments, sum(sizes.sender.rows))
        figures = await in_thread(required_aggregate, self.house, job.job_id)
        # Names of segments stay with the receiver.
        names = tuple(str(number + 1) for number in range(segments))
        release = await in_thread(release_aggregate, job, session.session_id, figures, layout, names, at, {})
        await self.house.results.write(release)
        return {
            **release.report,
            "obtained_at": time_text(release.obtained_at),
            "expires_at": time_text(release.expires_at),
            "released": release.table.num_rows,
        }


def value_noise(job: AuthorizedJob, layout: Layout, segments: int) -> tuple[int, ...]:
    """Draw fresh noise for every sum of every segment; zeros where the agreement says so. Blocks."""
    terms = terms_of(job)
    draw, cells = sampler().draw, terms.segments * len(layout.lanes)
    exact = terms.noise is Noise.NONE
    return tuple(
        0 if exact else draw(lane.epsilon, lane.bound, cells) for _ in range(segments) for lane in layout.lanes
    )


def by_segment(noise: Sequence[int], layout: Layout) -> list[tuple[int, ...]]:
    """Cut noise into one tuple per segment."""
    lanes = len(layout.lanes)
    return [tuple(noise[start : start + lanes]) for start in range(0, len(noise), lanes)]


def _dummies(job: AuthorizedJob, segments: int) -> tuple[int, ...]:
    terms = terms_of(job)
    if terms.dummies is Noise.NONE:
        return (0,) * segments
    draw = sampler().draw_dummies
    return tuple(draw(terms.epsilon_count, terms.t) for _ in range(segments))


def _check_blinded(elements: Bytes, lengths: Sequence[int]) -> None:
    """Lists ascend, and no element stands in two segments: a person is counted once. Blocks."""
    psi.check_lists(AggregateStage.BLINDED, elements, lengths)
    repeats, step = RepeatCheck(AggregateStage.BLINDED, rows_per_chunk(ELEMENT_BYTES)), rows_per_chunk(ELEMENT_BYTES)
    repeats.add(elements)
    repeats.finish(element_reader(lambda seq: elements[seq * step : (seq + 1) * step].tobytes()))


def _key_rows(secret: bytes, session_id: bytes, grouped: Grouped) -> Bytes:
    """The key record, padded with zeros to whole records. Blocks."""
    record = key_record(PrivateKey.from_secret_bytes(secret), session_id)
    padded = record.ljust(grouped.key_rows * grouped.row_bytes, b"\0")
    return np.frombuffer(padded, dtype=np.uint8).reshape(grouped.key_rows, grouped.row_bytes)


def _modulus(secret: bytes) -> int:
    return PrivateKey.from_secret_bytes(secret).public.n


def _plaintexts(
    cohort: ConsentedCohort, source: npt.NDArray[np.int64], columns: tuple[Column, ...], layout: Layout
) -> Bytes:
    """Pack the rows behind some places of the list; rows of nobody hold encode(0). Blocks."""
    packed, real = zero_rows(layout, len(source)), np.flatnonzero(source >= 0)
    if len(real) and cohort.columns is not None:
        values = cohort.columns.take(pa.array(source[real]))
        packed[real] = encode(values, layout, columns, len(real))
    return packed
