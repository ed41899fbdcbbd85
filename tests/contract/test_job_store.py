from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from gateway.errors import Misuse, StateError
from gateway.route.job import Failure, Job, JobState, Refusal, Side, WaitingFor
from gateway.store import SqlStore, open_store
from tests.contract import given
from tests.contract.given import NOW, SECOND

LATER = NOW + 100 * SECOND


async def _create(store: SqlStore, *jobs: Job) -> None:
    async with store.begin() as tx:
        for job in jobs:
            await tx.jobs.create(job)


async def _lease(store: SqlStore, owner: str = "w1", now: datetime = LATER, spool_id: str = "spool-1") -> Job | None:
    async with store.begin() as tx:
        return await tx.jobs.lease(owner, spool_id, now, now + 30 * SECOND)


async def _held(store: SqlStore) -> Job:
    await _create(store, given.job())
    held = await _lease(store)
    assert held is not None
    return held


async def test_every_field_of_a_job_comes_back(store: SqlStore) -> None:
    for job in (given.job(), given.worn_job()):
        await _create(store, job)
        async with store.read() as tx:
            assert await tx.jobs.get(job.job_id) == job
            with pytest.raises(StateError) as caught:
                await tx.jobs.get("none")
        assert caught.value.reason == "NOT_FOUND"


async def test_the_same_request_again_is_the_stored_job(store: SqlStore) -> None:
    async with store.begin() as tx:
        first = await tx.jobs.create(given.job())
        again = await tx.jobs.create(replace(given.job(), job_id="job-9999", created_at=LATER))
        assert again == first
        assert len(await tx.jobs.list()) == 1


async def test_a_request_id_never_stands_for_two_requests(store: SqlStore) -> None:
    other = given.job(2, request=replace(given.job().request, purpose="measure"))
    async with store.begin() as tx:
        await tx.jobs.create(given.job())
        with pytest.raises(StateError) as caught:
            await tx.jobs.create(other)
    assert caught.value.reason == "REVISION_CONFLICT"
    await _create(store, replace(other, side=Side.SENDER))  # the other side's requests have names of their own


async def test_the_run_before_is_the_last_that_succeeded_with_the_same_terms(store: SqlStore) -> None:
    jobs = [replace(given.job(number), created_at=NOW + number * SECOND) for number in range(1, 6)]
    ended = replace(jobs[1], state=JobState.SUCCEEDED)
    others = [
        replace(jobs[2], state=JobState.FAILED),
        replace(jobs[3], state=JobState.SUCCEEDED, request=replace(jobs[3].request, purpose="measure")),
    ]
    await _create(store, replace(jobs[0], state=JobState.SUCCEEDED), ended, *others, jobs[4])
    async with store.read() as tx:
        found = await tx.jobs.previous(jobs[4])
        assert found is not None
        assert found.job_id == ended.job_id
        first = await tx.jobs.get(jobs[0].job_id)
        assert await tx.jobs.previous(first) is None


async def test_concurrent_repetitions_create_one_job(store: SqlStore, other: SqlStore) -> None:
    async def create(where: SqlStore, number: int) -> Job:
        async with where.begin() as tx:
            job = await tx.jobs.create(replace(given.job(), job_id=f"job-{number}"))
            await asyncio.sleep(0.02)
            return job

    made = await asyncio.gather(*(create((store, other)[number % 2], number) for number in range(4)))
    assert len({job.job_id for job in made}) == 1


async def test_a_lease_raises_the_fence_and_hides_the_job(store: SqlStore) -> None:
    held = await _held(store)
    assert (held.fence, held.attempt, held.lease_owner) == (1, 1, "w1")
    assert held.lease_until == LATER + 30 * SECOND
    assert held.revision == 2
    assert await _lease(store, "w2") is None
    assert await _lease(store, "w2", LATER + 29 * SECOND) is None
    taken = await _lease(store, "w2", LATER + 30 * SECOND)
    assert taken is not None and (taken.fence, taken.attempt, taken.lease_owner) == (2, 2, "w2")


async def test_only_unfinished_jobs_of_the_own_spool_are_leased(store: SqlStore) -> None:
    await _create(store, given.worn_job(), given.job(1, spool_id="spool-2"))
    assert await _lease(store) is None
    leased = await _lease(store, spool_id="spool-2")
    assert leased is not None and leased.job_id == "job-0001"


