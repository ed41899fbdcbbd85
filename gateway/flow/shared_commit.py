"""Commits that several callers share: those who come while one is under way are all in the next.

A commit takes about as long for many as for one. Each caller still learns that its own part is on disk, or why not,
and only then; a part that is refused keeps no other out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.errors import Misuse, RequestError

Part = TypeVar("Part")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Part, Outcome]):
    """What one caller wants committed, and how it learns what became of it."""

    part: Part
    done: asyncio.Future[Outcome] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def fail(self, error: Exception) -> None:
        self.done.set_exception(error)
        self.done.exception()  # seen, also where the caller was cancelled meanwhile


class SharedCommit(Generic[Part, Outcome]):
    """What waits for the next commit.

    Args:
        commit: commits parts in one transaction, in their order; returns what became of each.
        size: of a part.
        most: size of a commit, after which the next one begins.
    """

    def __init__(
        self, commit: Callable[[Sequence[Part]], Awaitable[Sequence[Outcome]]], size: Callable[[Part], int], most: int
    ) -> None:
        self._commit = commit
        self._size = size
        self._most = most
        self._waiting: deque[_Waiting[Part, Outcome]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def join(self, part: Part) -> Outcome:
        """Have a part committed with whatever else waits; return what became of it once that is committed.

        Who is cancelled before the commit begins is not in it. Later it is waited for, as for any commit.

        Raises:
            AssentError: as `commit`. RequestError and Misuse are of this part alone; others may concern all of a
                commit, and after STORE_UNAVAILABLE it may have been made.
        """
        one: _Waiting[Part, Outcome] = _Waiting(part)
        self._waiting.append(one)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        try:
            return await asyncio.shield(one.done)
        except asyncio.CancelledError:
            if one in self._waiting:
                self._waiting.remove(one)
                raise
            while not one.done.done():
                with suppress(asyncio.CancelledError):  # cancelled again: it is on its way already
                    await asyncio.wait({one.done})
            raise

    async def _write(self) -> None:
        group: list[_Waiting[Part, Outcome]] = []
        try:
            while group := self._next():
                await self._write_together(group)
        finally:
            self._writer = None
            for one in (*group, *self._waiting):  # of a task that was stopped; whoever knows keeps what he knows
                one.done.cancel()
            self._waiting.clear()

    def _next(self) -> list[_Waiting[Part, Outcome]]:
        """Take the first who wait, in order."""
        group: list[_Waiting[Part, Outcome]] = []
        size = 0
        while self._waiting and (not group or size + self._size(self._waiting[0].part) <= self._most):
            group.append(self._waiting.popleft())
            size += self._size(group[-1].part)
        return group

    async def _write_together(self, group: Sequence[_Waiting[Part, Outcome]]) -> None:
        try:
            outcomes = await self._commit([one.part for one in group])
        except (RequestError, Misuse) as error:
            if len(group) == 1:
                group[0].fail(error)
                return
            # Somebody's part is at fault. It was refused before the commit, so that all can be repeated.
            for one in group:
                await self._write_together([one])
        except Exception as error:
            for one in group:
                one.fail(error)
        else:
            for one, outcome in zip(group, outcomes, strict=True):
                one.done.set_result(outcome)
