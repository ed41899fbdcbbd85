"""The sender's computations: the OPRF on R's elements, and the table."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.errors import HostileInput, Misuse
from gateway.psi.check import OVER, as_keys, at
from gateway.route.session import Stage

Bytes = npt.NDArray[np.uint8]


def evaluate(elements: Bytes, scalar: kernel.Scalar, seq: int, threads: int) -> Bytes:
    """Return k * element for one chunk of stage 1, same order.

    Raises:
        HostileInput: NON_CANONICAL_ELEMENT or IDENTITY_ELEMENT, with chunk and offset.
    """
    try:
        return kernel.evaluate(elements, scalar, threads)
    except kernel.ElementRefused as error:
        raise HostileInput(
            error.reason, f"{at(Stage.BLINDED, seq, error.index)}: {_WORDS[error.reason]}; {OVER}"
        ) from error


_WORDS = {
    "NON_CANONICAL_ELEMENT": "no canonical encoding of a group element",
    "IDENTITY_ELEMENT": "the identity element",
}


def outputs(inputs: pa.LargeBinaryArray, scalar: kernel.Scalar, threads: int) -> Bytes:
    """Return F(y) = Finalize(y, k * H(y)) for all inputs, (n, 64)."""
    return kernel.finalize(inputs, kernel.blind(inputs, scalar, threads), threads)


@dataclass(frozen=True, slots=True)
class Table:
    """Stage 3 in wire order, and who stands behind each row.

    Attributes:
        rows: (n, row_bytes), strictly ascending by tag.
        source: (n,) index of the record behind a row, -1 for a replaced one.
        tag_bytes: leading bytes of a row that are its tag.
    """

    rows: Bytes
    source: npt.NDArray[np.int64]
    tag_bytes: int


def table(
    finalized: Bytes,
    kept: npt.NDArray[np.bool_],
    tag_bytes: int,
    sealed: tuple[Bytes, str, bytes, bytes, int] | None,
    threads: int,
) -> Table:
    """Build the table; a record that is not kept becomes a random tag with random bytes.

    Args:
        finalized: (n, 64) F(y) of every record of the opening.
        kept: (n,) False where consent went between opening and cut.
        tag_bytes: bytes of T.
        sealed: ENRICH: (plaintexts (n, w), match key, agreement hash, table id, row version); MATCH: None.
        threads: native threads.

    Raises:
        Misuse: two tags collide, which honest inputs do with probability <= 2^-40.
    """
    if sealed is None:
        rows = kernel.tags(finalized, tag_bytes)
        payload = tag_bytes
    else:
        plaintexts, match_key, agreement_hash, table_id, row_version = sealed
        rows = kernel.seal_rows(
            finalized, plaintexts, match_key, agreement_hash, table_id, row_version, tag_bytes, threads
        )
        payload = tag_bytes + 8  # the row version stays, or a replaced row would stand out
    gone = np.flatnonzero(~kept)
    if len(gone):
        rows[gone, :tag_bytes] = _random(len(gone), tag_bytes)
        rows[gone, payload:] = _random(len(gone), rows.shape[1] - payload)
    order = np.argsort(as_keys(rows[:, :tag_bytes]), kind="stable")
    ordered = np.ascontiguousarray(rows[order])
    tags = as_keys(ordered[:, :tag_bytes])
    if len(tags) > 1 and (tags[1:] == tags[:-1]).any():
        raise Misuse("two rows of the table share a tag; run the job again")
    return Table(ordered, np.where(kept, np.arange(len(kept)), -1)[order], tag_bytes)


def _random(rows: int, width: int) -> Bytes:
    return np.frombuffer(secrets.token_bytes(rows * width), dtype=np.uint8).reshape(rows, width)
