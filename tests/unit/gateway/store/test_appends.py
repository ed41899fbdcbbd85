from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from gateway.errors import AssentError, Misuse, StateError
from gateway.route.audit import AuditEvent
from gateway.store.appends import TOGETHER, Appends


def event(key: str) -> AuditEvent:
    return AuditEvent("job_state", datetime(2026, 11, 22, tzinfo=UTC), "", {"job": key})


class Disk:
    """What was committed, commit by commit; a commit takes a while."""

    def __init__(self, fails: dict[str, AssentError] | None = None) -> None:
        self.commits: list[list[object]] = []
        self._fails = fails or {}

    async def commit(self, events: Sequence[AuditEvent]) -> None:
        keys = [event.payload["job"] for event in events]
        await asyncio.sleep(0.01)
        for key in keys:
            if (error := self._fails.get(str(key))) is not None:
                raise error
        self.commits.append(keys)


async def test_those_who_come_during_a_commit_share_the_next_one() -> None:
    disk = Disk()
    appends = Appends(disk.commit)
    first = asyncio.create_task(appends.append([event("a")]))
    await asyncio.sleep(0.005)
    await asyncio.gather(
        first, appends.append([event("b"), event("c")]), appends.append([]), appends.append([event("d")])
    )
    await appends.append([event("e")])
    assert disk.commits == [["a"], ["b", "c", "d"], ["e"]]


async def test_a_caller_returns_after_the_commit_of_its_own_entry() -> None:
    disk = Disk()
    appends = Appends(disk.commit)

    async def one(key: str) -> bool:
        await appends.append([event(key)])
        return any(key in commit for commit in disk.commits)

    assert all(await asyncio.gather(*(one(str(number)) for number in range(20))))


async def test_a_commit_is_of_bounded_size() -> None:
    disk = Disk()
    appends = Appends(disk.commit)
    await asyncio.gather(*(appends.append([event("x")] * 400) for _ in range(5)))
    assert list(map(len, disk.commits)) == [3 * 400, 2 * 400] and TOGETHER == 1000


async def test_an_entry_that_is_refused_keeps_no_other_out() -> None:
    disk = Disk({"b": Misuse("a leaf needs a type of LeafType")})
    appends = Appends(disk.commit)
    ended = await asyncio.gather(*(appends.append([event(key)]) for key in "abc"), return_exceptions=True)
    assert [type(one) for one in ended] == [type(None), Misuse, type(None)]
    assert disk.commits == [["a"], ["c"]]


async def test_a_commit_that_fails_is_not_tried_again_and_all_learn_of_it() -> None:
    """It may have reached the disk: a second one could write its entries twice."""
    disk = Disk({"b": StateError("STORE_UNAVAILABLE", "away")})
    appends = Appends(disk.commit)
    ended = await asyncio.gather(*(appends.append([event(key)]) for key in "abc"), return_exceptions=True)
    assert [type(one) for one in ended] == [StateError] * 3
    assert disk.commits == []
    await appends.append([event("d")])
    assert disk.commits == [["d"]]


async def test_who_gives_up_before_the_commit_leaves_no_entry_and_stops_nobody() -> None:
    disk = Disk()
    appends = Appends(disk.commit)
    tasks = [asyncio.create_task(appends.append([event(key)])) for key in "abc"]
    await asyncio.sleep(0)  # they wait; the commit has not begun
    tasks[1].cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(ended[1], asyncio.CancelledError)
    assert disk.commits == [["a", "c"]]


async def test_a_commit_goes_on_when_one_of_its_callers_gives_up() -> None:
    disk = Disk()
    appends = Appends(disk.commit)
    tasks = [asyncio.create_task(appends.append([event(key)])) for key in "ab"]
    await asyncio.sleep(0.005)
    tasks[0].cancel()
    await tasks[1]
    assert disk.commits == [["a", "b"]]


async def test_the_end_waits_for_what_waits() -> None:
    disk = Disk()
    appends = Appends(disk.commit)
    tasks = [asyncio.create_task(appends.append([event("a")]))]
    await asyncio.sleep(0.005)
    tasks.append(asyncio.create_task(appends.append([event("b")])))
    await asyncio.sleep(0)
    await appends.end()
    assert disk.commits == [["a"], ["b"]]
    with pytest.raises(Misuse):
        await Appends(Disk({"x": Misuse("no")}).commit).append([event("x")])
    await asyncio.gather(*tasks)
