"""Hostile bytes in every stage of AGGREGATE and OVERLAP: the right reason on both sides, and both go on serving."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gateway.he.paillier import PrivateKey
from gateway.he.proof import key_record
from gateway.psi.check import as_keys
from gateway.psi.stages import COUNT_BYTES, SUM_BYTES
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from gateway.route.session import AggregateStage, Chunk, SessionState
from tests.contract.aggregates import (
    ARMS,
    LISTED,
    audit_of,
    before,
    both_serve,
    closed,
    grouped_of,
    job_of,
    moved,
    rehashed,
    session_of,
    sizes_of,
    state_of,
    statistics_twin,
    steps_of,
    wire,
)
from tests.twin import PLATFORM, RETAILER, Twin

__all__ = ["closed"]

SIZE = 75  # of either arm
Change = Callable[[bytes], bytes]


def resorted(content: bytes, lists: tuple[int, ...]) -> bytes:
    """Put every list of elements in ascending order again."""
    rows, start, ordered = np.frombuffer(content, dtype=np.uint8).reshape(-1, 32), 0, []
    for length in lists:
        piece = rows[start : start + length]
        ordered.append(piece[np.argsort(as_keys(piece))])
        start += length
    return np.concatenate(ordered).tobytes()


def swapped(content: bytes) -> bytes:
    return content[32:64] + content[:32] + content[64:]


def across(content: bytes) -> bytes:
    """One element in both arms, each list in order."""
    second = SIZE * 32
    return resorted(content[:second] + content[:32] + content[second + 32 :], (SIZE, SIZE))


ELEMENTS: dict[str, tuple[Change, str]] = {
    "identity": (lambda content: bytes(32) + content[32:], "IDENTITY_ELEMENT"),
    "non-canonical": (lambda content: content[:-32] + b"\xff" * 32, "NON_CANONICAL_ELEMENT"),
    "out of order": (swapped, "NOT_ASCENDING"),
    "twice in a list": (lambda content: content[:32] + content[:32] + content[64:], "NOT_ASCENDING"),
    "one too few": (lambda content: content[:-32], "BAD_SHAPE"),
    "one too many": (lambda content: content + b"\xfe" * 32, "BAD_SHAPE"),
    "a piece of one": (lambda content: content[:-1], "BAD_SHAPE"),
}


def alter(twin: Twin, stage: AggregateStage, change: Change) -> None:
    twin.retailer.peer.tamper = lambda chunk: rehashed(chunk, change(chunk.bytes)) if chunk.stage == stage else chunk


async def run_altered(
    twin: Twin, stage: AggregateStage, change: Change, operation: Operation = Operation.OVERLAP
) -> Job:
    alter(twin, stage, change)
    return await twin.run(operation, () if operation is Operation.OVERLAP else ("visited",))


async def assert_both_ended(twin: Twin, job: Job, reason: str, fault: str) -> None:
    """Both jobs failed for the reason, the session is over on both sides, and no secret is left on a disk."""
    theirs = await job_of(twin.platform, job.session_id)
    for one in (job, theirs):
        assert one.state is JobState.FAILED, (fault, one.refusal)
        assert one.failure and one.failure.reason == reason, (fault, one.failure)
    for side in (twin.retailer, twin.platform):
        assert (await session_of(side, job.session_id)).state is SessionState.ABORTED, fault
        assert not list((side.home / "spool").glob("*/*")), fault
    assert not await twin.retailer.house.results.exists(job.job_id)


def stages_moved(twin: Twin, job: Job) -> set[int]:
    return {chunk.stage for chunk in moved(twin) if chunk.session_id == job.session_id}


async def test_hostile_lists_of_the_receiver_are_refused_before_anything_is_evaluated(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path)
    faults = ELEMENTS | {"in two segments": (across, "REPEATED_ELEMENT")}
    for fault, (change, reason) in faults.items():
        job = await run_altered(twin, AggregateStage.BLINDED, change)
        await assert_both_ended(twin, job, reason, fault)
        assert job.failure.message.startswith("stage 1"), fault  # type: ignore[union-attr]
        if reason not in ("IDENTITY_ELEMENT", "NON_CANONICAL_ELEMENT"):
            assert AggregateStage.EVALUATED not in stages_moved(twin, job), fault
        # Nothing was disclosed, so nothing was charged.
        assert await steps_of(twin.platform, (await job_of(twin.platform, job.session_id)).job_id) == [], fault
    reasons = [
        one.get("reason") for kind, one in await audit_of(twin.platform) if kind in ("hostile_input", "session_ended")
    ]
    assert reasons == [reason for _, reason in faults.values()]
    await both_serve(twin)


@pytest.mark.parametrize("stage", [AggregateStage.EVALUATED, AggregateStage.SENDER_ELEMENTS], ids=lambda one: one.name)
async def test_hostile_lists_of_the_sender_are_refused(tmp_path: Path, stage: AggregateStage) -> None:
    twin = await statistics_twin(tmp_path)
    for fault, (change, reason) in ELEMENTS.items():
        job = await run_altered(twin, stage, change)
        await assert_both_ended(twin, job, reason, fault)
        assert f"stage {int(stage)}" in job.failure.message, fault  # type: ignore[union-attr]
    await both_serve(twin)


async def test_the_senders_evaluations_may_not_repeat_an_element_across_segments(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path)
    job = await run_altered(twin, AggregateStage.EVALUATED, across)
    await assert_both_ended(twin, job, "REPEATED_ELEMENT", "across")


@pytest.mark.thorough
async def test_an_honest_list_with_other_bytes_than_were_sent_is_found_when_it_comes(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path)
    for stage in (AggregateStage.BLINDED, AggregateStage.SENDER_ELEMENTS):

        def flipped(chunk: Chunk, stage: AggregateStage = stage) -> Chunk:
            return (
                replace(chunk, bytes=chunk.bytes[:-1] + bytes([chunk.bytes[-1] ^ 1])) if chunk.stage == stage else chunk
            )

        twin.retailer.peer.tamper = flipped
        job = await twin.run(Operation.OVERLAP)
        await assert_both_ended(twin, job, "DIGEST_MISMATCH", stage.name)


class Keyed:
    """S's fresh key of the present session, taken before R pulls the ciphertexts' last stage."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.key: PrivateKey | None = None

    def arm(self, stage: AggregateStage, change: Callable[[Keyed, bytes], bytes]) -> None:
        def tampered(chunk: Chunk) -> Chunk:
            if chunk.stage == stage:
                self.load(chunk.session_id)
                return rehashed(chunk, change(self, chunk.bytes))
            return chunk

        self.twin.retailer.peer.tamper = tampered

    def load(self, session_id: str) -> None:
        # The only sender's folder in the spool is that of this session.
        [folder] = [path for path in (self.twin.platform.home / "spool").iterdir() if path.is_dir()]
        self.session = bytes.fromhex(session_id)
        self.key = PrivateKey.from_secret_bytes(state_of(self.twin.platform, folder.name).he_key)

    @property
    def p(self) -> int:
        assert self.key is not None
        return int(self.key.factors()[0])

    @property
    def n(self) -> int:
        assert self.key is not None
        return self.key.public.n


