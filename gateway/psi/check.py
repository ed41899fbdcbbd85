"""Checks on a partner's chunks: shape, digest, order, repeats.

Curve checks (canonical, not the identity) and comparisons are the kernel's; `at` turns
an offset in a chunk into a sentence that names side, stage, chunk and offset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gateway import kernel
from gateway.errors import HostileInput
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


def as_keys(rows: Bytes) -> npt.NDArray[np.void]:
    """View rows of equal width as opaque keys that compare as bytes do."""
    contiguous = np.ascontiguousarray(rows)
    return contiguous.view(np.dtype((np.void, contiguous.shape[1]))).reshape(-1)


def check_ascending(stage: AnyStage, seq: int, keys: Bytes, previous: bytes | None, offset: int = 0) -> bytes | None:
    """Check that keys ascend strictly, across chunk borders too: repeats are found in O(1) memory.

    Args:
        stage: for the message.
        seq: for the message.
        keys: (n, width) leading bytes of each record.
        previous: last key of the chunk before, or None at the start of a list.
        offset: place of the first key in its chunk, for the message.

    Returns:
        The last key, for the next chunk.

    Raises:
        HostileInput: NOT_ASCENDING with the offset of the first record out of order.
    """
    if len(keys) == 0:
        return previous
    bad = kernel.first_not_ascending(keys, previous)
    if bad >= 0:
        raise HostileInput(
            "NOT_ASCENDING", f"{at(stage, seq, offset + bad)}: records must ascend strictly, so none may repeat; {OVER}"
        )
    return bytes(keys[-1])


def check_repeats(stage: AnyStage, read: Callable[[int], Bytes], chunks: int, rows_per_chunk: int, memory: int) -> None:
    """Check that no element of a whole stage repeats, in bounded memory.

    Encodings are uniform, so equal 8-byte prefixes are rare; those that occur are confirmed on the whole elements.
    A stage too large for the memory is read once per range of prefixes.

    Args:
        stage: for the message.
        read: returns the elements of a chunk, (n, 32).
        chunks: how many there are.
        rows_per_chunk: elements in every chunk but the last.
        memory: bytes that may be held.

    Raises:
        HostileInput: REPEATED_ELEMENT with chunk and offset of the second one.
    """
    passes = 1 + chunks * rows_per_chunk * _BYTES_PER_ELEMENT // max(memory, 1)
    bounds = [(place << 64) // passes for place in range(passes + 1)]
    for low, high in pairwise(bounds):
        found = []
        for seq in range(chunks):
            prefixes = _prefixes(read(seq))
            if passes > 1:
                prefixes = prefixes[(prefixes >= np.uint64(low)) & (prefixes <= np.uint64(high - 1))]
            found.append(prefixes)
        ordered = np.sort(np.concatenate(found)) if found else np.empty(0, np.uint64)
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        if len(twice):
            _confirm(stage, read, chunks, twice)


_BYTES_PER_ELEMENT = 24  # a prefix as it is read, among the others, and in order


def _prefixes(elements: Bytes) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(elements[:, :8]).view(np.uint64).reshape(-1)


def _confirm(stage: AnyStage, read: Callable[[int], Bytes], chunks: int, twice: npt.NDArray[np.uint64]) -> None:
    seen: set[bytes] = set()
    for seq in range(chunks):
        elements = read(seq)
        for offset in np.flatnonzero(np.isin(_prefixes(elements), twice)).tolist():
            element = elements[offset].tobytes()
            if element in seen:
                raise HostileInput("REPEATED_ELEMENT", f"{at(stage, seq, offset)}: the element occurred before; {OVER}")
            seen.add(element)
