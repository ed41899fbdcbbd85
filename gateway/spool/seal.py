"""How the chunks of one stage file stand on disk: in clear, or sealed.

A sealed chunk is `u32 open count || AES-256-GCM ciphertext and tag`, with the
nonce `u32 open count || u64 seq` and the file's header as AAD. The open count
grows, durably, before the first write after each opening and after every write
that failed: no pair of count and seq is ever used for two plaintexts, whatever a
crash left behind. It stands behind the header as `u32 count || u32 CRC-32`.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.spool.disk import read_at, write_at
from gateway.spool.header import COUNT_BYTES, HEADER_BYTES, Header, damaged

_COUNT = struct.Struct(">I")
_NONCE = struct.Struct(">IQ")
_TAG_BYTES = 16


class Seal(Protocol):
    """Turns a chunk into its bytes on disk and back."""

    overhead: int
    """Bytes that a stored chunk is longer than the chunk."""

    authentic: bool
    """Whether `restore` notices every change by itself, without the digest in the index."""

    def prepare(self, descriptor: int) -> None:
        """Make ready to store, once the file is locked."""
        ...

    def spoil(self) -> None:
        """A write failed: what it was stored under must not be used again."""
        ...

    def store(self, seq: int, chunk: bytes) -> bytes | memoryview:
        """Return the bytes on disk, valid until the next one; under the file's lock."""
        ...

    def restore(self, seq: int, stored: bytes | memoryview) -> bytes:
        """Return the chunk; StateError NOT_FOUND when it is not what was stored as `seq`."""
        ...


class InClear:
    """Chunks as they are: they cross the wire or reveal nothing."""

    __slots__ = ()
    overhead = 0
    authentic = False

    def prepare(self, descriptor: int) -> None:
        """Do nothing: there is no nonce."""

    def spoil(self) -> None:
        """Do nothing: there is no nonce."""

    def store(self, seq: int, chunk: bytes) -> bytes:
        """Return the chunk."""
        return chunk

    def restore(self, seq: int, stored: bytes | memoryview) -> bytes:
        """Return the chunk."""
        return bytes(stored)


class Sealed:
    """Chunks under the file's own AES-256-GCM key."""

    __slots__ = ("_aad", "_cipher", "_count", "_stage", "_stored")
    overhead = _COUNT.size + _TAG_BYTES
    authentic = True

    def __init__(self, key: bytes, header: Header) -> None:
        """Take the unwrapped key and the file's header.

        Args:
            key: 32 bytes.
            header: of the file; bound into every chunk.
        """
        self._cipher = AESGCM(key)
        self._aad = header.pack()
        self._stage = header.stage
        self._count = 0
        self._stored = memoryview(b"")

    def prepare(self, descriptor: int) -> None:
        """Take a count that nobody used, and make it durable first."""
        if self._count:
            return
        count = _unpack_count(read_at(descriptor, COUNT_BYTES, HEADER_BYTES)) + 1
        # A lower count than the true one would repeat nonces, so a doubtful one ends the file.
        if not 0 < count < 2**32:
            raise damaged(self._stage, "the open count")
        write_at(descriptor, pack_count(count), HEADER_BYTES)
        os.fdatasync(descriptor)
        self._count = count

    def spoil(self) -> None:
        """Take a new count before the next write."""
        self._count = 0

    def store(self, seq: int, chunk: bytes) -> memoryview:
        """Seal a chunk."""
        length = self.overhead + len(chunk)
        if len(self._stored) < length:
            # Kept for the next one: fresh memory for every chunk costs more than sealing it.
            self._stored = memoryview(bytearray(length))
        _COUNT.pack_into(self._stored, 0, self._count)
        nonce = _NONCE.pack(self._count, seq)
        self._cipher.encrypt_into(nonce, chunk, self._aad, self._stored[_COUNT.size : length])
        return self._stored[:length]

    def restore(self, seq: int, stored: bytes | memoryview) -> bytes:
        """Open a chunk."""
        if len(stored) < self.overhead:
            raise damaged(self._stage, f"chunk {seq}")
        nonce = _NONCE.pack(_COUNT.unpack_from(stored)[0], seq)
        try:
            return self._cipher.decrypt(nonce, memoryview(stored)[_COUNT.size :], self._aad)
        except InvalidTag as error:
            raise damaged(self._stage, f"chunk {seq}") from error


def pack_count(count: int) -> bytes:
    """Return the open count as it stands behind the header."""
    packed = _COUNT.pack(count)
    return packed + _COUNT.pack(zlib.crc32(packed))


def _unpack_count(packed: bytes) -> int:
    """Return the open count, or -1 when it cannot be trusted."""
    if len(packed) < COUNT_BYTES or packed[4:] != _COUNT.pack(zlib.crc32(packed[:4])):
        return -1
    return int(_COUNT.unpack_from(packed)[0])
