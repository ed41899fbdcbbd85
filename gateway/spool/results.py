"""Sealed results: the enrichment ledger or the statistics of a job, one file each, and the sender's row tokens."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pyarrow as pa

from gateway.errors import Misuse
from gateway.flow.ports.custody import RunSecrets
from gateway.route.matched import Release
from gateway.spool import disk
from gateway.spool.sealed_rows import SUBJECT, TOKEN, WHAT, RowsWriter, SealedRows

_JOB = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")


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
                # Whoever writes holds a lock on the file, so the others are what a crash left half-written.
                for unfinished in folder.glob(".*"):
                    if not disk.in_use(unfinished):
                        disk.destroy(unfinished)

    async def exists(self, job_id: str) -> bool:
        """Return whether a job has a result."""
        return await asyncio.to_thread(self._result(job_id).is_file)

    async def store(self, head: Release, batches: AsyncIterator[pa.RecordBatch]) -> int:
        """Store rows whole or not at all, batch by batch; the same job again replaces its rows.

        Args:
            head: the run's names and dates, which stand in the schema's metadata, so that the file explains itself; its
                table gives the schema.
            batches: of that schema, ascending by subject_ref over all where there is one.

        Returns:
            The number of rows.

        Raises:
            StateError: DISK_FULL, an earlier result staying. What the iteration raises reaches the caller.
        """
        return await self._store(self._result(head.job_id), _schema_of(head), batches)

    async def open(self, job_id: str) -> SealedRows | None:
        """Return a result for reading, or None when there is none (any more).

        Raises:
            StateError: NOT_FOUND when the file is damaged or not of this home.
        """
        return await asyncio.to_thread(self._open, self._result(job_id))

    async def store_tokens(self, job_id: str, schema: pa.Schema, batches: AsyncIterator[pa.RecordBatch]) -> int:
        """Store the sealed map {subject_ref, row_token} of the rows sent, ascending by subject_ref; return the rows.

        Raises:
            StateError: DISK_FULL, an earlier map staying. What the iteration raises reaches the caller.
        """
        return await self._store(self._tokens(job_id), schema, batches)

    async def open_tokens(self, job_id: str) -> SealedRows | None:
        """Return the map of a job for reading, or None when there is none (any more); as `open`."""
        return await asyncio.to_thread(self._open, self._tokens(job_id))

    async def store_members(self, job_id: str, schema: pa.Schema, batches: AsyncIterator[pa.RecordBatch]) -> int:
        """Store the people of a run's cohort, {subject_ref} in any order, until they are numbered; return the rows.

        Raises:
            StateError: DISK_FULL, earlier ones staying. What the iteration raises reaches the caller.
        """
        return await self._store(self._members(job_id), schema, batches)

    async def open_members(self, job_id: str) -> SealedRows | None:
        """Return the people of a run's cohort for reading, or None when there are none (any more); as `open`."""
        return await asyncio.to_thread(self._open, self._members(job_id))

    async def delete_members(self, job_id: str) -> None:
        """Remove the people of a run's cohort; absent is fine."""
        await asyncio.to_thread(self._delete_files, self._members(job_id))

    async def delete_subject(self, job_id: str, subject_ref: str) -> bool:
        """Rewrite a job's result and map without a subject; True when a row was there."""
        return await self.delete_subjects(job_id, [subject_ref])

    async def delete_subjects(self, job_id: str, subject_refs: Sequence[str]) -> bool:
        """Rewrite a job's result and map without these people; True when a row was there."""
        paths = (self._result(job_id), self._tokens(job_id))
        return await asyncio.to_thread(self._delete_rows, paths, SUBJECT, subject_refs)

    async def delete_tokens(self, job_id: str, tokens: Sequence[bytes]) -> bool:
        """Rewrite a job's result, not its map, without the rows of these tokens; True when one was there."""
        return await asyncio.to_thread(self._delete_rows, (self._result(job_id),), TOKEN, tokens)

    async def delete(self, job_id: str) -> None:
        """Remove a job's result and map; absent is fine."""
        await asyncio.to_thread(self._delete_files, self._result(job_id), self._tokens(job_id))

    # ---- files -----------------------------------------------------------------------------------------------

    async def _store(self, path: Path, schema: pa.Schema, batches: AsyncIterator[pa.RecordBatch]) -> int:
        writer = RowsWriter(path, schema, self._secrets)
        try:
            await asyncio.to_thread(self._begin, writer)
            async for batch in batches:
                await asyncio.to_thread(writer.write, batch)
            await asyncio.to_thread(self._commit, writer)
        finally:
            # Even when this task is cancelled while a thread writes: closing waits for that.
            await asyncio.shield(asyncio.to_thread(writer.close))
        return writer.rows

    def _begin(self, writer: RowsWriter) -> None:
        with disk.accounted(WHAT), disk.locked(self._folder):
            writer.begin()

    def _commit(self, writer: RowsWriter) -> None:
        writer.finish()
        with disk.accounted(WHAT), disk.locked(self._folder):
            writer.commit()

    def _open(self, path: Path) -> SealedRows | None:
        with disk.accounted(WHAT):
            return SealedRows.open(path, self._secrets)

    def _delete_rows(self, paths: Sequence[Path], column: str, values: Sequence[str] | Sequence[bytes]) -> bool:
        found = False
        # Locked throughout: of two deletions, the later one must not bring back whom the earlier one took out.
        with disk.accounted(WHAT), disk.locked(self._folder):
            for path in paths:
                rows = SealedRows.open(path, self._secrets)
                if rows is None or not rows.holds(column, values):
                    continue
                writer = RowsWriter(path, rows.schema, self._secrets)
                try:
                    writer.begin()
                    for batch in rows.without(column, values):
                        writer.write(batch)
                    writer.finish()
                    writer.commit()
                finally:
                    writer.close()
                found = True
        return found

    def _delete_files(self, *paths: Path) -> None:
        with disk.accounted(WHAT), disk.locked(self._folder):
            for path in paths:
                disk.destroy(path)
            disk.sync_folder(self._folder)

    def _result(self, job_id: str) -> Path:
        return self._path(job_id, "sealed")

    def _tokens(self, job_id: str) -> Path:
        return self._path(job_id, "tokens")

    def _members(self, job_id: str) -> Path:
        return self._path(job_id, "members")

    def _path(self, job_id: str, suffix: str) -> Path:
        if _JOB.fullmatch(job_id) is None:
            raise Misuse("a job id that cannot name a file reached the results")
        return self._folder / f"{job_id}.{suffix}"


def _schema_of(release: Release) -> pa.Schema:
    return release.table.schema.with_metadata(
        {
            "assent.job": release.job_id,
            "assent.run": release.session_id,
            "assent.agreement": release.agreement_id,
            "assent.partner": release.partner,
            "assent.operation": release.operation.value,
            "assent.obtained_at": release.obtained_at.isoformat(),
            "assent.expires_at": release.expires_at.isoformat(),
        }
    )
