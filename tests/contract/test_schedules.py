"""Schedules on both databases: whatever servers and clocks do, a due time has one run and an attempt one job."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from gateway.errors import AccessError, AssentError, RequestError, StateError
from gateway.flow.ports import House
from gateway.flow.recurring import asked
from gateway.flow.recurring.round import request_id_of, run_schedules
from gateway.route.agreement import Operation
from gateway.route.job import Failure, Job, JobState, Refusal
from gateway.route.schedule import Missed, Overlap, RunState, Schedule, ScheduledRun, SchedulePolicy, ScheduleTerms
from tests.contract import given
from tests.unit.gateway.flow.houses import ADMIN, CDP, NOW, OFFICER, StoppedClock, entries_of, open_house

AGREEMENT = given.agreement_copy().agreement.agreement_id
TERMS = ScheduleTerms(AGREEMENT, Operation.MATCH, "enrich", (), "0 * * * *", "Asia/Shanghai", "")
POLICY = SchedulePolicy(1, 60, ("SOURCE_CHANGED",), Missed.RUN_ONCE, 1, Overlap.SKIP)
HOUR = timedelta(hours=1)
FIRST = NOW.replace(minute=0) + HOUR


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with keys alone, made once."""
    home = tmp_path_factory.mktemp("keys")

    async def make() -> None:
        async with open_house(home, "retailer"):
            return

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(make())).result()
    return home


@pytest.fixture
def home(keys: Path, tmp_path: Path) -> Path:
    return shutil.copytree(keys, tmp_path / "home")


@pytest.fixture
async def houses(home: Path, store_url: str, clock: StoppedClock) -> AsyncIterator[tuple[House, House]]:
    """Two servers of one party on one database."""
    async with (
        open_house(home, "retailer", clock, url=store_url) as one,
        open_house(home, "retailer", clock, url=store_url) as two,
    ):
        async with one.store.begin() as tx:
            await tx.agreements.put(given.agreement_copy())
        yield tuple(replace(house, spool=cast(Any, SimpleNamespace(spool_id="spool"))) for house in (one, two))


@pytest.fixture
def house(houses: tuple[House, House]) -> House:
    return houses[0]


async def create(house: House, name: str = "hourly", policy: SchedulePolicy = POLICY, **terms: Any) -> Schedule:
    wanted = replace(TERMS, **terms)
    return await asked.create_schedule(house, CDP, name, str(uuid.uuid4()), wanted, policy)


async def runs(house: House, name: str = "hourly") -> list[ScheduledRun]:
    """Oldest first."""
    return (await asked.list_runs(house, CDP, name, None, 100))[::-1]


async def jobs(house: House) -> list[Job]:
    async with house.store.read() as tx:
        return await tx.jobs.list()


async def end(house: House, job_id: str, state: JobState, **fields: object) -> None:
    """End a job as a worker does."""
    now = house.clock.now()
    async with house.store.begin() as tx:
        job = await tx.jobs.lease("worker", "spool", now, now + HOUR)
        assert job is not None and job.job_id == job_id
        await tx.jobs.update(job_id, job.fence, {"state": state, "finished_at": now, **fields})


async def test_every_due_time_is_a_job_of_its_own(house: House, clock: StoppedClock) -> None:
    schedule = await create(house)
    assert schedule.next_at == FIRST
    assert await run_schedules(house) == {"due": 0, "begun": 0}
    for number in range(3):
        clock.at = FIRST + number * HOUR
        assert await run_schedules(house) == {"due": 1, "begun": 1}
        assert await run_schedules(house) == {"due": 0, "begun": 0}
        run = (await runs(house))[-1]
        assert (run.due_at, run.state, run.attempt, run.missed) == (clock.at, RunState.RUNNING, 1, 0)
        await end(house, run.job_id, JobState.SUCCEEDED)
        await run_schedules(house)
    made = await jobs(house)
    assert {job.request.request_id for job in made} == {request_id_of(run, 1) for run in await runs(house)}
    assert {job.request.requested_by for job in made} == {"cdp"}
    assert [run.state for run in await runs(house)] == [RunState.SUCCEEDED] * 3
    kinds = Counter(kind for kind, _ in await entries_of(house))
    assert (kinds["schedule_changed"], kinds["schedule_run"], kinds["job_created"]) == (1, 6, 3)


