"""What becomes of an import of consent events, batch by batch and as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.flow.intake import RowError

MAX_ERRORS_NAMED = 1000  # of a report, over all reasons


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of an import.

    Attributes:
        accepted: rows stored now.
        replayed: rows that were stored before.
        rejected: the first errors of every field and reason, in order of rows.
        rejected_count: rows refused, named or not.
        warned: rows stored that may be mistaken, the first of every reason; see `unmet` and `dated_ahead`.
        warned_count: such rows, named or not.
    """

    accepted: int
    replayed: int
    rejected: tuple[RowError, ...]
    rejected_count: int
    warned: tuple[RowError, ...] = ()
    warned_count: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the rows between one row and another.

    Attributes:
        row: number of the last of them.
        accepted: rows stored; in a trial, that would be.
        replayed: rows that were stored before.
        rejected: errors of all others, in order of rows.
        warned: those accepted that may be mistaken, in order of rows.
    """

    row: int
    accepted: int
    replayed: int
    rejected: tuple[RowError, ...]
    warned: tuple[RowError, ...] = ()


@dataclass(slots=True)
class _Named:
    """Counts rows of one kind, and names the first of every field and reason."""

    per_reason: int
    count: int = 0
    errors: list[RowError] = field(default_factory=list)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, errors: Sequence[RowError]) -> None:
        self.count += len(errors)
        for error in errors:
            kind = (error.field, error.reason)
            self.reasons[kind] += 1
            if self.reasons[kind] <= self.per_reason and len(self.errors) < MAX_ERRORS_NAMED:
                self.errors.append(error)

    def in_order(self) -> tuple[RowError, ...]:
        return tuple(sorted(self.errors, key=lambda error: error.row))


class Tally:
    """Counts rows of an import as they fall.

    Args:
        named_per_reason: how many rows a report names of every field and reason.
    """

    def __init__(self, named_per_reason: int) -> None:
        self._accepted = self._replayed = 0
        self._rejected, self._warned = _Named(named_per_reason), _Named(named_per_reason)

    def add(self, step: Settled) -> None:
        """Count a batch."""
        self._accepted += step.accepted
        self._replayed += step.replayed
        self._rejected.add(step.rejected)
        self._warned.add(step.warned)

    def report(self) -> ImportReport:
        """Return what all batches come to."""
        rejected, warned = self._rejected, self._warned
        return ImportReport(
            self._accepted, self._replayed, rejected.in_order(), rejected.count, warned.in_order(), warned.count
        )
