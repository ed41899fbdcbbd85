"""Arrow columns and fixed-width byte rows, each as the other or as one piece."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array, also when it has no chunk."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], type=column.type)


def fixed(rows: npt.NDArray[np.uint8]) -> pa.FixedSizeBinaryArray:
    """Return (n, width) bytes as a fixed-size binary array."""
    rows = np.ascontiguousarray(rows)
    return pa.Array.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, pa.py_buffer(rows.tobytes())])
