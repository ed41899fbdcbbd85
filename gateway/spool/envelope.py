"""A sealed file of any length, written and read as a stream.

    "ASNTRES1"  u16 version  u16 suite  u32 chunk_bytes  u32 key_bytes  || wrapped key
    || chunks of chunk_bytes clear bytes (the last one shorter), each AES-256-GCM with its tag

The nonce is `u8 last || 3 zero bytes || u64 seq` under a key that seals this one
file; AAD = the 20 bytes of the head. Chunks cannot be moved, left out or cut off at
the end: the last one is marked, as in the STREAM construction.

Source: Hoang, Reyhanitabar, Rogaway, Vizár 2015 (STREAM); RFC 5116 (AES-256-GCM).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import StateError
from gateway.spool.disk import read_at, write_at

VERSION = 1
SUITE = 1
CHUNK_BYTES = 512 * 1024

_MAGIC = b"ASNTRES1"
_HEAD = struct.Struct(">8sHHII")
_NONCE = struct.Struct(">B3xQ")
_TAG_BYTES = 16
_MAX_KEY_BYTES = 1 << 16
_MAX_CHUNK_BYTES = 1 << 26


class SealingSink(io.RawIOBase):
    """Where clear bytes are written; closing it without `finish` leaves a file that does not open."""

    def __init__(self, descriptor: int, key: bytes, wrapped_key: bytes) -> None:
        """Begin a file.

        Args:
            descriptor: of an empty file.
            key: 32 fresh bytes, for this file alone.
            wrapped_key: the same key as the key provider sealed it.
        """
        super().__init__()
        self._head = _HEAD.pack(_MAGIC, VERSION, SUITE, CHUNK_BYTES, len(wrapped_key))
        write_at(descriptor, self._head + wrapped_key, 0)
        self._descriptor = descriptor
        self._cipher = AESGCM(key)
        self._offset = len(self._head) + len(wrapped_key)
        self._clear = bytearray()
        self._seq = 0

    def writable(self) -> bool:
        """Return true."""
        return True

    def write(self, content: Any, /) -> int:
        """Take clear bytes; whole chunks go to the disk as soon as more follows."""
        taken = memoryview(content).nbytes
        self._clear += content
        while len(self._clear) > CHUNK_BYTES:
            self._store(bytes(self._clear[:CHUNK_BYTES]), last=False)
            del self._clear[:CHUNK_BYTES]
        return taken

    def finish(self) -> None:
        """Write the rest and mark it as the last chunk."""
        self._store(bytes(self._clear), last=True)
        self._clear.clear()

    def _store(self, clear: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_NONCE.pack(last, self._seq), clear, self._head)
        write_at(self._descriptor, sealed, self._offset)
        self._offset += len(sealed)
        self._seq += 1


class _OpeningSource(io.RawIOBase):
    """The clear bytes of a sealed file, chunk by chunk."""

    def __init__(self, descriptor: int, size: int, head: bytes, offset: int, chunk_bytes: int, key: bytes) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._size = size
        self._head = head
        self._offset = offset
        self._stored = chunk_bytes + _TAG_BYTES
        self._cipher = AESGCM(key)
        self._clear = memoryview(b"")
        self._seq = 0
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._clear and not self._ended:
            last = self._size - self._offset <= self._stored
            sealed = read_at(self._descriptor, self._stored, self._offset)
            try:
                clear = self._cipher.decrypt(_NONCE.pack(last, self._seq), sealed, self._head)
            except (InvalidTag, ValueError) as error:
                raise damaged() from error
            self._clear = memoryview(clear)
            self._offset += len(sealed)
            self._seq += 1
            self._ended = last
        taken = min(len(buffer), len(self._clear))
        buffer[:taken] = self._clear[:taken]
        self._clear = self._clear[taken:]
        return taken


def opening_source(descriptor: int, size: int, unwrap: Callable[[bytes], bytes]) -> BinaryIO:
    """Return the clear bytes of a sealed file as a stream.

    Args:
        descriptor: of the file, open for reading.
        size: its length in bytes.
        unwrap: opens the wrapped key.

    Raises:
        StateError: NOT_FOUND when it is damaged, now or while it is read.
    """
    head = read_at(descriptor, _HEAD.size, 0)
    if len(head) < _HEAD.size:
        raise damaged()
    magic, version, suite, chunk_bytes, key_bytes = _HEAD.unpack(head)
    if (magic, version, suite) != (_MAGIC, VERSION, SUITE):
        raise damaged()
    if not 0 < chunk_bytes <= _MAX_CHUNK_BYTES or key_bytes > _MAX_KEY_BYTES:
        raise damaged()
    key = unwrap(read_at(descriptor, key_bytes, _HEAD.size))
    source = _OpeningSource(descriptor, size, head, _HEAD.size + key_bytes, chunk_bytes, key)
    return io.BufferedReader(source, CHUNK_BYTES)


def damaged() -> StateError:
    """Return the error for a sealed file that is not what was written."""
    return StateError("NOT_FOUND", "a sealed result is damaged on disk; restore it from a backup or run the job again")
