"""A file as a sink: written beside its place, made durable, then put there by one rename."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.route.delivery import SinkMode, Withdrawn
from gateway.sink.failure import accounted, busy, no_file, unfit
from gateway.sink.files import BatchWriter, FileFormat
from gateway.sink.place import RUN, SUBJECT, WITHDRAWN_AT, Gone, emptied_columns

KEYS_TOGETHER = 1 << 20
"""Keys of new rows that are held at a time while older rows are compared with them."""
_MODE = 0o600

Mask = npt.NDArray[np.bool_]


class FileSink:
    """One file; blocking."""

    def __init__(self, name: str, path: Path, format: FileFormat, mode: SinkMode, withdrawn: Withdrawn) -> None:
        """Touch nothing yet."""
        self.name, self.path, self.format, self.mode = name, path, format, mode
        self._withdrawn = withdrawn

    def writer(self, key: str, schema: pa.Schema) -> FileWriter:
        """Return a writer."""
        return FileWriter(self, key, self.format.stored(schema))

    def take_out(self, gone: Gone, at: datetime) -> int:
        """Rewrite the file without rows, or with tombstones in their place; return how many there were."""
        with accounted(self.name), self.locked():
            if not self.path.exists():
                return 0
            schema = self.format.schema(self.path)
            # What a statistic says names nobody; a file of somebody else's has nothing of ours.
            known = [name for name in (RUN, SUBJECT) if name in schema.names]
            if RUN not in known:
                return 0
            count = sum(int(_gone(batch, gone).sum()) for batch in self.format.batches(self.path, known))
            if not count:
                return 0
            keep = self._withdrawn is Withdrawn.TOMBSTONE and WITHDRAWN_AT in schema.names
            with self.fresh() as part:
                with self.format.open(part, schema) as file:
                    for batch in self.format.batches(self.path):
                        rest = _without(batch, gone, at) if keep else batch.filter(pa.array(~_gone(batch, gone)))
                        file.write_batch(rest)
                self.put(part)
        return count

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out: threads and processes of this machine.

        Raises:
            StateError: REVISION_CONFLICT while another one writes; NOT_FOUND for a folder, a device or a pipe.
        """
        if self.path.exists() and not self.path.is_file():
            raise no_file(self.name)  # the rename at the end would take a device's place
        lock = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise busy(self.name) from error
            # Nobody else writes, so these are what a killed writer left.
            for part in self.path.parent.glob(f".{self.path.name}.*.part"):
                part.unlink(missing_ok=True)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def fresh(self) -> Iterator[Path]:
        """Make an empty file beside the place, removed at the end unless it was put there."""
        part = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}.part")
        mode = self.path.stat().st_mode & 0o777 if self.path.exists() else _MODE
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
        try:
            part.chmod(mode)
            yield part
        finally:
            part.unlink(missing_ok=True)

    def put(self, part: Path) -> None:
        """Make a whole file durable and put it in its place."""
        _sync(part, os.O_RDONLY)
        part.rename(self.path)
        _sync(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)


class FileWriter:
    """Puts one result into a file."""

    def __init__(self, sink: FileSink, key: str, schema: pa.Schema) -> None:
        """Touch nothing yet."""
        self._sink, self._key, self._schema = sink, key, schema
        self._held = ExitStack()
        self._file: AbstractContextManager[BatchWriter] | None = None
        self._rows: BatchWriter
        self._part: Path

    def begin(self) -> None:
        """Lock the sink and begin a file beside it.

        Raises:
            SourceError: MISSING_COLUMN when rows cannot be put beside those of the file.
        """
        sink = self._sink
        with accounted(sink.name):
            self._held.enter_context(sink.locked())
            if self._merging and sink.format.schema(sink.path) != self._schema:
                raise unfit(sink.name, "its file has other columns than the result; name another file, or use replace")
            self._part = self._held.enter_context(sink.fresh())
            self._file = sink.format.open(self._part, self._schema)
            self._rows = self._file.__enter__()

    @property
    def _merging(self) -> bool:
        return self._sink.mode is SinkMode.UPSERT and self._sink.path.exists()

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        with accounted(self._sink.name):
            self._rows.write_batch(batch.cast(self._schema))

    def commit(self) -> None:
        """Put the rows, and in an upsert the older ones of other keys, in their place."""
        sink = self._sink
        with accounted(sink.name):
            self._end_file()
            if not self._merging:
                sink.put(self._part)
                return
            kept = self._kept()
            with sink.fresh() as part:
                with sink.format.open(part, self._schema) as file:
                    for batch in sink.format.batches(self._part):
                        file.write_batch(batch)
                    start = 0
                    for batch in sink.format.batches(sink.path):
                        mask = kept[start : start + batch.num_rows]
                        file.write_batch(batch.filter(pa.array(mask)))
                        start += batch.num_rows
                sink.put(part)

    def _kept(self) -> Mask:
        """Return which older rows have a key that no new row has; a byte of memory for each, and some of the keys."""
        sink, masks, first = self._sink, list[Mask](), True
        for keys in self._keys():
            found = [
                np.asarray(pc.invert(pc.is_in(batch.column(self._key), keys)))
                for batch in sink.format.batches(sink.path, [self._key])
            ]
            masks = found if first else [one & other for one, other in zip(masks, found, strict=True)]
            first = False
        if first:
            masks = [np.ones(batch.num_rows, bool) for batch in sink.format.batches(sink.path, [self._key])]
        return np.concatenate([np.zeros(0, bool), *masks])

    def _keys(self) -> Iterator[pa.Array]:
        held, rows = list[pa.Array](), 0
        for batch in self._sink.format.batches(self._part, [self._key]):
            held.append(batch.column(self._key).unique())
            rows += len(held[-1])
            if rows >= KEYS_TOGETHER:
                yield pa.concat_arrays(held)
                held, rows = [], 0
        if held:
            yield pa.concat_arrays(held)

    def close(self) -> None:
        """Give up what was not committed."""
        with accounted(self._sink.name), self._held, suppress(OSError, pa.ArrowException):
            # What cannot be ended any more is thrown away anyway.
            self._end_file()

    def _end_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.__exit__(None, None, None)


def _gone(batch: pa.RecordBatch, gone: Gone) -> Mask:
    """Return which rows must go."""
    found: Mask = np.zeros(batch.num_rows, bool)
    for run, subjects in gone.items():
        of_run = pc.equal(batch.column(RUN), run)
        if subjects is not None:
            if SUBJECT not in batch.schema.names:
                continue
            of_run = pc.and_(of_run, pc.is_in(batch.column(SUBJECT), pa.array(subjects, pa.string())))
        found |= np.asarray(of_run.fill_null(False))
    return found


def _without(batch: pa.RecordBatch, gone: Gone, at: datetime) -> pa.RecordBatch:
    """Make tombstones of the rows of people, and leave out those of whole runs."""
    ended = {run: subjects for run, subjects in gone.items() if subjects is None}
    batch = batch.filter(pa.array(~_gone(batch, ended)))
    mask = pa.array(_gone(batch, gone))
    columns = {name: batch.column(name) for name in batch.schema.names}
    for name in emptied_columns(columns):
        columns[name] = pc.if_else(mask, pa.scalar(None, columns[name].type), columns[name])
    kind = columns[WITHDRAWN_AT].type
    moment = pa.scalar(at, pa.timestamp("us", tz="UTC")).cast(kind)
    columns[WITHDRAWN_AT] = pc.if_else(mask, moment, columns[WITHDRAWN_AT])
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=batch.schema)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
