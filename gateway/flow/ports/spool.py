"""Files of a running job: stages as fixed-width chunks, and sealed run state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


class StageFile(Protocol):
    """One stage of one session on disk; append-only.

    A chunk exists once its digest stands in the index (after fdatasync).
    Several readers may look while one writer appends, in the same or another
    process. Methods block; callers run them in a thread when they are large.
    """

    @property
    def record_size(self) -> int:
        """Bytes of one record."""
        ...

    @property
    def rows_per_chunk(self) -> int:
        """Records in every chunk but the last."""
        ...

    def chunks(self) -> int:
        """Return how many chunks are durable now."""
        ...

    def rows(self) -> int:
        """Return how many records are durable now."""
        ...

    def digest(self, seq: int) -> bytes:
        """Return SHA-256 of a durable chunk's bytes as on the wire (clear), 32 bytes."""
        ...

    def read(self, seq: int) -> bytes:
        """Return a durable chunk; StateError NOT_FOUND when it is not there."""
        ...

    def append(self, chunk: bytes, seq: int, digest: bytes | None = None) -> int:
        """Make a chunk durable at place `seq`, or confirm that the same bytes stand there.

        Args:
            chunk: whole records; fewer than `rows_per_chunk` only as the last.
            seq: its place.
            digest: SHA-256 of the chunk where the caller just computed it, which need not be done again.

        Raises:
            StateError: DISK_FULL leaves the file as it was; REVISION_CONFLICT when other bytes
                stand at `seq`, or it is not the next place.
        """
        ...

    def extend(self, chunks: Iterable[bytes], seq: int) -> int:
        """Append chunks from place `seq` on, the next free one, and return the next free place.

        Chunks become durable up to sixteen at a time, with one sync for all of them; when
        `chunks` raises, those since the last sync are not there. Nobody is kept waiting
        while `chunks` is asked for more.

        Raises:
            StateError: as `append`; what was durable stays.
        """
        ...

    def chunk_digests_hash(self) -> bytes:
        """Return SHA-256 over all chunk digests in order (transcript)."""
        ...


class Sorter(Protocol):
    """An external sort of fixed-width rows whose keys are uniform; blocking, for threads.

    Within `memory` nothing touches the disk. Beyond it rows are spilled by ranges of
    their key, sealed under a key that is never stored: what a crash leaves opens for
    nobody, and goes with the job's folder.
    """

    @property
    def rows(self) -> int:
        """Rows added so far."""
        ...

    def add(self, rows: Bytes) -> None:
        """Take rows in any order, (n, width); they are copied.

        Raises:
            StateError: DISK_FULL; the sort is lost then.
        """
        ...

    def pieces(self) -> Iterator[Bytes]:
        """Yield all rows ascending by their leading key bytes, in pieces of bounded size.

        Rows of one key lie in one piece, in the order in which they were added; more of them
        than fit the memory fill several pieces that hold nothing else, each of two rows at
        least. May be iterated again; nothing may be added any more.

        Raises:
            StateError: DISK_FULL; NOT_FOUND when the disk is damaged. The sort is lost then.
        """
        ...

    def close(self) -> None:
        """Give memory and disk back; closing twice is fine."""
        ...


class SpoolPort(Protocol):
    """The spool folder of this server."""

    @property
    def spool_id(self) -> str:
        """Names this spool; jobs are leased only by servers that share it."""
        ...

    def stage(
        self,
        job_id: str,
        session_id: str,
        stage: int,
        record_size: int,
        *,
        sealed: bool = False,
        create: bool = True,
    ) -> StageFile:
        """Open a stage file, creating it or recovering it to its index.

        Args:
            job_id: owner; its whole folder is dropped together.
            session_id: 64 hex digits, in the header.
            stage: stage number, or 100 + n for local files that never cross the wire.
            record_size: bytes per record, 1 to 1 MiB.
            sealed: AES-256-GCM per chunk.
            create: False for who only looks; StateError NOT_FOUND when it is not there.
        """
        ...

    def discard_stage(self, job_id: str, stage: int) -> None:
        """Remove one stage file (a build that never left); absent is fine."""
        ...

    def sorter(self, job_id: str, name: str, width: int, key_bytes: int, memory: int) -> Sorter:
        """Begin an external sort; a spill left by an earlier one of that name is destroyed.

        Args:
            job_id: owner; its whole folder is dropped together.
            name: [a-z0-9._-], at most 40 characters, one sort at a time.
            width: bytes per row.
            key_bytes: leading bytes that order the rows, 8 to width: uniform bytes (MACs, tags), or
                subject_refs (26 characters of base32).
            memory: bytes that the sort may hold, all in all, adding as well as yielding.
        """
        ...

    def write_sealed(self, job_id: str, name: str, clear: bytes) -> None:
        """Seal and store a small file whole or not at all (write, fsync, rename, fsync folder)."""
        ...

    def read_sealed(self, job_id: str, name: str) -> bytes | None:
        """Return a sealed file's clear bytes, or None when it was never written."""
        ...

    def free_bytes(self) -> int:
        """Return how much the spool's disk still takes."""
        ...

    def drop(self, job_id: str) -> None:
        """Remove everything of a job: spools, secrets. Absent is fine."""
        ...
