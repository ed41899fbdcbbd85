"""The privacy budget over whole runs: charged before the bytes, once, never given back, on both sides."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.flow import agreement as agreements
from gateway.flow.budget import get_budget
from gateway.flow.lease import Lease
from gateway.flow.ports.peer import Acceptance
from gateway.flow.run import cancel, run
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from gateway.route.session import AggregateStage, Chunk
from tests.contract.aggregates import (
    COLUMNS,
    NOISY,
    agreed,
    audit_of,
    before,
    charges_of,
    closed,
    job_of,
    jobs_of,
    moved,
    rehashed,
    statistics_twin,
    steps_of,
)
from tests.twin import EVERYBODY, EXACT, PLATFORM, RETAILER, Gateway, Twin, agreement_draft

__all__ = ["closed"]

COLUMN = ("visited",)  # one sum: epsilon 1 for it, 1 for the count
DELTA = Decimal("0.000001")
TAIL = Decimal("0.000000000000909495")  # 2^-40, rounded up


def refused_for_budget(job: Job) -> bool:
    return job.state is JobState.REFUSED and job.refusal is not None and job.refusal.reason_code == "BUDGET_EXHAUSTED"


async def spent(side: Gateway) -> float:
    return float(sum(charge.epsilon for charge in await charges_of(side)))


async def test_each_step_is_charged_before_the_bytes_that_cost_it(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, terms=NOISY, result_to=(RETAILER, PLATFORM))
    seen: dict[int, tuple[list[str], list[str]]] = {}
    peer = twin.retailer.peer
    pull = peer.pull

    async def look(stage: int, session_id: str) -> None:
        theirs = await job_of(twin.platform, session_id)
        ours = await job_of(twin.retailer, session_id)
        seen.setdefault(
            stage, (await steps_of(twin.retailer, ours.job_id), await steps_of(twin.platform, theirs.job_id))
        )

    async def looking(card, session_id, stage, from_seq):  # type: ignore[no-untyped-def]
        async for chunk in pull(card, session_id, stage, from_seq):
            if stage:
                await look(int(stage), session_id)
            yield chunk

    peer.pull = looking  # type: ignore[method-assign]
    pushed = (AggregateStage.BLINDED, AggregateStage.MASKED, AggregateStage.SHARED_RELEASE)
    before(twin, {int(stage): lambda session, stage=stage: look(int(stage), session) for stage in pushed})  # type: ignore[misc]
    job = await twin.run(Operation.AGGREGATE, COLUMN)
    assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
    assert seen == {
        1: ([], []),
        2: ([], []),
        3: ([], ["count"]),
        4: ([], ["count"]),
        6: (["receiver"], ["count"]),
        7: (["receiver"], ["count", "values"]),
        8: (["receiver", "values"], ["count", "values"]),
    }
    ours, theirs = await charges_of(twin.retailer), await charges_of(twin.platform)
    assert [(one.step, one.epsilon, one.delta, one.cells) for one in ours] == [
        ("receiver", Decimal(1), TAIL, 0),
        ("values", Decimal(1), TAIL, 0),
    ]
    assert [(one.step, one.epsilon, one.delta, one.cells) for one in theirs] == [
        ("count", Decimal(1), DELTA, 0),
        ("values", Decimal(1), TAIL, 0),
    ]
    # Each charge is on record, with its session, in the same words.
    for side, charges in ((twin.retailer, ours), (twin.platform, theirs)):
        told = [payload for kind, payload in await audit_of(side) if kind == "budget_charged"]
        assert [(one["step"], one["session"], Decimal(one["epsilon"]), Decimal(one["delta"])) for one in told] == [
            (one.step, job.session_id, one.epsilon, one.delta) for one in charges
        ]


async def test_an_aborted_run_stays_charged_and_the_budget_ends(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, terms=NOISY | {"epsilon_cap": "4"})

    def spoiled(chunk: Chunk) -> Chunk:
        return rehashed(chunk, b"\x02" + chunk.bytes[1:]) if chunk.stage == AggregateStage.RESULTS else chunk

    twin.retailer.peer.tamper = spoiled
    failed = await twin.run(Operation.AGGREGATE, COLUMN)
    assert failed.state is JobState.FAILED
    assert (await spent(twin.retailer), await spent(twin.platform)) == (1, 2)
    twin.retailer.peer.tamper = lambda chunk: chunk
    assert (await twin.run(Operation.AGGREGATE, COLUMN)).state is JobState.SUCCEEDED
    # The platform has spent 4 of 4: it says no before any work, and so does the job at the retailer.
    refused = await twin.run(Operation.AGGREGATE, COLUMN)
    assert refused_for_budget(refused)
    assert refused.session_id == ""
    assert len(await jobs_of(twin.platform)) == 2
    assert (await spent(twin.retailer), await spent(twin.platform)) == (2, 4)
    # A stored result is read again for nothing, and the window slides.
    report = await get_budget(twin.platform.house, EVERYBODY, twin.agreement_id)
    assert [report.spent.epsilon, len(report.charges), report.terms.epsilon_cap] == [4, 4, 4]
    twin.clock.at += timedelta(days=31)
    assert (await get_budget(twin.platform.house, EVERYBODY, twin.agreement_id)).spent.epsilon == 0
    assert (await twin.run(Operation.AGGREGATE, COLUMN)).state is JobState.SUCCEEDED
    # Nothing is ever taken off the ledger.
    assert await spent(twin.platform) == 6


async def test_the_receiver_refuses_itself_what_its_own_budget_does_not_bear(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, terms=NOISY | {"epsilon_cap": "2"}, result_to=(PLATFORM,))
    first = await twin.run(Operation.AGGREGATE, COLUMN)
    assert first.state is JobState.SUCCEEDED, (first.failure, first.refusal)
    assert (await spent(twin.retailer), await spent(twin.platform)) == (2, 1)
    before_it = len(moved(twin))
    second = await twin.run(Operation.OVERLAP)
    assert refused_for_budget(second)
    # Nobody was asked.
    assert len(moved(twin)) == before_it
    assert len(await jobs_of(twin.platform)) == 1


async def test_a_budget_that_ends_within_a_run_refuses_it_on_both_sides(tmp_path: Path) -> None:
    # Exact cells: 2 for the counts, 2 for the sums; a run is let in when one segment would fit.
    twin = await statistics_twin(tmp_path, terms=EXACT | {"cells_per_period": 6})
    first = await twin.run(Operation.AGGREGATE, COLUMN)
    assert first.state is JobState.SUCCEEDED, (first.failure, first.refusal)
    second = await twin.run(Operation.AGGREGATE, COLUMN)
    theirs = await job_of(twin.platform, second.session_id)
    assert refused_for_budget(second), (second.state, second.failure)
    assert refused_for_budget(theirs), (theirs.state, theirs.failure)
    assert [(one.step, one.cells) for one in await charges_of(twin.platform)] == [
        ("count", 2),
        ("values", 2),
        ("count", 2),
    ]
    assert AggregateStage.RESULTS not in {chunk.stage for chunk in moved(twin) if chunk.session_id == second.session_id}
    for side, job in ((twin.retailer, second), (twin.platform, theirs)):
        assert not await side.house.results.exists(job.job_id)
        assert not list((side.home / "spool").glob("*/*"))


async def agree_again(twin: Twin, terms: dict[str, object]) -> str:
    """Sign and bind a second agreement of the same two parties over the same data sets."""
    agreement_id = str(uuid.uuid4())
    draft = agreement_draft(agreement_id, **agreed(terms))
    copy = await agreements.propose(twin.retailer.house, EVERYBODY, draft, str(uuid.uuid4()))
    await agreements.accept(twin.platform.house, EVERYBODY, agreement_id, copy.agreement.hash.hex())
    for side in (twin.retailer, twin.platform):
        async with side.house.store.read() as tx:
            bound = await tx.agreements.binding(twin.agreement_id)
        assert bound is not None
        await agreements.bind(side.house, EVERYBODY, replace(bound, agreement_id=agreement_id))
    return agreement_id


async def test_a_second_agreement_begins_no_second_budget(tmp_path: Path) -> None:
    terms = NOISY | {"epsilon_cap": "3"}
    twin = await statistics_twin(tmp_path, terms=terms)
    second = await agree_again(twin, terms)
    assert (await twin.run(Operation.AGGREGATE, COLUMN)).state is JobState.SUCCEEDED
    first, twin.agreement_id = twin.agreement_id, second
    assert refused_for_budget(await twin.run(Operation.AGGREGATE, COLUMN))
    # What is left bears a count alone, whichever agreement it is under.
    assert (await twin.run(Operation.OVERLAP)).state is JobState.SUCCEEDED
    twin.agreement_id = first
    assert refused_for_budget(await twin.run(Operation.OVERLAP))
    assert {one.agreement_id for one in await charges_of(twin.platform)} == {first, second}


async def worker(gateway: Gateway, name: str) -> None:
    """Carry on jobs as one of several workers, each with leases of its own that nobody takes over."""
    house = gateway.house
    while True:
        now = house.clock.now()
        async with house.store.begin() as tx:
            job = await tx.jobs.lease(name, house.spool.spool_id, now, now + timedelta(hours=5))
        if job is None:
            await asyncio.sleep(0.02)
            continue
        lease = Lease(house, job)
        await (cancel(lease) if job.cancel_requested else run(lease))


async def over(twin: Twin, runs: int) -> bool:
    """Whether both sides have ended this many jobs."""
    found = [*await jobs_of(twin.retailer), *await jobs_of(twin.platform)]
    return len(found) == 2 * runs and all(job.state.final for job in found)


async def test_two_jobs_at_once_cannot_spend_the_same_budget(tmp_path: Path) -> None:
    # Either run alone costs the platform 2; both are let in while nothing is spent.
    twin = await statistics_twin(tmp_path, terms=NOISY | {"epsilon_cap": "3"})
    both_open = asyncio.Event()
    opened: list[str] = []
    inner = twin.retailer.peer.open_session

    async def together(card, offer):  # type: ignore[no-untyped-def]
        answer = await inner(card, offer)
        assert isinstance(answer, Acceptance)
        opened.append(answer.session_id)
        if len(opened) == 2:
            both_open.set()
        await both_open.wait()
        return answer

    twin.retailer.peer.open_session = together  # type: ignore[method-assign]
    jobs = [await twin.create(Operation.AGGREGATE, COLUMN) for _ in range(2)]
    working = [
        asyncio.create_task(worker(side, f"{side.party}-{number}"))
        for side in (twin.retailer, twin.platform)
        for number in range(2)
    ]
    try:
        async with asyncio.timeout(60):
            while not await over(twin, 2):
                for task in working:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.05)
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
    ended = [await twin.retailer.job(job.job_id) for job in jobs]
    assert len(set(opened)) == 2
    assert sorted(job.state for job in ended) == [JobState.REFUSED, JobState.SUCCEEDED]
    [loser] = [job for job in ended if job.state is JobState.REFUSED]
    assert refused_for_budget(loser)
    assert refused_for_budget(await job_of(twin.platform, loser.session_id))
    assert sorted(one.step for one in await charges_of(twin.platform)) == ["count", "count", "values"]
    assert await spent(twin.platform) == 3


async def test_a_budget_for_everything_asked_at_once_is_checked_before_a_key_is_made(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, terms=NOISY | {"epsilon_cap": "5"})
    # All columns cost 1 + 7 statistics.
    job = await twin.run(Operation.AGGREGATE, COLUMNS)
    assert refused_for_budget(job)
    assert await charges_of(twin.platform) == []


@pytest.mark.parametrize("result_to", [(RETAILER,), (RETAILER, PLATFORM)], ids="+".join)
async def test_overlap_costs_the_receiver_only_where_it_draws_noise_or_tells(
    tmp_path: Path, result_to: tuple[str, ...]
) -> None:
    twin = await statistics_twin(tmp_path, terms=EXACT, result_to=result_to)
    job = await twin.run(Operation.OVERLAP)
    assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
    # Exact counts that S never sees cost R nothing; those that it sees are cells.
    expected = [("receiver", 2)] if PLATFORM in result_to else []
    assert [(one.step, one.cells) for one in await charges_of(twin.retailer)] == expected
    assert [(one.step, one.cells) for one in await charges_of(twin.platform)] == [("count", 2)]
