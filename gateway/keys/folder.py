"""The key folder: reading and writing files that nobody else may read."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.errors import RequestError, StateError

FOLDER = "keys"
AGREEMENT_KEY = "agreement.key"
LOG_KEY = "log.key"
TOKEN_KEY = "token.key"
LOCAL_KEY = "local.key"
WRAP_KEY = "wrap.key"
TLS_KEY = "tls.key"
TLS_CERTIFICATE = "tls.crt"
CARD = "card.json"

KEY_BYTES = 32
_MAX_FILE = 1 << 20  # bytes; a key file is far smaller
_LATER_WRAP_KEY = re.compile(r"wrap-([2-9]|[1-9][0-9]{1,5})\.key")


def read_public(home: Path, name: str) -> bytes:
    """Return a file of the key folder that anyone may read.

    Raises:
        StateError: NOT_FOUND.
        RequestError: BAD_FIELD when it cannot be read.
    """
    return _read(home / FOLDER / name, private=False)


def read_private(home: Path, name: str) -> bytes:
    """Return a private file of the key folder, refusing one that others can read.

    Raises:
        StateError: NOT_FOUND.
        RequestError: BAD_FIELD when its permissions are too wide or it cannot be read.
    """
    return _read(home / FOLDER / name, private=True)


def read_octets(home: Path, name: str) -> bytes:
    """Return a private key of 32 raw bytes.

    Raises:
        StateError: NOT_FOUND.
        RequestError: BAD_FIELD.
    """
    content = read_private(home, name)
    if len(content) != KEY_BYTES:
        raise RequestError("BAD_FIELD", f"{FOLDER}/{name} has not {KEY_BYTES} bytes; restore it from a backup")
    return content


def read_ed25519(home: Path, name: str) -> Ed25519PrivateKey:
    """Return an Ed25519 key from its PKCS8 PEM file.

    Raises:
        StateError: NOT_FOUND.
        RequestError: BAD_FIELD.
    """
    try:
        key = load_pem_private_key(read_private(home, name), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RequestError(
            "BAD_FIELD", f"{FOLDER}/{name} is not an unencrypted PKCS8 PEM key; restore it from a backup"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise RequestError("BAD_FIELD", f"{FOLDER}/{name} is not an Ed25519 key; restore it from a backup")
    return key


def wrap_key_files(home: Path) -> dict[int, str]:
    """Return {version: file name} of the wrapping keys: wrap.key is 1, wrap-N.key is N."""
    names = {1: WRAP_KEY}
    try:
        present = [entry.name for entry in (home / FOLDER).iterdir()]
    except OSError as error:
        raise StateError("NOT_FOUND", f"no folder {FOLDER} in the home; run `assent keys init` first") from error
    for name in present:
        if match := _LATER_WRAP_KEY.fullmatch(name):
            names[int(match[1])] = name
    return names


def create(home: Path, private: Mapping[str, bytes], public: Mapping[str, bytes]) -> None:
    """Write a whole key folder, or nothing; an existing one is never touched.

    Args:
        home: its parent; created 0700 when absent.
        private: file name -> content, 0600.
        public: file name -> content, 0644.

    Raises:
        StateError: REVISION_CONFLICT when there is a key folder; DISK_FULL when writing fails.
    """
    folder = home / FOLDER
    fresh = home / f".{FOLDER}-{secrets.token_hex(8)}"
    if folder.exists():
        raise _exists()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.mkdir(mode=0o700)
        for mode, files in ((0o600, private), (0o644, public)):
            for name, content in files.items():
                _write(fresh / name, content, mode)
        _sync_folder(fresh)
        # Whole or not at all: a rename onto a folder with files fails.
        fresh.rename(folder)
        _sync_folder(home)
    except OSError as error:
        if folder.exists():
            raise _exists() from error
        raise StateError("DISK_FULL", "the key folder could not be written; check space and permissions") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def replace_public(home: Path, name: str, content: bytes) -> None:
    """Replace a public file of the key folder, whole or not at all.

    Raises:
        StateError: DISK_FULL.
    """
    folder = home / FOLDER
    fresh = folder / f".{name}-{secrets.token_hex(8)}"
    try:
        _write(fresh, content, 0o644)
        fresh.rename(folder / name)
        _sync_folder(folder)
    except OSError as error:
        raise StateError("DISK_FULL", f"{FOLDER}/{name} could not be written; check space and permissions") from error
    finally:
        fresh.unlink(missing_ok=True)


def _exists() -> StateError:
    return StateError(
        "REVISION_CONFLICT",
        f"the home has a folder {FOLDER} already, which is never overwritten; choose another home or move it away",
    )


def _read(path: Path, *, private: bool) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise RequestError(
                    "BAD_FIELD",
                    f"{FOLDER}/{path.name} can be read by others; run `chmod 600` on it, and consider its key known",
                )
            content = file.read(_MAX_FILE + 1)
    except FileNotFoundError as error:
        raise StateError(
            "NOT_FOUND", f"{FOLDER}/{path.name} is not in the home; run `assent keys init` or restore it"
        ) from error
    except OSError as error:
        raise RequestError("BAD_FIELD", f"{FOLDER}/{path.name} cannot be read; check its permissions") from error
    if len(content) > _MAX_FILE:
        raise RequestError("BAD_FIELD", f"{FOLDER}/{path.name} is far too long for a key")
    return content


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
