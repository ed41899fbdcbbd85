"""A consent that ends while a run is under way: replaced before the cut, dropped late behind it, never released."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from gateway.route.agreement import Operation
from gateway.route.job import JobState
from gateway.route.session import Stage
from tests.contract.rows import after_pull, before_close, before_pull, found_by, records_of
from tests.twin import PLATFORM, Gateway, Twin, withdrawn

SHARED = {f"A{number:06d}" for number in range(20, 40)}


def leaves(side: Gateway, customer: str) -> Callable[[], Awaitable[None]]:
    """Return what a customer of a side does: withdraw, at that moment."""

    async def leave() -> None:
        report = await side.import_events([withdrawn(side.party, customer, side.house.clock.now())])
        assert report.accepted == 1, report

    return leave


async def test_a_withdrawal_before_the_cut_is_replaced_on_both_sides(twin: Twin) -> None:
    before_pull(twin, Stage.OPENING, leaves(twin.retailer, "A000025"))
    before_pull(twin, Stage.EVALUATED, leaves(twin.platform, "B000026"))
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    assert await found_by(twin.retailer, job) == SHARED - {"A000025", "A000026"}
    opening, run = await records_of(twin, job)
    assert (run["receiver"]["replaced"], run["sender"]["replaced"]) == (1, 1)
    assert (run["receiver"]["tokenised"], run["sender"]["tokenised"]) == (39, 49)
    # Sizes equal the opening record all the same.
    assert (opening["receiver_rows"], opening["sender_rows"]) == ([40], [50])


async def test_a_withdrawal_from_an_enrichment_is_replaced_before_the_cut_and_late_behind_it(twin: Twin) -> None:
    async def late() -> None:
        await leaves(twin.platform, "B000027")()
        await leaves(twin.retailer, "A000028")()

    # Before the cut of either side; when the table has left, stage 4 comes next.
    before_pull(twin, Stage.OPENING, leaves(twin.retailer, "A000025"))
    before_pull(twin, Stage.EVALUATED, leaves(twin.platform, "B000026"))
    after_pull(twin, Stage.TABLE, late)
    job = await twin.run(Operation.ENRICH, ("tier",))
    assert job.state is JobState.SUCCEEDED, job.failure
    assert await found_by(twin.retailer, job) == SHARED - {"A000025", "A000026", "A000027", "A000028"}
    _, run = await records_of(twin, job)
    assert (run["sender"]["late_drops"], run["receiver"]["late_drops"]) == (1, 1)
    assert (run["sender"]["replaced"], run["receiver"]["replaced"]) == (1, 1)


async def test_a_withdrawn_column_consent_drops_the_row_late(twin: Twin) -> None:
    async def late() -> None:
        row = withdrawn(PLATFORM, "B000030", twin.clock.now()) | {"categories": ["loyalty"]}
        report = await twin.platform.import_events([row])
        assert report.accepted == 1, report

    after_pull(twin, Stage.TABLE, late)
    job = await twin.run(Operation.ENRICH, ("tier",))
    assert job.state is JobState.SUCCEEDED, job.failure
    assert await found_by(twin.retailer, job) == SHARED - {"A000030"}


async def test_a_pause_longer_than_the_consent_age_releases_nothing(twin: Twin) -> None:
    async def pause() -> None:
        twin.clock.at += timedelta(seconds=901)

    before_close(twin, pause)
    job = await twin.run(Operation.MATCH)
    assert job.refusal and job.refusal.reason_code == "CONSENT_CHANGED"
    assert not await twin.retailer.house.results.exists(job.job_id)
