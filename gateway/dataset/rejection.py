"""Rows that cannot be used: counted by reason, named by number, never by value."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.route.cohort import RejectedRows

REPEATED_HEADER = "REPEATED_HEADER"
EMPTY_SUBJECT = "EMPTY_SUBJECT"
BAD_SUBJECT = "BAD_SUBJECT"
EMPTY_MATCH_KEY = "EMPTY_MATCH_KEY"
BAD_MATCH_KEY = "BAD_MATCH_KEY"
NO_MATCH_KEY = "NO_MATCH_KEY"
EMPTY_SEGMENT = "EMPTY_SEGMENT"
BAD_SEGMENT = "BAD_SEGMENT"
BAD_VALUE = "BAD_VALUE"

ORDER = (
    REPEATED_HEADER,
    EMPTY_SUBJECT,
    BAD_SUBJECT,
    EMPTY_MATCH_KEY,
    BAD_MATCH_KEY,
    NO_MATCH_KEY,
    EMPTY_SEGMENT,
    BAD_SEGMENT,
    BAD_VALUE,
)
"""The order in which the faults of a row are looked for, and reasons are reported."""


class Rejections:
    """Rejected rows of one source while it is read batch by batch; a row counts once, for its first reason."""

    __slots__ = ("_before", "_key_faults", "_named", "_rejected", "_usable")

    def __init__(self, named: int) -> None:
        """Begin before the first row.

        Args:
            named: how many row numbers are kept per reason.
        """
        self._named = named
        self._before = 0
        self._usable = np.ones(0, np.bool_)
        self._rejected: dict[str, RejectedRows] = {}
        self._key_faults: dict[str, RejectedRows] = {}

    def begin(self, rows: int) -> None:
        """Go on to the next batch, every row of it usable.

        Args:
            rows: rows of the batch.
        """
        self._before += len(self._usable)
        self._usable = np.ones(rows, np.bool_)

    def reject(self, rows: npt.NDArray[np.bool_], reason: str) -> None:
        """Reject the marked rows of the batch that are still usable.

        Args:
            rows: one flag per row of the batch.
            reason: one of this module's words.
        """
        if not rows.any():
            return
        found = np.flatnonzero(rows & self._usable)
        if not len(found):
            return
        self._usable[found] = False
        self._count(self._rejected, reason, found)

    def explain(self, faults: pa.DictionaryArray[Any, Any]) -> None:
        """Count why rows of the batch that are still usable have no match key, before they are rejected for it.

        Args:
            faults: one reason per row, null where there is a key.
        """
        if faults.null_count == len(faults):
            return
        reasons = faults.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        for code, reason in enumerate(faults.dictionary.to_pylist()):
            found = np.flatnonzero((reasons == code) & self._usable)
            if len(found):
                self._count(self._key_faults, reason, found)

    def _count(self, counts: dict[str, RejectedRows], reason: str, found: npt.NDArray[np.int64]) -> None:
        earlier = counts.get(reason, RejectedRows(0, ()))
        first = found[: self._named - len(earlier.first_rows)] + (self._before + 1)
        counts[reason] = RejectedRows(
            earlier.count + len(found), earlier.first_rows + tuple(int(number) for number in first)
        )

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """One flag per row of the batch."""
        return self._usable

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Numbers of the usable rows of the batch, 1 being the first row of the source."""
        return np.flatnonzero(self._usable) + (self._before + 1)

    @property
    def rows_read(self) -> int:
        """Rows of all batches so far."""
        return self._before + len(self._usable)

    @property
    def key_faults(self) -> dict[str, RejectedRows]:
        """The rows so far that have no match key, per reason, the commonest first."""
        return dict(sorted(self._key_faults.items(), key=lambda found: (-found[1].count, found[0])))

    @property
    def by_reason(self) -> dict[str, RejectedRows]:
        """The rejected rows so far, reasons in `ORDER`."""
        return {reason: self._rejected[reason] for reason in ORDER if reason in self._rejected}
