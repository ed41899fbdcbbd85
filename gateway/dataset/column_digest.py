"""A digest of a column of text as it is read, whatever batches it comes in."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa


class ColumnDigest:
    """SHA-256 of the lengths and of the bytes, a null's length being -1."""

    __slots__ = ("_bytes", "_lengths")

    def __init__(self) -> None:
        """Begin with no value."""
        self._lengths = hashlib.sha256()
        self._bytes = hashlib.sha256()

    def add(self, values: pa.StringArray) -> None:
        """Go on with further values."""
        if not len(values):
            return
        if values.null_count:
            # What lies behind a null is not said.
            lengths = np.where(values.is_null(), -1, 0).astype("<i4")
            filled = values.fill_null("")
        else:
            lengths, filled = np.zeros(len(values), "<i4"), values
        _, ends, content = filled.buffers()
        bounds = np.frombuffer(ends, "<i4")[filled.offset : filled.offset + len(filled) + 1]
        self._lengths.update((lengths + np.diff(bounds)).astype("<i4").tobytes())
        if content is not None:
            self._bytes.update(memoryview(content)[bounds[0] : bounds[-1]])

    def hex(self) -> str:
        """Return the digest of all so far, hex."""
        return hashlib.sha256(self._lengths.digest() + self._bytes.digest()).hexdigest()
