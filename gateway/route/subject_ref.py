"""Subject references in bulk: (n, 26) ASCII bytes, a row per person, in the order of their bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

REF_BYTES = 26

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


def as_keys(refs: Bytes) -> npt.NDArray[np.bytes_]:
    """View (n, 26) rows as n byte strings, which numpy compares whole."""
    keys: npt.NDArray[np.bytes_] = np.ascontiguousarray(refs).view(f"S{REF_BYTES}").reshape(-1)
    return keys


def from_keys(keys: npt.NDArray[np.bytes_]) -> Bytes:
    """View what `as_keys` made as (n, 26) rows again."""
    return np.ascontiguousarray(keys).view(np.uint8).reshape(-1, REF_BYTES)


def as_texts(refs: Bytes) -> pa.StringArray:
    """View (n, 26) rows as an Arrow string array."""
    rows = np.ascontiguousarray(refs)
    offsets = np.arange(0, rows.size + 1, rows.shape[1], dtype=np.int32)
    return pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(rows))


def from_texts(texts: pa.StringArray) -> Bytes:
    """View an Arrow string array of references, none null, as (n, 26) rows.

    Raises:
        ValueError: when the texts are not 26 bytes each on average.
    """
    _, offsets, text = texts.buffers()
    if not len(texts):
        return np.empty((0, REF_BYTES), dtype=np.uint8)
    ends = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(text, dtype=np.uint8)[ends[0] : ends[-1]].reshape(len(texts), REF_BYTES)


def ascending_order(refs: Bytes) -> Places | None:
    """Return the order in which rows ascend, or None when they do already, as nearly always."""
    heads = _heads(refs)
    if (heads[1:] > heads[:-1]).all():
        return None
    keys = as_keys(refs)
    return None if (keys[1:] > keys[:-1]).all() else np.argsort(keys, kind="stable")


def _heads(refs: Bytes) -> npt.NDArray[np.uint64]:
    return refs[:, :8].view(">u8").reshape(-1).astype(np.uint64)


def once(rows: Bytes) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """Return ascending rows each once, and where each of them went.

    Args:
        rows: (n, width), ascending; equal ones stand together.

    Returns:
        (m, width) and (n,) places in it.
    """
    begins = np.ones(len(rows), dtype=bool)
    begins[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    if begins.all():
        return rows, np.arange(len(rows))
    return np.ascontiguousarray(rows[begins]), np.cumsum(begins) - 1
