"""Consent within AGGREGATE: who left before a cut, after it, or never allowed it, is in no sum; and what stands."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.route.agreement import Operation
from gateway.route.job import JobState
from gateway.route.session import AggregateStage, SessionState
from tests.contract.aggregates import (
    CLOSING,
    COLUMNS,
    NOISY,
    Hook,
    assert_exact,
    before,
    cells_of,
    closed,
    crm,
    job_of,
    run_record,
    session_of,
    statistics_twin,
    steps_of,
    truth,
    users,
    wire,
)
from tests.twin import CATEGORIES, EXACT, METHODS, PLATFORM, RETAILER, Twin, given, withdrawn

__all__ = ["closed"]

READERS = [(RETAILER,), (PLATFORM,), (RETAILER, PLATFORM)]


def leave(twin: Twin, *customers: str) -> Hook:
    """Withdraw at that moment, at the side whose customer it is."""

    async def now(_: str) -> None:
        for customer in customers:
            side, party = (twin.retailer, RETAILER) if customer.startswith("A") else (twin.platform, PLATFORM)
            report = await side.import_events([withdrawn(party, customer, twin.clock.now())])
            assert report.accepted == 1, report

    return now


async def test_who_withdraws_during_a_run_is_replaced_dropped_late_or_counted(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path)
    before(
        twin,
        {
            # R has judged, S has not.
            int(AggregateStage.OPENING): leave(twin, "A000100"),
            # S has judged and not cut.
            int(AggregateStage.EVALUATED): leave(twin, "B000101", "B000104"),
            # R's elements have left: its customers cannot be found in sums any more.
            int(AggregateStage.SENDER_ELEMENTS): leave(twin, "A000103"),
            # S's list and ciphertexts have left.
            int(AggregateStage.LATE_DROPS): leave(twin, "B000102", "B000105", "B000106"),
        },
    )
    job = await twin.run(Operation.AGGREGATE, COLUMNS)
    assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
    gone = ("A000100", "B000101", "B000104", "B000102", "B000105", "B000106")
    assert_exact(await twin.result(job), truth(twin, gone=gone))
    record = await run_record(twin, job)
    counts = ("tokenised", "replaced", "late_drops")
    assert [record["receiver"][name] for name in counts] == [149, 1, 1]
    assert [record["sender"][name] for name in counts] == [118, 2, 3]
    # Sizes on the wire are those of the opening record all the same.
    opening = json.loads((await session_of(twin.retailer, job.session_id)).opening)
    assert (opening["receiver_rows"], opening["sender_rows"]) == ([75, 75], [120])
    assert len(wire(twin, job, AggregateStage.BLINDED)) == 150 * 32
    assert len(wire(twin, job, AggregateStage.SENDER_ELEMENTS)) == 120 * 32
    # Late drops are places in S's list, ascending, and nothing else.
    drops = wire(twin, job, AggregateStage.LATE_DROPS)
    places = [int.from_bytes(drops[start : start + 8], "big") for start in range(0, len(drops), 8)]
    assert places == sorted(set(places))
    assert len(places) == 3
    assert max(places) < 120
    # What stood is said: the cut, and how many withdrew since.
    assert job.report["withdrawn_since_cut"] == 1
    assert job.report["cut_at"] == record["receiver"]["cut_at"]

    # Of a bare count the moments are the same; a month later, for the input is nearly that of before.
    twin.clock.at += timedelta(days=31)
    before(
        twin,
        {
            int(AggregateStage.OPENING): leave(twin, "A000107"),
            int(AggregateStage.EVALUATED): leave(twin, "B000108"),
            int(AggregateStage.LATE_DROPS): leave(twin, "B000109"),
        },
    )
    counted = await twin.run(Operation.OVERLAP)
    assert counted.state is JobState.SUCCEEDED, (counted.failure, counted.refusal)
    out = (*gone, "A000103")  # before either was judged, so that no size counts them
    assert_exact(await twin.result(counted), truth(twin, (), without=out, gone=("A000107", "B000108", "B000109")))
    record = await run_record(twin, counted)
    assert [[record[side][name] for name in counts[1:]] for side in ("receiver", "sender")] == [[1, 0], [1, 1]]


@pytest.mark.parametrize("result_to", READERS, ids="+".join)
async def test_where_late_withdrawals_abandon_a_run_nobody_learns_anything(
    tmp_path: Path, result_to: tuple[str, ...]
) -> None:
    twin = await statistics_twin(tmp_path, terms=NOISY | {"late_withdrawals": "ABANDON"}, result_to=result_to)
    before(twin, {int(AggregateStage.SENDER_ELEMENTS): leave(twin, "A000103")})
    job = await twin.run(Operation.AGGREGATE, ("visited",))
    theirs = await job_of(twin.platform, job.session_id)
    for side, one in ((twin.retailer, job), (twin.platform, theirs)):
        assert one.state is JobState.REFUSED, (side.party, one.state, one.failure)
        assert one.refusal and one.refusal.reason_code == "CONSENT_CHANGED"
        assert not await side.house.results.exists(one.job_id), side.party
        assert not list((side.home / "spool").glob("*/*"))
        assert (await session_of(side, job.session_id)).state is not SessionState.CLOSED
    # What left is charged for ever.
    assert "receiver" in await steps_of(twin.retailer, job.job_id)
    assert "count" in await steps_of(twin.platform, theirs.job_id)


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_withdrawal_stands_within_the_consent_age_of_the_cut_only(tmp_path: Path, leaves: bool) -> None:
    twin = await statistics_twin(tmp_path)

    async def pause(_: str) -> None:
        # Neither pause alone is longer than the agreed age of 900 seconds; the cut is older than both together.
        twin.clock.at += timedelta(seconds=500)

    async def first(session_id: str) -> None:
        if leaves:
            await leave(twin, "A000103")(session_id)
        await pause(session_id)

    before(twin, {int(AggregateStage.SENDER_ELEMENTS): first, CLOSING: pause})
    job = await twin.run(Operation.OVERLAP)
    if leaves:
        assert job.refusal and job.refusal.reason_code == "CONSENT_CHANGED"
        assert not await twin.retailer.house.results.exists(job.job_id)
    else:
        assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
        assert job.report["withdrawn_since_cut"] == 0


async def test_a_pause_before_the_end_releases_nothing_to_either_side(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, result_to=(RETAILER, PLATFORM))

    async def pause(_: str) -> None:
        twin.clock.at += timedelta(seconds=901)

    before(twin, {CLOSING: pause})
    job = await twin.run(Operation.AGGREGATE, ("visited",))
    for side in (twin.retailer, twin.platform):
        one = await job_of(side, job.session_id)
        assert one.refusal and one.refusal.reason_code == "CONSENT_CHANGED", one.failure
        assert not await side.house.results.exists(one.job_id)


@pytest.mark.parametrize(
    ("columns", "left_out"), [(("visited",), {"B000112"}), (("balance",), {"B000112", "B000113", "B000114"})]
)
async def test_consent_must_name_the_method_and_every_asked_columns_category(
    tmp_path: Path, columns: tuple[str, ...], left_out: set[str]
) -> None:
    twin = await statistics_twin(tmp_path, consents=False)
    narrow = ("phone_hash", "loyalty")
    for side, dataset, party, methods, categories in (
        (twin.retailer, "crm", RETAILER, {"A000110": ["psi_hash"]}, {"A000111": narrow}),
        (twin.platform, "users", PLATFORM, {"B000112": ["psi_hash"]}, {"B000113": narrow, "B000114": narrow}),
    ):
        rows = []
        for customer in side.datasets.tables[dataset].column("id").to_pylist():
            row = given(party, customer, categories.get(customer, CATEGORIES))
            row["items"][0]["methods"] = methods.get(customer, list(METHODS))  # type: ignore[index]
            rows.append(row)
        assert (await side.import_events(rows)).rejected_count == 0
    # The receiver gives nothing of its columns: the match key's category is all it needs.
    job = await twin.run(Operation.AGGREGATE, columns)
    assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
    assert_exact(await twin.result(job), truth(twin, columns, {"A000110"} | left_out))
    opening = json.loads((await session_of(twin.retailer, job.session_id)).opening)
    assert (sum(opening["receiver_rows"]), opening["sender_rows"]) == (149, [120 - len(left_out)])


async def test_a_key_that_two_people_share_is_left_out_on_both_sides(tmp_path: Path) -> None:
    tables = []
    for table, pair in ((crm(), (100, 101)), (users(), (29, 30))):
        phones = table.column("phone").to_pylist()
        phones[pair[1]] = phones[pair[0]]
        tables.append(table.set_column(1, "phone", [phones]))
    twin = await statistics_twin(tmp_path, tables=(tables[0], tables[1]))
    job = await twin.run(Operation.AGGREGATE, ("visited", "spend"))
    without = {"A000100", "A000101", "B000104", "B000105"}
    assert_exact(await twin.result(job), truth(twin, ("visited", "spend"), without))
    for side in (twin.retailer, twin.platform):
        assert (await job_of(side, job.session_id)).report["left_out"] == {"SHARED_MATCH_KEY": 2}


async def test_late_drops_are_asked_for_even_when_nobody_left(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, terms=EXACT | {"late_withdrawals": "ABANDON"})
    job = await twin.run(Operation.OVERLAP)
    assert job.state is JobState.SUCCEEDED, job.refusal
    assert wire(twin, job, AggregateStage.LATE_DROPS) == b""
    assert cells_of(await twin.result(job))