@pytest.mark.parametrize("state", [state for state in JobState if not state.final])
async def test_a_job_in_any_unfinished_state_is_leased(store: SqlStore, state: JobState) -> None:
    await _create(store, given.job(state=state))
    assert await _lease(store) is not None


async def test_the_job_that_waited_longest_comes_first(store: SqlStore) -> None:
    await _create(store, *(given.job(number) for number in (3, 1, 2)))
    order = []
    for turn in range(6):
        now = LATER + turn * SECOND
        job = await _lease(store, "w1", now)
        assert job is not None
        order.append(job.job_id[-1])
        async with store.begin() as tx:
            await tx.jobs.release(job.job_id, job.fence, now)
    assert order == ["1", "2", "3", "1", "2", "3"]


async def test_a_released_job_waits_until_not_before_and_keeps_its_attempt(store: SqlStore) -> None:
    held = await _held(store)
    async with store.begin() as tx:
        await tx.jobs.release(held.job_id, held.fence, LATER + 5 * SECOND)
    assert await _lease(store, "w2", LATER + 4 * SECOND) is None
    again = await _lease(store, "w2", LATER + 5 * SECOND)
    assert again is not None and (again.fence, again.attempt) == (2, 1)


async def test_whoever_is_fenced_out_changes_nothing(store: SqlStore) -> None:
    held = await _held(store)
    taken = await _lease(store, "w2", LATER + 60 * SECOND)
    assert taken is not None
    for late in ("renew", "release", "update"):
        with pytest.raises(StateError) as caught:
            async with store.begin() as tx:
                if late == "renew":
                    await tx.jobs.renew(held.job_id, held.fence, LATER + 900 * SECOND)
                elif late == "release":
                    await tx.jobs.release(held.job_id, held.fence, LATER)
                else:
                    await tx.jobs.update(held.job_id, held.fence, {"state": JobState.FAILED})
        assert caught.value.reason == "REVISION_CONFLICT"
    async with store.read() as tx:
        assert await tx.jobs.get(held.job_id) == taken


async def test_renewing_prolongs_and_shows_a_wish_to_cancel(store: SqlStore) -> None:
    held = await _held(store)
    async with store.begin() as tx:
        await tx.jobs.request_cancel(held.job_id, LATER)
        renewed = await tx.jobs.renew(held.job_id, held.fence, LATER + 90 * SECOND)
    assert renewed.cancel_requested and renewed.lease_until == LATER + 90 * SECOND
    assert await _lease(store, "w2", LATER + 89 * SECOND) is None
    async with store.begin() as tx:
        await tx.jobs.release(held.job_id, held.fence, LATER)
        with pytest.raises(StateError):
            await tx.jobs.renew(held.job_id, held.fence, LATER + 90 * SECOND)


async def test_an_update_changes_what_it_names_and_nothing_else(store: SqlStore) -> None:
    held = await _held(store)
    changes = {
        "state": JobState.REFUSED,
        "waiting_for": WaitingFor.DISK,
        "stage": 3,
        "seq": 12,
        "rows_done": 5,
        "rows_total": 6,
        "session_id": "cd" * 32,
        "refusal": Refusal("NOT_READY", "bind the agreement"),
        "failure": Failure("EMPTY", "no rows"),
        "report": {"matched": 3, "left_out": {"NO_CONSENT": 1}},
        "finished_at": LATER,
    }
    async with store.begin() as tx:
        changed = await tx.jobs.update(held.job_id, held.fence, changes)
    assert changed == replace(held, **changes, revision=held.revision + 1, updated_at=NOW)  # type: ignore[arg-type]
    async with store.read() as tx:
        assert await tx.jobs.get(held.job_id) == changed


async def test_a_final_job_changes_no_more(store: SqlStore) -> None:
    held = await _held(store)
    async with store.begin() as tx:
        final = await tx.jobs.update(held.job_id, held.fence, {"state": JobState.SUCCEEDED, "finished_at": LATER})
        with pytest.raises(StateError, match="SUCCEEDED") as caught:
            await tx.jobs.update(held.job_id, held.fence, {"state": JobState.FAILED})
        assert await tx.jobs.request_cancel(held.job_id, LATER) == final
        await tx.jobs.release(held.job_id, held.fence, LATER)
    assert caught.value.reason == "REVISION_CONFLICT"
    assert await _lease(store, "w2", LATER + 90 * SECOND) is None


