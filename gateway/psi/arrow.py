"""Arrow columns and fixed-width byte rows, each as the other or as one piece."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.errors import Misuse


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array, also when it has no chunk."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], type=column.type)


def fixed(rows: npt.NDArray[np.uint8]) -> pa.FixedSizeBinaryArray:
    """Return (n, width) bytes as a fixed-size binary array."""
    rows = np.ascontiguousarray(rows)
    return pa.Array.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, pa.py_buffer(rows.tobytes())])


def rows_of(texts: pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    """Return a string column whose values are equally long, such as subject_refs, as (n, width) bytes."""
    array = whole(texts)
    if not len(array):
        return np.empty((0, 1), dtype=np.uint8)
    _, offsets, content = array.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    width = int(bounds[1] - bounds[0])
    if (np.diff(bounds) != width).any():
        raise Misuse("a column of equally long texts holds a longer or a shorter one")
    return np.frombuffer(content, dtype=np.uint8)[bounds[0] : bounds[-1]].reshape(len(array), width)
