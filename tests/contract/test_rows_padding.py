"""Padded MATCH and ENRICH: the partner sees a power of two or the cap, and nothing else changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import StateError
from gateway.flow import cohort, send
from gateway.flow.registry import create_category
from gateway.route.agreement import Operation
from gateway.route.job import JobState
from gateway.route.session import Stage
from tests.contract.rows import (
    COLUMNS,
    after_pull,
    found_by,
    job_at,
    read_at,
    records_of,
    rows_twin,
    session_at,
    tokens_of,
)
from tests.twin import EVERYBODY, PLATFORM, RETAILER, Twin, close_all, withdrawn

SHARED = {f"A{number:06d}" for number in range(20, 40)}


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_all()


def seen(twin: Twin, stage: Stage, width: int) -> list[bytes]:
    """Return the records of a stage as they crossed the wire."""
    chunks = [*twin.retailer.peer.pushed, *twin.retailer.peer.pulled]
    content = b"".join(chunk.bytes for chunk in chunks if chunk.stage == stage)
    return [content[at : at + width] for at in range(0, len(content), width)]


async def test_both_lists_are_as_long_as_the_next_power_of_two(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path, padding=True)
    job = await twin.run(Operation.ENRICH, COLUMNS)
    assert job.state is JobState.SUCCEEDED, job.failure
    rows = {
        (row["customer"], row["attribute"]): row["value"] for row in (await read_at(twin.retailer, job)).to_pylist()
    }
    assert {customer for customer, _ in rows} == SHARED
    for number in range(20, 40):
        assert rows[f"A{number:06d}", "tier"] == ("gold", "silver", None)[number % 3]
    record, run = await records_of(twin, job)
    assert (record["receiver_rows"], record["sender_rows"]) == ([64], [64])
    for stage, width in ((Stage.BLINDED, 32), (Stage.EVALUATED, 32), (Stage.TABLE, record["row_bytes"])):
        assert len(seen(twin, stage, width)) == len(set(seen(twin, stage, width))) == 64, stage
    # A row of nobody does not stand out by its version.
    begin = record["tag_bytes"]
    assert len({row[begin : begin + 8] for row in seen(twin, Stage.TABLE, record["row_bytes"])}) == 1
    # What both sign counts padding as records.
    assert (run["receiver"]["tokenised"], run["sender"]["tokenised"]) == (64, 64)
    # At home it is told apart, and nobody else counts.
    assert (job.report["records"], job.report["consented"], job.report["padding"]) == (40, 40, 24)
    theirs = await job_at(twin.platform, job)
    assert (theirs.report["records"], theirs.report["padding"], theirs.report["sent"]) == (50, 14, 50)
    assert (job.report["partner_rows"], theirs.report["partner_rows"]) == (64, 64)
    assert job.report["matched"] == job.report["released"] == 20
    assert (await tokens_of(twin.platform, job)).num_rows == 50
    # The matches are R's alone, as agreed.
    assert record["matches_to_sender"] is False
    assert run["disclosure"]["released_to"] == [RETAILER]
    assert not seen(twin, Stage.MATCHED_TAGS, 1)
    with pytest.raises(StateError) as caught:
        await read_at(twin.platform, job)
    assert caught.value.reason == "NOT_FOUND"


async def test_the_cap_is_never_exceeded_and_judged_on_real_records(tmp_path: Path) -> None:
    caps = {"rows_receiver": 50, "rows_sender": 50, "runs_per_day": 9}
    twin = await rows_twin(tmp_path, padding=True, caps=caps)
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    record, _ = await records_of(twin, job)
    assert (record["receiver_rows"], record["sender_rows"]) == ([50], [50])
    assert (await job_at(twin.platform, job)).report["padding"] == 0
    assert await found_by(twin.retailer, job) == SHARED


async def test_an_empty_list_has_one_row_of_nobody(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path, padding=True, consents=False)
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    record, _ = await records_of(twin, job)
    assert (record["receiver_rows"], record["sender_rows"]) == ([1], [1])
    assert job.report["matched"] == 0


async def test_padding_is_nobodys_when_everybody_is_judged_again(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path, padding=True)

    async def change() -> None:
        # What is registered changes, so that the whole cohort file is judged again; and one withdraws.
        for side in (twin.retailer, twin.platform):
            await create_category(side.house, EVERYBODY, {"id": "other", "text": "其他"})
        now = twin.clock.now()
        await twin.retailer.import_events([withdrawn(RETAILER, "A000025", now)])
        await twin.platform.import_events([withdrawn(PLATFORM, "B000026", now)])

    after_pull(twin, Stage.OPENING, change)
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert await found_by(twin.retailer, job) == SHARED - {"A000025", "A000026"}
    record, run = await records_of(twin, job)
    assert (record["receiver_rows"], record["sender_rows"]) == ([64], [64])
    for side in ("receiver", "sender"):
        assert (run[side]["tokenised"], run[side]["replaced"], run[side]["late_drops"]) == (63, 1, 0)


@pytest.mark.parametrize("module", [cohort, send], ids=["receiver", "sender"])
async def test_a_list_that_is_not_filled_up_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object
) -> None:
    twin = await rows_twin(tmp_path, padding=True)
    monkeypatch.setattr(module, "list_rows", lambda job, side, rows: rows)
    job = await twin.run(Operation.MATCH)
    assert job.failure and job.failure.reason == "BAD_SHAPE"
    assert "not filled up as agreed" in job.failure.message
    assert (await session_at(twin.platform, job)).state.value == "ABORTED"