async def test_a_field_that_only_leases_change_cannot_be_updated(store: SqlStore) -> None:
    held = await _held(store)
    async with store.begin() as tx:
        with pytest.raises(Misuse, match="fence"):
            await tx.jobs.update(held.job_id, held.fence, {"fence": 9})
        assert (await tx.jobs.get(held.job_id)).fence == 1


async def test_a_cancelled_job_is_looked_at_at_once_and_then_keeps_its_pauses(store: SqlStore) -> None:
    held = await _held(store)
    async with store.begin() as tx:
        await tx.jobs.release(held.job_id, held.fence, LATER + 600 * SECOND)
        asked = await tx.jobs.request_cancel(held.job_id, LATER + SECOND)
        assert await tx.jobs.request_cancel(held.job_id, LATER + 2 * SECOND) == asked
    again = await _lease(store, "w1", LATER + SECOND)
    assert again is not None and again.cancel_requested
    async with store.begin() as tx:
        await tx.jobs.release(held.job_id, again.fence, LATER + 60 * SECOND)
    assert await _lease(store, "w1", LATER + 59 * SECOND) is None


async def test_a_cancellation_during_the_lease_cuts_the_pause_after_it_short(store: SqlStore) -> None:
    held = await _held(store)
    async with store.begin() as tx:
        await tx.jobs.request_cancel(held.job_id, LATER + SECOND)
        await tx.jobs.release(held.job_id, held.fence, LATER + 600 * SECOND)
    assert await _lease(store, "w1", LATER + SECOND) is not None


async def test_two_workers_never_hold_one_job(store: SqlStore, other: SqlStore) -> None:
    await _create(store, *(given.job(number) for number in range(1, 21)))

    async def work(where: SqlStore, owner: str) -> list[str]:
        taken = []
        while job := await _lease(where, owner):
            taken.append(job.job_id)
            await asyncio.sleep(0)
        return taken

    taken = await asyncio.gather(*(work((store, other)[number % 2], f"w{number}") for number in range(4)))
    assert sorted(job_id for jobs in taken for job_id in jobs) == [f"job-{number:04d}" for number in range(1, 21)]


@pytest.mark.postgres
async def test_a_job_in_another_worker_s_transaction_is_skipped_not_waited_for(postgres_url: str) -> None:
    store = await open_store(postgres_url)
    await _create(store, given.job(1), given.job(2))
    async with store.begin() as tx:
        first = await tx.jobs.lease("w1", "spool-1", LATER, LATER + SECOND)
        async with asyncio.timeout(5):
            second = await _lease(store, "w2")
    assert first is not None and second is not None
    assert {first.job_id, second.job_id} == {"job-0001", "job-0002"}
    await store.close()


async def test_jobs_are_listed_newest_first_page_by_page(store: SqlStore) -> None:
    same_time = [given.job(number, created_at=NOW) for number in (5, 6, 7)]
    await _create(store, given.job(1), given.job(2), *same_time)
    async with store.read() as tx:
        whole = await tx.jobs.list()
        pages: list[Job] = []
        after = None
        while page := await tx.jobs.list(after, 2):
            pages += page
            after = (page[-1].created_at, page[-1].job_id)
    assert [job.job_id[-1] for job in whole] == ["2", "1", "7", "6", "5"]
    assert pages == whole


async def test_jobs_that_opened_a_session_are_counted_per_agreement_side_and_day(store: SqlStore) -> None:
    await _create(
        store,
        given.job(1, session_id="s1"),
        given.job(2, session_id="s2", side=Side.SENDER),
        given.job(3),
        given.job(4, session_id="s4"),
    )
    async with store.read() as tx:
        assert await tx.jobs.count_since("agreement-1", "RECEIVER", NOW) == 2
        assert await tx.jobs.count_since("agreement-1", "RECEIVER", NOW + 2 * SECOND) == 1
        assert await tx.jobs.count_since("agreement-1", "SENDER", NOW) == 1
        assert await tx.jobs.count_since("agreement-2", "RECEIVER", NOW) == 0
