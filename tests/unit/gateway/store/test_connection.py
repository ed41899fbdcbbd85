from __future__ import annotations

import asyncio

import pytest

from gateway.store.connection import uninterrupted


async def test_a_step_ends_before_its_caller_is_cancelled() -> None:
    ended = []

    async def step() -> None:
        await asyncio.sleep(0.05)
        ended.append("step")

    async def caller() -> None:
        try:
            await uninterrupted(step())
        finally:
            ended.append("caller")

    task = asyncio.create_task(caller())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0.01)
    task.cancel()  # impatience changes nothing
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["step", "caller"]


async def test_results_and_errors_come_through() -> None:
    async def answer() -> int:
        return 7

    async def fail() -> None:
        raise LookupError

    assert await uninterrupted(answer()) == 7
    with pytest.raises(LookupError):
        await uninterrupted(fail())


async def test_a_cancellation_outweighs_the_step_s_own_failure() -> None:
    async def fail() -> None:
        await asyncio.sleep(0.02)
        raise LookupError

    task = asyncio.create_task(uninterrupted(fail()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
