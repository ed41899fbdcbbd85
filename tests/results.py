"""Sealed results as whole tables, for tests: the product stores and reads them batch by batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from gateway.flow.ports import ResultPort
from gateway.flow.ports.custody import RunSecrets
from gateway.flow.ports.rows import StoredRows
from gateway.route.matched import Release
from gateway.spool.sealed_rows import SealedRows

SUBJECT = "subject_ref"


def table_of(rows: StoredRows) -> pa.Table:
    return pa.Table.from_batches(rows.batches(), rows.schema)


async def read_result(results: ResultPort, job_id: str) -> pa.Table | None:
    """Return the table of a result, or None when there is none (any more)."""
    rows = await results.open(job_id)
    return None if rows is None else await asyncio.to_thread(table_of, rows)


async def store_result(results: ResultPort, release: Release) -> None:
    """Store a release whose table is at hand; rows about people in the order of their pseudonyms."""
    head = replace(release, table=release.table.schema.empty_table())
    await results.store(head, _ascending(release.table))


async def store_tokens(results: ResultPort, job_id: str, table: pa.Table) -> None:
    """Store the map {subject_ref, row_token} of the rows sent."""
    await results.store_tokens(job_id, table.schema, _ascending(table))


async def read_tokens(folder: Path, run_secrets: RunSecrets, job_id: str) -> pa.Table | None:
    """Return the map of the rows sent, or None when there is none (any more); no part of the product reads it yet.

    Args:
        folder: of the results.
        run_secrets: of the home.
        job_id: the sender's.
    """
    rows = await asyncio.to_thread(SealedRows.open, folder / f"{job_id}.tokens", run_secrets)
    return None if rows is None else await asyncio.to_thread(table_of, rows)


async def _ascending(table: pa.Table) -> AsyncIterator[pa.RecordBatch]:
    for batch in (table.sort_by(SUBJECT) if SUBJECT in table.column_names else table).to_batches():
        yield batch
