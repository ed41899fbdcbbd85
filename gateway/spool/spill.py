"""Rows of a sort on disk, for its life only: sealed under a key that is never stored.

The file has no name: it is taken away as soon as it is open, so that its room comes
back whatever ends the process. It is never synced. Rows are written in runs; a run
holds its ranges ascending, each in blocks of AES-256-GCM. The nonce is the number
of the block in the file, under a key drawn for this file: no block opens elsewhere.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import Misuse, StateError
from gateway.spool.disk import FILE_MODE, accounted, read_into, write_at
from gateway.spool.ranges import Bytes, Ranges

_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_WRITE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Rows that were written at once.

    Attributes:
        offset: of its first block in the file.
        nonce: number of its first block.
        counts: rows per range.
    """

    offset: int
    nonce: int
    counts: npt.NDArray[np.int64]

    def rows(self, first: int, behind: int) -> int:
        """Return how many rows lie in the ranges from `first` on, before `behind`."""
        return int(self.counts[first:behind].sum())


class Spill:
    """The file of one sort; one writer, and any number of threads that read what was written."""

    __slots__ = ("_block", "_cipher", "_end", "_file", "_lock", "_nonce", "_what", "_width")

    def __init__(self, path: Path, what: str, width: int, block: int) -> None:
        """Begin a file.

        Args:
            path: where it may stand, in a folder that exists.
            what: names the sort, for people.
            width: bytes per row.
            block: most rows that are sealed together.

        Raises:
            StateError: DISK_FULL, or NOT_FOUND when the folder went meanwhile.
        """
        self._what = what
        self._width = width
        self._block = block
        self._cipher = AESGCM(secrets.token_bytes(_KEY_BYTES))
        self._end = 0
        self._nonce = 0
        self._lock = threading.Lock()
        with accounted(what):
            path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
            path.unlink()

    def write(self, rows: Bytes, ranges: Ranges, count: int) -> Run:
        """Append rows by range, those of one range in their order.

        Args:
            rows: (n, width).
            ranges: n ranges.
            count: how many ranges there are.

        Raises:
            StateError: DISK_FULL; the file is of no more use then.
        """
        counts = np.bincount(ranges, minlength=count)
        order = np.argsort(ranges, kind="stable")
        run = Run(self._end, self._nonce, counts)
        clear = np.empty((self._block, self._width), np.uint8)
        sealed = memoryview(bytearray(_WRITE_BYTES + self._block * self._width + _TAG_BYTES))
        filled = taken = 0
        for length in self._blocks(counts):
            block = clear[:length]
            # With "raise" numpy would fill a buffer of its own first; the places are known to be good.
            rows.take(order[taken : taken + length], axis=0, out=block, mode="clip")
            stored = length * self._width + _TAG_BYTES
            self._cipher.encrypt_into(self._next_nonce(), block.data.cast("B"), None, sealed[filled : filled + stored])
            taken, filled = taken + length, filled + stored
            if filled >= _WRITE_BYTES:
                self._append(sealed[:filled])
                filled = 0
        self._append(sealed[:filled])
        return run

    def read(self, run: Run, first: int, behind: int, into: Bytes) -> int:
        """Fill `into` with a run's rows of the ranges from `first` on, before `behind`; return how many.

        Raises:
            StateError: NOT_FOUND when they are not what was written.
        """
        return sum(len(part) for part in self._parts(run, first, behind, into))

    def parts(self, run: Run, first: int, behind: int) -> Iterator[Bytes]:
        """Yield the same rows block by block; a part is valid until the next one."""
        return self._parts(run, first, behind, None)

    def close(self) -> None:
        """Give the room back; closing twice is fine."""
        with self._lock:
            self._file.close()

    # ---- blocks ----------------------------------------------------------------------------------------------

    def _blocks(self, counts: npt.NDArray[np.int64]) -> Iterator[int]:
        """Yield the rows of every block: whole ones and the rest, range by range."""
        for rows in counts[counts > 0].tolist():
            whole, rest = divmod(rows, self._block)
            yield from (self._block,) * whole
            if rest:
                yield rest

    def _number_of_blocks(self, counts: npt.NDArray[np.int64]) -> int:
        return int((-(-counts // self._block)).sum())

    def _parts(self, run: Run, first: int, behind: int, into: Bytes | None) -> Iterator[Bytes]:
        before, wanted = run.counts[:first], run.counts[first:behind]
        skipped = self._number_of_blocks(before)
        offset = run.offset + int(before.sum()) * self._width + skipped * _TAG_BYTES
        nonce = run.nonce + skipped
        left = int(wanted.sum()) * self._width + self._number_of_blocks(wanted) * _TAG_BYTES
        sealed = memoryview(bytearray(min(left, _WRITE_BYTES + self._block * self._width + _TAG_BYTES)))
        here = there = filled = 0
        clear = np.empty((self._block, self._width), np.uint8) if into is None else into
        for length in self._blocks(wanted):
            stored = length * self._width + _TAG_BYTES
            if there - here < stored:
                # What is left of the last read goes to the front, and the disk is read in one piece again.
                sealed[: there - here] = bytes(sealed[here:there])
                here, there = 0, there - here
                more = min(len(sealed) - there, left)
                self._read(sealed[there : there + more], offset)
                there, offset, left = there + more, offset + more, left - more
            part = clear[:length] if into is None else clear[filled : filled + length]
            try:
                opened = nonce.to_bytes(_NONCE_BYTES, "big")
                self._cipher.decrypt_into(opened, sealed[here : here + stored], None, part.data.cast("B"))
            except InvalidTag as error:
                raise self._damaged() from error
            here, nonce, filled = here + stored, nonce + 1, filled + length
            yield part

    def _next_nonce(self) -> bytes:
        nonce = self._nonce
        self._nonce += 1
        return nonce.to_bytes(_NONCE_BYTES, "big")

    def _append(self, sealed: memoryview) -> None:
        with accounted(self._what):
            write_at(self._descriptor(), sealed, self._end)
        self._end += len(sealed)

    def _read(self, sealed: memoryview, offset: int) -> None:
        # Under the lock: a number that close() gave back may already name another file.
        with self._lock, accounted(self._what):
            whole = read_into(self._descriptor(), sealed, offset)
        if not whole:
            raise self._damaged()

    def _descriptor(self) -> int:
        if self._file.closed:
            raise Misuse(f"{self._what} was used after it was closed")
        return self._file.fileno()

    def _damaged(self) -> StateError:
        return StateError("NOT_FOUND", f"{self._what} is damaged on disk; check the disk, then run the job again")
