from __future__ import annotations

from collections.abc import AsyncIterator

import pyarrow as pa
import pyarrow.ipc
import pytest

from gateway.rpc.convert.result import PIECE_BYTES, arrow_pieces

SCHEMA = pa.schema([pa.field("customer", pa.string()), pa.field("number", pa.int64())])


def _table(rows: int) -> pa.Table:
    return pa.table({"customer": [f"C-{row:09d}" for row in range(rows)], "number": range(rows)}, schema=SCHEMA)


async def _batches(table: pa.Table, size: int) -> AsyncIterator[pa.RecordBatch]:
    for batch in table.to_batches(max_chunksize=size):
        yield batch


@pytest.mark.parametrize(("rows", "batch"), [(0, 1), (1, 1), (10, 3), (200_000, 8192), (200_000, 200_000)])
async def test_the_pieces_are_one_arrow_stream(rows: int, batch: int) -> None:
    table = _table(rows)
    pieces = [piece async for piece in arrow_pieces(_batches(table, batch), SCHEMA)]
    assert pieces
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)
    found = pa.ipc.open_stream(b"".join(pieces)).read_all()
    assert found.schema == SCHEMA
    assert found.combine_chunks().equals(table.combine_chunks())


async def test_pieces_leave_before_the_last_batch_is_there() -> None:
    asked: list[int] = []

    async def counted() -> AsyncIterator[pa.RecordBatch]:
        for number, batch in enumerate(_table(300_000).to_batches(max_chunksize=50_000)):
            asked.append(number)
            yield batch

    pieces = arrow_pieces(counted(), SCHEMA)
    await anext(pieces)
    assert asked[-1] < 5
    await pieces.aclose()  # type: ignore[attr-defined]
