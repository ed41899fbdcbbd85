"""The store's rows of the projection, apart from the acts that make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from consent.projection import ProjectionRow


class ProjectionStore(Protocol):
    """Rows that were made before they said a plain no."""

    async def unsettled(self, after: str, limit: int) -> list[str]:
        """Return people of whom a row might say a plain no and says none, ascending, strictly after a reference."""
        ...

    async def settle(self, rows: Sequence[ProjectionRow]) -> int:
        """Write into stored rows since when they are closed, of people whom this transaction has locked.

        Args:
            rows: made again from all that is on file; those that are not closed are left alone.

        Returns:
            How many were written.
        """
        ...
