"""The receiver's computations: blinding, unblinding, and the join with S's table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.errors import HostileInput
from gateway.psi.attributes import decode
from gateway.psi.check import OVER, as_keys, at
from gateway.route.agreement import Column
from gateway.route.session import Stage

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


def blind(inputs: pa.LargeBinaryArray, scalar: kernel.Scalar, threads: int) -> Bytes:
    """Return a * H(x) for a slice of the cohort in keyed-tag order, (n, 32)."""
    return kernel.blind(inputs, scalar, threads)


def outputs(inputs: pa.LargeBinaryArray, evaluated: Bytes, inverse: kernel.Scalar, seq: int, threads: int) -> Bytes:
    """Return F(x) = Finalize(x, (1/a) * k * a * H(x)) for the inputs of one chunk of stage 2, (n, 64).

    Raises:
        HostileInput: NON_CANONICAL_ELEMENT or IDENTITY_ELEMENT, with chunk and offset.
    """
    try:
        return kernel.finalize_unblind(inputs, evaluated, inverse, threads)
    except kernel.ElementRefused as error:
        words = "the identity element" if error.reason == "IDENTITY_ELEMENT" else "no canonical group element"
        raise HostileInput(error.reason, f"{at(Stage.EVALUATED, seq, error.index)}: {words}; {OVER}") from error


def join(own: Iterator[Bytes], table: Iterator[Bytes], tag_bytes: int, threads: int) -> Iterator[tuple[Bytes, Bytes]]:
    """Join R's rows with S's table, both ascending by tag, range after range. Blocks.

    Args:
        own: pieces of rows that begin with an output; several people may share one, over several pieces.
        table: pieces of rows that begin with a tag, no tag twice.
        tag_bytes: bytes of T, the leading bytes of an output.
        threads: native threads.

    Yields:
        Rows of R and, (n, row_bytes) each, the table rows that they stand in.
    """
    piece, tags = None, np.empty((0, tag_bytes), dtype=np.uint8)
    for chunk in table:
        rest = chunk
        while len(rest):
            if piece is None:
                piece = next(own, None)
                if piece is None:
                    return
                tags = np.ascontiguousarray(piece[:, :tag_bytes])
            theirs = np.ascontiguousarray(rest[:, :tag_bytes])
            ours, rows = _pairs(tags, theirs, threads)
            if len(ours):
                yield piece[ours], rest[rows]
            # What lies above this piece is for the next one, and its last tag may be there again.
            rest = rest[np.searchsorted(as_keys(theirs), as_keys(tags[-1:])[0], side="left") :]
            if len(rest):
                piece = None


def _pairs(tags: Bytes, theirs: Bytes, threads: int) -> tuple[Places, Places]:
    """Return which rows of R stand in which of S's, all of a household included; ascending."""
    first = kernel.find_rows(tags, theirs, threads)
    rows = np.flatnonzero(first >= 0)
    begins = first[rows]
    ends = begins + 1
    # Only where the next row of R has the same tag is the end of that tag looked for.
    inside = np.flatnonzero(ends < len(tags))
    shared = inside[(tags[ends[inside]] == theirs[rows[inside]]).all(axis=1)]
    if len(shared):
        ends[shared] = np.searchsorted(as_keys(tags), as_keys(theirs[rows[shared]]), side="right")
    counts = ends - begins
    # The places begin, begin + 1, ... of each tag, one tag after the other.
    before = np.cumsum(counts) - counts
    return np.repeat(begins - before, counts) + np.arange(counts.sum()), np.repeat(rows, counts)


def opened(
    finalized: Bytes,
    rows: Bytes,
    tag_bytes: int,
    columns: tuple[Column, ...],
    binding: tuple[str, bytes, bytes],
    threads: int,
) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """Open matched table rows.

    Args:
        finalized: (n, 64) F(x).
        rows: (n, row_bytes) the table rows, in the same order.
        tag_bytes: bytes of T.
        columns: asked columns in agreed order.
        binding: (match key, agreement hash, table id) that the rows are sealed under.
        threads: native threads.

    Returns:
        (n, plaintext bytes) and which of them are authentic: the others are false matches of a truncated tag.

    Raises:
        HostileInput: BAD_SHAPE when an opened row does not hold the agreed columns.
    """
    match_key, agreement_hash, table_id = binding
    plaintexts, good = kernel.open_rows(finalized, rows, match_key, agreement_hash, table_id, tag_bytes, threads)
    decode(np.ascontiguousarray(plaintexts[good]), columns)
    return plaintexts, good