WIDTH, ROOT = 512, 256
KEY_BYTES = 9 * ROOT
KEY_ROWS = 5  # of 512 bytes


def at(content: bytes, start: int, value: int | bytes, width: int = WIDTH) -> bytes:
    new = value if isinstance(value, bytes) else value.to_bytes(width, "big")
    return content[:start] + new + content[start + len(new) :]


FIRST_ROW = KEY_ROWS * WIDTH
LAST_ROW = FIRST_ROW + (LISTED - 1) * WIDTH


def other_key(keyed: Keyed, content: bytes, n: int) -> bytes:
    """Another modulus in front of the roots."""
    return at(content, 0, n, ROOT)


def weak_record(keyed: Keyed, content: bytes) -> bytes:
    """A sound proof, made for another session."""
    assert keyed.key is not None
    return at(content, 0, key_record(keyed.key, hashlib.sha256(keyed.session).digest()))


CIPHERTEXTS: dict[str, Callable[[Keyed, bytes], bytes]] = {
    "even n": lambda keyed, content: other_key(keyed, content, keyed.n - 1),
    "wrong root": lambda keyed, content: at(content, ROOT, 12345, ROOT),
    "proof of another session": weak_record,
    "key padded with more": lambda keyed, content: at(content, KEY_BYTES, b"\x01"),
    "first row zero": lambda keyed, content: at(content, FIRST_ROW, 0),
    "n squared": lambda keyed, content: at(content, FIRST_ROW, keyed.n**2),
    "a multiple of p": lambda keyed, content: at(content, LAST_ROW, keyed.p * 77),
}


async def test_hostile_keys_and_ciphertexts_of_the_sender_get_no_answer(tmp_path: Path) -> None:
    """A few of each kind: what else makes a bad key or ciphertext, tests/unit/gateway/he knows."""
    twin = await statistics_twin(tmp_path)
    keyed = Keyed(twin)
    for fault, change in CIPHERTEXTS.items():
        keyed.arm(AggregateStage.CIPHERTEXTS, change)
        job = await twin.run(Operation.AGGREGATE, ("visited",))
        await assert_both_ended(twin, job, "BAD_CIPHERTEXT", fault)
        assert AggregateStage.MASKED not in stages_moved(twin, job), fault
    await both_serve(twin)


