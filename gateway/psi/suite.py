"""The suite's sizes: records on the wire and how many bytes of a tag are kept."""

from __future__ import annotations

from gateway.errors import Misuse

SUITE = "ristretto255-SHA512"
ELEMENT_BYTES = 32
OUTPUT_BYTES = 64
ROW_VERSION_BYTES = 8
AEAD_TAG_BYTES = 16
CHUNK_BYTES = 512 * 1024  # of a wire chunk; both sides must cut alike
DUMMY_KEY = "assent.dummy"  # match-key name of elements that stand for no customer


def _log2_ceil(n: int) -> int:
    return max(n - 1, 0).bit_length()


def tag_bytes(receiver_rows: int, sender_rows: int) -> int:
    """Return how many bytes of a tag keep false matches of a whole run below 2^-40.

    ceil((40 + log2|Y| + log2 max(|X|,|Y|)) / 8), logarithms rounded up to whole bits.

    Args:
        receiver_rows: |X| over all lists.
        sender_rows: |Y| over all lists.
    """
    if receiver_rows < 0 or sender_rows < 0:
        raise Misuse("a list has a negative length")
    bits = 40 + _log2_ceil(sender_rows) + _log2_ceil(max(receiver_rows, sender_rows))
    return -(-bits // 8)


def row_bytes(tag: int, plaintext: int) -> int:
    """Return the size of a table row: the tag alone (MATCH), or T || row version || AEAD (ENRICH).

    Args:
        tag: bytes of T.
        plaintext: bytes of the padded attributes; 0 for MATCH.
    """
    return tag if plaintext == 0 else tag + ROW_VERSION_BYTES + plaintext + AEAD_TAG_BYTES


def padded(rows: int, cap: int) -> int:
    """Return the length of a list filled up to a power of two: the partner learns it within a factor of two.

    Args:
        rows: records of the list, 0 to cap; an empty list is filled, too.
        cap: the agreed most, which filling never exceeds.
    """
    return max(rows, min(1 << max(rows - 1, 0).bit_length(), cap))


def rows_per_chunk(record_size: int) -> int:
    """Return max(1, floor(512 KiB / record size)), the records of every chunk but the last."""
    return max(1, CHUNK_BYTES // record_size)


def chunk_count(rows: int, record_size: int) -> int:
    """Return how many chunks carry `rows` records; an empty stage has none."""
    return -(-rows // rows_per_chunk(record_size))


def chunk_rows(rows: int, record_size: int, seq: int) -> int:
    """Return how many records chunk `seq` of a stage of `rows` records must hold."""
    per_chunk = rows_per_chunk(record_size)
    return min(per_chunk, max(rows - seq * per_chunk, 0))
