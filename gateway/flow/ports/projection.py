"""The store's rows of the projection, apart from the acts that make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from consent.projection import ProjectionRow


class ProjectionStore(Protocol):
    """Rows that were made before they said a plain no."""

    async def unsettled(self, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
        """Return rows that might say a plain no and say none: (use number, person) ascending, strictly after one."""
        ...

    async def settle(self, rows: Sequence[ProjectionRow]) -> int:
        """Write into stored rows since when they are closed, of people whom this transaction has locked.

        Args:
            rows: made again from all that is on file; those that are not closed are left alone.

        Returns:
            How many were written.
        """
        ...
