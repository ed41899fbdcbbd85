"""Identifiers whose form is the parties' own: taken verbatim after trimming."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from gateway.identifier.columns import byte_lengths, control_characters, graphic_ascii, null_where_rejected
from gateway.identifier.reason import RejectReason, Verdicts

MAX_BYTES = 256
"""Longest opaque identifier, UTF-8 bytes after trimming."""


def trimmed(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return a column without surrounding white space; case and Unicode form stay as they are.

    Args:
        values: n values of 1 to 256 bytes UTF-8 without control characters.
        verdicts: gets the reason of every rejected row.

    Returns:
        n identifiers, null where rejected.
    """
    plain = graphic_ascii(values)
    kept = values if plain else pc.utf8_trim_whitespace(values)
    length = byte_lengths(kept)
    verdicts.reject(length == 0, RejectReason.EMPTY)
    if not plain:
        # Invisible, and the commonest sign of a broken export.
        verdicts.reject(control_characters(kept), RejectReason.BAD_CHARACTERS)
    verdicts.reject(length > MAX_BYTES, RejectReason.BAD_LENGTH)
    return null_where_rejected(kept, verdicts)
