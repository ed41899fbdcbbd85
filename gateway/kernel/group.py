"""Batches of ristretto255 elements (RFC 9496), 32 bytes each."""

from __future__ import annotations

from typing import Final

from gateway.errors import Misuse
from gateway.kernel._native import ffi, lib
from gateway.kernel._rows import Rows, new_rows, rows_view, thread_count
from gateway.kernel.refusal import check_elements_status, check_values_status
from gateway.kernel.scalar import Scalar

ELEMENT_BYTES: Final = 32
UNIFORM_BYTES: Final = 64


def check_elements(elements: Rows, threads: int) -> None:
    """Check that every row is the canonical encoding of an element other than the identity.

    Args:
        elements: uint8, shape (n, 32).
        threads: 1 to 256.

    Raises:
        ElementRefused: the first row that is not, with its index.
        Misuse: shape or type differs.

    Source:
        RFC 9496 section 4.3.1; RFC 9497 section 2.1, DeserializeElement.
    """
    view = rows_view(elements, "elements", width=ELEMENT_BYTES)
    row = ffi.new("uint64_t *")
    check_elements_status(lib.assent_check_elements(view, len(elements), thread_count(threads), row), row[0])


def evaluate(elements: Rows, scalar: Scalar, threads: int) -> Rows:
    """Multiply every element by one secret scalar.

    Args:
        elements: uint8, shape (n, 32), as a partner sent them.
        scalar: the secret.
        threads: 1 to 256.

    Returns:
        uint8, shape (n, 32), in the same order.

    Raises:
        ElementRefused: the first element that is not canonical or is the identity, with its index.
        Misuse: shape or type differs, or the scalar was destroyed.

    Source:
        RFC 9497 section 3.3.1, BlindEvaluate.
    """
    view = rows_view(elements, "elements", width=ELEMENT_BYTES)
    rows, out = new_rows(len(elements), ELEMENT_BYTES)
    row = ffi.new("uint64_t *")
    status = lib.assent_evaluate(view, len(elements), scalar._native(), thread_count(threads), out, row)
    check_elements_status(status, row[0])
    return rows


def map_to_group(uniform: Rows, threads: int) -> Rows:
    """Map uniform bytes to uniform elements.

    Args:
        uniform: uint8, shape (n, 64), from a random oracle or a generator.
        threads: 1 to 256.

    Returns:
        uint8, shape (n, 32).

    Raises:
        InputRefused: the first row that maps to the identity.
        Misuse: shape or type differs.

    Source:
        RFC 9496 section 4.3.4, the one-way map.
    """
    view = rows_view(uniform, "uniform bytes", width=UNIFORM_BYTES)
    rows, out = new_rows(len(uniform), ELEMENT_BYTES)
    row = ffi.new("uint64_t *")
    check_values_status(lib.assent_map_to_group(view, len(uniform), thread_count(threads), out, row), row[0])
    return rows


def random_elements(n: int, threads: int) -> Rows:
    """Draw elements that nobody knows the logarithm of, with the operating system's generator.

    Args:
        n: how many, at least 0.
        threads: 1 to 256.

    Returns:
        uint8, shape (n, 32), independent and uniform.

    Raises:
        Misuse: n is negative, or the operating system gave no random bytes.
    """
    if n < 0:
        raise Misuse(f"a number of elements must be at least 0, not {n}")
    rows, out = new_rows(n, ELEMENT_BYTES)
    row = ffi.new("uint64_t *")
    check_values_status(lib.assent_random_elements(n, thread_count(threads), out, row), row[0])
    return rows
