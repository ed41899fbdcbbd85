"""Blocking work of a route, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Outcome = TypeVar("Outcome")


async def in_thread(
    call: Callable[Parameters, Outcome], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Outcome:
    """Run a blocking call in a thread; a cancelled caller leaves only once the thread is through.

    So nothing is written behind the back of whoever goes on after the cancellation,
    such as the destruction of a run's secrets.
    """
    task = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
