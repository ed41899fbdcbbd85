"""Entries that go with no change of state: those that come while a commit is under way share the next one.

A commit takes as long for a thousand entries as for one. Each caller still learns that its own entries are on disk,
or why not, and only then; what one of them cannot be told in the log does not keep the others out of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from gateway.errors import Misuse, RequestError
from gateway.route.audit import AuditEvent

TOGETHER = 1000  # entries of one commit, after which the next one begins


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What one caller appends, and how it learns what became of it."""

    events: Sequence[AuditEvent]
    done: asyncio.Future[None]

    def settle(self, error: Exception | None = None) -> None:
        if self.done.done():  # the caller gave up waiting
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Appends:
    """The entries that wait for the next commit.

    Args:
        commit: appends entries in one transaction.
    """

    def __init__(self, commit: Callable[[Sequence[AuditEvent]], Awaitable[None]]) -> None:
        self._commit = commit
        self._waiting: deque[_Waiting] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def append(self, events: Sequence[AuditEvent]) -> None:
        """Append entries, and return once they are committed.

        Who is cancelled while waiting does not know whether they were.

        Raises:
            AssentError: they were not, as `AuditStore.append` and the commit say; after STORE_UNAVAILABLE they may be.
        """
        if not events:
            return
        one = _Waiting(events, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await one.done

    async def end(self) -> None:
        """Wait until nothing waits."""
        while self._writer is not None:
            await asyncio.wait({self._writer})

    async def _write(self) -> None:
        group: list[_Waiting] = []
        try:
            while group := self._next():
                await self._write_together(group)
        finally:
            self._writer = None
            for one in (*group, *self._waiting):  # of a task that was stopped; whoever knows keeps what he knows
                one.done.cancel()
            self._waiting.clear()

    def _next(self) -> list[_Waiting]:
        """Take the first who wait, in order, but for those who gave up."""
        group, count = [], 0
        while self._waiting and count < TOGETHER:
            one = self._waiting.popleft()
            if not one.done.done():
                group.append(one)
                count += len(one.events)
        return group

    async def _write_together(self, group: Sequence[_Waiting]) -> None:
        try:
            await self._commit([event for one in group for event in one.events])
        except (RequestError, Misuse) as error:
            if len(group) == 1:
                group[0].settle(error)
                return
            # Somebody's entry is at fault. It was refused before the commit, so that all can be repeated.
            for one in group:
                await self._write_together([one])
        except Exception as error:
            for one in group:
                one.settle(error)
        else:
            for one in group:
                one.settle()
