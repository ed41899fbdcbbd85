"""Steps of a route that overlap: one is ahead of the next by a bounded number of pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import TypeVar, cast

from gateway.flow.threads import in_thread

Piece = TypeVar("Piece")


async def in_turn(pieces: Iterator[Piece]) -> AsyncGenerator[Piece, None]:
    """Yield what a blocking iterator makes, each step in a thread."""
    end = object()
    try:
        while (piece := await in_thread(next, pieces, end)) is not end:
            yield cast(Piece, piece)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            await in_thread(close)


async def each(pieces: Iterator[Piece], take: Callable[[Piece], object]) -> None:
    """Hand all that a blocking iterator makes to a blocking call, piece by piece: between two the caller may leave."""
    async with aclosing(ahead(in_turn(pieces))) as made:
        async for piece in made:
            await in_thread(take, piece)


async def ahead(source: AsyncIterator[Piece], depth: int = 1) -> AsyncGenerator[Piece, None]:
    """Yield what a source makes, while it is already making what comes next.

    Args:
        source: closed at the end, also when the caller leaves early.
        depth: finished pieces that may wait.
    """
    end = object()
    queue: asyncio.Queue[object] = asyncio.Queue(depth)

    async def fill() -> None:
        try:
            async with aclosing(cast(AsyncGenerator[Piece, None], source)) as pieces:
                async for piece in pieces:
                    await queue.put(piece)
        except asyncio.CancelledError:
            raise
        except BaseException:
            await queue.put(end)
            raise
        await queue.put(end)

    filling = asyncio.ensure_future(fill())
    try:
        while (piece := await queue.get()) is not end:
            yield cast(Piece, piece)
        await filling
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
