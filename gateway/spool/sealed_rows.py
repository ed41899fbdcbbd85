"""Rows in a sealed file: an Arrow IPC stream in the envelope, written and read batch by batch."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import threading
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Misuse
from gateway.flow.ports.custody import RunSecrets
from gateway.spool import disk
from gateway.spool.envelope import Envelope, SealingSink, damaged, secret_bytes

SUBJECT = "subject_ref"
TOKEN = "row_token"
WHAT = "a sealed result"
_KEY_BYTES = 32
_MAX_ROWS = 1 << 16


class SealedRows:
    """StoredRows. The file stays open: who reads goes on reading it when another takes its place."""

    __slots__ = ("__weakref__", "_envelope", "_schema")

    def __init__(self, envelope: Envelope, schema: pa.Schema) -> None:
        """Take an open file; it is closed when nobody reads any more."""
        self._envelope = envelope
        self._schema = schema
        weakref.finalize(self, os.close, envelope.descriptor)

    @classmethod
    def open(cls, path: Path, run_secrets: RunSecrets) -> Self | None:
        """Open a file, or return None when there is none.

        Raises:
            StateError: NOT_FOUND when it is damaged, or of another home or job.
        """
        while True:
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            try:
                envelope = Envelope.read(descriptor, lambda key: run_secrets.unseal(purpose(path), key))
                with _reading(), pa.ipc.open_stream(envelope.source()) as stream:
                    schema = stream.schema
            except BaseException:
                replaced = _replaced(path, descriptor)
                os.close(descriptor)
                if not replaced:
                    raise
                # Its key was destroyed between our opening it and reading the key; another stands there, or none.
                continue
            return cls(envelope, schema)

    @property
    def schema(self) -> pa.Schema:
        """Schema, with the file's own facts as metadata."""
        return self._schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows from the beginning.

        Raises:
            StateError: NOT_FOUND where the file is damaged or went meanwhile; what came before was in it.
        """
        source = self._envelope.source()
        with disk.accounted(WHAT), _reading(), pa.ipc.open_stream(source) as stream:
            while True:
                try:
                    batch = stream.read_next_batch()
                except StopIteration:
                    break
                yield batch
            # Whatever else the file holds was not written by us.
            if source.read(1):
                raise damaged()

    def holds(self, column: str, values: Sequence[str] | Sequence[bytes]) -> bool:
        """Return whether a row has one of some values; False where rows have no such column."""
        if column not in self._schema.names:
            return False
        wanted = self._values(column, values)
        return any(pc.any(pc.is_in(batch.column(column), wanted)).as_py() for batch in self.batches())

    def without(self, column: str, values: Sequence[str] | Sequence[bytes]) -> Iterator[pa.RecordBatch]:
        """Yield the rows that have none of some values."""
        wanted = self._values(column, values)
        for batch in self.batches():
            yield batch.filter(pc.invert(pc.is_in(batch.column(column), wanted)))

    def _values(self, column: str, values: Sequence[str] | Sequence[bytes]) -> pa.Array:
        kind = self._schema.field(column).type
        if pa.types.is_fixed_size_binary(kind):
            # A value of another width is in no row.
            return pa.array([value for value in values if len(value) == kind.byte_width], kind)
        return pa.array(values, kind)


class RowsWriter:
    """Writes a file whole or not at all; it takes its place at `commit`.

    One thread writes; another may give the file up meanwhile, and waits for what is being written.
    """

    def __init__(self, path: Path, schema: pa.Schema, run_secrets: RunSecrets) -> None:
        """Prepare; nothing is on disk before `begin`."""
        self._path = path
        self._schema = schema
        self._secrets = run_secrets
        self._lock = threading.Lock()
        self._closed = False
        self._file: disk.Replacement | None = None
        self._rows = 0
        self._last: pa.Scalar | None = None

    @property
    def rows(self) -> int:
        """Rows written so far."""
        return self._rows

    def begin(self) -> None:
        """Begin the file; under the folder's lock, so that nobody takes it for a leftover.

        Raises:
            StateError: DISK_FULL or NOT_FOUND.
        """
        key = secrets.token_bytes(_KEY_BYTES)
        wrapped_key = self._secrets.seal(purpose(self._path), key)
        with self._lock, disk.accounted(WHAT):
            if self._closed:
                raise Misuse("a result was begun that was given up")
            self._file = disk.Replacement(self._path)
            self._sink = SealingSink(self._file.descriptor, key, wrapped_key)
            self._stream = pa.ipc.new_stream(self._sink, self._schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write rows that follow those before.

        Raises:
            StateError: DISK_FULL.
        """
        if not batch.schema.equals(self._schema):
            raise Misuse("a batch of another schema than the result's reached the results")
        if not batch.num_rows:
            return
        if SUBJECT in self._schema.names:
            self._must_ascend(batch.column(SUBJECT))
        with self._lock, disk.accounted(WHAT):
            self._begun()
            for start in range(0, batch.num_rows, _MAX_ROWS):
                self._stream.write_batch(batch.slice(start, _MAX_ROWS))
        self._rows += batch.num_rows

    def finish(self) -> None:
        """End the file and make it durable beside the place it will take.

        Raises:
            StateError: DISK_FULL.
        """
        with self._lock, disk.accounted(WHAT):
            file = self._begun()
            self._stream.close()
            self._sink.finish()
            file.sync()

    def commit(self) -> None:
        """Put the finished file in its place; under the folder's lock.

        Raises:
            StateError: NOT_FOUND, an earlier file staying.
        """
        with self._lock, disk.accounted(WHAT):
            self._begun().commit(secret_bytes)

    def close(self) -> None:
        """Give up what was not committed; again is fine."""
        with self._lock, disk.accounted(WHAT):
            file, self._file, self._closed = self._file, None, True
            if file is not None:
                file.close()

    def _begun(self) -> disk.Replacement:
        if self._file is None:
            raise Misuse("rows were written to a result that was not begun, or given up")
        return self._file

    def _must_ascend(self, refs: pa.Array) -> None:
        ascending = pc.all(pc.less_equal(refs.slice(0, len(refs) - 1), refs.slice(1))).as_py()
        if refs.null_count or ascending is False or (self._last is not None and pc.less(refs[0], self._last).as_py()):
            raise Misuse(f"rows that do not ascend by {SUBJECT} reached the results")
        self._last = refs[-1]


def purpose(path: Path) -> str:
    """Return what a file's key is wrapped for: renamed to another job's, it does not open."""
    return f"results {path.name}"


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """What Arrow cannot read is damage: every chunk was sealed as Arrow wrote it."""
    try:
        yield
    except (pa.ArrowException, io.UnsupportedOperation) as error:
        raise damaged() from error


def _replaced(path: Path, descriptor: int) -> bool:
    """Return whether another file, or none, stands where an open one stood."""
    ours = os.fstat(descriptor)
    try:
        there = path.stat()
    except FileNotFoundError:
        return True
    return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)
