"""The OPRF of RFC 9497 in batches: suite ristretto255-SHA512, mode 0x00."""

from __future__ import annotations

from typing import Final, cast

import numpy as np
import pyarrow as pa

from gateway.errors import Misuse
from gateway.kernel._column import Values, column_of
from gateway.kernel._native import ffi, lib
from gateway.kernel._rows import Rows, new_rows, rows_view, thread_count
from gateway.kernel.group import ELEMENT_BYTES
from gateway.kernel.refusal import check_elements_status, check_values_status
from gateway.kernel.scalar import Scalar

OUTPUT_BYTES: Final = 64
MAX_NAME_BYTES: Final = 255


def match_key_name(match_key: str) -> bytes:
    """Return the bytes of a match-key name.

    Args:
        match_key: such as `phone.e164`.

    Returns:
        1 to 255 ASCII bytes.

    Raises:
        Misuse: empty, too long or not ASCII; the agreement lets no such name through.
    """
    if not match_key.isascii() or not 1 <= len(match_key) <= MAX_NAME_BYTES:
        raise Misuse(f"a match-key name must be 1 to {MAX_NAME_BYTES} ASCII characters")
    return match_key.encode("ascii")


def oprf_inputs(match_key: str, values: Values) -> pa.LargeBinaryArray:
    """Frame values as OPRF inputs: u16 length, match-key name, u16 length, value, big-endian.

    Args:
        match_key: name of the match key that all values belong to.
        values: Arrow binary or string, large or not, n values of at most 65,000 bytes.

    Returns:
        n inputs in the same order. They hold the values in clear: memory only.

    Raises:
        InputRefused: the first value that is too long, with its row.
        Misuse: a null, another type, or a bad name.
    """
    name = match_key_name(match_key)
    column = column_of(values, "values")
    size = column.value_bytes + column.rows * (4 + len(name))
    offsets = np.zeros(column.rows + 1, dtype=np.int64)
    framed = np.empty(size, dtype=np.uint8)
    row = ffi.new("uint64_t *")
    status = lib.assent_oprf_inputs(
        ffi.from_buffer("uint8_t[]", name),
        len(name),
        column.native,
        ffi.from_buffer("int64_t[]", offsets.data, require_writable=True),
        ffi.from_buffer("uint8_t[]", framed.data, require_writable=True),
        row,
    )
    check_values_status(status, row[0])
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(framed.data)]
    return cast("pa.LargeBinaryArray", pa.Array.from_buffers(pa.large_binary(), column.rows, buffers))


def hash_to_group(inputs: Values, threads: int) -> Rows:
    """Hash every input to an element.

    Args:
        inputs: n OPRF inputs of at most 65,535 bytes, see `oprf_inputs`.
        threads: 1 to 256.

    Returns:
        uint8, shape (n, 32).

    Raises:
        InputRefused: the first input that is too long or hashes to the identity.
        Misuse: a null or another type.

    Source:
        RFC 9497 section 4.1, HashToGroup.
    """
    column = column_of(inputs, "inputs")
    rows, out = new_rows(column.rows, ELEMENT_BYTES)
    row = ffi.new("uint64_t *")
    check_values_status(lib.assent_hash_to_group(column.native, thread_count(threads), out, row), row[0])
    return rows


def blind(inputs: Values, scalar: Scalar, threads: int) -> Rows:
    """Hash every input to an element and multiply it by one secret scalar.

    The receiver blinds with it; the sender evaluates its own inputs with it.

    Args:
        inputs: n OPRF inputs of at most 65,535 bytes, see `oprf_inputs`.
        scalar: the secret.
        threads: 1 to 256.

    Returns:
        uint8, shape (n, 32).

    Raises:
        InputRefused: the first input that is too long or hashes to the identity.
        Misuse: a null, another type, or a destroyed scalar.

    Source:
        RFC 9497 section 3.3.1, Blind.
    """
    column = column_of(inputs, "inputs")
    rows, out = new_rows(column.rows, ELEMENT_BYTES)
    row = ffi.new("uint64_t *")
    status = lib.assent_blind(column.native, scalar._native(), thread_count(threads), out, row)
    check_values_status(status, row[0])
    return rows


def outputs(inputs: Values, scalar: Scalar, threads: int) -> Rows:
    """Return the OPRF outputs of one's own inputs under one's own key: `blind`, then `finalize`, in one pass.

    Args:
        inputs: n OPRF inputs of at most 65,535 bytes, see `oprf_inputs`.
        scalar: the key.
        threads: 1 to 256.

    Returns:
        uint8, shape (n, 64): F(y) for each row.

    Raises:
        InputRefused: the first input that is too long or hashes to the identity.
        Misuse: a null, another type, or a destroyed scalar.

    Source:
        RFC 9497 section 3.3.1, Evaluate.
    """
    column = column_of(inputs, "inputs")
    rows, out = new_rows(column.rows, OUTPUT_BYTES)
    row = ffi.new("uint64_t *")
    status = lib.assent_outputs(column.native, scalar._native(), thread_count(threads), out, row)
    check_values_status(status, row[0])
    return rows


def finalize(inputs: Values, elements: Rows, threads: int) -> Rows:
    """Hash inputs with their evaluated elements into OPRF outputs.

    Args:
        inputs: n OPRF inputs of at most 65,535 bytes.
        elements: uint8, shape (n, 32), unblinded, made by this side; they are hashed as they are.
        threads: 1 to 256.

    Returns:
        uint8, shape (n, 64): F(x) for each row.

    Raises:
        InputRefused: the first input that is too long.
        Misuse: shapes or types differ.

    Source:
        RFC 9497 section 3.3.1, Evaluate and the end of Finalize.
    """
    column = column_of(inputs, "inputs")
    view = rows_view(elements, "elements", width=ELEMENT_BYTES, count=column.rows)
    rows, out = new_rows(column.rows, OUTPUT_BYTES)
    row = ffi.new("uint64_t *")
    check_values_status(lib.assent_finalize(column.native, view, thread_count(threads), out, row), row[0])
    return rows


def finalize_unblind(inputs: Values, evaluated: Rows, scalar_inverse: Scalar, threads: int) -> Rows:
    """Unblind a partner's evaluations and hash them into OPRF outputs.

    Args:
        inputs: n OPRF inputs of at most 65,535 bytes, in the order in which they were blinded.
        evaluated: uint8, shape (n, 32), as the partner sent them.
        scalar_inverse: the inverse of the scalar that `blind` took.
        threads: 1 to 256.

    Returns:
        uint8, shape (n, 64): F(x) for each row.

    Raises:
        ElementRefused: the first element that is not canonical or is the identity, with its index.
        InputRefused: the first input that is too long.
        Misuse: shapes or types differ, or the scalar was destroyed.

    Source:
        RFC 9497 section 3.3.1, Finalize.
    """
    column = column_of(inputs, "inputs")
    view = rows_view(evaluated, "evaluated elements", width=ELEMENT_BYTES, count=column.rows)
    rows, out = new_rows(column.rows, OUTPUT_BYTES)
    row = ffi.new("uint64_t *")
    threads = thread_count(threads)
    status = lib.assent_finalize_unblind(column.native, view, scalar_inverse._native(), threads, out, row)
    check_elements_status(status, row[0])
    return rows
