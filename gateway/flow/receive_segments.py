"""AGGREGATE and OVERLAP as receiver: blind segments, find S's rows in them, sum under encryption, release."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.disclosure import release_aggregate, release_cells, rule_of, sampler, verdict
from gateway.errors import Misuse
from gateway.flow.admission import admit
from gateway.flow.budget import charge
from gateway.flow.ends import RunRefused, consent_changed
from gateway.flow.figures import load_cells, seal_cells, store_cells, write_counts, write_shared
from gateway.flow.grouping import layout_of
from gateway.flow.lease import Lease
from gateway.flow.lost import Lost
from gateway.flow.members import Members
from gateway.flow.opening import agree_opening
from gateway.flow.ports import Pool
from gateway.flow.receive import ReceiverRun, with_stand_ins
from gateway.flow.records import records_of
from gateway.flow.runstate import amend, load_state
from gateway.flow.segment import minimum_cohort, terms_of
from gateway.flow.segment_checks import SegmentChecks, grouped_part, positions, read_key
from gateway.flow.sessions import opening_of
from gateway.flow.threads import in_thread
from gateway.flow.transcript import is_done, read_rows, stage_file, write_rows
from gateway.flow.value_noise import value_noise
from gateway.he import aggregate as he
from gateway.he.encoding import decode, offset_addends, pack_noise, subtract_offsets
from gateway.he.paillier import PublicKey
from gateway.psi import segments as psi
from gateway.psi.record import Opening
from gateway.psi.stages import find
from gateway.route.aggregate import Aggregate, Layout, MatchedSegments
from gateway.route.agreement import LateWithdrawals, Noise
from gateway.route.canonical import time_text
from gateway.route.cohort import CohortRecords, ConsentedCohort
from gateway.route.job import AuthorizedJob, JobState, Refusal
from gateway.route.session import AggregateStage, Session

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
WORKS_AHEAD = 2  # chunks per worker

Cells = tuple[pa.Table, Mapping[str, object]] | None


class SegmentsReceiver(ReceiverRun[Cells]):
    """Learns statistics of its segments, or lets the sender learn them."""

    def __init__(self, lease: Lease) -> None:
        """Begin with nothing but the lease."""
        super().__init__(lease)
        self._records: CohortRecords | None = None

    async def _is_released(self) -> bool:
        report = self.lease.job.report
        return "released" in report and (
            report["released"] == 0 or await self.house.results.exists(self.lease.job.job_id)
        )

    async def _outcome(self, job: AuthorizedJob, session: Session) -> Cells:
        """Judge, exchange, sum; the secrets die as soon as what may be released is on disk, sealed."""
        if (await load_state(self.lease)).destroyed_at is None:
            await self.lease.enter(JobState.JUDGING)
            cohort = await self._judged(job)
            if not cohort.segments:
                words = f"no segment has {minimum_cohort(job)} customers with consent; choose coarser segments"
                raise RunRefused(Refusal("COHORT_TOO_SMALL", words))
            similar = await admit(self.lease, job, cohort, await self.records(job), self.memory)
            sizes = await agree_opening(self.lease, job, session, cohort, ())
            await self.lease.enter(JobState.EXCHANGING)
            await _Exchange(self, job, sizes, cohort, similar).run()
            await self._destroy_keys(job)
        return await in_thread(load_cells, self.house, job.job_id)

    async def records(self, job: AuthorizedJob) -> CohortRecords:
        """Return our records, in memory."""
        if self._records is None:
            cohort, key = await self._judged(job), (await load_state(self.lease)).tag_key
            self._records = await records_of(self.lease, job, cohort, self.members(job), (), key)
        return self._records

    async def records_of(self, job: AuthorizedJob, members: Members, lost: Lost) -> Places:
        """Records stand in the order of their segments, other than in the cohort file."""
        if not len(lost.places):
            return lost.places
        return np.flatnonzero(np.isin((await self.records(job)).places, lost.places))

    async def judge_end(self, job: AuthorizedJob) -> int:
        """Judge our customers again: who withdrew since the cut cannot be found in sums any more.

        Returns:
            How many withdrew; the run stands as lawful at its cut.

        Raises:
            RunRefused: CONSENT_CHANGED where the agreement, or the age of the cut, forbids that.
        """
        cut_at = (await load_state(self.lease)).cut_at
        if cut_at is None:
            raise Misuse("a run at its end lacks its cut")
        withdrawn, at = await self.withdrawn_since_cut(job)
        late = (at - cut_at).total_seconds() > job.agreement.consent_age_s
        if withdrawn and (late or terms_of(job).late_withdrawals is LateWithdrawals.ABANDON):
            raise RunRefused(consent_changed())
        return withdrawn

    async def _release(self, job: AuthorizedJob, session: Session, outcome: Cells) -> None:
        """Store what disclosure let through, with the cut and the number of later withdrawals."""
        house, lease, state, sizes = self.house, self.lease, await load_state(self.lease), opening_of(session)
        withdrawn, now = await self.judge_end(job), house.clock.now()
        if state.cut_at is None:
            raise Misuse("a run at its end lacks its cut")
        report: dict[str, object] = {
            **lease.job.report,
            "replaced": len(state.replaced),
            "late_drops": state.late_drops,
            "withdrawn_since_cut": withdrawn,
            "cut_at": time_text(state.cut_at),
            "partner_rows": sum(sizes.sender.rows),
            "scheme": grouped_part(sizes).scheme,
            "released": 0,
            "obtained_at": time_text(now),
            "expires_at": time_text(now),
        }
        await lease.enter(JobState.RELEASING)
        if outcome is None:
            await lease.commit(report=report)
            return
        table, facts = outcome
        release = release_cells(job, session.session_id, table, now, {**report, **facts})
        report = {**release.report, "released": table.num_rows, "expires_at": time_text(release.expires_at)}
        await lease.commit(report=report)
        await store_cells(house, replace(release, report=report))


class _Exchange:
    """The stages of one session, in order; every step is skipped when it is on disk."""

    def __init__(
        self,
        run: SegmentsReceiver,
        job: AuthorizedJob,
        sizes: Opening,
        cohort: ConsentedCohort,
        similar: frozenset[int],
    ) -> None:
        self._similar = similar
        self._run, self._job, self._sizes, self._cohort = run, job, sizes, cohort
        self._house, self._lease = run.house, run.lease
        self._grouped = grouped_part(sizes)
        self._rows = sizes.receiver.rows
        self._layout: Layout | None = None
        self._found: MatchedSegments | None = None
        self._key: PublicKey | None = None

    async def run(self) -> None:
        """Move all stages; what may be released to us is sealed at the end."""
        stages = (AggregateStage.EVALUATED, AggregateStage.SENDER_ELEMENTS, AggregateStage.CIPHERTEXTS)
        self._layout = await in_thread(layout_of, self._job, len(self._rows), sum(self._sizes.sender.rows))
        await self._push_blinded()
        for stage in (*stages, AggregateStage.LATE_DROPS):
            if find(self._sizes.stages, stage) is not None:
                await self._pull(stage)
        eta = await self._count_noise()
        if find(self._sizes.stages, AggregateStage.MASKED) is not None:
            await self._push_masked(eta)
        figures = await self._figures(eta)
        if find(self._sizes.stages, AggregateStage.SHARED_RELEASE) is not None:
            await self._push_shared(figures)
        if self._grouped.to_receiver:
            await self._seal(figures)

    async def _seal(self, figures: Aggregate) -> None:
        """Let disclosure decide at once: figures that it holds back are written nowhere."""
        release = await in_thread(
            release_aggregate,
            self._job,
            self._lease.job.session_id,
            figures,
            self._layout,
            self._cohort.segments,
            self._house.clock.now(),
            {},
            self._similar,
        )
        await self._lease.confirm()
        await in_thread(seal_cells, self._house, self._job.job_id, release)

    async def _pull(self, stage: AggregateStage) -> None:
        bits = self._layout.key_bits if self._layout is not None else 0
        checks = SegmentChecks(stage, self._sizes, self._house.limits.threads, bits, self._lease.job.session_id)
        await self._run.pull(self._job, self._sizes, stage, checks)

    async def _rows_of(self, stage: AggregateStage) -> Bytes:
        house, job = self._house, self._lease.job
        file = await in_thread(stage_file, house, job.job_id, job.session_id, stage, self._sizes)
        return await in_thread(read_rows, file)

    async def _push_whole(self, stage: AggregateStage, rows: Callable[[], Awaitable[Bytes]]) -> None:
        """Build a stage in one piece, mark it, push it; what was marked before is pushed as it stands."""
        house, lease, job_id = self._house, self._lease, self._job.job_id
        file = await in_thread(stage_file, house, job_id, lease.job.session_id, stage, self._sizes)
        if not await in_thread(is_done, house, job_id, stage, file):
            content = await rows()
            await lease.confirm()
            await in_thread(house.spool.discard_stage, job_id, int(stage))
            file = await in_thread(stage_file, house, job_id, lease.job.session_id, stage, self._sizes)
            await in_thread(write_rows, file, content)
            await self._run.mark(stage, file)

        async def nothing(seq: int) -> None:
            raise Misuse(f"chunk {seq} of a marked stage is not there")

        await self._run.push(self._job, self._sizes.stage(stage), file, nothing)

    async def _push_blinded(self) -> None:
        """Stage 1: each segment with its dummies, ascending: the wire carries no order."""

        async def rows() -> Bytes:
            records = await self._run.records(self._job)
            state = await self._run.cut(self._job, begun=False)
            session_id, t = bytes.fromhex(self._lease.job.session_id), self._grouped.t
            dummies = [psi.dummy_inputs(session_id, segment, t) for segment in range(len(self._rows))]
            inputs = await in_thread(_replaced, records.inputs, state.replaced)
            with state.key() as key:
                return await in_thread(psi.blinded, inputs, self._rows, dummies, key, self._house.limits.threads)

        await self._push_whole(AggregateStage.BLINDED, rows)

    async def _matched(self) -> MatchedSegments:
        """Find S's rows in our segments: held in memory only."""
        if self._found is None:
            self._found = await self._match()
        return self._found

    async def _match(self) -> MatchedSegments:
        lengths = self._grouped.elements(self._rows)
        evaluated = await self._rows_of(AggregateStage.EVALUATED)
        listed = await self._rows_of(AggregateStage.SENDER_ELEMENTS)
        dropped = positions(await self._rows_of(AggregateStage.LATE_DROPS))
        with (await load_state(self._lease)).key() as key:
            inverse = key.inverse()
            try:
                threads = self._house.limits.threads
                return await in_thread(psi.matched, self._rows, lengths, evaluated, inverse, listed, dropped, threads)
            finally:
                inverse.destroy()

    async def _count_noise(self) -> tuple[int, ...]:
        """Draw our noise on the counts once, charged before anything depends on it."""
        terms, segments = terms_of(self._job), len(self._rows)
        if terms.dummies is Noise.NONE:
            await charge(self._lease, self._job, "receiver", segments)
            return (0,) * segments
        state = await load_state(self._lease)
        if not state.eta:
            await charge(self._lease, self._job, "receiver", segments)
            draw = sampler().draw
            eta = tuple(draw(terms.epsilon_receiver, 1, terms.segments) for _ in range(segments))
            state = await amend(self._lease, eta=eta)
        return state.eta

    async def _held(self, tested: Sequence[int]) -> list[bool]:
        """Tell which segments our own rule suppresses: by the noisy count, or as too similar to an earlier input."""
        rule = rule_of(terms_of(self._job), self._job.binding)
        judged = [verdict(rule, size, count) is not None for size, count in zip(self._rows, tested, strict=True)]
        return [one or place in self._similar for place, one in enumerate(judged)]

    async def _still_lawful(self) -> None:
        """Let nothing more leave that rests on judgements older than the agreed age, or that S may not learn."""
        await self._run.check_age(self._job)
        if self._grouped.to_sender:
            await self._run.judge_end(self._job)

    async def _push_masked(self, eta: Sequence[int]) -> None:
        """Stage 6: the noisy counts, then one answer per segment, masked or (for S alone) noised."""

        async def rows() -> Bytes:
            await self._still_lawful()
            matched = await self._matched()
            counts = [found + noise for found, noise in zip(psi.found(matched), eta, strict=True)]
            # S is told nobody of a segment that is too similar: beside the earlier run its count would say who left.
            counts = [self._grouped.t if place in self._similar else one for place, one in enumerate(counts)]
            held = await self._held([count - self._grouped.t for count in counts])
            # Where results come back to us, we hold back at our release, or in stage 8; elsewhere S must be told here.
            answered = find(self._sizes.stages, AggregateStage.RESULTS) is not None
            told = [False] * len(held) if answered else held
            width = self._sizes.stage(AggregateStage.MASKED).record_size
            head = write_counts(counts, told)
            head = head.ljust(self._grouped.count_rows(len(counts)) * width, b"\0")
            answers = await self._answers(matched, told)
            await amend(self._lease, withheld=sum(held))
            return np.concatenate([np.frombuffer(head, dtype=np.uint8).reshape(-1, width), answers])

        await self._push_whole(AggregateStage.MASKED, rows)

    async def _answers(self, matched: MatchedSegments, told: Sequence[bool]) -> Bytes:
        if self._layout is None:
            return np.empty((0, self._sizes.stage(AggregateStage.MASKED).record_size), dtype=np.uint8)
        house, layout, segments = self._house, self._layout, len(self._rows)
        public = await self._public_key()
        if self._grouped.to_receiver:
            addends = await in_thread(he.draw_masks, public.n, segments, layout.ciphertexts)
            # Sealed before a byte that they hide leaves.
            await amend(self._lease, masks=tuple(mask for row in addends for mask in row))
        else:
            await charge(self._lease, self._job, "values", segments)
            noise = await value_noise(self._lease, self._job, layout, segments)
            offsets = offset_addends(psi.found(matched), layout)
            packed = [pack_noise(one, layout) for one in noise]
            addends = [[a + b for a, b in zip(*row, strict=True)] for row in zip(offsets, packed, strict=True)]
            addends = he.withhold(addends, {place for place, hidden in enumerate(told) if hidden}, public.n)
        setup = (public.n.to_bytes(layout.plaintext_bytes, "big"), layout.key_bits)
        async with house.processes.pool(he.setup_public, *setup) as pool:
            products = await self._select(pool, matched)
            cuts = [part for part in np.array_split(np.arange(segments), pool.workers) if len(part)]
            parts = await asyncio.gather(
                *(pool.run(he.finish, products[part], [addends[place] for place in part.tolist()]) for part in cuts)
            )
        return he.gather(parts).ciphertexts.reshape(segments, -1)

    async def _select(self, pool: Pool, matched: MatchedSegments) -> Bytes:
        """Check every ciphertext and multiply those of each segment, chunk by chunk in all workers."""
        job, grouped = self._lease.job, self._grouped
        file = await in_thread(
            stage_file, self._house, job.job_id, job.session_id, AggregateStage.CIPHERTEXTS, self._sizes
        )
        step, total, partials = file.rows_per_chunk, self._sizes.stage(AggregateStage.CIPHERTEXTS).rows, []

        async def part(seq: int) -> Bytes:
            block = np.frombuffer(await in_thread(file.read, seq), dtype=np.uint8)
            block = block.reshape(-1, grouped.ciphertexts, grouped.ciphertext_bytes)
            first = seq * step - grouped.key_rows
            block = block[max(-first, 0) :]
            first = max(first, 0)
            of_row = matched.segment_of[first : first + len(block)]
            return await pool.run(he.select, block, of_row, len(self._rows), first)

        width = pool.workers * WORKS_AHEAD
        for start in range(0, file.chunks(), width):
            seqs = range(start, min(start + width, file.chunks()))
            partials += await asyncio.gather(*(part(seq) for seq in seqs))
            partials = [await pool.run(he.combine, partials)]
            await self._lease.progress(int(AggregateStage.MASKED), -1, min(seqs.stop * step, total), total)
        return partials[0]

    async def _public_key(self) -> PublicKey:
        """Read S's key from the head of stage 4 and check its proof."""
        if self._key is None:
            job, grouped = self._lease.job, self._grouped
            file = await in_thread(
                stage_file, self._house, job.job_id, job.session_id, AggregateStage.CIPHERTEXTS, self._sizes
            )
            last = -(-grouped.key_rows // file.rows_per_chunk)
            head = b"".join([await in_thread(file.read, seq) for seq in range(last)])
            bits = terms_of(self._job).scheme.key_bits
            self._key = await in_thread(read_key, head, grouped, bits, job.session_id)
        return self._key

    async def _figures(self, eta: Sequence[int]) -> Aggregate:
        """Stage 7: remove masks and offsets; who does not learn the result keeps nothing."""
        matched = await self._matched()
        found = psi.found(matched)
        counts = [one - self._grouped.t for one in found]
        tested = [count + noise for count, noise in zip(counts, eta, strict=True)]
        layout, nothing = self._layout, [None] * len(counts)
        if not self._grouped.to_receiver:
            return psi.counted(self._rows, tested, tested, nothing)
        if layout is None:
            return psi.counted(self._rows, counts, tested, [()] * len(counts))
        await self._pull(AggregateStage.RESULTS)
        records = await self._rows_of(AggregateStage.RESULTS)
        masks = (await load_state(self._lease)).masks
        n = (await self._public_key()).n
        sums = await in_thread(_unmasked, records, masks, found, n, layout)
        return psi.counted(self._rows, counts, tested, sums)

    async def _push_shared(self, figures: Aggregate) -> None:
        """Stage 8: pass the noisy sums on with our own noise; the count is the one that S saw before."""
        layout = self._layout
        if layout is None:
            raise Misuse("a shared release without sums")

        async def rows() -> Bytes:
            await self._still_lawful()
            await charge(self._lease, self._job, "values", len(self._rows))
            noise = await value_noise(self._lease, self._job, layout, len(self._rows))
            tested = [one.tested for one in figures.segments]
            held = await self._held(tested)
            sums = [
                None if hidden or one.sums is None else tuple(a + b for a, b in zip(one.sums, more, strict=True))
                for one, more, hidden in zip(figures.segments, noise, held, strict=True)
            ]
            encoded = write_shared(tested, sums, len(layout.lanes))
            return np.frombuffer(encoded, dtype=np.uint8).reshape(len(sums), -1)

        await self._push_whole(AggregateStage.SHARED_RELEASE, rows)


def _replaced(
    inputs: Sequence[pa.LargeBinaryArray], replaced: tuple[tuple[int, bytes], ...]
) -> tuple[pa.LargeBinaryArray, ...]:
    """Let records that were withdrawn stand for nobody under every match key. Blocks."""
    gone = np.zeros(len(inputs[0]), dtype=bool)
    gone[[record for record, _ in replaced]] = True
    first, *others = inputs
    nothing = pa.scalar(None, first.type)
    return (with_stand_ins(first, replaced), *(pc.if_else(pa.array(gone), nothing, other) for other in others))


def _unmasked(
    records: Bytes, masks: Sequence[int], found: Sequence[int], n: int, layout: Layout
) -> list[tuple[int, ...] | None]:
    """Read the sums that S answered with; None where it held back. Blocks."""
    per_row = layout.ciphertexts
    plain = np.ascontiguousarray(records[:, 1:]).reshape(-1, per_row, layout.plaintext_bytes)
    rows = [list(masks[start : start + per_row]) for start in range(0, len(masks), per_row)]
    shown = np.flatnonzero(records[:, 0] == 0).tolist()
    bare = he.unmask(plain[shown], [rows[place] for place in shown], n)
    bare = subtract_offsets(bare, [found[place] for place in shown], n, layout)
    sums: list[tuple[int, ...] | None] = [None] * len(records)
    for place, figures in zip(shown, decode(bare, n, layout), strict=True):
        sums[place] = figures
    return sums
