"""Sealed results: the enrichment ledger or the statistics of a job, one file each, and the sender's row tokens."""

from __future__ import annotations

import asyncio
import io
import os
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Misuse
from gateway.flow.ports.custody import RunSecrets
from gateway.route.matched import Release
from gateway.spool import disk
from gateway.spool.envelope import SealingSink, damaged, opening_source

_JOB = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_KEY_BYTES = 32
_SUBJECT = "subject_ref"


class Results:
    """ResultPort over a folder of the local disk: Arrow IPC streams, each sealed under a key of its own.

    A file is written whole or not at all. Deleting overwrites the wrapped key before
    the file is removed: best effort, since journals, copies on write and worn flash
    cells may keep old blocks; without the key provider they open nothing.
    """

    __slots__ = ("_folder", "_secrets")

    def __init__(self, folder: Path, run_secrets: RunSecrets) -> None:
        """Use a folder, creating it when absent.

        Args:
            folder: for this user alone.
            run_secrets: wraps the key of every file.

        Raises:
            StateError: DISK_FULL or NOT_FOUND when the folder cannot be used.
        """
        self._folder = folder
        self._secrets = run_secrets
        with disk.accounted("the results folder"):
            disk.make_folder(folder)
            with disk.locked(folder):
                # Whoever writes holds the lock, so these are what a crash left half-written.
                for unfinished in folder.glob(".*"):
                    disk.destroy(unfinished)

    async def write(self, release: Release) -> None:
        """Store a release whole or not at all; writing the same job again replaces it.

        The run's names and dates stand in the schema's metadata, so that the file
        explains itself.

        Raises:
            StateError: DISK_FULL, an earlier result staying.
        """
        about = {
            "assent.job": release.job_id,
            "assent.run": release.session_id,
            "assent.agreement": release.agreement_id,
            "assent.partner": release.partner,
            "assent.operation": release.operation.value,
            "assent.obtained_at": release.obtained_at.isoformat(),
            "assent.expires_at": release.expires_at.isoformat(),
        }
        table = release.table.replace_schema_metadata(about)
        await asyncio.to_thread(self._store_locked, self._result(release.job_id), table)

    async def read(self, job_id: str) -> pa.Table | None:
        """Return the table of a release, or None when there is none (any more).

        Raises:
            StateError: NOT_FOUND when the file is damaged or not of this home.
        """
        return await asyncio.to_thread(self._load, self._result(job_id))

    async def write_tokens(self, job_id: str, table: pa.Table) -> None:
        """Store the sealed map {subject_ref, row_token} of the rows sent (sender)."""
        await asyncio.to_thread(self._store_locked, self._tokens(job_id), table)

    async def read_tokens(self, job_id: str) -> pa.Table | None:
        """Return the map of the rows sent, or None when there is none (any more)."""
        return await asyncio.to_thread(self._load, self._tokens(job_id))

    async def delete_subject(self, job_id: str, subject_ref: str) -> bool:
        """Rewrite a job's result and map without a subject; True when a row was there."""
        return await asyncio.to_thread(self._delete_subject, job_id, subject_ref)

    async def delete(self, job_id: str) -> None:
        """Remove a job's result and map; absent is fine."""
        await asyncio.to_thread(self._delete, job_id)

    async def batches(self, table: pa.Table, rows: int) -> AsyncIterator[pa.RecordBatch]:
        """Yield a table in batches of at most `rows`."""
        for batch in table.combine_chunks().to_batches(max_chunksize=rows):
            yield batch

    # ---- files -----------------------------------------------------------------------------------------------

    def _store_locked(self, path: Path, table: pa.Table) -> None:
        with disk.accounted("a sealed result"), disk.locked(self._folder):
            self._store(path, table)

    def _store(self, path: Path, table: pa.Table) -> None:
        # Rows about people lie in the order of their pseudonyms; statistics are about nobody and keep their own.
        ordered = table.sort_by(_SUBJECT) if _SUBJECT in table.column_names else table
        key = secrets.token_bytes(_KEY_BYTES)
        wrapped_key = self._secrets.seal(_purpose(path), key)

        def write(descriptor: int) -> None:
            sink = SealingSink(descriptor, key, wrapped_key)
            with pa.ipc.new_stream(sink, ordered.schema) as stream:
                stream.write_table(ordered)
            sink.finish()

        disk.replace(path, write)

    def _load(self, path: Path) -> pa.Table | None:
        with disk.accounted("a sealed result"):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            try:
                size = os.fstat(descriptor).st_size
                source = opening_source(descriptor, size, lambda key: self._secrets.unseal(_purpose(path), key))
                with pa.ipc.open_stream(source) as stream:
                    table = stream.read_all()
                if source.read(1):
                    raise damaged()
                return table
            except (pa.ArrowInvalid, io.UnsupportedOperation) as error:
                raise damaged() from error
            finally:
                os.close(descriptor)

    def _delete_subject(self, job_id: str, subject_ref: str) -> bool:
        found = False
        with disk.accounted("a sealed result"), disk.locked(self._folder):
            for path in (self._result(job_id), self._tokens(job_id)):
                table = self._load(path)
                if table is None or _SUBJECT not in table.column_names:
                    continue
                refs = table.column(_SUBJECT)
                others = table.filter(pc.not_equal(refs, pa.scalar(subject_ref).cast(refs.type)))
                if others.num_rows < table.num_rows:
                    self._store(path, others)
                    found = True
        return found

    def _delete(self, job_id: str) -> None:
        with disk.accounted("a sealed result"), disk.locked(self._folder):
            disk.destroy(self._result(job_id))
            disk.destroy(self._tokens(job_id))
            disk.sync_folder(self._folder)

    def _result(self, job_id: str) -> Path:
        return self._path(job_id, "sealed")

    def _tokens(self, job_id: str) -> Path:
        return self._path(job_id, "tokens")

    def _path(self, job_id: str, suffix: str) -> Path:
        if _JOB.fullmatch(job_id) is None:
            raise Misuse("a job id that cannot name a file reached the results")
        return self._folder / f"{job_id}.{suffix}"


def _purpose(path: Path) -> str:
    # A file renamed to another job's does not open.
    return f"results {path.name}"
