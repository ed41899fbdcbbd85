"""Waking inside one process."""

from __future__ import annotations

import asyncio
import time

from gateway.engine import ProcessBells


async def test_a_ring_wakes_everybody_who_waits() -> None:
    bells = ProcessBells()
    waiting = [asyncio.create_task(bells.wait("job", 30)) for _ in range(3)]
    await asyncio.sleep(0)
    bells.ring("job")
    await asyncio.wait_for(asyncio.gather(*waiting), 5)


async def test_a_ring_between_two_waits_is_not_lost() -> None:
    bells = ProcessBells()
    await bells.wait("job", 0.01)
    bells.ring("job")
    async with asyncio.timeout(5):  # in this same task: a bell remembers who heard it
        await bells.wait("job", 30)


async def test_another_bell_does_not_wake() -> None:
    bells = ProcessBells()
    waiting = asyncio.create_task(bells.wait("job", 30))
    await asyncio.sleep(0)
    bells.ring("audit")
    await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()


async def test_the_timeout_ends_a_wait() -> None:
    begun = time.monotonic()
    await ProcessBells().wait("job", 0.02)
    assert time.monotonic() - begun >= 0.015


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    bells = ProcessBells()
    waiting = asyncio.create_task(bells.wait("job", 30))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not bells._waiting