async def test_a_stage_of_ciphertexts_of_another_size_is_refused(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path)
    for change in (lambda content: content[:-1], lambda content: content + content[-WIDTH:]):
        job = await run_altered(twin, AggregateStage.CIPHERTEXTS, change, Operation.AGGREGATE)
        await assert_both_ended(twin, job, "BAD_SHAPE", "size")


def masked_row(segment: int) -> int:
    """Where a segment's answer begins in stage 6: the counts of both arms take the first record."""
    return (1 + segment) * WIDTH


def counts_of(content: bytes) -> list[int]:
    return [int.from_bytes(content[9 * one + 1 : 9 * one + 9], "big", signed=True) for one in range(len(ARMS))]


MASKED: dict[str, tuple[Callable[[Keyed, bytes], bytes], str]] = {
    "one segment too few": (lambda keyed, content: content[:-WIDTH], "BAD_SHAPE"),
    "a flag of 2": (lambda keyed, content: at(content, COUNT_BYTES, b"\x02"), "BAD_SHAPE"),
    "an implausible count": (lambda keyed, content: at(content, 1, b"\x7f"), "BAD_SHAPE"),
    "something after the counts": (lambda keyed, content: at(content, WIDTH - 1, b"\x01"), "BAD_SHAPE"),
    "zero": (lambda keyed, content: at(content, masked_row(0), 0), "BAD_CIPHERTEXT"),
    "n squared": (lambda keyed, content: at(content, masked_row(1), keyed.n**2), "BAD_CIPHERTEXT"),
    "a multiple of p": (lambda keyed, content: at(content, masked_row(1), keyed.p * 3), "BAD_CIPHERTEXT"),
}


async def test_a_hostile_batch_of_the_receiver_is_not_answered(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path)
    keyed = Keyed(twin)
    for fault, (change, reason) in MASKED.items():
        keyed.arm(AggregateStage.MASKED, change)
        job = await twin.run(Operation.AGGREGATE, ("visited",))
        await assert_both_ended(twin, job, reason, fault)
        assert AggregateStage.RESULTS not in stages_moved(twin, job), fault
        # What had left stays charged: the list of stage 3.
        assert "count" in await steps_of(twin.platform, (await job_of(twin.platform, job.session_id)).job_id)
    await both_serve(twin)


async def test_a_second_different_batch_ends_the_session_and_the_first_is_answered_only_once(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path)
    inner, confirmed = twin.retailer.peer.push, []

    async def replayed(card, chunks):  # type: ignore[no-untyped-def]
        sent = [chunk async for chunk in chunks]
        last = await inner(card, stream(sent))
        if sent[0].stage == AggregateStage.MASKED:
            confirmed.append(await inner(card, stream(sent)))
            # Another selection, of the same shape: as a receiver would try who wants two answers.
            other = sent[0].bytes[:WIDTH] + sent[0].bytes[2 * WIDTH :] + sent[0].bytes[WIDTH : 2 * WIDTH]
            return await inner(card, stream([rehashed(sent[0], other)]))
        return last

    twin.retailer.peer.push = replayed  # type: ignore[method-assign]
    job = await twin.run(Operation.AGGREGATE, ("visited",))
    assert confirmed == [0], "the same batch again is confirmed again"
    await assert_both_ended(twin, job, "DIGEST_MISMATCH", "second batch")
    assert "stage 6, chunk 0 came before with other bytes" in job.failure.message  # type: ignore[union-attr]
    assert not wire(twin, job, AggregateStage.RESULTS)
    kinds = [kind for kind, payload in await audit_of(twin.platform) if payload.get("session") == job.session_id]
    assert "replay_refused" in kinds
    await both_serve(twin)


async def stream(chunks: list[Chunk]) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        yield chunk


LATE: dict[str, tuple[list[int], str]] = {
    "beyond the list": ([LISTED], "BAD_SHAPE"),
    "beyond 63 bits": ([2**64 - 1], "BAD_SHAPE"),
    "out of order": ([7, 3], "NOT_ASCENDING"),
    "twice": ([7, 7], "NOT_ASCENDING"),
}


