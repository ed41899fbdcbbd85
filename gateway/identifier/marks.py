"""What stands around and inside identifiers without being part of them: blanks, invisible marks, spreadsheet marks.

Every class of characters is an explicit list: NFKC, `str.isdigit` and
`str.lower` each take characters for others that nobody wrote.
"""

from __future__ import annotations

from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from gateway.identifier.columns import Flags, flags

INVISIBLE = r"[\x{00AD}\x{061C}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{2069}\x{FEFF}]"
"""Soft hyphen, zero-width marks, directions of writing, byte order mark."""
SPACES = r"[\x{00A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\t\r\n]"
"""Blanks other than the space itself."""
HYPHENS = r"[\x{2010}-\x{2015}\x{2212}\x{FE58}\x{FE63}\x{FF0D}]"
"""Dashes that people and word processors write for a hyphen."""

_NULL_WORDS = (
    r"(?i)\A(?:null|none|nil|nan|n/?a|#n/a|undefined|unknown|empty|<null>|\(null\)|\\n|-+|无|没有|空|未知|暂无)\z"
)
_SCIENTIFIC = r"\A[+-]?[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,3}\z"
_MASKED = r"[*＊●•×█]|[0-9](?:[xX#＃?？・·…_]{2,}|…)|\A[xX#＃?？・·…_]{2,}[0-9]"
_THOUSANDS = r"\A\+?[0-9]{1,3}(?:,[0-9]{3}){2,}(?:\.0+)?\z"


def visible(written: pa.StringArray) -> pa.StringArray:
    """Return a column without invisible marks, every blank a space, none at the ends.

    Args:
        written: n strings.
    """
    text = written
    if not flags(pc.string_is_ascii(text)).all():
        text = pc.replace_substring_regex(text, INVISIBLE, "")
    text = pc.replace_substring_regex(text, SPACES, " ")
    return cast(pa.StringArray, pc.ascii_trim(text, " "))


def narrow_digits(text: pa.StringArray) -> pa.StringArray:
    """Return a column with ASCII digits where full-width ones stood; no other digits of Unicode are digits.

    Args:
        text: n strings.
    """
    for digit in range(10):
        text = pc.replace_substring(text, chr(0xFF10 + digit), str(digit))
    return text


def unquoted(text: pa.StringArray) -> pa.StringArray:
    """Return a column without the marks of spreadsheets, each in its exact form: 'x, "x" and ="x".

    Args:
        text: n strings without blanks at their ends.
    """
    return cast(
        pa.StringArray,
        pc.replace_substring_regex(text, r"\A(?:'([^'\"]*)|=?\"([^'\"]*)\")\z", r"\1\2"),
    )


def null_words(text: pa.StringArray) -> Flags:
    """Return one flag per string: it is a word that programs and people write for nothing.

    Args:
        text: n strings without blanks at their ends.
    """
    return flags(pc.match_substring_regex(text, _NULL_WORDS))


def quantities(text: pa.StringArray) -> Flags:
    """Return one flag per string: a spreadsheet took it for a quantity, in scientific notation or with thousands marks.

    Args:
        text: n strings without blanks at their ends.
    """
    return flags(pc.match_substring_regex(text, _SCIENTIFIC)) | flags(pc.match_substring_regex(text, _THOUSANDS))


def masked(text: pa.StringArray) -> Flags:
    """Return one flag per string: a part of it is hidden by asterisks, crosses or dots.

    Args:
        text: n strings.
    """
    return flags(pc.match_substring_regex(text, _MASKED))