async def test_two_servers_at_once_make_one_job_per_due_time(houses: tuple[House, House], clock: StoppedClock) -> None:
    for number in range(5):
        await create(houses[0], f"hourly-{number}")
    clock.at = FIRST
    # The servers look at the same moment, several times over, and neither holds a lease.
    rounds = await asyncio.gather(*(run_schedules(house) for _ in range(3) for house in houses), return_exceptions=True)
    lost = [found for found in rounds if isinstance(found, BaseException)]
    assert all(isinstance(error, StateError) and error.reason == "REVISION_CONFLICT" for error in lost)
    assert len(await jobs(houses[0])) == 5
    assert [len(await runs(houses[0], f"hourly-{number}")) for number in range(5)] == [1] * 5


class Killed(Exception):
    """Nothing catches it, as nothing catches a kill."""


def killed_at(house: House, step: str) -> House:
    """A server that dies at a step of its next transaction."""

    class Dying:
        def __init__(self, real: Any) -> None:
            self._real = real

        def __getattr__(self, name: str) -> Any:
            if name == step:
                raise Killed
            found = getattr(self._real, name)
            return Dying(found) if name in ("schedules", "jobs", "audit") else found

    class DyingStore:
        @asynccontextmanager
        async def begin(self) -> AsyncIterator[Any]:
            async with house.store.begin() as tx:
                yield Dying(tx)
                if step == "commit":
                    raise Killed

        read = staticmethod(house.store.read)

    return replace(house, store=cast(Any, DyingStore()))


async def test_a_kill_anywhere_between_claim_and_job_loses_nothing_and_repeats_nothing(
    houses: tuple[House, House], clock: StoppedClock
) -> None:
    await create(houses[0])
    for number, step in enumerate(["advance", "add_run", "create", "update_run", "append", "commit"]):
        clock.at = FIRST + number * HOUR
        with pytest.raises(Killed):
            await run_schedules(killed_at(houses[0], step))
        assert len(await jobs(houses[1])) == number, step
        await run_schedules(houses[1])
        assert len(await jobs(houses[1])) == number + 1, step
        run = (await runs(houses[1]))[-1]
        assert (run.due_at, run.state, run.attempt) == (clock.at, RunState.RUNNING, 1)
        await run_schedules(houses[0])
        assert len(await jobs(houses[0])) == number + 1, step
        await end(houses[0], run.job_id, JobState.SUCCEEDED)
        await run_schedules(houses[0])
    assert [run.due_at for run in await runs(houses[0])] == [FIRST + number * HOUR for number in range(6)]


async def test_a_clock_that_is_set_back_repeats_nothing(house: House, clock: StoppedClock) -> None:
    await create(house)
    clock.at = FIRST + HOUR
    await run_schedules(house)
    await end(house, (await runs(house))[0].job_id, JobState.SUCCEEDED)
    clock.at = FIRST - HOUR
    for minutes in range(0, 180, 30):
        clock.at = FIRST - HOUR + timedelta(minutes=minutes)
        await run_schedules(house)
    assert [run.due_at for run in await runs(house)] == [FIRST + HOUR]
    # Also where a person resumes it at the earlier time: the due time has its run already.
    await asked.pause_schedule(house, OFFICER, "hourly")
    clock.at = FIRST
    assert (await asked.resume_schedule(house, CDP, "hourly")).next_at == FIRST + HOUR
    clock.at = FIRST + HOUR
    await run_schedules(house)
    assert len(await jobs(house)) == 1
    clock.at = FIRST + 2 * HOUR
    await run_schedules(house)
    assert len(await jobs(house)) == 2