async def test_hostile_late_drops_are_refused(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path)
    inner = twin.retailer.peer.pull
    for fault, (places, reason) in LATE.items():
        content = b"".join(place.to_bytes(8, "big") for place in places)

        async def forged(card, session_id, stage, from_seq, content=content):  # type: ignore[no-untyped-def]
            async for chunk in inner(card, session_id, stage, from_seq):
                yield chunk
            if stage == AggregateStage.LATE_DROPS:
                yield Chunk(session_id, int(stage), 0, hashlib.sha256(content).digest(), content)

        twin.retailer.peer.pull = forged  # type: ignore[method-assign]
        job = await twin.run(Operation.OVERLAP)
        await assert_both_ended(twin, job, reason, fault)
        assert "stage 5 LATE_DROPS" in job.failure.message, fault  # type: ignore[union-attr]
    await both_serve(twin)


def noise_over(content: bytes) -> bytes:
    """Both segments' results far beyond what such rows can sum to."""
    return b"".join(content[start : start + 1] + b"\x01" * 256 for start in range(0, len(content), 257))


RESULTS: dict[str, tuple[Change, str]] = {
    "a flag of 2": (lambda content: b"\x02" + content[1:], "BAD_SHAPE"),
    "the last flag 255": (lambda content: content[:257] + b"\xff" + content[258:], "BAD_SHAPE"),
    "one segment too few": (lambda content: content[:257], "BAD_SHAPE"),
    "no sum of such rows": (noise_over, "BAD_CIPHERTEXT"),
}


async def test_hostile_results_of_the_sender_release_nothing(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path)
    for fault, (change, reason) in RESULTS.items():
        job = await run_altered(twin, AggregateStage.RESULTS, change, Operation.AGGREGATE)
        await assert_both_ended(twin, job, reason, fault)
        # S answered: its charge stands.
        assert await steps_of(twin.platform, (await job_of(twin.platform, job.session_id)).job_id) == [
            "count",
            "values",
        ], fault
    await both_serve(twin)


SHARED: dict[str, Change] = {
    "a flag of 2": lambda content: b"\x02" + content[1:],
    "withheld and yet figures": lambda content: b"\x01" + content[1:],
    "one segment too few": lambda content: content[: COUNT_BYTES + SUM_BYTES],
}


@pytest.mark.thorough
async def test_a_hostile_shared_release_is_not_kept(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, result_to=(RETAILER, PLATFORM))
    for fault, change in SHARED.items():
        job = await run_altered(twin, AggregateStage.SHARED_RELEASE, change, Operation.AGGREGATE)
        await assert_both_ended(twin, job, "BAD_SHAPE", fault)
        theirs = await job_of(twin.platform, job.session_id)
        assert not await twin.platform.house.results.exists(theirs.job_id)
    await both_serve(twin)


async def test_counts_of_a_hostile_receiver_in_overlap_are_refused(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, result_to=(PLATFORM,))
    for change in (lambda content: b"\x02" + content[1:], lambda content: content[:1] + b"\x7f" + content[2:]):
        job = await run_altered(twin, AggregateStage.MASKED, change)
        await assert_both_ended(twin, job, "BAD_SHAPE", "counts")
    peer = twin.retailer.peer
    peer.tamper = lambda chunk: chunk
    assert (await twin.run(Operation.OVERLAP)).state is JobState.SUCCEEDED


async def test_a_later_stage_cannot_be_had_before_the_earlier_ones(tmp_path: Path) -> None:
    from gateway.errors import StateError

    twin = await statistics_twin(tmp_path)
    refused: list[tuple[int, str]] = []

    async def try_all(session_id: str) -> None:
        """Before R pulls stage 3: results and ciphertexts of S are asked for, and a batch is pushed."""
        async with twin.retailer.house.store.read() as tx:
            card = (await tx.partners.get(PLATFORM)).card
        for stage in (AggregateStage.CIPHERTEXTS, AggregateStage.LATE_DROPS, AggregateStage.RESULTS):
            with pytest.raises(StateError) as caught:
                async for _ in twin.retailer.peer.pull(card, session_id, int(stage), 0):
                    raise AssertionError(f"{stage.name} left early")
            refused.append((int(stage), caught.value.reason))
        content = bytes(3 * WIDTH)
        early = Chunk(session_id, int(AggregateStage.MASKED), 0, hashlib.sha256(content).digest(), content)
        with pytest.raises(StateError) as caught:
            await twin.retailer.peer.push(card, stream([early]))
        refused.append((6, caught.value.reason))

    before(twin, {int(AggregateStage.SENDER_ELEMENTS): try_all})
    job = await twin.run(Operation.AGGREGATE, ("visited",))
    assert refused == [(4, "STAGE_ORDER"), (5, "STAGE_ORDER"), (7, "STAGE_ORDER"), (6, "STAGE_ORDER")]
    assert job.state is JobState.SUCCEEDED, job.failure
    sizes = await sizes_of(twin.platform, job.session_id)
    assert grouped_of(sizes).row_bytes == WIDTH
