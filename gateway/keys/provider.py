"""Key providers: they wrap data keys, and the wrapping key never leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from gateway.errors import StateError
from gateway.keys import folder


class KeyProvider(Protocol):
    """Where the wrapping key lives: a file, a token, a vault."""

    def wrap(self, key: bytes) -> bytes:
        """Encrypt a 32-byte data key under the current version."""
        ...

    def unwrap(self, wrapped: bytes, version: int) -> bytes:
        """Return a data key wrapped under a version; StateError NOT_FOUND when that is not possible here."""
        ...

    def current_version(self) -> int:
        """Return the version that `wrap` uses, 1 or more."""
        ...


class FileKeyProvider:
    """AES-256 key wrap with keys in files; the highest version wraps, all unwrap.

    Source: RFC 3394, which needs no nonce: nothing has to be counted across restarts.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: dict[int, bytes]) -> None:
        """Take {version: 32 bytes}, at least one."""
        self._keys = dict(keys)

    @classmethod
    def load(cls, home: Path) -> FileKeyProvider:
        """Read wrap.key (version 1) and wrap-N.key of the key folder.

        Raises:
            StateError: NOT_FOUND when there is no wrap.key.
            RequestError: BAD_FIELD for a file that others can read or that has not 32 bytes.
        """
        return cls({version: folder.read_octets(home, name) for version, name in folder.wrap_key_files(home).items()})

    def wrap(self, key: bytes) -> bytes:
        """See KeyProvider."""
        return aes_key_wrap(self._keys[self.current_version()], key)

    def unwrap(self, wrapped: bytes, version: int) -> bytes:
        """See KeyProvider."""
        if version not in self._keys:
            raise StateError(
                "NOT_FOUND", f"a file was sealed under wrapping key version {version}, which is not in the home"
            )
        try:
            return aes_key_unwrap(self._keys[version], wrapped)
        except InvalidUnwrap as error:
            raise StateError(
                "NOT_FOUND",
                "a sealed file does not belong to this home's wrapping key; restore the key it was sealed with",
            ) from error

    def current_version(self) -> int:
        """See KeyProvider."""
        return max(self._keys)
