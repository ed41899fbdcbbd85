"""How an import comes on, for a person who watches a terminal; nothing where nobody does."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Stand(Protocol):
    """How far an import has come."""

    row: int
    accepted: int
    replayed: int
    rejected: int


class ImportScreen:
    """One line on stderr, rewritten after every batch."""

    def __init__(self) -> None:
        """Look whether there is a terminal."""
        console = Console(stderr=True)
        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        self._shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._shown.add_task("importing")
        self._stand: Stand | None = None
        self._began, self._first = time.monotonic(), 0

    def watch(self, stand: Stand) -> None:
        """Show an import from now on."""
        self._stand, self._first, self._began = stand, stand.row, time.monotonic()

    def show(self) -> None:
        """Show how far it has come; called from any thread."""
        stand = self._stand
        if stand is None:
            return
        rate = (stand.row - self._first) / max(time.monotonic() - self._began, 1e-3)
        said = (
            f"row {stand.row:,}: {stand.accepted:,} accepted, {stand.replayed:,} known, {stand.rejected:,} rejected,"
            f" {rate:,.0f}/s"
        )
        self._shown.update(self._task, description=said)

    def __enter__(self) -> Self:
        self._shown.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.stop()
