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
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Self

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
        # Both are used over and over: fresh memory for every chunk costs more than sealing it.
        self._clear = memoryview(bytearray(CHUNK_BYTES))
        self._sealed = memoryview(bytearray(CHUNK_BYTES + _TAG_BYTES))
        self._filled = 0
        self._seq = 0

    def writable(self) -> bool:
        """Return true."""
        return True

    def write(self, content: Any, /) -> int:
        """Take clear bytes; a whole chunk goes to the disk as soon as more follows."""
        rest = memoryview(content).cast("B")
        taken = len(rest)
        while rest:
            if self._filled == CHUNK_BYTES:
                self._store(last=False)
            part = rest[: CHUNK_BYTES - self._filled]
            self._clear[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            rest = rest[len(part) :]
        return taken

    def finish(self) -> None:
        """Write the rest and mark it as the last chunk."""
        self._store(last=True)

    def _store(self, *, last: bool) -> None:
        sealed = self._sealed[: self._filled + _TAG_BYTES]
        self._cipher.encrypt_into(_NONCE.pack(last, self._seq), self._clear[: self._filled], self._head, sealed)
        write_at(self._descriptor, sealed, self._offset)
        self._offset += len(sealed)
        self._filled = 0
        self._seq += 1


class _OpeningSource(io.RawIOBase):
    """The clear bytes of a sealed file, chunk by chunk."""

    def __init__(self, envelope: Envelope) -> None:
        super().__init__()
        self._descriptor = envelope.descriptor
        self._size = envelope.size
        self._head = envelope.head
        self._offset = envelope.offset
        self._stored = envelope.chunk_bytes + _TAG_BYTES
        self._cipher = envelope.cipher
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


@dataclass(frozen=True, slots=True, repr=False)
class Envelope:
    """A sealed file whose head was read and whose key was unwrapped."""

    descriptor: int
    size: int
    head: bytes
    offset: int
    chunk_bytes: int
    cipher: AESGCM

    def __repr__(self) -> str:
        """Show no key."""
        return f"Envelope({self.size} bytes)"

    @classmethod
    def read(cls, descriptor: int, unwrap: Callable[[bytes], bytes]) -> Self:
        """Read the head of a sealed file.

        Args:
            descriptor: of the file, open for reading.
            unwrap: opens the wrapped key.

        Raises:
            StateError: NOT_FOUND when it is damaged.
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
        size = os.fstat(descriptor).st_size
        return cls(descriptor, size, head, _HEAD.size + key_bytes, chunk_bytes, AESGCM(key))

    def source(self) -> BinaryIO:
        """Return the clear bytes as a stream from the beginning; reading raises StateError NOT_FOUND at damage."""
        return io.BufferedReader(_OpeningSource(self), CHUNK_BYTES)


def secret_bytes(descriptor: int) -> int:
    """Return how many first bytes of a sealed file to overwrite so that nobody opens it any more."""
    head = read_at(descriptor, _HEAD.size, 0)
    return _HEAD.size + min(_HEAD.unpack(head)[-1], _MAX_KEY_BYTES) if len(head) == _HEAD.size else _HEAD.size


def damaged() -> StateError:
    """Return the error for a sealed file that is not what was written."""
    return StateError("NOT_FOUND", "a sealed result is damaged on disk; restore it from a backup or run the job again")
