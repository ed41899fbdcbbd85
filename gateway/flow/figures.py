"""Figures of an AGGREGATE on their way: what may be released, sealed until it is; and the wire forms of counts."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.ipc

from gateway.errors import HostileInput
from gateway.flow.ports import House
from gateway.psi.stages import COUNT_BYTES, SUM_BYTES
from gateway.route.matched import Release

CELLS_FILE = "cells"
_FACTS = "facts"
_PLAUSIBLE = 1 << 40  # of a count with its noise


def seal_cells(house: House, job_id: str, release: Release) -> None:
    """Seal what disclosure let through, and nothing else of the figures: the rest dies with the run. Blocks."""
    table = release.table.replace_schema_metadata({_FACTS: json.dumps(dict(release.report))})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    house.spool.write_sealed(job_id, CELLS_FILE, sink.getvalue())


def load_cells(house: House, job_id: str) -> tuple[pa.Table, Mapping[str, object]] | None:
    """Read the cells and the facts about them back; None when they were never sealed. Blocks."""
    sealed = house.spool.read_sealed(job_id, CELLS_FILE)
    if sealed is None:
        return None
    table = pa.ipc.open_stream(sealed).read_all()
    facts: Mapping[str, object] = json.loads((table.schema.metadata or {})[_FACTS.encode()])
    return table.replace_schema_metadata(), facts


async def store_cells(house: House, release: Release) -> None:
    """Store a release of cells as the job's result."""

    async def batches() -> AsyncIterator[pa.RecordBatch]:
        for batch in release.table.to_batches():
            yield batch

    await house.results.store(replace(release, table=release.table.slice(0, 0)), batches())


def write_counts(counts: Sequence[int], withheld: Sequence[bool]) -> bytes:
    """Return u8 withheld || i64 c'_g for each segment."""
    return b"".join(
        bytes([hidden]) + count.to_bytes(COUNT_BYTES - 1, "big", signed=True)
        for count, hidden in zip(counts, withheld, strict=True)
    )


def read_counts(encoded: bytes, segments: int) -> tuple[list[int], list[bool]]:
    """Read what `write_counts` wrote; whatever follows must be zeros.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    counts, withheld = [], []
    for segment in range(segments):
        entry = encoded[segment * COUNT_BYTES : (segment + 1) * COUNT_BYTES]
        count = int.from_bytes(entry[1:], "big", signed=True)
        if len(entry) != COUNT_BYTES or entry[0] > 1 or abs(count) > _PLAUSIBLE:
            raise HostileInput("BAD_SHAPE", f"segment {segment} of the counts holds no count; the session is over")
        counts.append(count)
        withheld.append(entry[0] == 1)
    if any(encoded[segments * COUNT_BYTES :]):
        raise HostileInput("BAD_SHAPE", "the counts are not followed by zeros; the session is over")
    return counts, withheld


def write_shared(counts: Sequence[int], sums: Sequence[Sequence[int] | None], lanes: int) -> bytes:
    """Return stage 8: per segment its count and every noisy sum as i128; zeros for a withheld one."""
    pieces = []
    for count, figures in zip(counts, sums, strict=True):
        pieces.append(write_counts([0 if figures is None else count], [figures is None]))
        for figure in figures or [0] * lanes:
            pieces.append(int(figure).to_bytes(SUM_BYTES, "big", signed=True))
    return b"".join(pieces)


def read_shared(record: bytes, lanes: int) -> tuple[int, tuple[int, ...] | None]:
    """Read one segment of stage 8: its count and its sums, None when withheld.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    (count,), (withheld,) = read_counts(record[:COUNT_BYTES], 1)
    sums = tuple(
        int.from_bytes(
            record[COUNT_BYTES + lane * SUM_BYTES : COUNT_BYTES + (lane + 1) * SUM_BYTES], "big", signed=True
        )
        for lane in range(lanes)
    )
    if withheld and (any(sums) or count):
        raise HostileInput("BAD_SHAPE", "a withheld segment of stage 8 is not all zeros; the session is over")
    return count, None if withheld else sums
