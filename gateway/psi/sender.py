"""The sender's computations: the OPRF on R's elements, and the table."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.errors import HostileInput, Misuse
from gateway.psi.check import OVER, at
from gateway.psi.fillers import Fillers
from gateway.psi.suite import ROW_VERSION_BYTES
from gateway.route.session import Stage

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
RANDOM_ROWS = 65_536


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
    """Return F(y) = Finalize(y, k * H(y)) for some inputs, (n, 64)."""
    found: Bytes = kernel.outputs(inputs, scalar, threads)
    return found


class TableBuilder:
    """Makes stage 3 from records that ascend by output, piece after piece.

    Random tags with random bytes stand among them: for records that are not kept, and for
    padding, so that the table has as many rows as the opening says.
    """

    def __init__(self, fillers: Iterator[Bytes], row_bytes: int, tag_bytes: int, row_version: int) -> None:
        """Take nothing yet.

        Args:
            fillers: pieces of random tags, (n, at least tag_bytes), ascending: one per row that stands for nobody.
            row_bytes: of a row.
            tag_bytes: of T.
            row_version: ENRICH: build number of the table; those rows have it, too, or they would stand out.
        """
        self._fillers = Fillers(fillers, tag_bytes)
        self._row_bytes, self._tag_bytes = row_bytes, tag_bytes
        self._version = np.frombuffer(row_version.to_bytes(ROW_VERSION_BYTES, "big"), dtype=np.uint8)
        self._last: bytes | None = None

    def add(self, rows: Bytes) -> tuple[Bytes, Places]:
        """Return the next rows of the table.

        Args:
            rows: (n, row_bytes) of kept records, ascending by tag over all calls.

        Returns:
            The rows in wire order, and per row its place in `rows`, -1 where nobody stands behind it.

        Raises:
            Misuse: two tags collide, which honest inputs do with probability <= 2^-40.
        """
        if not len(rows):
            return rows, np.empty(0, dtype=np.int64)
        return self._merged(rows, self._fillers.through(rows[-1, : self._tag_bytes]))

    def finish(self) -> Iterator[tuple[Bytes, Places]]:
        """Yield the rows behind the last record, piece by piece, as `add` returns them."""
        nobody = np.empty((0, self._row_bytes), dtype=np.uint8)
        for tags in self._fillers.rest():
            yield self._merged(nobody, tags)

    def _merged(self, rows: Bytes, tags: Bytes | None) -> tuple[Bytes, Places]:
        both, places = rows, np.arange(len(rows))
        if tags is not None:
            both = np.concatenate([rows, self._rows_of(tags)])
            places = kernel.order_rows(both, self._tag_bytes)
            both = kernel.take_rows(both, places)
        if kernel.first_not_ascending(both[:, : self._tag_bytes], self._last) >= 0:
            raise Misuse("two rows of the table share a tag; run the job again")
        if len(both):
            self._last = both[-1, : self._tag_bytes].tobytes()
        return both, np.where(places < len(rows), places, -1)

    def _rows_of(self, tags: Bytes) -> Bytes:
        """Return rows of random bytes under random tags."""
        rows, begin = _random(len(tags), self._row_bytes), self._tag_bytes
        rows[:, :begin] = tags[:, :begin]
        if self._row_bytes > begin:
            rows[:, begin : begin + ROW_VERSION_BYTES] = self._version
        return rows


def random_tags(count: int, width: int) -> Iterator[Bytes]:
    """Yield uniform tags in pieces, (n, width) each."""
    for first in range(0, count, RANDOM_ROWS):
        yield _random(min(RANDOM_ROWS, count - first), width)


def _random(rows: int, width: int) -> Bytes:
    return np.frombuffer(secrets.token_bytes(rows * width), dtype=np.uint8).reshape(rows, width).copy()
