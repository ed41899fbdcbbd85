"""One stage on disk: fixed-width records in chunks, and an index that says what is durable.

`NNN.spool` is the header and the chunks, `NNN.idx` one SHA-256 per chunk, over its
bytes in the file. An entry is written after the chunk is durable, and a chunk
without an entry does not exist: whatever lies behind the index is cut off before
the next append. The entries that are written at once lie in one disk sector, so a
crash leaves them whole or zero. Files are opened for one call at a time; the object holds no descriptor.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.errors import Misuse, StateError
from gateway.spool.disk import accounted, opened, read_at, read_into, sync_folder, write_at
from gateway.spool.header import COUNT_BYTES, HEADER_BYTES, Header, damaged
from gateway.spool.seal import Seal

DIGEST_BYTES = 32
SECTOR_BYTES = 512
_AT_ONCE = SECTOR_BYTES // DIGEST_BYTES
_NEVER_WRITTEN = bytes(DIGEST_BYTES)
_of_thread = threading.local()


def index_of(path: Path) -> Path:
    """Return the index's path for a stage file's path."""
    return path.with_suffix(".idx")


class SpooledStage:
    """A StageFile. Any number of readers beside one writer, in threads or processes."""

    __slots__ = ("_header", "_index", "_path", "_seal", "_seen", "_tail_checked", "_wrapped_key")

    def __init__(self, path: Path, header: Header, wrapped_key: bytes, seal: Seal) -> None:
        """Look at an existing stage file.

        Args:
            path: the `.spool` file.
            header: its header.
            wrapped_key: as it stands behind the header; empty when not sealed.
            seal: how its chunks are stored.
        """
        self._path = path
        self._index = index_of(path)
        self._header = header
        self._wrapped_key = wrapped_key
        self._seal = seal
        self._seen = 0
        self._tail_checked = False

    @property
    def record_size(self) -> int:
        """Bytes of one record."""
        return self._header.record_size

    @property
    def rows_per_chunk(self) -> int:
        """Records in every chunk but the last."""
        return self._header.rows_per_chunk

    def chunks(self) -> int:
        """Return how many chunks are durable now."""
        with self._accounted(), self._opened(os.O_RDONLY) as descriptor:
            return self._durable(descriptor)

    def rows(self) -> int:
        """Return how many records are durable now."""
        with self._accounted(), self._opened(os.O_RDONLY) as descriptor:
            count = self._durable(descriptor)
            if not count:
                return 0
            length = self._stored_length(descriptor, count - 1, count) - self._seal.overhead
            if length % self.record_size:
                raise damaged(self._header.stage, f"chunk {count - 1}")
            return (count - 1) * self.rows_per_chunk + length // self.record_size

    def digest(self, seq: int) -> bytes:
        """Return SHA-256 of a durable chunk: of its wire bytes, or of its sealed bytes in a sealed file.

        Raises:
            StateError: NOT_FOUND.
        """
        with self._accounted(), self._opened(os.O_RDONLY) as descriptor:
            self._must_exist(seq, self._durable(descriptor))
            return self._digests(seq, 1)

    def read(self, seq: int) -> bytes:
        """Return a durable chunk, checked: against its digest, or by its seal.

        Raises:
            StateError: NOT_FOUND when it is not there, or not what was written.
        """
        with self._accounted(), self._opened(os.O_RDONLY) as descriptor:
            count = self._durable(descriptor)
            self._must_exist(seq, count)
            if not self._seal.authentic:
                return self._checked(descriptor, seq, count)
            stored = _own_buffer(self._stored_length(descriptor, seq, count))
            if not read_into(descriptor, stored, self._offset(seq)):
                raise damaged(self._header.stage, f"chunk {seq}")
        return self._seal.restore(seq, stored)

    def append(self, chunk: bytes, seq: int, digest: bytes | None = None) -> int:
        """Make a chunk durable at its place, or confirm that the same chunk stands there.

        Args:
            chunk: at most `rows_per_chunk` whole records; fewer, or none, only as the last.
            seq: its place; the next free one, or one that is taken by the same bytes.
            digest: SHA-256 of the chunk where the caller just computed it.

        Raises:
            StateError: DISK_FULL, the file being as it was; STAGE_ORDER behind a
                short chunk, which is the last; NOT_FOUND when the file is damaged;
                REVISION_CONFLICT when other bytes stand at seq, or seq is not the next.
        """
        self._must_fit(chunk)
        if digest is not None and len(digest) != DIGEST_BYTES:
            raise Misuse(f"a digest of {len(digest)} bytes came with a chunk of stage {self._header.stage}")
        with self._writing() as (descriptor, index):
            free, end, ended = self._recover(descriptor, index)
            if 0 <= seq < free and self._seal.restore(seq, self._checked(descriptor, seq, free)) == chunk:
                return seq
            self._must_follow(seq, free, ended)
            self._write(descriptor, index, [chunk], seq, end, digest)
        return seq

    def extend(self, chunks: Iterable[bytes], seq: int) -> int:
        """Append chunks from a place on, durable some at a time: up to sixteen for one sync of both files.

        The file is not locked while `chunks` is asked for more. When that raises, chunks
        yielded since the last sync are not there.

        Args:
            chunks: as for `append`.
            seq: place of the first one, the next free one.

        Returns:
            The next free place; every chunk before it is durable.

        Raises:
            StateError: as `append`; what was durable stays.
        """
        coming = iter(chunks)
        while group := self._group(coming, _AT_ONCE - seq % _AT_ONCE):
            with self._writing() as (descriptor, index):
                free, end, ended = self._recover(descriptor, index)
                self._must_follow(seq, free, ended)
                self._write(descriptor, index, group, seq, end, None)
            seq += len(group)
        return seq

    def chunk_digests_hash(self) -> bytes:
        """Return SHA-256 over all chunk digests in order (transcript)."""
        with self._accounted(), self._opened(os.O_RDONLY) as descriptor:
            return hashlib.sha256(self._digests(0, self._durable(descriptor))).digest()

    # ---- writing, under the lock -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _writing(self) -> Iterator[tuple[int, int]]:
        with self._accounted(), self._opened(os.O_RDWR) as descriptor:
            # Released with the descriptor. Appending is brief: whoever else writes is waited for.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with self._index_opened() as index:
                yield descriptor, index

    def _group(self, chunks: Iterator[bytes], most: int) -> list[bytes]:
        """Take chunks to write at once: at most so many, and none behind a short one."""
        group: list[bytes] = []
        for chunk in chunks:
            self._must_fit(chunk)
            group.append(chunk)
            if len(group) == most or len(chunk) < self._full:
                break
        return group

    def _must_fit(self, chunk: bytes) -> None:
        if len(chunk) % self.record_size or len(chunk) > self._full:
            raise Misuse(
                f"a chunk of stage {self._header.stage} is {len(chunk)} bytes long; "
                f"it must hold at most {self.rows_per_chunk} records of {self.record_size} bytes"
            )

    def _must_follow(self, seq: int, free: int, ended: bool) -> None:
        if seq != free:
            raise StateError(
                "REVISION_CONFLICT",
                f"chunk {seq} of stage {self._header.stage} cannot stand here: {free} is the next, "
                "and what stands is never replaced",
            )
        if ended:
            raise StateError(
                "STAGE_ORDER", f"stage {self._header.stage} ended with its short chunk {free - 1}; nothing follows"
            )

    def _write(
        self, descriptor: int, index: int, chunks: list[bytes], seq: int, end: int, digest: bytes | None
    ) -> None:
        """Write chunks and then their entries, all in one sector of the index."""
        entries, at = [], end
        try:
            self._seal.prepare(descriptor)
            for place, chunk in enumerate(chunks, seq):
                stored = self._seal.store(place, chunk)
                write_at(descriptor, stored, at)
                at += len(stored)
                # Where chunks stand as they are, their digest is the one that the caller knows.
                known = digest if not self._seal.authentic else None
                entries.append(known or hashlib.sha256(stored).digest())
            os.fdatasync(descriptor)
            write_at(index, b"".join(entries), seq * DIGEST_BYTES)
            os.fdatasync(index)
            self._seen = seq + len(chunks)
        except BaseException:
            # However it failed, nothing may be stored again under the same nonce.
            self._seal.spoil()
            # The index says what exists; cutting off what it does not name only gives the room back.
            with contextlib.suppress(OSError):
                os.ftruncate(index, seq * DIGEST_BYTES)
                os.ftruncate(descriptor, end)
            raise

    def _recover(self, descriptor: int, index: int) -> tuple[int, int, bool]:
        """Cut both files to what the index names; return the next seq, where it goes, and whether the stage ended."""
        count = self._durable(descriptor)
        end = self._offset(count)
        if count:
            length = self._stored_length(descriptor, count - 1, count)
            end = self._offset(count - 1) + length
            if not self._tail_checked:
                self._checked(descriptor, count - 1, count)
        if os.fstat(descriptor).st_size > end:
            os.ftruncate(descriptor, end)
        if os.fstat(index).st_size > count * DIGEST_BYTES:
            os.ftruncate(index, count * DIGEST_BYTES)
        self._tail_checked = True
        return count, end, end < self._offset(count)

    @contextlib.contextmanager
    def _index_opened(self) -> Iterator[int]:
        fresh = not self._index.exists()
        with opened(self._index, os.O_RDWR | os.O_CREAT) as index:
            if fresh:
                sync_folder(self._index.parent)
            yield index

    # ---- reading ---------------------------------------------------------------------------------------------

    def _durable(self, descriptor: int) -> int:
        """Count the chunks that the index names, refusing an index that names more than there is."""
        try:
            with opened(self._index, os.O_RDWR) as index:
                count = os.fstat(index).st_size // DIGEST_BYTES
                while count and read_at(index, DIGEST_BYTES, (count - 1) * DIGEST_BYTES) == _NEVER_WRITTEN:
                    count -= 1
                if count > self._seen:
                    # The writer may be between writing the entry and syncing it. What we have told the partner must
                    # not be forgotten by a power failure.
                    os.fdatasync(index)
                    self._seen = count
        except FileNotFoundError:
            count = 0
        if count and os.fstat(descriptor).st_size < self._offset(count - 1) + self._seal.overhead:
            raise damaged(self._header.stage, f"chunk {count - 1}")
        return count

    def _checked(self, descriptor: int, seq: int, count: int) -> bytes:
        stored = read_at(descriptor, self._stored_length(descriptor, seq, count), self._offset(seq))
        if hashlib.sha256(stored).digest() != self._digests(seq, 1):
            raise damaged(self._header.stage, f"chunk {seq}")
        return stored

    def _digests(self, seq: int, count: int) -> bytes:
        if not count:
            return b""
        with opened(self._index, os.O_RDONLY) as index:
            return read_at(index, count * DIGEST_BYTES, seq * DIGEST_BYTES)

    def _stored_length(self, descriptor: int, seq: int, count: int) -> int:
        full = self._full + self._seal.overhead
        if seq < count - 1:
            return full
        # A longer rest is a chunk being written, or one that a crash cut short.
        return min(os.fstat(descriptor).st_size - self._offset(seq), full)

    @property
    def _full(self) -> int:
        return self.rows_per_chunk * self.record_size

    def _offset(self, seq: int) -> int:
        return self._header.first_chunk + seq * (self._full + self._seal.overhead)

    def _must_exist(self, seq: int, count: int) -> None:
        if not 0 <= seq < count:
            raise StateError(
                "NOT_FOUND", f"stage {self._header.stage} has {count} durable chunks, not yet chunk {seq}; try again"
            )

    def _accounted(self) -> contextlib.AbstractContextManager[None]:
        return accounted(f"stage {self._header.stage} of the spool")

    @contextlib.contextmanager
    def _opened(self, flags: int) -> Iterator[int]:
        try:
            descriptor = os.open(self._path, flags | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise self._gone() from error
        try:
            head = read_at(descriptor, self._header.first_chunk, 0)
            key_at = HEADER_BYTES + COUNT_BYTES
            if head[:HEADER_BYTES] != self._header.pack() or head[key_at:] != self._wrapped_key:
                raise self._gone()
            yield descriptor
        finally:
            os.close(descriptor)

    def _gone(self) -> StateError:
        return StateError(
            "NOT_FOUND", f"stage {self._header.stage} was discarded or replaced meanwhile; open the stage again"
        )


def _own_buffer(length: int) -> memoryview:
    """Return a buffer that this thread keeps: fresh memory for every chunk costs more than opening the chunk."""
    kept: bytearray | None = getattr(_of_thread, "buffer", None)
    if kept is None or len(kept) < length:
        kept = _of_thread.buffer = bytearray(length)
    return memoryview(kept)[:length]
