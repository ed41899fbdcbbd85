"""The machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """Implements `Clock` with the system time."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)
