"""A result as the bytes of one Arrow IPC stream, in pieces that fit into messages."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator

import pyarrow as pa
import pyarrow.ipc

PIECE_BYTES = 1024 * 1024


async def arrow_pieces(batches: AsyncIterator[pa.RecordBatch], schema: pa.Schema) -> AsyncIterator[bytes]:
    """Encode record batches; a result without rows is a stream that has a schema only.

    Args:
        batches: record batches of the schema.
        schema: written first.

    Yields:
        Pieces of at most 1 MiB, at least one.

    Source: Arrow columnar format, section IPC streaming format.
    """
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        async for batch in batches:
            writer.write_batch(batch)
            for piece in _full(sink):
                yield piece
    rest = sink.getvalue()
    for start in range(0, len(rest), PIECE_BYTES):
        yield rest[start : start + PIECE_BYTES]


def _full(sink: io.BytesIO) -> Iterator[bytes]:
    """Take whole pieces out of the sink and leave the rest in it."""
    filled = sink.tell()
    whole = filled - filled % PIECE_BYTES
    if whole:
        content = sink.getvalue()
        sink.seek(0)
        sink.truncate()
        sink.write(content[whole:])
        for start in range(0, whole, PIECE_BYTES):
            yield content[start : start + PIECE_BYTES]
