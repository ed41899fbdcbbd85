"""Segment names: how a receiver of statistics groups its own customers. They never leave the house."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Flags = npt.NDArray[np.bool_]

MAX_CHARACTERS = 200


def parse(values: pa.StringArray) -> tuple[pa.Array[Any], Flags, Flags]:
    """Trim segment names.

    Args:
        values: n names as text, null where absent.

    Returns:
        n names, null where absent or unfit; the flags of those without a name; and
        the flags of those longer than 200 characters or with unprintable ones.
    """
    trimmed = pc.utf8_trim_whitespace(values)
    lengths = _flat(pc.fill_null(pc.utf8_length(trimmed), pa.scalar(0, pa.int32())))
    printable = _flat(pc.fill_null(pc.utf8_is_printable(trimmed), pa.scalar(True)))
    empty = lengths == 0
    bad = ~empty & ((lengths > MAX_CHARACTERS) | ~printable)
    kept = pc.if_else(pa.array(~empty & ~bad), trimmed, pa.scalar(None, pa.string()))
    return cast("pa.Array[Any]", kept), empty, bad


def _flat(values: Any) -> npt.NDArray[Any]:
    return cast("npt.NDArray[Any]", values.to_numpy(zero_copy_only=False))
