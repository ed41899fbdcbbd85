"""Rows that cannot be used: counted by reason, named by number, never by value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.route.cohort import RejectedRows

EMPTY_SUBJECT = "EMPTY_SUBJECT"
BAD_SUBJECT = "BAD_SUBJECT"
EMPTY_MATCH_KEY = "EMPTY_MATCH_KEY"
BAD_MATCH_KEY = "BAD_MATCH_KEY"
EMPTY_SEGMENT = "EMPTY_SEGMENT"
BAD_SEGMENT = "BAD_SEGMENT"
BAD_VALUE = "BAD_VALUE"
CONFLICTING_ROWS = "CONFLICTING_ROWS"


class Rejections:
    """Rejected rows of one source while it is read; a row counts once, for its first reason."""

    __slots__ = ("_named", "_rejected", "_usable")

    def __init__(self, rows: int, named: int) -> None:
        """Begin with every row usable.

        Args:
            rows: rows of the source.
            named: how many row numbers are kept per reason.
        """
        self._usable = np.ones(rows, np.bool_)
        self._rejected: dict[str, RejectedRows] = {}
        self._named = named

    def reject(self, rows: npt.NDArray[np.bool_], reason: str) -> None:
        """Reject the marked rows that are still usable.

        Args:
            rows: one flag per row of the source.
            reason: one of this module's words, given once.
        """
        numbers = np.flatnonzero(rows & self._usable) + 1
        if len(numbers):
            first = tuple(int(number) for number in numbers[: self._named])
            self._rejected[reason] = RejectedRows(len(numbers), first)
            self._usable &= ~rows

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """One flag per row of the source."""
        return self._usable

    @property
    def by_reason(self) -> dict[str, RejectedRows]:
        """The rejected rows, reasons in the order in which they were given."""
        return dict(self._rejected)
