"""Small steps on Arrow columns that every identifier type takes."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.identifier.reason import Verdicts


def flags(column: pa.Array[Any]) -> npt.NDArray[np.bool_]:
    """Return a boolean column as numpy flags; null counts as false.

    Args:
        column: n booleans.
    """
    filled = cast("pa.Array[Any]", pc.fill_null(column, pa.scalar(False)))
    return cast("npt.NDArray[np.bool_]", filled.to_numpy(zero_copy_only=False))


def byte_lengths(values: pa.StringArray) -> npt.NDArray[np.int32]:
    """Return the length of every string in bytes; null counts as 0.

    Args:
        values: n strings.
    """
    filled = cast("pa.Array[Any]", pc.fill_null(pc.binary_length(values), pa.scalar(0, pa.int32())))
    return cast("npt.NDArray[np.int32]", filled.to_numpy(zero_copy_only=False))


def null_where_rejected(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return a column with null in place of every rejected row.

    Args:
        values: n strings.
        verdicts: the n verdicts on them.
    """
    accepted = verdicts.accepted
    if accepted.all():
        return values
    return cast(pa.StringArray, pc.if_else(pa.array(accepted), values, pa.scalar(None, pa.string())))
