"""A `Matched` as bytes for a sealed file, and back."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from gateway.psi.arrow import fixed, whole
from gateway.route.matched import Matched

_VALUE = "value:"


def to_bytes(matched: Matched) -> bytes:
    """Return an Arrow IPC stream of the matches."""
    table = pa.table(
        {
            "subject_ref": fixed(matched.subject_refs),
            "consent_id": matched.consent_ids,
            "row_token": fixed(matched.row_tokens),
        }
    )
    if matched.columns is not None:
        for name in matched.columns.column_names:
            table = table.append_column(_VALUE + name, matched.columns.column(name))
    table = table.replace_schema_metadata({"false_matches": str(matched.false_matches)})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def from_bytes(encoded: bytes) -> Matched:
    """Restore what `to_bytes` wrote; the bytes come from a sealed file of our own."""
    table = pa.ipc.open_stream(encoded).read_all().combine_chunks()
    names = [name for name in table.column_names if name.startswith(_VALUE)]
    metadata = table.schema.metadata or {}
    return Matched(
        subject_refs=_bytes_of(table.column("subject_ref")),
        consent_ids=whole(table.column("consent_id")),
        row_tokens=_bytes_of(table.column("row_token")),
        columns=table.select(names).rename_columns([name.removeprefix(_VALUE) for name in names]) if names else None,
        false_matches=int(metadata[b"false_matches"]),
    )


def _bytes_of(column: pa.ChunkedArray) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    array, width = whole(column), column.type.byte_width
    flat = np.frombuffer(array.buffers()[1] or b"", dtype=np.uint8)[: len(array) * width]
    return flat.reshape(len(array), width).copy()
