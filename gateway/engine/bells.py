"""Waking inside one process: a hint that something changed."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

MAX_KEYS = 100_000


class ProcessBells:
    """Implements `Bells` for the tasks of one event loop.

    Every ring has a number. A task that waits again returns at once when the bell
    rang since its last wait, so that a change between a look and a wait is not lost.
    """

    def __init__(self) -> None:
        """Begin in silence."""
        self._rings: dict[str, int] = {}
        self._waiting: dict[str, asyncio.Event] = {}
        self._heard: WeakKeyDictionary[asyncio.Task[object], dict[str, int]] = WeakKeyDictionary()

    def ring(self, key: str) -> None:
        """Wake everybody who waits for `key`."""
        if len(self._rings) > MAX_KEYS:
            # Whoever waits looks again at its timeout; forgetting costs a delay only.
            self._rings.clear()
        self._rings[key] = self._rings.get(key, 0) + 1
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            waiting.set()

    async def wait(self, key: str, timeout_s: float) -> None:
        """Return after a ring since this task's last wait on `key`, or the timeout."""
        task = asyncio.current_task()
        heard = self._heard.setdefault(task, {}) if task is not None else {}
        if heard.get(key, self._rings.get(key, 0)) == self._rings.get(key, 0):
            event = self._waiting.setdefault(key, asyncio.Event())
            try:
                await asyncio.wait_for(event.wait(), timeout_s)
            except TimeoutError:
                pass  # The caller looks again, as after a ring.
            finally:
                if self._waiting.get(key) is event:
                    # Others on this bell wake once for nothing; no event is left behind.
                    event.set()
                    del self._waiting[key]
        heard[key] = self._rings.get(key, 0)