async def test_the_edges_of_summer_time_have_one_run_each(house: House, clock: StoppedClock) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for name, night, local in (
        ("spring", "2027-03-28T00:00+01:00", "03:00"),  # 02:30 is left out
        ("autumn", "2027-10-31T00:00+02:00", "02:30"),  # 02:30 comes twice
    ):
        clock.at = datetime.fromisoformat(night)
        await create(house, name, cron="30 2 * * *", time_zone="Europe/Berlin")
        for _ in range(10):
            clock.advance(minutes=30)
            await run_schedules(house)
        (run,) = await runs(house, name)
        assert f"{run.due_at.astimezone(berlin):%H:%M}" == local
        await asked.pause_schedule(house, CDP, name)
    assert len(await jobs(house)) == 2


async def test_a_run_that_failed_is_tried_again_as_another_job_and_a_refusal_never(
    house: House, clock: StoppedClock
) -> None:
    await create(house)
    clock.at = FIRST
    await run_schedules(house)
    (first,) = await runs(house)
    await end(house, first.job_id, JobState.FAILED, failure=Failure("SOURCE_CHANGED", "it changed"))
    await run_schedules(house)
    assert len(await jobs(house)) == 1, "not before its back-off is over"
    clock.advance(seconds=60)
    await run_schedules(house)
    (again,) = await runs(house)
    assert (again.state, again.attempt) == (RunState.RUNNING, 2)
    assert again.job_id != first.job_id
    await end(house, again.job_id, JobState.REFUSED, refusal=Refusal("CONSENT_CHANGED", "no"))
    for _ in range(3):
        clock.advance(minutes=5)
        await run_schedules(house)
    (last,) = await runs(house)
    assert (last.state, last.reason, last.attempt) == (RunState.REFUSED, "CONSENT_CHANGED", 2)
    assert len(await jobs(house)) == 2


async def test_runs_that_catch_up_wait_for_each_other(house: House, clock: StoppedClock) -> None:
    queue = replace(POLICY, missed=Missed.RUN_ALL, catch_up=3, overlap=Overlap.QUEUE)
    await create(house, policy=queue)
    clock.at = FIRST + 4 * HOUR
    await run_schedules(house)
    assert [(run.due_at, run.missed) for run in await runs(house)] == [
        (FIRST + 2 * HOUR, 2),
        (FIRST + 3 * HOUR, 0),
        (FIRST + 4 * HOUR, 0),
    ]
    for number in range(3):
        now = await runs(house)
        states = [RunState.SUCCEEDED] * number + [RunState.RUNNING] + [RunState.WAITING] * (2 - number)
        assert [run.state for run in now] == states
        await end(house, now[number].job_id, JobState.SUCCEEDED)
        await run_schedules(house)
        await run_schedules(house)
    assert len(await jobs(house)) == 3


async def test_a_due_time_during_a_run_is_left_out(house: House, clock: StoppedClock) -> None:
    await create(house)
    clock.at = FIRST
    await run_schedules(house)
    clock.at = FIRST + HOUR
    await run_schedules(house)
    assert [(run.state, run.reason) for run in await runs(house)] == [
        (RunState.RUNNING, ""),
        (RunState.SKIPPED, "OVERLAP"),
    ]
    assert len(await jobs(house)) == 1
    skipped = [json.loads(payload or b"") for kind, payload in await entries_of(house) if kind == "schedule_run"]
    assert [entry["state"] for entry in skipped] == ["RUNNING", "SKIPPED"]


