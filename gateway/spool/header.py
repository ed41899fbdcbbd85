"""The 64 bytes at the head of every stage file; they say what the records are.

    0  magic "ASNTSPL1"      8  u16 version    10  u16 suite    12  u16 stage
    14 u8 sealed, u8 zero    16 session (32)   48  u32 record_size
    52 u32 rows_per_chunk    56 u32 key_bytes  60  u32 CRC-32 of the first 60

Integers are big-endian. The header is the AAD of every sealed chunk. A sealed
file goes on with 8 bytes of open count and the wrapped key; then come the chunks.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Self

from gateway.errors import StateError

HEADER_BYTES = 64
COUNT_BYTES = 8
VERSION = 1
SUITE = 1
"""ristretto255-SHA512 records, SHA-256 digests, AES-256-GCM where sealed."""

_MAGIC = b"ASNTSPL1"
_LAYOUT = struct.Struct(">8sHHHBx32sIII")
_CRC = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Header:
    """What a stage file holds.

    Attributes:
        stage: number of the stage, 0 to 65,535.
        sealed: whether chunks are sealed.
        session: the 32 bytes of the session id.
        record_size: bytes per record.
        rows_per_chunk: records per chunk but the last.
        key_bytes: length of the wrapped key behind the header; 0 when not sealed.
    """

    stage: int
    sealed: bool
    session: bytes
    record_size: int
    rows_per_chunk: int
    key_bytes: int

    @property
    def first_chunk(self) -> int:
        """Offset of the first chunk in the file."""
        return HEADER_BYTES + (COUNT_BYTES + self.key_bytes if self.sealed else 0)

    def pack(self) -> bytes:
        """Return the 64 bytes."""
        head = _LAYOUT.pack(
            _MAGIC,
            VERSION,
            SUITE,
            self.stage,
            self.sealed,
            self.session,
            self.record_size,
            self.rows_per_chunk,
            self.key_bytes,
        )
        return head + _CRC.pack(zlib.crc32(head))

    @classmethod
    def unpack(cls, head: bytes) -> Self | None:
        """Return the header of these bytes, or None when they are torn, damaged or of a later format.

        Args:
            head: the first bytes of a file, possibly fewer than 64.
        """
        if len(head) < HEADER_BYTES or _CRC.unpack_from(head, _LAYOUT.size)[0] != zlib.crc32(head[: _LAYOUT.size]):
            return None
        magic, version, suite, stage, sealed, session, record_size, rows, key_bytes = _LAYOUT.unpack_from(head)
        if (magic, version, suite) != (_MAGIC, VERSION, SUITE) or not record_size or not rows or sealed > 1:
            return None
        return cls(stage, bool(sealed), session, record_size, rows, key_bytes)


def damaged(stage: int, part: str) -> StateError:
    """Return the error for bytes on disk that are not what was written.

    Args:
        stage: number of the stage.
        part: what is damaged, e.g. "chunk 3".
    """
    return StateError(
        "NOT_FOUND",
        f"{part} of stage {stage} is damaged on disk and cannot be used; check the disk, then run the job anew",
    )
