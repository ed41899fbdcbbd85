"""One canonical value, or one reason, for every raw value of a column."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from gateway.identifier import digest, opaque, phone
from gateway.identifier.match_key import MatchKey
from gateway.identifier.reason import Verdicts


def normalise(match_key: MatchKey, values: pa.StringArray) -> tuple[pa.StringArray, pa.DictionaryArray[Any, Any]]:
    """Bring a column to the form that a match key names.

    Args:
        match_key: the agreed key, from `parse`.
        values: n raw values, valid UTF-8; null for an absent one.

    Returns:
        The n canonical values, null where rejected, and the n reasons
        (dictionary of `RejectReason` names), null where accepted.
    """
    verdicts = Verdicts(len(values))
    if match_key.hash:
        canonical = digest.verbatim(match_key.hash, values, verdicts)
    elif match_key.type == "phone":
        canonical = phone.eleven_digits(values, verdicts)
        if match_key.form == "e164":
            canonical = phone.e164(canonical)
    else:
        canonical = opaque.trimmed(values, verdicts)
    return canonical, verdicts.as_array()
