"""Chinese mobile numbers: many ways of writing, one number.

Accepted are eleven digits 1[3-9]xxxxxxxxx with what people and programs put
around them: spaces, hyphens, dots and brackets; +86, 0086 or 86; a trunk 0; a
carrier's IP-call prefix; the marks of spreadsheets ('x, "x", ="x", x.0) and
`tel:`; full-width and invisible characters. Only ASCII digits and their
full-width forms U+FF10..FF19 are digits, by an explicit table: `str.isdigit`,
NFKC and parsers that drop or translate letters each accept numbers that nobody
wrote. A plus sign means that a country code follows: +138... is not Chinese.

Source: MIIT numbering plan for mobile numbers; ITU-T E.164; RFC 3966 (tel).
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.identifier.columns import byte_lengths, flags, null_where_rejected
from gateway.identifier.reason import RejectReason, Verdicts

_MOBILE = "1[3-9][0-9]{9}"
_PLAIN = rf"\A{_MOBILE}\z"
# Nearly all of what is not plain: one pass instead of the dozen of `_compact`, and a strict subset of what they accept.
_COMMON = r"\A(?:(?:\+86|0086|86)[ -]?)?(1[3-9][0-9])[ -]?([0-9]{4})[ -]?([0-9]{4})\z"

# Dialled before the number to choose a carrier: China Mobile 125xx, 1795x; Unicom 10193, 1791x; Telecom 1790x.
_IP_CALL = "12593|17950|17951|10193|17910|17911|17908|17909"
_NUMBER = rf"\A(?:(?:\+86|0086|86)?0?|{_IP_CALL})(?P<number>{_MOBILE})\z"

_INVISIBLE = r"[\x{00AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}\x{2066}-\x{2069}\x{FEFF}]"
_SPACES = r"[\x{00A0}\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}\t\r\n]"
_HYPHENS = r"[\x{2010}-\x{2015}\x{2212}\x{FE58}\x{FE63}\x{FF0D}]"
_FULL_WIDTH = {chr(0xFF10 + digit): str(digit) for digit in range(10)} | {
    "\uff0b": "+",
    "\uff08": "(",
    "\uff09": ")",
    "\uff0e": ".",
    "\uff0f": "/",
}


def eleven_digits(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return the national form of Chinese mobile numbers, eleven ASCII digits (`cn11`).

    Args:
        values: n values as written.
        verdicts: gets the reason of every rejected row.

    Returns:
        n numbers, null where rejected.
    """
    numbers = values
    odd = ~flags(pc.match_substring_regex(values, _PLAIN))
    if odd.any():
        common = pc.replace_substring_regex(values.filter(pa.array(odd)), _COMMON, r"\1\2\3")
        written_otherwise = ~flags(pc.match_substring_regex(common, _PLAIN))
        if written_otherwise.any():
            positions = np.flatnonzero(odd)[written_otherwise]
            rare = _judge(common.filter(pa.array(written_otherwise)), positions, verdicts)
            common = pc.replace_with_mask(common, pa.array(written_otherwise), rare)
        numbers = cast(pa.StringArray, pc.replace_with_mask(values, pa.array(odd), common))
    return null_where_rejected(numbers, verdicts)


def e164(numbers: pa.StringArray) -> pa.StringArray:
    """Return the international form of eleven-digit numbers, null staying null.

    Args:
        numbers: as `eleven_digits` returns them.
    """
    parts: tuple[Any, ...] = ("+86", numbers, "")
    return cast(pa.StringArray, pc.binary_join_element_wise(*parts))


def _judge(written: pa.StringArray, positions: npt.NDArray[np.int64], verdicts: Verdicts) -> pa.StringArray:
    """Read the rare forms of a column, by the full grammar, and give every other row its reason."""
    compact = _compact(written)
    numbers = pc.struct_field(pc.extract_regex(compact, pattern=_NUMBER), "number")
    failed = flags(pc.is_null(numbers))

    def reject(those: npt.NDArray[np.bool_], reason: RejectReason) -> None:
        marked = np.zeros(len(verdicts.accepted), np.bool_)
        marked[positions[failed & those]] = True
        verdicts.reject(marked, reason)

    def looks(pattern: str) -> npt.NDArray[np.bool_]:
        return flags(pc.match_substring_regex(compact, pattern))

    reject(byte_lengths(compact) == 0, RejectReason.EMPTY)
    reject(~looks(r"\A\+?[0-9]+\z"), RejectReason.BAD_CHARACTERS)
    reject(looks(r"\A(?:\+|00)") & ~looks(r"\A(?:\+86|0086)"), RejectReason.FOREIGN_NUMBER)
    reject(~looks(r"\A(?:\+86|0086|86)?0?[0-9]{11}\z"), RejectReason.BAD_LENGTH)
    reject(failed, RejectReason.NOT_MOBILE)
    return cast(pa.StringArray, numbers)


def _compact(written: pa.StringArray) -> pa.StringArray:
    """Take away what may stand around and between digits; leave everything else to be seen and refused."""
    text = written
    if not flags(pc.string_is_ascii(text)).all():
        text = pc.replace_substring_regex(text, _INVISIBLE, "")
        text = pc.replace_substring_regex(text, _HYPHENS, "-")
        for wide, narrow in _FULL_WIDTH.items():
            text = pc.replace_substring(text, wide, narrow)
    text = pc.ascii_trim(pc.replace_substring_regex(text, _SPACES, " "), " ")
    # Marks of spreadsheets, each in its exact form: 'x   "x"   ="x"
    text = pc.replace_substring_regex(text, r"\A(?:'([^'\"]*)|=?\"([^'\"]*)\")\z", r"\1\2")
    text = pc.replace_substring_regex(text, r"\A(?i:tel):", "")
    # A number that a data frame turned into a float; 10 digits and ".0" do not become 11.
    text = pc.replace_substring_regex(text, r"\A(\+?[0-9]+)\.0\z", r"\1")
    # Separators stand between digits, brackets come in pairs; slashes may also part two numbers, so only 11 digits hold
    # them. What does not look like that keeps its separators and is refused for them.
    brackets = flags(pc.match_substring_regex(text, r"\A[^()]*(?:\([^()]*\)[^()]*)*\z"))
    ends = flags(pc.match_substring_regex(text, r"\A[+(0-9].*[0-9)]\z"))
    bare = pc.replace_substring_regex(text, r"[ \-.()/]", "")
    slashes = flags(pc.match_substring(text, "/")) & ~flags(pc.match_substring_regex(bare, _PLAIN))
    return cast(pa.StringArray, pc.if_else(pa.array(brackets & ends & ~slashes), bare, text))
