"""Digests of identifiers, as advertising platforms exchange them: made of canonical values, or taken as they stand.

A hash of a phone number or a device id is a pseudonym that falls to enumeration;
it only makes the two sides' texts equal. The protocols protect them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway import kernel
from gateway.identifier.columns import byte_lengths, flags, null_where_rejected, present, strings_of, text_of
from gateway.identifier.match_key import DIGEST_HEX_LENGTH
from gateway.identifier.reason import RejectReason, Verdicts

_SLICE = 1 << 17  # bytes that stay in a cache


def of(hash_name: str, canonical: pa.StringArray) -> pa.StringArray:
    """Return the lower-case hexadecimal digests of canonical values, null staying null.

    Args:
        hash_name: "md5", "sha256", "sm3" or "md5_sha256".
        canonical: n values.
    """
    valid = present(canonical)
    values = canonical.drop_null()
    *inner, outer = hash_name.split("_")
    for name in inner:  # the hash of a hash is that of its text
        values = strings_of(_written(name, values), np.ones(len(values), np.bool_))
    return strings_of(_written(outer, values), valid)


def _written(hash_name: str, values: pa.StringArray) -> npt.NDArray[np.void]:
    digits = kernel.hex_digests(hash_name, values)
    return digits.view(f"V{digits.shape[1]}").reshape(-1)


def verbatim(hash_name: str, values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return the lower-case hexadecimal digests of a column as they are, trimmed.

    Args:
        hash_name: one of `DIGEST_HEX_LENGTH`; only the length can be checked.
        values: n values; a raw identifier among them is rejected, never hashed.
        verdicts: gets the reason of every rejected row.

    Returns:
        n digests, null where rejected.
    """
    digits = DIGEST_HEX_LENGTH[hash_name]
    if _all_digests(values, digits):
        return values
    trimmed = pc.ascii_trim_whitespace(values)
    verdicts.reject(byte_lengths(trimmed) == 0, RejectReason.EMPTY)
    any_case = flags(pc.match_substring_regex(trimmed, rf"\A[0-9a-fA-F]{{{digits}}}\z"))
    verdicts.reject(~any_case, RejectReason.NOT_A_HASH)
    verdicts.reject(flags(pc.match_substring_regex(trimmed, "[A-F]")), RejectReason.UPPER_CASE_HASH)
    return null_where_rejected(trimmed, verdicts)


def _all_digests(values: pa.StringArray, digits: int) -> bool:
    """Return whether a whole column needs no second look, as most do: the bytes at once instead of row by row."""
    if not (byte_lengths(values) == digits).all():
        return False
    _, text = text_of(values)
    for start in range(0, len(text), _SLICE):
        piece = text[start : start + _SLICE]
        if not ((piece - np.uint8(ord("0")) < 10) | (piece - np.uint8(ord("a")) < 6)).all():
            return False
    return True