async def test_nothing_begins_while_a_schedule_is_paused_and_what_passed_is_not_missed(
    house: House, clock: StoppedClock
) -> None:
    await create(house)
    paused = await asked.pause_schedule(house, OFFICER, "hourly")
    assert (paused.next_at, paused.revision) == (None, 2)
    assert await asked.pause_schedule(house, ADMIN, "hourly") == paused
    clock.at = FIRST + 3 * HOUR
    await run_schedules(house)
    assert await runs(house) == []
    with pytest.raises(AccessError):
        await asked.resume_schedule(house, OFFICER, "hourly")
    assert (await asked.resume_schedule(house, CDP, "hourly")).next_at == FIRST + 4 * HOUR
    clock.at = FIRST + 4 * HOUR
    await run_schedules(house)
    (run,) = await runs(house)
    assert run.missed == 0
    await asked.delete_schedule(house, CDP, "hourly")
    await run_schedules(house)
    with pytest.raises(StateError, match="no such schedule"):
        await runs(house)
    changes = [json.loads(payload or b"") for kind, payload in await entries_of(house) if kind == "schedule_changed"]
    assert [(one["change"], one["by"]) for one in changes] == [
        ("created", "cdp"),
        ("paused", "officer"),
        ("resumed", "cdp"),
        ("deleted", "cdp"),
    ]


async def test_creating_is_safe_to_repeat_and_names_are_unique(house: House) -> None:
    request_id = str(uuid.uuid4())
    first = await asked.create_schedule(house, CDP, "hourly", request_id, TERMS, POLICY)
    assert await asked.create_schedule(house, CDP, "hourly", request_id, TERMS, POLICY) == first
    for name, again, terms in (
        ("hourly", str(uuid.uuid4()), TERMS),
        ("other", request_id, TERMS),
        ("hourly", request_id, replace(TERMS, cron="1 * * * *")),
    ):
        with pytest.raises(StateError) as caught:
            await asked.create_schedule(house, CDP, name, again, terms, POLICY)
        assert caught.value.reason == "REVISION_CONFLICT"
    # Another schedule of the name of one that is gone begins its due times anew.
    await asked.delete_schedule(house, ADMIN, "hourly")
    assert (await create(house)).uid != first.uid


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"cron": "61 * * * *"}, "schedule.cron"),
    ({"time_zone": "Mars/Olympus"}, "schedule.time_zone"),
    ({"columns": ("tier",)}, "schedule.columns"),
    ({"purpose": "nothing"}, r"schedule\.purpose: .* it names enrich, measure"),
    (
        {"operation": Operation.ENRICH, "columns": ("nothing",)},
        r"schedule\.columns: ENRICH takes 1 to [0-9] of the agreed",
    ),
    ({"operation": Operation.OVERLAP}, r"schedule\.operation: the agreement has no OVERLAP in this direction"),
    ({"retries": 11}, "policy.retries"),
    ({"backoff_s": 0}, "policy.backoff"),
    ({"retry_on": ("COHORT_TOO_SMALL",)}, "policy.retry_on: a refusal"),
    ({"retry_on": ("CANCELLED",)}, "policy.retry_on: a refusal"),
    ({"retry_on": ("RAIN",)}, "policy.retry_on: must"),
    ({"missed": Missed.RUN_ALL}, "policy.overlap"),
    ({"catch_up": 2}, "policy.catch_up"),
    ({"catch_up": 32}, "policy.catch_up"),
]


async def test_what_cannot_be_is_named(house: House) -> None:
    for change, field in WRONG:
        of_terms = {key: value for key, value in change.items() if key in ScheduleTerms.__dataclass_fields__}
        of_policy = {key: value for key, value in change.items() if key not in of_terms}
        with pytest.raises(RequestError, match=field):
            await create(house, policy=replace(POLICY, **of_policy), **of_terms)
    for name in ("", "Hourly", "a" * 64, "a/b"):
        with pytest.raises(RequestError, match=r"schedule\.name"):
            await create(house, name)
    for terms in ({"sink": "crm"}, {"agreement_id": str(uuid.UUID(int=7))}):
        with pytest.raises(AssentError) as caught:
            await create(house, **terms)
        assert caught.value.reason == "NOT_FOUND"
    with pytest.raises(AccessError):
        await asked.create_schedule(house, OFFICER, "hourly", str(uuid.uuid4()), TERMS, POLICY)
