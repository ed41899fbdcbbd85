"""What values of a column look like as they stand, told by their digits alone: plain, or digests. For people only.

A run never guesses what a column holds (`content`); this only shows a person that the declaration may be wrong.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.identifier.columns import Flags, byte_lengths, flags
from gateway.identifier.match_key import MatchKey

PLAIN = "plain"
_DIGESTS = {32: "md5", 64: "sha256 or sm3"}
_CASES = {"lower": "0-9a-f", "upper": "0-9A-F", "mixed": "0-9a-fA-F"}


def shapes(values: pa.StringArray) -> Counter[str]:
    """Count values by what they look like; absent and blank ones are left out.

    Args:
        values: n raw values, null where absent.

    Returns:
        Counts of "plain" and of "md5 lower", "sha256 or sm3 upper" and so on; a digest of digits alone is lower.
    """
    found: Counter[str] = Counter()
    trimmed = pc.utf8_trim_whitespace(values)
    lengths = byte_lengths(trimmed)
    plain = lengths > 0
    for digits, name in _DIGESTS.items():
        fit = lengths == digits
        if not fit.any():
            continue
        candidates, left = trimmed.filter(pa.array(fit)), np.ones(int(fit.sum()), np.bool_)
        for case, letters in _CASES.items():
            these: Flags = flags(pc.match_substring_regex(candidates, rf"\A[{letters}]{{{digits}}}\z")) & left
            if these.any():
                found[f"{name} {case}"] += int(these.sum())
                left &= ~these
        plain[np.flatnonzero(fit)[~left]] = False
    if plain.any():
        found[PLAIN] += int(plain.sum())
    return found


def expected(key: MatchKey, digests: bool) -> str | None:
    """Return the one shape that values of a column have when they are what they should be; None where any may be.

    Args:
        key: the match key that they serve.
        digests: whether the column holds digests.
    """
    if digests:
        return "md5 lower" if key.hash == "md5" else "sha256 or sm3 lower"
    # Device identifiers may themselves be 32 or 64 hexadecimal digits.
    return PLAIN if key.type in ("phone", "email", "imei", "mac") else None
