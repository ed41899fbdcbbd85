"""Rows of an import on their way: into messages of bounded size, and what became of them back into one account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.client.event import EventGroups, NotCarried, RowError
from gateway.v1 import consent_pb2

BATCH_ROWS = 2000
BATCH_BYTES = 2 * 1024 * 1024
MAX_NAMED = 1000  # rows that a report names, over all reasons
NAMED_PER_REASON = 20
MAX_WAITING = 100_000  # rows refused here that wait for their place in the order; more are told ahead of it

Row = tuple[int, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of an import.

    Attributes:
        accepted: events that are new and kept; of a trial, that would be.
        replayed: events that were imported before.
        rejected: the first rejected rows of every field and reason, in order.
        rejected_count: all rows that were not kept for a fault of their own.
        warned: the first rows, of every reason, that were kept but may be mistaken: they name a consent that is not on
            file, or are dated ahead.
        warned_count: all such rows.
    """

    accepted: int
    replayed: int
    rejected: tuple[RowError, ...]
    rejected_count: int
    warned: tuple[RowError, ...] = ()
    warned_count: int = 0


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """What became of some rows of an import; what it counts stays, whatever happens next.

    Attributes:
        settled_row: every row up to the one of this number is settled.
        accepted: events that are new and kept; of a trial, that would be.
        replayed: events that were imported before.
        rejected: every row that was not kept, in order.
        warned: every row that was kept but may be mistaken, in order.
    """

    settled_row: int
    accepted: int
    replayed: int
    rejected: tuple[RowError, ...]
    warned: tuple[RowError, ...] = ()


class _Named:
    """Rows of one kind: how many, and the first of every field and reason."""

    def __init__(self) -> None:
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._first: list[RowError] = []

    @property
    def count(self) -> int:
        return self._reasons.total()

    def add(self, rows: Iterable[RowError]) -> None:
        for row in rows:
            kind = row.field, row.reason
            self._reasons[kind] += 1
            if self._reasons[kind] <= NAMED_PER_REASON and len(self._first) < MAX_NAMED:
                self._first.append(row)

    def in_order(self) -> tuple[RowError, ...]:
        return tuple(sorted(self._first, key=lambda row: row.row))


class Account:
    """What became of an import so far, told row by row in order and kept as a report."""

    def __init__(self, told: Callable[[ImportProgress], None] | None = None) -> None:
        """Begin without rows.

        Args:
            told: gets every progress.
        """
        self._told = told
        self._refused: list[RowError] = []
        self._settled_row = self._accepted = self._replayed = 0
        self._rejected, self._warned = _Named(), _Named()

    @property
    def rejected_count(self) -> int:
        """Rows told of that were not kept."""
        return self._rejected.count

    def refuse(self, error: RowError) -> None:
        """Add a row that no message could carry; it is told of in its place among the others."""
        self._refused.append(error)
        if len(self._refused) > MAX_WAITING:
            self._tell(ImportProgress(self._settled_row, 0, 0, self._taken(error.row)))

    def settle(
        self, row: int, accepted: int, replayed: int, rejected: Iterable[RowError], warned: Iterable[RowError] = ()
    ) -> None:
        """Add what the gateway said of the rows up to one; 0 for none in particular."""
        self._settled_row = max(self._settled_row, row)
        errors = sorted([*rejected, *self._taken(row)], key=lambda error: error.row)
        self._tell(ImportProgress(self._settled_row, accepted, replayed, tuple(errors), tuple(warned)))

    def end(self, last_row: int) -> ImportReport:
        """Tell of what is left, after the last row, and return the report."""
        if self._refused:
            self.settle(last_row, 0, 0, ())
        rejected, warned = self._rejected, self._warned
        return ImportReport(
            self._accepted, self._replayed, rejected.in_order(), rejected.count, warned.in_order(), warned.count
        )

    def _taken(self, row: int) -> tuple[RowError, ...]:
        """Take out of those that wait whoever stands up to a row; they came in order."""
        count = next((place for place, error in enumerate(self._refused) if error.row > row), len(self._refused))
        taken, self._refused = tuple(self._refused[:count]), self._refused[count:]
        return taken

    def _tell(self, progress: ImportProgress) -> None:
        self._accepted += progress.accepted
        self._replayed += progress.replayed
        self._rejected.add(progress.rejected)
        self._warned.add(progress.warned)
        if self._told is not None:
            self._told(progress)


class Batches:
    """The messages of an import; iterated once.

    Attributes:
        last_row: number of the last row that was read.
    """

    def __init__(self, rows: Iterable[Row | RowError], account: Account) -> None:
        """Read nothing yet.

        Args:
            rows: (row number, event) pairs, or what is wrong with a row that could not be read.
            account: is told of rows that no message carries.
        """
        self._rows = rows
        self._account = account
        self.last_row = 0

    def __iter__(self) -> Iterator[consent_pb2.ImportEventsRequest]:
        """Yield messages of at most BATCH_ROWS rows and BATCH_BYTES bytes."""
        groups = EventGroups()
        for found in self._rows:
            if isinstance(found, RowError):
                self.last_row = found.row
                self._account.refuse(found)
                continue
            number, mapping = found
            self.last_row = number
            try:
                while not groups.add(number, mapping, BATCH_ROWS, BATCH_BYTES):
                    yield consent_pb2.ImportEventsRequest(batch=groups.take())
            except NotCarried as fault:
                self._account.refuse(RowError(number, fault.field, fault.reason))
        if groups.rows:
            yield consent_pb2.ImportEventsRequest(batch=groups.take())
