from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.errors import AssentError, Misuse, StateError
from gateway.flow.shared_commit import SharedCommit


class Disk:
    """What was committed, commit by commit; a commit takes a while."""

    def __init__(self, fails: dict[str, AssentError] | None = None, most: int = 100) -> None:
        self.commits: list[list[str]] = []
        self.begun = asyncio.Event()
        self._fails = fails or {}
        self.shared: SharedCommit[str, str] = SharedCommit(self._commit, len, most)

    async def _commit(self, parts: Sequence[str]) -> list[str]:
        self.begun.set()
        await asyncio.sleep(0.01)
        for part in parts:
            if (error := self._fails.get(part)) is not None:
                raise error
        self.commits.append(list(parts))
        return [part.upper() for part in parts]

    async def all(self, parts: str) -> list[object]:
        return await asyncio.gather(*map(self.shared.join, parts), return_exceptions=True)


async def test_those_who_come_during_a_commit_share_the_next_one_and_each_has_its_own_outcome() -> None:
    disk = Disk()
    first = asyncio.create_task(disk.shared.join("a"))
    await disk.begun.wait()
    assert await disk.all("bcd") == ["B", "C", "D"]
    assert await first == "A" and await disk.shared.join("e") == "E"
    assert disk.commits == [["a"], ["b", "c", "d"], ["e"]]


async def test_a_caller_returns_after_the_commit_of_its_own_part() -> None:
    disk = Disk(most=3)

    async def one(part: str) -> bool:
        await disk.shared.join(part)
        return any(part in commit for commit in disk.commits)

    assert all(await asyncio.gather(*map(one, "abcdefghijk")))


async def test_a_commit_is_of_bounded_size_unless_a_part_alone_is_larger() -> None:
    disk = Disk(most=4)
    await asyncio.gather(*map(disk.shared.join, ["aa", "bb", "c", "d", "eeeeee", "f"]))
    assert disk.commits == [["aa", "bb"], ["c", "d"], ["eeeeee"], ["f"]]


async def test_a_part_that_is_refused_keeps_no_other_out() -> None:
    disk = Disk({"b": Misuse("a leaf needs a type of LeafType")})
    before, refused, after = await disk.all("abc")
    assert (before, after) == ("A", "C") and isinstance(refused, Misuse)
    assert disk.commits == [["a"], ["c"]]


async def test_a_commit_that_fails_is_not_tried_again_and_all_learn_of_it() -> None:
    """It may have reached the disk: a second one could write its parts twice."""
    disk = Disk({"b": StateError("STORE_UNAVAILABLE", "away")})
    assert [type(one) for one in await disk.all("abc")] == [StateError] * 3
    assert disk.commits == []
    assert await disk.shared.join("d") == "D"


async def test_who_gives_up_before_the_commit_is_not_in_it() -> None:
    disk = Disk()
    tasks = [asyncio.create_task(disk.shared.join("a"))]
    await disk.begun.wait()
    tasks += [asyncio.create_task(disk.shared.join(part)) for part in "bcd"]
    await asyncio.sleep(0)
    tasks[2].cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(ended[2], asyncio.CancelledError)
    assert disk.commits == [["a"], ["b", "d"]]


async def test_who_gives_up_during_the_commit_sees_it_end_and_stops_nobody() -> None:
    disk = Disk()
    tasks = [asyncio.create_task(disk.shared.join(part)) for part in "ab"]
    await disk.begun.wait()
    tasks[0].cancel()
    await asyncio.sleep(0)
    tasks[0].cancel()  # impatience changes nothing
    given_up, other = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(given_up, asyncio.CancelledError) and other == "B"
    assert disk.commits == [["a", "b"]]
