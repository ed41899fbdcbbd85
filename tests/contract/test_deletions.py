"""Each act that brings about a duty to delete opens one task, in time, and the law's own holds come first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gateway.errors import AccessError, AssentError, StateError
from gateway.flow.deletion import complete_deletion, list_deletions, open_deletions
from gateway.flow.evidence import close_deletions
from gateway.flow.ports import House
from gateway.flow.registry import create_purpose
from gateway.route.job import JobState, Side
from gateway.route.notice import ReleasedRun, Removal, Timing
from tests.contract.given import job
from tests.contract.timed import DAY, act, given, logged, ref, take, timed_house
from tests.unit.gateway.flow.houses import ADMIN, CDP, NOW, OFFICER, StoppedClock


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
async def house(tmp_path: Path, store_url: str, clock: StoppedClock) -> AsyncIterator[House]:
    async with timed_house(tmp_path, store_url, clock) as opened:
        yield opened


async def test_acts_open_tasks_once(house: House, clock: StoppedClock) -> None:
    await take(house, *(given(number) for number in range(6)))
    assert await open_deletions(house) == {"planned": 0, "opened": 0}
    clock.advance(hours=1)
    await take(
        house,
        act(0, "consent_withdrawn", clock.at, purpose="profile_enrichment", categories=["phone_hash"]),
        act(1, "consent_revoked_by_handler", clock.at),
        act(2, "consent_invalidated", clock.at),
        act(3, "deletion_requested", clock.at),
        act(4, "account_closed", clock.at),
        act(5, "personalisation_opt_out", clock.at),
    )
    assert await open_deletions(house) == {"planned": 5, "opened": 5}
    await take(house, act(0, "personalisation_opt_out", clock.at))
    assert (await open_deletions(house))["opened"] == 0
    tasks = await list_deletions(house, OFFICER, False, None, 100)
    assert {task.subject_ref: task.why.value for task in tasks} == {
        ref(house, 0): "consent_withdrawn",
        ref(house, 1): "purpose_done",
        ref(house, 2): "unlawful",
        ref(house, 3): "deletion_requested",
        ref(house, 4): "account_closed",
    }
    (withdrawn,) = [task for task in tasks if task.why == "consent_withdrawn"]
    assert (withdrawn.purpose, withdrawn.categories) == ("profile_enrichment", ("phone_hash",))
    # Friday 20 November, 17:30 in China: the fifteenth working day after it is Friday 11 December.
    assert withdrawn.due_at == datetime(2026, 12, 11, 16, tzinfo=UTC)
    assert len(await logged(house, "deletion_opened")) == 5


async def test_an_opt_out_opens_a_task_about_personalised_marketing_alone(house: House, clock: StoppedClock) -> None:
    opt_out = "personalisation_opt_out"
    await take(house, act(0, opt_out), act(1, opt_out, purpose="profile_enrichment"))
    assert await open_deletions(house) == {"planned": 0, "opened": 0}, "nothing is obtained for such a purpose here"
    await create_purpose(house, ADMIN, {"id": "pushes", "personalised_marketing": True})
    clock.advance(hours=1)
    await take(house, act(2, opt_out, clock.at), act(3, opt_out, clock.at, purpose="pushes", categories=["visits"]))
    await take(house, act(4, opt_out, clock.at, purpose="profile_enrichment"))
    assert await open_deletions(house) == {"planned": 2, "opened": 2}
    await create_purpose(house, ADMIN, {"id": "letters", "personalised_marketing": True})
    await take(house, act(5, opt_out, clock.at))
    await open_deletions(house)
    found = await list_deletions(house, OFFICER, False, None, 100)
    assert {(task.subject_ref, task.why.value, task.purpose, task.categories) for task in found} == {
        (ref(house, 2), "opted_out", "pushes", ()),
        (ref(house, 3), "opted_out", "pushes", ("visits",)),
        (ref(house, 5), "opted_out", "", ()),
    }


async def test_holidays_put_the_date_off(house: House, clock: StoppedClock) -> None:
    house = replace(house, limits=replace(house.limits, deadline_days=2, holidays=frozenset({date(2026, 11, 23)})))
    await take(house, act(1, "deletion_requested"))
    await open_deletions(house)
    (task,) = await list_deletions(house, OFFICER, False, None, 100)
    assert task.due_at == datetime(2026, 11, 25, 16, tzinfo=UTC), "Friday; Monday is off; Tuesday, Wednesday"


async def test_the_end_of_retention_opens_a_task_unless_it_was_prolonged(house: House, clock: StoppedClock) -> None:
    until = (NOW + 10 * DAY).isoformat()
    collected = {"categories": ["visits"], "retention_until": until}
    await take(house, act(1, "collected", **collected), act(2, "collected", **collected))
    assert await open_deletions(house) == {"planned": 2, "opened": 0}
    assert await list_deletions(house, OFFICER, False, None, 100) == [], "what lies ahead is no task yet"
    clock.advance(days=5)
    longer = (NOW + 40 * DAY).isoformat()
    again = act(2, "collected", clock.at, categories=["visits"], retention_until=longer, event_id="again")
    await take(house, again)
    await open_deletions(house)
    clock.at = NOW + 10 * DAY
    assert (await open_deletions(house))["opened"] == 1
    (task,) = await list_deletions(house, OFFICER, False, None, 100)
    assert (task.subject_ref, task.why) == (ref(house, 1), "retention_over")
    clock.at = NOW + 40 * DAY
    assert (await open_deletions(house))["opened"] == 1
    assert {task.event_id for task in await list_deletions(house, OFFICER, False, None, 100)} == {
        "collected-1",
        "again",
    }


async def test_under_a_statutory_hold_a_task_waits_and_cannot_be_done(house: House, clock: StoppedClock) -> None:
    until = (NOW + 60 * DAY).isoformat()
    await take(house, act(1, "statutory_hold", categories=["visits"], until=until), act(1, "deletion_requested"))
    await open_deletions(house)
    (task,) = await list_deletions(house, OFFICER, False, None, 100)
    assert task.held_until == NOW + 60 * DAY
    assert task.due_at is not None
    assert task.due_at > task.held_until
    with pytest.raises(StateError, match="storage only") as caught:
        await complete_deletion(house, OFFICER, task.task_id)
    assert caught.value.reason == "STAGE_ORDER"
    clock.at = NOW + 60 * DAY
    assert (await complete_deletion(house, OFFICER, task.task_id)).done_at == clock.at


async def test_a_hold_of_other_categories_holds_nothing(house: House, clock: StoppedClock) -> None:
    hold = act(1, "statutory_hold", categories=["visits"])
    await take(house, hold, act(1, "deletion_requested", categories=["phone_hash"]))
    await open_deletions(house)
    (task,) = await list_deletions(house, OFFICER, False, None, 100)
    assert task.held_until is None


async def test_a_task_is_done_once_by_an_officer(house: House, clock: StoppedClock) -> None:
    await take(house, act(1, "deletion_requested"), act(2, "deletion_requested"))
    await open_deletions(house)
    first, second = await list_deletions(house, OFFICER, False, None, 100)
    with pytest.raises(AccessError):
        await complete_deletion(house, CDP, first.task_id)
    done = await complete_deletion(house, OFFICER, first.task_id)
    assert (done.done_at, done.done_by) == (NOW, OFFICER.subject)
    clock.advance(days=1)
    assert (await complete_deletion(house, OFFICER, first.task_id)).done_at == NOW
    assert len(await logged(house, "deletion_done")) == 1
    assert await list_deletions(house, OFFICER, False, None, 100) == [second]
    assert second.due_at is not None
    page = await list_deletions(house, OFFICER, True, None, 1)
    rest = await list_deletions(house, OFFICER, True, (page[0].due_at or NOW, page[0].task_id), 9)
    assert {task.task_id for task in (*page, *rest)} == {first.task_id, second.task_id}
    with pytest.raises(StateError, match="no such deletion task"):
        await complete_deletion(house, OFFICER, "0" * 32)


async def test_only_what_runs_have_answered_closes_by_itself(house: House, clock: StoppedClock) -> None:
    await take(house, *(given(number) for number in (1, 2, 3)))
    clock.advance(days=1)
    # The only party that this house knows.
    told = {"at": clock.now(), "by": "subject", "recipient": "retailer"}
    await take(house, *(act(number, "consent_withdrawn", **told) for number in (1, 2)))
    await take(house, act(3, "consent_withdrawn", at=clock.now(), by="subject"))
    await open_deletions(house)
    await close_deletions(house, [])
    assert {task.done_at for task in await list_deletions(house, OFFICER, True, None, 10)} == {None}, "no run, no proof"
    run = ReleasedRun("job-0001", "ab" * 32, "agreement-1", "retailer", Side.SENDER, NOW, NOW, None, 3, 0)
    rows = [
        Removal("job-0001", ref(house, number), b"", "CONSENT_WITHDRAWN", Timing.AFTER, NOW, NOW, "app", NOW)
        for number in (1, 2, 3)
    ]
    async with house.store.begin() as tx:
        await tx.jobs.create(replace(job(), state=JobState.SUCCEEDED))
        await tx.runs.put(run)
        await tx.removals.add(rows)

    async def closed() -> list[str]:
        troubles: list[AssentError] = []
        await close_deletions(house, troubles)
        assert troubles == []
        done = [task for task in await list_deletions(house, OFFICER, True, None, 10) if task.done_at is not None]
        assert {task.done_by for task in done} <= {"reach-runs"}
        assert [[one.job_id for one in task.evidence] for task in done] == [["job-0001"]] * len(done)
        return [task.subject_ref for task in done]

    assert await closed() == [], "rows to go, and acts not looked for in the run"
    async with house.store.begin() as tx:
        await tx.removals.finish("job-0001", [ref(house, 1), ref(house, 3)], clock.now())
    assert await closed() == []
    async with house.store.begin() as tx:
        mark = await tx.consents.mark()
        await tx.runs.advance("job-0001", mark.changes)
    # Of 2 the row is still there; 3 withdrew from everybody, which no run can answer.
    assert await closed() == [ref(house, 1)]
    assert await closed() == [ref(house, 1)]
    async with house.store.read() as tx:
        due = await tx.deletions.by_due_time(clock.now() + 60 * DAY, clock.now())
    assert [count for _, count in due] == [2]
