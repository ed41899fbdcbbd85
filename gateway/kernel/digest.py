"""Digests, keyed hashes, Merkle roots and message expansion over whole columns."""

from __future__ import annotations

from threading import Lock
from typing import Final

import numpy as np

from gateway.errors import Misuse
from gateway.kernel._column import Values, column_of, column_of_rows
from gateway.kernel._native import ffi, lib
from gateway.kernel._rows import Rows, new_rows, rows_view, thread_count
from gateway.kernel.refusal import check_values_status

DIGEST_BYTES: Final = 32
SUBJECT_REF_CHARACTERS: Final = 26
MAX_EXPANDED_BYTES: Final = 255 * 64
MAX_DST_BYTES: Final = 255

# Of each digest its number in native/src/api.h, and its hexadecimal digits.
_DIGESTS: Final = {"md5": (lib.ASSENT_MD5, 32), "sha256": (lib.ASSENT_SHA256, 64), "sm3": (lib.ASSENT_SM3, 64)}


def hex_digests(hash_name: str, values: Values, threads: int = 1) -> Rows:
    """Return the digest of every value in lower-case hexadecimal.

    Args:
        hash_name: "md5", "sha256" or "sm3".
        values: n values: Arrow binary or string, without nulls.
        threads: 1 to 256.

    Returns:
        uint8, shape (n, 32) for MD5, (n, 64) for the others: ASCII.

    Raises:
        Misuse: a null, another type, or an unknown hash.

    Source:
        RFC 1321; FIPS 180-4; GB/T 32905-2016.
    """
    if hash_name not in _DIGESTS:
        raise Misuse(f"the kernel has no hash {hash_name!r}, only {', '.join(_DIGESTS)}")
    number, digits = _DIGESTS[hash_name]
    column = column_of(values, "values")
    rows, out = new_rows(column.rows, digits)
    row = ffi.new("uint64_t *")
    status = lib.assent_hex_digests(number, column.native, thread_count(threads), out, row)
    check_values_status(status, row[0])
    return rows


def hmac_sha256(key: bytes, values: Values | Rows, threads: int) -> Rows:
    """Return HMAC-SHA256 of every value under one key.

    Args:
        key: the secret, of any size.
        values: n values: Arrow binary or string, or uint8 rows of shape (n, w).
        threads: 1 to 256.

    Returns:
        uint8, shape (n, 32).

    Raises:
        Misuse: a null or another type.

    Source:
        RFC 2104 over SHA-256 of FIPS 180-4.
    """
    column = column_of_rows(values, "values") if isinstance(values, np.ndarray) else column_of(values, "values")
    rows, out = new_rows(column.rows, DIGEST_BYTES)
    row = ffi.new("uint64_t *")
    key_view = ffi.from_buffer("uint8_t[]", key)
    status = lib.assent_hmac_sha256(key_view, len(key), column.native, thread_count(threads), out, row)
    check_values_status(status, row[0])
    return rows


def subject_refs(key: bytes, type: str, values: Values, threads: int = 1) -> Rows:
    """Return the pseudonymous reference of every subject.

    Args:
        key: this gateway's local subject key.
        type: identifier type of the subject column, such as `phone`.
        values: n raw identifiers, Arrow binary or string, at most 65,535 bytes each.
        threads: 1 to 256.

    Returns:
        uint8, shape (n, 26), lower-case ASCII: the head of base32(HMAC-SHA256(key, u16 length || type || u16 length
        || value)).

    Raises:
        InputRefused: the first value that is too long, with its row.
        Misuse: a null, another type, or a type name longer than 65,535 bytes.

    Source:
        RFC 4648 section 6, without padding; RFC 2104.
    """
    type_bytes = type.encode("utf-8")
    if len(type_bytes) > 0xFFFF:
        raise Misuse("the name of an identifier type must fit its 16-bit length prefix")
    column = column_of(values, "subject identifiers")
    rows, out = new_rows(column.rows, SUBJECT_REF_CHARACTERS)
    row = ffi.new("uint64_t *")
    status = lib.assent_subject_refs(
        ffi.from_buffer("uint8_t[]", key),
        len(key),
        ffi.from_buffer("uint8_t[]", type_bytes),
        len(type_bytes),
        column.native,
        thread_count(threads),
        out,
        row,
    )
    check_values_status(status, row[0])
    return rows


class MerkleRoot:
    """The Merkle tree hash of rows that arrive in pieces; memory does not grow with them.

    Threads may share it, but the order of their rows is then theirs to keep.

    Source:
        RFC 6962 section 2.1.
    """

    __slots__ = ("_lock", "_tree")

    def __init__(self) -> None:
        """Begin with no leaf."""
        tree = lib.assent_merkle_new()
        if tree == ffi.NULL:
            raise MemoryError
        self._tree = ffi.gc(tree, lib.assent_merkle_free)
        self._lock = Lock()

    def add(self, leaves: Rows) -> None:
        """Append leaves.

        Args:
            leaves: uint8, shape (n, w), in their order.

        Raises:
            Misuse: shape or type differs.
        """
        view = rows_view(leaves, "leaves")
        with self._lock:
            lib.assent_merkle_add(self._tree, view, leaves.shape[0], leaves.shape[1])

    def root(self) -> bytes:
        """Return the hash of all leaves so far; more may follow.

        Returns:
            32 bytes; without a leaf the SHA-256 of nothing.
        """
        root = ffi.new("uint8_t[]", DIGEST_BYTES)
        with self._lock:
            lib.assent_merkle_root(self._tree, root)
        return bytes(ffi.buffer(root))


def merkle_root(leaves: Rows) -> bytes:
    """Return the Merkle tree hash of the rows in their order.

    Args:
        leaves: uint8, shape (n, w).

    Returns:
        32 bytes; for n = 0 the SHA-256 of nothing.

    Raises:
        Misuse: shape or type differs.

    Source:
        RFC 6962 section 2.1.
    """
    tree = MerkleRoot()
    tree.add(leaves)
    return tree.root()


def expand_message_xmd(message: bytes, dst: bytes, size: int) -> bytes:
    """Expand a message into uniform bytes with SHA-512.

    Args:
        message: any bytes.
        dst: the domain separation tag, at most 255 bytes.
        size: 1 to 16,320 bytes.

    Returns:
        `size` bytes.

    Raises:
        Misuse: tag or size out of range.

    Source:
        RFC 9380 section 5.3.1.
    """
    if len(dst) > MAX_DST_BYTES or not 1 <= size <= MAX_EXPANDED_BYTES:
        raise Misuse(f"a tag must be at most {MAX_DST_BYTES} bytes, what it gives 1 to {MAX_EXPANDED_BYTES}")
    uniform = ffi.new("uint8_t[]", size)
    message_view, dst_view = ffi.from_buffer("uint8_t[]", message), ffi.from_buffer("uint8_t[]", dst)
    lib.assent_expand_message_xmd(message_view, len(message), dst_view, len(dst), uniform, size)
    return bytes(ffi.buffer(uniform))
