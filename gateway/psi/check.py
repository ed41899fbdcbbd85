"""Checks on a partner's chunks: shape, digest, order, repeats.

Curve checks (canonical, not the identity) are the kernel's; `at` turns an offset
in a chunk into a sentence that names side, stage, chunk and offset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gateway.errors import HostileInput
from gateway.psi.suite import ELEMENT_BYTES, rows_per_chunk
from gateway.route.session import AnyStage, Chunk

Bytes = npt.NDArray[np.uint8]
OVER = "the session is over; ask the partner which release it runs"


def at(stage: int, seq: int, offset: int | None = None) -> str:
    """Return the place of a fault in words."""
    name = f" {stage.name}" if isinstance(stage, AnyStage) else ""
    place = f"stage {int(stage)}{name}, chunk {seq}"
    return place if offset is None else f"{place}, offset {offset}"


def check_chunk(chunk: Chunk, record_size: int, expected_rows: int) -> Bytes:
    """Check digest and shape of a chunk.

    Args:
        chunk: as received.
        record_size: bytes of one record of the stage.
        expected_rows: records that this chunk must hold by the opening record.

    Returns:
        (expected_rows, record_size) view of the chunk's bytes.

    Raises:
        HostileInput: DIGEST_MISMATCH or BAD_SHAPE.
    """
    if hashlib.sha256(chunk.bytes).digest() != chunk.sha256:
        raise HostileInput(
            "DIGEST_MISMATCH", f"{at(chunk.stage, chunk.seq)}: the bytes do not have the stated SHA-256; {OVER}"
        )
    if expected_rows == 0 or len(chunk.bytes) != record_size * expected_rows:
        raise HostileInput(
            "BAD_SHAPE",
            f"{at(chunk.stage, chunk.seq)}: {len(chunk.bytes)} bytes, the opening record says "
            f"{expected_rows} records of {record_size}; {OVER}",
        )
    return np.frombuffer(chunk.bytes, dtype=np.uint8).reshape(expected_rows, record_size)


def as_rows(content: bytes, width: int) -> Bytes:
    """View bytes as (n, width) records."""
    return np.frombuffer(content, dtype=np.uint8).reshape(-1, width)


def element_reader(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Return a reader of single elements by position, over a reader of whole chunks."""
    per_chunk = rows_per_chunk(ELEMENT_BYTES)

    def element(position: int) -> bytes:
        seq, offset = divmod(position, per_chunk)
        return read(seq)[offset * ELEMENT_BYTES : (offset + 1) * ELEMENT_BYTES]

    return element


def as_keys(rows: Bytes) -> npt.NDArray[np.void]:
    """View rows of equal width as opaque keys that compare as bytes do."""
    contiguous = np.ascontiguousarray(rows)
    return contiguous.view(np.dtype((np.void, contiguous.shape[1]))).reshape(-1)


def first_not_ascending(keys: Bytes) -> int:
    """Return the place of the first record that does not lie above the one before it, -1 when all do.

    Args:
        keys: (n, width) records.
    """
    if len(keys) < 2:
        return -1
    before = keys[:-1].astype(np.int16)
    unequal = before != keys[1:]
    first = np.argmax(unequal, axis=1)
    rows = np.arange(len(keys) - 1)
    rising = unequal.any(axis=1) & (keys[:-1][rows, first] < keys[1:][rows, first])
    return -1 if rising.all() else int(np.argmin(rising)) + 1


def check_ascending(stage: AnyStage, seq: int, keys: Bytes, previous: bytes | None) -> bytes | None:
    """Check that keys ascend strictly, across chunk borders too: repeats are found in O(1) memory.

    Args:
        stage: for the message.
        seq: for the message.
        keys: (n, width) leading bytes of each record.
        previous: last key of the chunk before, or None at the start of a list.

    Returns:
        The last key, for the next chunk.

    Raises:
        HostileInput: NOT_ASCENDING with the offset of the first record out of order.
    """
    if len(keys) == 0:
        return previous
    bad = 0 if previous is not None and keys[0].tobytes() <= previous else first_not_ascending(keys)
    if bad >= 0:
        raise HostileInput(
            "NOT_ASCENDING", f"{at(stage, seq, bad)}: records must ascend strictly, so none may repeat; {OVER}"
        )
    return bytes(keys[-1])


class RepeatCheck:
    """Finds repeated elements of a whole stage with 8 bytes of memory per element.

    Encodings are uniform, so equal 8-byte prefixes are rare; those that occur are
    confirmed exactly by reading the records again.
    """

    def __init__(self, stage: AnyStage, rows_per_chunk: int) -> None:
        """Begin with no element seen.

        Args:
            stage: for the message.
            rows_per_chunk: to turn a position into chunk and offset.
        """
        self._stage = stage
        self._rows_per_chunk = rows_per_chunk
        self._prefixes: list[npt.NDArray[np.uint64]] = []

    def add(self, elements: Bytes) -> None:
        """Note the elements of the next chunk, in order."""
        self._prefixes.append(np.ascontiguousarray(elements[:, :8]).view(np.uint64).reshape(-1))

    def finish(self, record: Callable[[int], bytes]) -> None:
        """Confirm that no element repeats.

        Args:
            record: reads the record at a position of the stage.

        Raises:
            HostileInput: REPEATED_ELEMENT with chunk and offset of the second one.
        """
        if not self._prefixes:
            return
        prefixes = np.concatenate(self._prefixes)
        order = np.argsort(prefixes, kind="stable")
        ordered = prefixes[order]
        for prefix in np.unique(ordered[1:][ordered[1:] == ordered[:-1]]):
            first, end = np.searchsorted(ordered, prefix), np.searchsorted(ordered, prefix, side="right")
            self._confirm(order[first:end], record)

    def _confirm(self, positions: npt.NDArray[np.intp], record: Callable[[int], bytes]) -> None:
        seen: set[bytes] = set()
        for position in sorted(int(p) for p in positions):
            element = record(position)
            if element in seen:
                seq, offset = divmod(position, self._rows_per_chunk)
                raise HostileInput(
                    "REPEATED_ELEMENT", f"{at(self._stage, seq, offset)}: the element occurred before; {OVER}"
                )
            seen.add(element)
