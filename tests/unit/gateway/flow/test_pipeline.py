"""Pieces come in order, errors arrive, and nobody goes on working after the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import pytest

from gateway.flow.pipeline import ahead, in_turn


async def numbers(made: list[int], count: int, ended: list[bool]) -> AsyncGenerator[int, None]:
    try:
        for number in range(count):
            made.append(number)
            yield number
            await asyncio.sleep(0)
    finally:
        ended.append(True)


async def test_a_source_is_ahead_by_what_may_wait_and_no_more() -> None:
    made: list[int] = []
    ended: list[bool] = []
    async with aclosing(ahead(numbers(made, 10, ended), 2)) as pieces:
        assert await anext(pieces) == 0
        for _ in range(50):
            await asyncio.sleep(0)
        # One is in the taker's hands, two wait, one waits to be put.
        assert len(made) == 4
        assert [piece async for piece in pieces] == list(range(1, 10))
    assert ended == [True]


async def test_leaving_early_ends_the_source() -> None:
    ended: list[bool] = []
    async with aclosing(ahead(numbers([], 1000, ended))) as pieces:
        async for piece in pieces:
            if piece == 3:
                break
    assert ended == [True]


async def test_what_a_source_raises_reaches_the_taker_after_what_it_made() -> None:
    async def broken() -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("broken")

    seen = []
    with pytest.raises(ValueError, match="broken"):
        async for piece in ahead(broken(), 5):
            seen.append(piece)
    assert seen == [1]


async def test_a_blocking_iterator_runs_in_threads_and_is_closed() -> None:
    threads, closed = set(), []

    def blocking() -> Iterator[int]:
        try:
            for number in range(5):
                threads.add(threading.get_ident())
                yield number
        finally:
            closed.append(True)

    async with aclosing(in_turn(blocking())) as pieces:
        assert [await anext(pieces), await anext(pieces)] == [0, 1]
    assert closed == [True]
    assert threading.get_ident() not in threads
    assert [piece async for piece in in_turn(blocking())] == [0, 1, 2, 3, 4]


async def test_a_taker_that_is_cancelled_leaves_nothing_running() -> None:
    ended: list[bool] = []

    async def take() -> None:
        async with aclosing(ahead(numbers([], 10**9, ended))) as pieces:
            async for _ in pieces:
                await asyncio.sleep(0.001)

    task = asyncio.create_task(take())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]
