"""Tasks that come round: one of several servers on one database runs each, and another takes over from a killed one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.engine import ProcessBells, Scheduler, SchedulerLimits
from gateway.errors import StateError
from gateway.flow.ports import House
from gateway.flow.schedule import Task
from gateway.route.task import TaskRow
from tests.unit.gateway.flow.houses import NOW, StoppedClock, open_house

FAST = SchedulerLimits(lease_s=0.3, look_s=0.02, retry_s=60)
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
async def houses(tmp_path: Path, store_url: str, clock: StoppedClock) -> AsyncIterator[tuple[House, House]]:
    """Two servers of one party on one database."""
    async with (
        open_house(tmp_path / "one", "retailer", clock, url=store_url) as one,
        open_house(tmp_path / "two", "retailer", clock, url=store_url) as two,
    ):
        yield _server(one, "spool-1"), _server(two, "spool-2")


def _server(house: House, spool_id: str) -> House:
    return replace(house, bells=ProcessBells(), spool=cast(Any, SimpleNamespace(spool_id=spool_id)))


class Count:
    """A task that counts its runs, and can be kept from ending."""

    def __init__(self) -> None:
        self.runs: list[House] = []
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self, house: House) -> Mapping[str, int]:
        self.runs.append(house)
        await self.free.wait()
        return {"runs": len(self.runs)}


class Serving:
    """A scheduler for the time of a test."""

    def __init__(self, house: House, owner: str, *tasks: Task) -> None:
        self.work = asyncio.create_task(Scheduler(house, owner, FAST, tasks).work())

    async def stop(self) -> None:
        self.work.cancel()
        await asyncio.gather(self.work, return_exceptions=True)


async def _rows(house: House) -> dict[str, TaskRow]:
    async with house.store.read() as tx:
        return {row.name: row for row in await tx.tasks.list()}


async def _until(ready: Any) -> None:
    async def look() -> None:
        while not (found := ready()) or (asyncio.iscoroutine(found) and not await found):
            await asyncio.sleep(0.01)

    await asyncio.wait_for(look(), 10)


async def test_of_two_servers_one_runs_a_task_once_per_round(houses: tuple[House, House], clock: StoppedClock) -> None:
    count = Count()
    task = Task("count", HOUR, count)
    servers = [Serving(house, f"server-{number}", task) for number, house in enumerate(houses)]
    await _until(lambda: count.runs)
    await asyncio.sleep(0.2)
    assert len(count.runs) == 1
    row = (await _rows(houses[0]))["count"]
    assert (row.outcome, row.report, row.lease_owner) == ("DONE", {"runs": 1}, "")
    assert (row.started_at, row.ended_at, row.not_before) == (NOW, NOW, NOW + HOUR)
    clock.advance(hours=1)
    await _until(lambda: len(count.runs) == 2)
    await asyncio.sleep(0.2)
    assert len(count.runs) == 2
    for server in servers:
        await server.stop()


async def test_a_task_about_files_is_run_by_the_servers_of_each_spool(houses: tuple[House, House]) -> None:
    count = Count()
    task = Task("files", HOUR, count, local=True)
    servers = [Serving(house, f"server-{number}", task) for number, house in enumerate(houses)]
    await _until(lambda: len(count.runs) == 2)
    await asyncio.sleep(0.1)
    assert {house.spool.spool_id for house in count.runs} == {"spool-1", "spool-2"}
    assert len(count.runs) == 2
    assert set(await _rows(houses[0])) == {"files@spool-1", "files@spool-2"}
    for server in servers:
        await server.stop()


async def test_the_task_of_a_killed_server_is_taken_over_when_its_lease_ends(
    houses: tuple[House, House], clock: StoppedClock
) -> None:
    count = Count()
    async with houses[0].store.begin() as tx:  # as a server does that is killed then
        await tx.tasks.ensure(["count"], clock.now())
        dead = await tx.tasks.lease("dead", ["count"], clock.now(), clock.now() + timedelta(seconds=30))
    assert dead is not None
    alive = Serving(houses[1], "alive", Task("count", HOUR, count))
    await asyncio.sleep(0.1)
    assert not count.runs, "the lease lives still"
    clock.advance(seconds=30)
    await _until(lambda: count.runs)
    await _until(lambda: _outcome(houses[1], "DONE"))
    row = (await _rows(houses[1]))["count"]
    assert row.fence == dead.fence + 1
    for late in (
        lambda tx: tx.tasks.renew("count", dead.fence, clock.now()),
        lambda tx: tx.tasks.finish("count", dead.fence, "DONE", {}, clock.now(), clock.now()),
    ):
        with pytest.raises(StateError, match="another server") as caught:
            async with houses[0].store.begin() as tx:
                await late(tx)
        assert caught.value.reason == "REVISION_CONFLICT"
    await alive.stop()


async def _outcome(house: House, wanted: str) -> bool:
    return (await _rows(house))["count"].outcome == wanted


async def test_a_lease_is_kept_while_its_task_runs_and_the_run_stops_when_it_is_lost(
    houses: tuple[House, House], clock: StoppedClock
) -> None:
    count = Count()
    count.free.clear()
    server = Serving(houses[0], "slow", Task("count", HOUR, count))
    await _until(lambda: count.runs)
    clock.advance(seconds=0.25)
    await _until(lambda: _lease_ends_after(houses[0], clock))
    async with houses[1].store.begin() as tx:
        assert await tx.tasks.lease("other", ["count"], clock.now(), clock.now() + HOUR) is None
    # The clock jumps as if the machine had slept: another server takes the task, and this one must notice.
    clock.advance(seconds=60)
    async with houses[1].store.begin() as tx:
        taken = await tx.tasks.lease("other", ["count"], clock.now(), clock.now() + HOUR)
    if taken is None:  # renewed in between
        async with houses[1].store.begin() as tx:
            clock.advance(seconds=60)
            taken = await tx.tasks.lease("other", ["count"], clock.now(), clock.now() + HOUR)
    assert taken is not None
    await asyncio.sleep(0.3)
    assert len(count.runs) == 1
    assert (await _rows(houses[0]))["count"].lease_owner == "other"
    await server.stop()
    assert (await _rows(houses[0]))["count"].lease_owner == "other", "who lost a lease gives none back"


async def _lease_ends_after(house: House, clock: StoppedClock) -> bool:
    until = (await _rows(house))["count"].lease_until
    return until is not None and until > clock.now()


async def test_a_stopped_server_gives_its_task_back_at_once(houses: tuple[House, House], clock: StoppedClock) -> None:
    count = Count()
    count.free.clear()
    server = Serving(houses[0], "stopped", Task("count", HOUR, count))
    await _until(lambda: count.runs)
    await server.stop()
    row = (await _rows(houses[0]))["count"]
    assert (row.lease_owner, row.lease_until, row.outcome, row.not_before) == ("", None, "", NOW)


async def test_a_task_that_fails_says_why_and_leaves_the_others_alone(
    houses: tuple[House, House], clock: StoppedClock
) -> None:
    async def full(house: House) -> Mapping[str, int]:
        raise StateError("DISK_FULL", "no room")

    async def broken(house: House) -> Mapping[str, int]:
        raise ZeroDivisionError

    count = Count()
    tasks = (Task("a-full", HOUR, full), Task("b-broken", HOUR, broken), Task("c-count", HOUR, count))
    server = Serving(houses[0], "one", *tasks)
    await _until(lambda: count.runs)
    await asyncio.sleep(0.05)
    rows = await _rows(houses[0])
    assert {name: row.outcome for name, row in rows.items()} == {
        "a-full": "DISK_FULL",
        "b-broken": "BUG",
        "c-count": "DONE",
    }
    assert rows["a-full"].not_before == rows["b-broken"].not_before == NOW + timedelta(minutes=1)
    await server.stop()
