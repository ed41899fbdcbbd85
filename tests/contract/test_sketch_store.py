from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.flow.ports.store import InputSketch, SketchStore
from gateway.route.job import Side
from gateway.store import SqlStore
from tests.contract.given import DAY, NOW, SECOND

ENTRY = InputSketch(
    job_id="job-1",
    partner="platform",
    dataset="crm",
    side=Side.RECEIVER,
    segment="5e" * 32,
    rows=1000,
    sketch=bytes(range(256)) * 24,
    at=NOW,
)
ANY_SIZE = (0, 2**62)


async def _put(store: SqlStore, *entries: InputSketch) -> None:
    async with store.begin() as tx:
        await tx.sketches.put(entries)


async def _earlier(
    store: SqlStore,
    partner: str = "platform",
    side: Side = Side.RECEIVER,
    days: int = 30,
    excluding: str = "job-now",
    rows: tuple[int, int] = ANY_SIZE,
) -> list[InputSketch]:
    async with store.read() as tx:
        found = await tx.sketches.earlier(partner, side, NOW - days * DAY, excluding, rows)
        if rows == ANY_SIZE:
            assert await tx.sketches.count(partner, side, NOW - days * DAY, excluding) == len(found)
        return found


async def test_a_sketch_comes_back_as_it_was(store: SqlStore) -> None:
    alone = replace(ENTRY, job_id="job-2", side=Side.SENDER, segment="", dataset="members", sketch=b"\0\xff")
    await _put(store)
    await _put(store, ENTRY, alone)
    async with store.read() as tx:
        sketches: SketchStore = tx.sketches
        assert await sketches.kept("job-1") == {ENTRY.segment}
        assert await sketches.kept("job-2") == {""}
        assert await sketches.kept("job-3") == frozenset()
    assert await _earlier(store) == [ENTRY]
    assert await _earlier(store, side=Side.SENDER) == [alone]


async def test_the_name_of_a_data_set_resets_nothing(store: SqlStore) -> None:
    renamed = replace(ENTRY, job_id="job-2", dataset="crm2")
    await _put(store, ENTRY, renamed, replace(ENTRY, job_id="job-3", partner="bank"))
    assert await _earlier(store) == [ENTRY, renamed]
    assert [entry.job_id for entry in await _earlier(store, partner="bank")] == ["job-3"]
    assert await _earlier(store, partner="Platform") == []


async def test_the_first_of_a_job_and_segment_stands(store: SqlStore, other: SqlStore) -> None:
    await _put(store, ENTRY)
    beside = replace(ENTRY, segment="aa" * 32)
    await _put(other, replace(ENTRY, rows=7, sketch=b"", at=NOW + SECOND), beside)
    await _put(store, ENTRY, beside)
    assert await _earlier(other) == [ENTRY, beside]


async def test_the_window_slides_and_its_edge_is_inside(store: SqlStore) -> None:
    ages = (0 * DAY, 30 * DAY, 30 * DAY + SECOND / 1_000_000, 90 * DAY, -DAY)
    await _put(store, *(replace(ENTRY, job_id=f"job-{age}", at=NOW - age) for age in ages))
    assert sorted(NOW - entry.at for entry in await _earlier(store)) == sorted((ages[4], ages[0], ages[1]))
    assert len(await _earlier(store, days=31)) == 4
    assert len(await _earlier(store, days=90)) == 5


async def test_a_job_does_not_see_its_own(store: SqlStore) -> None:
    await _put(store, ENTRY, replace(ENTRY, job_id="job-2"))
    assert [entry.job_id for entry in await _earlier(store, excluding="job-2")] == ["job-1"]


async def test_only_sizes_asked_for_are_read(store: SqlStore) -> None:
    await _put(store, *(replace(ENTRY, job_id=f"job-{rows}", rows=rows) for rows in (0, 949, 950, 1050, 1051)))
    assert {entry.rows for entry in await _earlier(store, rows=(950, 1050))} == {950, 1050}
    assert [entry.rows for entry in await _earlier(store, rows=(-49, 49))] == [0]


async def test_pages_follow_each_other_without_a_gap(store: SqlStore) -> None:
    names = [("job-1", ""), ("job-1", "aa"), ("job-1", "b"), ("job-10", ""), ("job-10", "B"), ("job-2", "a")]
    await _put(store, *(replace(ENTRY, job_id=job, segment=segment) for job, segment in reversed(names)))
    seen: list[tuple[str, str]] = []
    async with store.read() as tx:
        while True:
            after = seen[-1] if seen else ("", "")
            page = await tx.sketches.earlier("platform", Side.RECEIVER, NOW, "job-now", ANY_SIZE, after, 4)
            seen += [(entry.job_id, entry.segment) for entry in page]
            if len(page) < 4:
                break
    assert seen == names


async def test_a_sketch_goes_with_its_transaction(store: SqlStore) -> None:
    with pytest.raises(LookupError):
        async with store.begin() as tx:
            await tx.sketches.put([ENTRY])
            raise LookupError
    assert await _earlier(store) == []


def test_a_sketch_shows_no_bytes() -> None:
    assert "sketch" not in repr(ENTRY)
