"""Files of a running job: stages as fixed-width chunks, and sealed run state."""

from __future__ import annotations

from typing import Protocol


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

    def append(self, chunk: bytes, seq: int) -> int:
        """Make a chunk durable at place `seq`, or confirm that the same bytes stand there.

        Raises:
            StateError: DISK_FULL leaves the file as it was; REVISION_CONFLICT when other bytes
                stand at `seq`, or it is not the next place.
        """
        ...

    def chunk_digests_hash(self) -> bytes:
        """Return SHA-256 over all chunk digests in order (transcript)."""
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

    def write_sealed(self, job_id: str, name: str, clear: bytes) -> None:
        """Seal and store a small file whole or not at all (write, fsync, rename, fsync folder)."""
        ...

    def read_sealed(self, job_id: str, name: str) -> bytes | None:
        """Return a sealed file's clear bytes, or None when it was never written."""
        ...

    def drop(self, job_id: str) -> None:
        """Remove everything of a job: spools, secrets. Absent is fine."""
        ...
