"""A `Matched` as bytes for a sealed file, and back."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from gateway.route.matched import Matched

_VALUE = "value:"


def to_bytes(matched: Matched) -> bytes:
    """Return an Arrow IPC stream of the matches."""
    refs = np.ascontiguousarray(matched.subject_refs)
    tokens = np.ascontiguousarray(matched.row_tokens)
    table = pa.table(
        {
            "subject_ref": pa.Array.from_buffers(pa.binary(26), len(refs), [None, pa.py_buffer(refs.tobytes())]),
            "consent_id": matched.consent_ids,
            "row_token": pa.Array.from_buffers(
                pa.binary(tokens.shape[1]), len(tokens), [None, pa.py_buffer(tokens.tobytes())]
            ),
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
        subject_refs=_fixed(table.column("subject_ref")),
        consent_ids=_whole(table.column("consent_id")),
        row_tokens=_fixed(table.column("row_token")),
        columns=table.select(names).rename_columns([name.removeprefix(_VALUE) for name in names]) if names else None,
        false_matches=int(metadata[b"false_matches"]),
    )


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], type=column.type)


def _fixed(column: pa.ChunkedArray) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    array, width = _whole(column), column.type.byte_width
    flat = np.frombuffer(array.buffers()[1] or b"", dtype=np.uint8)[: len(array) * width]
    return flat.reshape(len(array), width).copy()
