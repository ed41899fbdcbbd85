"""Why a raw value cannot serve as a match key."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class RejectReason(StrEnum):
    """A closed list; the first that applies is given."""

    EMPTY = "EMPTY"
    """Null, or nothing but white space and invisible marks."""
    BAD_ENCODING = "BAD_ENCODING"
    """Bytes that are no UTF-8."""
    TOO_LONG = "TOO_LONG"
    """A cell of more bytes than any identifier has, however it is written."""
    NULL_WORD = "NULL_WORD"
    """A word for nothing, such as null, N/A or a dash."""
    MASKED = "MASKED"
    """A part is hidden, as in 138****1234."""
    QUANTITY = "QUANTITY"
    """A program made a quantity of it: scientific notation, thousands separators, a fraction. Digits may be lost."""
    SEVERAL_VALUES = "SEVERAL_VALUES"
    """Two values in one cell."""
    BAD_CHARACTERS = "BAD_CHARACTERS"
    """Holds what the type never holds: letters in a phone number, control characters in an opaque id."""
    FOREIGN_NUMBER = "FOREIGN_NUMBER"
    """A phone number of another country than the form allows, or of a country's that has no such numbers."""
    BAD_LENGTH = "BAD_LENGTH"
    """Too many or too few digits, characters or bytes."""
    NOT_MOBILE = "NOT_MOBILE"
    """A number of the right length that is no mobile one: a landline, a service, an unassigned beginning."""
    BAD_LOCAL_PART = "BAD_LOCAL_PART"
    """What stands before the @ of an e-mail address is no local part (RFC 5321)."""
    BAD_DOMAIN = "BAD_DOMAIN"
    """What stands after the @ of an e-mail address is no domain of the Internet."""
    BAD_CHECK_DIGIT = "BAD_CHECK_DIGIT"
    """The last digit of an IMEI is not the one that the others give: one of them is wrong."""
    PLACEHOLDER = "PLACEHOLDER"
    """A value that stands for the absence of one: all zeros, NO, 02:00:00:00:00:00."""
    UPPER_CASE = "UPPER_CASE"
    """Capitals in a type that has none, and whose case may not be changed."""
    NOT_A_HASH = "NOT_A_HASH"
    """The column holds digests, and the value is no hexadecimal digest of its length."""
    UPPER_CASE_HASH = "UPPER_CASE_HASH"
    """A digest in upper case: the partner's would never be equal to it."""


Reject = Callable[[npt.NDArray[np.bool_], RejectReason], None]
"""Gives a reason to the flagged rows that have none yet."""

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

    def of_rows(self, positions: npt.NDArray[np.int64], rows: npt.NDArray[np.bool_]) -> Reject:
        """Return what gives reasons to some rows of the column, seen as a column of their own.

        Args:
            positions: where they stand in the column, (k,).
            rows: which of the k may be rejected.
        """

        def reject(those: npt.NDArray[np.bool_], reason: RejectReason) -> None:
            marked = np.zeros(len(self._codes), np.bool_)
            marked[positions[rows & those]] = True
            self.reject(marked, reason)

        return reject

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
