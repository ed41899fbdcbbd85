from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.client.loop import LoopThread


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


async def _double(number: int, *, wait: float = 0.0) -> int:
    await asyncio.sleep(wait)
    return 2 * number


async def _fail() -> None:
    raise KeyError("x")


class Counting:
    closed = False

    async def count(self, end: int) -> AsyncIterator[int]:
        try:
            for number in range(end):
                await asyncio.sleep(0)
                yield number
        finally:
            self.closed = True


def test_a_coroutine_blocks_and_returns(loop: LoopThread) -> None:
    assert loop.blocking(_double)(4, wait=0.01) == 8


def test_errors_reach_the_caller(loop: LoopThread) -> None:
    with pytest.raises(KeyError):
        loop.blocking(_fail)()


def test_an_async_generator_is_iterated_and_closed(loop: LoopThread) -> None:
    counting = Counting()
    assert list(loop.iterating(counting.count)(3)) == [0, 1, 2]
    assert counting.closed


def test_leaving_early_closes_it(loop: LoopThread) -> None:
    counting = Counting()
    numbers = loop.iterating(counting.count)(1000)
    assert next(numbers) == 0
    numbers.close()  # type: ignore[attr-defined]
    assert counting.closed


def test_several_threads_share_the_loop(loop: LoopThread) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda n=n: found.append(loop.run(_double(n)))) for n in range(8)]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [2 * number for number in range(8)]


def test_closing_twice_does_no_harm() -> None:
    thread = LoopThread()
    thread.close()
    thread.close()


def test_what_still_ends_is_let_end() -> None:
    ended = threading.Event()

    async def leave() -> None:
        async def ending() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

        left.append(asyncio.create_task(ending()))
        await asyncio.sleep(0)

    left: list[asyncio.Task[None]] = []
    thread = LoopThread()
    thread.run(leave())
    thread.close()
    assert ended.is_set() and left[0].cancelled()
