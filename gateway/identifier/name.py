"""Names of people as advertising platforms hash them; no match key, since many people share one.

Source: Meta, customer information parameters: small letters, UTF-8.
"""

from __future__ import annotations

from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from gateway.identifier import marks
from gateway.identifier.columns import byte_lengths, control_characters, null_where_rejected
from gateway.identifier.reason import RejectReason, Verdicts

MAX_BYTES = 256


def lower(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return names trimmed and in small letters.

    Args:
        values: n names as written, of 1 to 256 bytes UTF-8.
        verdicts: gets the reason of every rejected row.

    Returns:
        n names, null where rejected.
    """
    text = marks.visible(values)
    verdicts.reject(byte_lengths(text) == 0, RejectReason.EMPTY)
    verdicts.reject(marks.null_words(text), RejectReason.NULL_WORD)
    verdicts.reject(marks.masked(text), RejectReason.MASKED)
    verdicts.reject(control_characters(text), RejectReason.BAD_CHARACTERS)
    verdicts.reject(byte_lengths(text) > MAX_BYTES, RejectReason.BAD_LENGTH)
    return null_where_rejected(cast(pa.StringArray, pc.utf8_lower(text)), verdicts)
