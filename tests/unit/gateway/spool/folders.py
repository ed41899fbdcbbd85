"""Spools of a test: a small chunk size, a real sealer, and a folder to damage."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.keys.provider import FileKeyProvider
from gateway.keys.sealer import Sealer
from gateway.spool import Spool

JOB = "0b5d3c1e-1111-4222-8333-444455556666"
SESSION = "5e" * 32
OTHER_SESSION = "a1" * 32
RECORD = 8
CHUNK_BYTES = 32  # four records


def sealer() -> Sealer:
    return Sealer(FileKeyProvider({1: b"\x11" * 32}))


def spool(folder: Path) -> Spool:
    return Spool(folder, sealer(), CHUNK_BYTES)


def records(first: int, count: int) -> bytes:
    return b"".join((first + row).to_bytes(RECORD, "big") for row in range(count))


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """The kernel refuses to write beyond `size` bytes of any file: a real disk error in the middle of a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
