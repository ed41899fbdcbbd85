"""Rows of MATCH and ENRICH tables: truncated tags, and attributes sealed under the OPRF output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from gateway.errors import Misuse
from gateway.kernel._native import ffi, lib
from gateway.kernel._rows import Rows, fixed_bytes, new_rows, rows_view, thread_count
from gateway.kernel.oprf import OUTPUT_BYTES, match_key_name

if TYPE_CHECKING:
    from gateway.kernel._native import CData

ROW_VERSION_BYTES: Final = 8
AEAD_TAG_BYTES: Final = 16
HASH_BYTES: Final = 32


def tags(outputs: Rows, tag_bytes: int) -> Rows:
    """Return T(F(y)), the leading bytes of every output.

    Args:
        outputs: uint8, shape (n, 64).
        tag_bytes: 1 to 64, from the sizes of the run.

    Returns:
        uint8, shape (n, tag_bytes), a copy.

    Raises:
        Misuse: shape, type or length differs.
    """
    rows_view(outputs, "outputs", width=OUTPUT_BYTES)
    return outputs[:, : _tag_bytes(tag_bytes)].copy()


def seal_rows(
    outputs: Rows,
    plaintexts: Rows,
    match_key: str,
    agreement_hash: bytes,
    table_id: bytes,
    row_version: int,
    tag_bytes: int,
    threads: int = 1,
) -> Rows:
    """Seal attributes so that only who can compute F(y) opens them.

    The key of a row is HKDF-SHA512(salt empty, F(y), info = "assent enrich v1" || agreement hash || table id ||
    row version) and serves for this one ciphertext: no two calls may share output, agreement, table and version.
    AAD = T || row version || match-key name.

    Args:
        outputs: uint8, shape (n, 64): F(y).
        plaintexts: uint8, shape (n, w), padded to one width by the caller.
        match_key: name of the match key that the outputs belong to.
        agreement_hash: 32 bytes.
        table_id: 32 bytes, session or epoch id.
        row_version: build number of the table, 0 to 2^64 - 1, persisted before use and never used again.
        tag_bytes: length of T, 1 to 64.
        threads: 1 to 256.

    Returns:
        uint8, shape (n, tag_bytes + 8 + w + 16): T || u64 row version || ciphertext || tag.

    Raises:
        Misuse: a shape, type, size or range differs.

    Source:
        RFC 5869; RFC 8439 section 2.8, nonce zero.
    """
    outputs_view = rows_view(outputs, "outputs", width=OUTPUT_BYTES)
    count = len(outputs)
    plaintexts_view = rows_view(plaintexts, "plaintexts", count=count)
    if not 0 <= row_version < 1 << 64:
        raise Misuse("a row version must fit into 64 bits")
    width = plaintexts.shape[1]
    table = _Table(match_key, agreement_hash, table_id, _tag_bytes(tag_bytes), width)
    rows, out = new_rows(count, table.record_bytes)
    threads = thread_count(threads)
    lib.assent_seal_rows(table.native, outputs_view, plaintexts_view, count, row_version, threads, out)
    return rows


def open_rows(
    outputs: Rows,
    rows: Rows,
    match_key: str,
    agreement_hash: bytes,
    table_id: bytes,
    tag_bytes: int,
    threads: int = 1,
) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Open the table rows whose tags were hit.

    A row that does not open is a false match of a truncated tag, or a row that its sender replaced: drop and count it.

    Args:
        outputs: uint8, shape (n, 64): F(x).
        rows: uint8, shape (n, record): the row that each output hit; its row version is read from it.
        match_key: name of the match key that the outputs belong to.
        agreement_hash: 32 bytes.
        table_id: 32 bytes, session or epoch id.
        tag_bytes: length of T, 1 to 64.
        threads: 1 to 256.

    Returns:
        Plaintexts, uint8, shape (n, record - tag_bytes - 24), zero where ok is False; and ok, bool, shape (n,).

    Raises:
        Misuse: a shape, type, size or range differs.

    Source:
        RFC 5869; RFC 8439 section 2.8, nonce zero.
    """
    outputs_view = rows_view(outputs, "outputs", width=OUTPUT_BYTES)
    count = len(outputs)
    rows_pointer = rows_view(rows, "rows", count=count)
    width = rows.shape[1] - _tag_bytes(tag_bytes) - ROW_VERSION_BYTES - AEAD_TAG_BYTES
    if width < 0:
        raise Misuse(f"rows of {rows.shape[1]} bytes cannot hold a tag of {tag_bytes}, a version and a ciphertext")
    table = _Table(match_key, agreement_hash, table_id, tag_bytes, width)
    plaintexts, plaintexts_out = new_rows(count, width)
    ok, ok_out = new_rows(count, 1)
    threads = thread_count(threads)
    lib.assent_open_rows(table.native, outputs_view, rows_pointer, count, threads, plaintexts_out, ok_out)
    return plaintexts, ok.view(np.bool_).reshape(count)


class _Table:
    """The native description of a table, with the buffers that it points to."""

    __slots__ = ("_agreement_hash", "_name", "_table_id", "native", "record_bytes")

    native: CData

    def __init__(self, match_key: str, agreement_hash: bytes, table_id: bytes, tag_bytes: int, width: int) -> None:
        """Check the sizes and keep the buffers alive."""
        name = match_key_name(match_key)
        self._name = ffi.from_buffer("uint8_t[]", name)
        self._agreement_hash = ffi.from_buffer("uint8_t[]", fixed_bytes(agreement_hash, HASH_BYTES, "agreement_hash"))
        self._table_id = ffi.from_buffer("uint8_t[]", fixed_bytes(table_id, HASH_BYTES, "table_id"))
        self.record_bytes = tag_bytes + ROW_VERSION_BYTES + width + AEAD_TAG_BYTES
        self.native = ffi.new(
            "assent_table *",
            {
                "name": self._name,
                "name_size": len(name),
                "tag_bytes": tag_bytes,
                "agreement_hash": self._agreement_hash,
                "table_id": self._table_id,
                "plaintext_bytes": width,
            },
        )


def _tag_bytes(tag_bytes: int) -> int:
    if not 1 <= tag_bytes <= OUTPUT_BYTES:
        raise Misuse(f"a tag must be 1 to {OUTPUT_BYTES} bytes, not {tag_bytes}")
    return tag_bytes
