"""Durable steps on the local disk: whole files, locks, and best-effort destruction.

Files are 0600 in folders 0700. Every OSError leaves as a StateError: DISK_FULL
where room or quota ran out, which a job waits for, else NOT_FOUND.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.errors import StateError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_WIPE = 1 << 20  # bytes overwritten at a time


@contextlib.contextmanager
def accounted(what: str) -> Iterator[None]:
    """Turn an OSError of the block into the StateError that fits.

    Args:
        what: what was being used, for people, e.g. "stage 3 of the spool".

    Raises:
        StateError: DISK_FULL or NOT_FOUND.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StateError(
                "DISK_FULL", f"no room left on the disk for {what}; free space or raise the quota, then it goes on"
            ) from error
        cause = errno.errorcode.get(error.errno or 0, "unknown")
        raise StateError(
            "NOT_FOUND", f"{what} cannot be read or written ({cause}); check the folder, its owner and the disk"
        ) from error


def make_folder(path: Path) -> None:
    """Create a folder, with its parents, for this user alone; an existing one is left as it is."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=FOLDER_MODE)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    with opened(path, os.O_RDONLY | os.O_DIRECTORY) as folder:
        os.fsync(folder)


@contextlib.contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """Hold a file descriptor for a block; a new file is for this user alone."""
    descriptor = os.open(path, flags | os.O_CLOEXEC, FILE_MODE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every other writer of a folder out for a block: threads and processes of this machine."""
    with opened(path, os.O_RDONLY | os.O_DIRECTORY) as folder:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield


def write_at(descriptor: int, content: bytes | memoryview, offset: int) -> None:
    """Write all of `content` at `offset`; a full disk may have taken a part of it when this raises."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def read_at(descriptor: int, length: int, offset: int) -> bytes:
    """Read `length` bytes at `offset`; fewer only where the file ends."""
    parts = []
    while length and (part := os.pread(descriptor, length, offset)):
        parts.append(part)
        length, offset = length - len(part), offset + len(part)
    return b"".join(parts)


def read_into(descriptor: int, buffer: memoryview, offset: int) -> bool:
    """Fill a buffer of bytes from `offset` on; False when the file ends before."""
    rest = buffer
    while rest:
        length = os.preadv(descriptor, [rest], offset)
        if not length:
            return False
        rest, offset = rest[length:], offset + length
    return True


class Replacement:
    """A file being written beside the one whose place it takes; locked, so that whoever cleans up lets it be."""

    __slots__ = ("_fresh", "_path", "descriptor")

    def __init__(self, path: Path) -> None:
        """Begin an empty file.

        Args:
            path: the place it takes; a crash at any point leaves the old content there or the new.
        """
        self._path = path
        self._fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        self.descriptor = os.open(self._fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)

    def sync(self) -> None:
        """Make what was written durable."""
        os.fsync(self.descriptor)

    def commit(self, secret_bytes: Callable[[int], int] | None = None) -> None:
        """Make what was written durable in its place, and destroy what stood there (best effort).

        Args:
            secret_bytes: tells of a descriptor how many of its first bytes must be overwritten so that
                the rest is noise; None for all that `destroy` takes. Readers that hold the old file
                open go on reading what is not overwritten.
        """
        self.sync()
        with contextlib.ExitStack() as stack:
            replaced = stack.enter_context(opened(self._path, os.O_RDWR)) if self._path.exists() else None
            self._fresh.rename(self._path)
            sync_folder(self._path.parent)
            if replaced is not None:
                _overwrite(replaced, _WIPE if secret_bytes is None else secret_bytes(replaced))

    def close(self) -> None:
        """Give up what was not committed, and the descriptor; once."""
        os.close(self.descriptor)
        self._fresh.unlink(missing_ok=True)


def replace(path: Path, write: Callable[[int], None]) -> None:
    """Write a file whole or not at all, destroying what it replaces (best effort).

    Args:
        path: the file; a crash at any point leaves the old content or the new.
        write: writes the content to a descriptor.
    """
    fresh = Replacement(path)
    try:
        write(fresh.descriptor)
        fresh.commit()
    finally:
        fresh.close()


def destroy(path: Path) -> None:
    """Overwrite a file's first bytes, where its wrapped key stands, and remove it; absent is fine.

    Best effort: journals, copies on write and worn flash cells may keep the old
    blocks. Without the key provider they open nothing.
    """
    with contextlib.suppress(FileNotFoundError):
        with opened(path, os.O_WRONLY) as descriptor:
            _overwrite(descriptor, _WIPE)
        path.unlink()


def in_use(path: Path) -> bool:
    """Return whether a Replacement is writing a file, in this process or another."""
    try:
        with opened(path, os.O_RDONLY) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _overwrite(descriptor: int, length: int) -> None:
    # The first bytes hold the wrapped key: without it the rest is noise. Overwriting takes no new room.
    size = min(os.fstat(descriptor).st_size, length)
    write_at(descriptor, bytes(size), 0)
    os.fdatasync(descriptor)
