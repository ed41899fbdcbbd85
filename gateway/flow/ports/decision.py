"""The store's log of decisions about single people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.route.decision import AnsweredQuestion, DecisionFilter, LoggedDecision


class DecisionStore(Protocol):
    """Decisions, append-only."""

    async def append(self, answered: Sequence[AnsweredQuestion]) -> list[LoggedDecision]:
        """Number decisions and store them; whoever else appends waits for our commit."""
        ...

    async def list(self, wanted: DecisionFilter, before: int | None, limit: int) -> list[LoggedDecision]:
        """Return decisions, the newest first, with numbers strictly below `before`; None is from the newest on."""
        ...

    async def purge(self, before: datetime, limit: int) -> int:
        """Delete the oldest, at most `limit`, of those asked before a time; return how many."""
        ...
