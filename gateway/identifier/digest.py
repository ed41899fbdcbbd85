"""Digests of identifiers, as advertising platforms exchange them: made of canonical values, or taken as they stand.

A hash of a phone number or a device id is a pseudonym that falls to enumeration;
it only makes the two sides' texts equal. The protocols protect them.
"""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway import kernel
from gateway.identifier.columns import Flags, byte_lengths, flags, null_where_rejected, present, strings_of, text_of
from gateway.identifier.match_key import DIGEST_HEX_LENGTH
from gateway.identifier.reason import RejectReason, Verdicts

# Empty cells, words for nothing, and what devices say that tell no id: raw values of them are refused likewise.
_NOTHING = (
    *("", "null", "Null", "none", "None", "nan", "NaN", "n/a", "undefined", "unknown", "-", "\\N", "no"),
    *("00000000-0000-0000-0000-000000000000", "02:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "020000000000", "f" * 12),
    *("0" * digits for digits in (12, 14, 15, 16, 32)),
)
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
        verdicts.reject(_absent(hash_name, values), RejectReason.PLACEHOLDER)
        return null_where_rejected(values, verdicts)
    trimmed = pc.ascii_trim_whitespace(values)
    verdicts.reject(byte_lengths(trimmed) == 0, RejectReason.EMPTY)
    any_case = flags(pc.match_substring_regex(trimmed, rf"\A[0-9a-fA-F]{{{digits}}}\z"))
    verdicts.reject(~any_case, RejectReason.NOT_A_HASH)
    verdicts.reject(flags(pc.match_substring_regex(trimmed, "[A-F]")), RejectReason.UPPER_CASE_HASH)
    absent = flags(pc.match_substring_regex(trimmed, rf"\A[0-9a-f]{{{digits}}}\z"))
    absent[absent] = _absent(hash_name, trimmed.filter(pa.array(absent)))
    verdicts.reject(absent, RejectReason.PLACEHOLDER)
    return null_where_rejected(trimmed, verdicts)


def _absent(hash_name: str, digests: pa.StringArray) -> Flags:
    """Return which of n digests stand for an absent identifier: whoever hashes a column hashes its empty cells, too."""
    found = np.zeros(len(digests), np.bool_)
    if not len(digests):
        return found
    known, kept = _of_nothing(hash_name)
    _, text = text_of(digests)
    begun = np.ascontiguousarray(text.reshape(len(digests), -1)[:, :4]).view(np.uint32).reshape(-1)
    # Nearly every digest is told apart by a table; the few others are looked up.
    maybe = np.flatnonzero(kept[_places(begun)])
    found[maybe] = flags(pc.is_in(digests.take(pa.array(maybe)), value_set=known))
    return found


@cache
def _of_nothing(hash_name: str) -> tuple[pa.StringArray, Flags]:
    """Return digests of nothing, and at which places of a table they stand."""
    known = of(hash_name, pa.array([*_NOTHING, *(word.upper() for word in _NOTHING)], pa.string()))
    begun = np.array([int.from_bytes(text[:4].encode(), sys.byteorder) for text in known.to_pylist()], np.uint32)
    kept = np.zeros(1 << 16, np.bool_)
    kept[_places(begun)] = True
    return known, kept


def _places(begun: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    return (begun * np.uint32(2_654_435_761)) >> np.uint32(16)  # Knuth's multiplicative hash


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
