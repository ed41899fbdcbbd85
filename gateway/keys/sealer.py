r"""Sealed envelopes: bytes for this machine's disk that only this home can open.

    "ASEL" || u8 version || u8 suite || u32 key version || u16 length || wrapped data key
    || 12-byte nonce || AES-256-GCM ciphertext and tag

Every envelope has a data key of its own, wrapped by the key provider, so that no
nonce is ever used twice under one key. AAD = all bytes before the nonce, and the
purpose behind its length: an envelope moved to another place does not open.
"""

from __future__ import annotations

import secrets
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import Misuse, StateError
from gateway.keys.provider import KeyProvider

VERSION = 1
SUITE_AES_256_GCM = 1  # data keys wrapped by the provider
MAX_CLEAR_BYTES = 2**31 - 1  # of one call of the library

_MAGIC = b"ASEL"
_HEAD = struct.Struct(">4sBBIH")
_NONCE_BYTES = 12
_TAG_BYTES = 16


class Sealer:
    """RunSecrets over a key provider."""

    __slots__ = ("_provider",)

    def __init__(self, provider: KeyProvider) -> None:
        """Take the provider that wraps data keys."""
        self._provider = provider

    def seal(self, purpose: str, clear: bytes) -> bytes:
        """Seal bytes for one purpose.

        Args:
            purpose: where they belong, e.g. "result <job id>"; needed again to open.
            clear: at most 2^31 - 1 bytes.
        """
        if len(clear) > MAX_CLEAR_BYTES:
            raise Misuse("one envelope holds at most 2^31 - 1 bytes; seal in pieces")
        key = secrets.token_bytes(32)
        wrapped = self._provider.wrap(key)
        version = self._provider.current_version()
        head = _HEAD.pack(_MAGIC, VERSION, SUITE_AES_256_GCM, version, len(wrapped)) + wrapped
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return head + nonce + AESGCM(key).encrypt(nonce, clear, _aad(head, purpose))

    def unseal(self, purpose: str, sealed: bytes) -> bytes:
        """Open an envelope.

        Raises:
            StateError: NOT_FOUND when it is damaged, was sealed for another
                purpose or by another home, or in a later format.
        """
        if len(sealed) < _HEAD.size:
            raise _damaged()
        magic, version, suite, key_version, length = _HEAD.unpack_from(sealed)
        if magic != _MAGIC or version != VERSION or suite != SUITE_AES_256_GCM:
            raise StateError("NOT_FOUND", "a sealed file is in a format that this release does not know")
        head = sealed[: _HEAD.size + length]
        body = len(head) + _NONCE_BYTES
        if len(sealed) < body + _TAG_BYTES:
            raise _damaged()
        key = self._provider.unwrap(head[_HEAD.size :], key_version)
        try:
            return AESGCM(key).decrypt(sealed[len(head) : body], memoryview(sealed)[body:], _aad(head, purpose))
        except (InvalidTag, ValueError) as error:
            raise _damaged() from error


def _aad(head: bytes, purpose: str) -> bytes:
    encoded = purpose.encode()
    return head + len(encoded).to_bytes(2, "big") + encoded


def _damaged() -> StateError:
    return StateError(
        "NOT_FOUND", "a sealed file is damaged or belongs elsewhere; restore it from a backup or run the job again"
    )
