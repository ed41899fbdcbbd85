"""Time and waking: what pure code must be handed."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The current time, injectable."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...


class Bells(Protocol):
    """Wakes a waiting worker or servicer of this process; a hint, never the truth.

    Whoever waits looks at the store or the spool again after every ring or
    timeout, so that another process's change is found by the timeout.
    """

    def ring(self, key: str) -> None:
        """Wake everybody who waits for `key` (a session id, job id or "audit")."""
        ...

    async def wait(self, key: str, timeout_s: float) -> None:
        """Return after a ring since the caller's last wait on `key`, or the timeout."""
        ...
