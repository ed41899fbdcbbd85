"""Why a raw value cannot serve as a match key."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class RejectReason(StrEnum):
    """A closed list; the first that applies, in this order, is given."""

    EMPTY = "EMPTY"
    """Null, or nothing but white space."""
    BAD_CHARACTERS = "BAD_CHARACTERS"
    """Holds what the type never holds: letters in a phone number, control characters in an opaque id."""
    FOREIGN_NUMBER = "FOREIGN_NUMBER"
    """A phone number with another country code than 86."""
    BAD_LENGTH = "BAD_LENGTH"
    """Too many or too few digits or bytes."""
    NOT_MOBILE = "NOT_MOBILE"
    """Eleven digits that no Chinese mobile number begins with."""
    NOT_A_HASH = "NOT_A_HASH"
    """The key names a hash, and the value is no hexadecimal digest of its length."""
    UPPER_CASE_HASH = "UPPER_CASE_HASH"
    """A digest in upper case: the partner's would never be equal to it."""


_ORDER = tuple(RejectReason)


@cache
def _names() -> pa.StringArray:
    # Not at import: the first array that Arrow makes of a list looks for pandas, which takes longer than all else here.
    return pa.array([str(reason) for reason in _ORDER], pa.string())


class Verdicts:
    """Reasons of one column while it is judged; the first reason given to a row stays."""

    def __init__(self, rows: int) -> None:
        """Begin with every row accepted.

        Args:
            rows: length of the column.
        """
        self._codes: npt.NDArray[np.int8] = np.full(rows, -1, np.int8)

    def reject(self, rows: npt.NDArray[np.bool_], reason: RejectReason) -> None:
        """Give `reason` to the marked rows that have none yet.

        Args:
            rows: one flag per row of the column.
            reason: what is wrong with them.
        """
        if rows.any():
            self._codes[rows & (self._codes < 0)] = _ORDER.index(reason)

    @property
    def accepted(self) -> npt.NDArray[np.bool_]:
        """One flag per row: nothing is wrong with it."""
        return self._codes < 0

    def as_array(self) -> pa.DictionaryArray[Any, Any]:
        """Return the reasons, null where the row is accepted."""
        accepted = self.accepted
        if accepted.all():
            return pa.DictionaryArray.from_arrays(pa.nulls(len(accepted), pa.int8()), _names())
        codes = pa.Array.from_pandas(self._codes, mask=accepted, type=pa.int8())
        return pa.DictionaryArray.from_arrays(codes, _names())
