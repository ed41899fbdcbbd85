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

from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.identifier import marks
from gateway.identifier.columns import Flags, byte_lengths, flags, present, strings_of, text_of
from gateway.identifier.reason import Reject, RejectReason, Verdicts

_ELEVEN: np.dtype[np.void] = np.dtype("V11")  # one value each: numpy moves rows of bytes five times slower
_MOBILE = "1[3-9][0-9]{9}"
_PLAIN = rf"\A{_MOBILE}\z"
# What machines write: seen without a regular expression, by its length.
_PREFIXES = (b"", b"+86", b"86", b"0086")
# Nearly all of the others: one pass instead of the dozen of `compact`, and a strict subset of what they accept.
_COMMON = r"\A(?:(?:\+86|0086|86)[ -]?)?(1[3-9][0-9])[ -]?([0-9]{4})[ -]?([0-9]{4})\z"

# Dialled before the number to choose a carrier: China Mobile 125xx, 1795x; Unicom 10193, 1791x; Telecom 1790x.
_IP_CALL = "12593|17950|17951|10193|17910|17911|17908|17909"
NUMBER = rf"\A(?:(?:\+86|0086|86)?0?|{_IP_CALL})(?P<number>{_MOBILE})\z"
"""A compact number of China, with all that may stand before it."""

# A number with decimals, which data frames and databases write: its point parts no groups.
_DECIMALS = r"\A\+?[0-9]{8,}\.[0-9]+\z"
_FRACTION = r"\.0*[1-9][0-9]*\z"
# Two numbers in one cell: with something between them, or on each other once blanks, dashes and brackets are gone.
_PARTED = r"[0-9]{7}[^0-9]+\+?[0-9]{7}"
_JOINED = rf"\A(?:(?:\+|00)?(?:86)?0?{_MOBILE}){{2,}}\z"
_TWO = 14  # digits, at least

_FULL_WIDTH = {"\uff0b": "+", "\uff08": "(", "\uff09": ")", "\uff0e": ".", "\uff0f": "/"}


def eleven_digits(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return the national form of Chinese mobile numbers, eleven ASCII digits (`cn11`).

    Args:
        values: n values as written.
        verdicts: gets the reason of every rejected row.

    Returns:
        n numbers, null where rejected.
    """
    numbers, read = machine_written(values)
    if read.all():
        return numbers
    odd = np.flatnonzero(~read)
    found = common(values.take(pa.array(odd)))
    rare = ~flags(pc.match_substring_regex(found, _PLAIN))
    if rare.any():
        judged = _judge(found.filter(pa.array(rare)), odd[rare], verdicts)
        found = pc.replace_with_mask(found, pa.array(rare), judged)
    return with_rows(numbers, ~read, found)


def machine_written(values: pa.StringArray) -> tuple[pa.StringArray, Flags]:
    """Read the numbers that are digits alone, behind a country code or none.

    Args:
        values: n values as written.

    Returns:
        The n numbers of eleven digits, null where not such; and one flag per row, set where they are.
    """
    digits, read = _bare(values)
    if digits is None:
        return values, read
    return strings_of(digits if read.all() else digits[read], read), read


def common(written: pa.StringArray) -> pa.StringArray:
    """Return the eleven digits of numbers in the commonest ways of writing, everything else as it is.

    Args:
        written: n values.
    """
    return cast(pa.StringArray, pc.replace_substring_regex(written, _COMMON, r"\1\2\3"))


def with_rows(column: pa.StringArray, rows: Flags, values: pa.StringArray) -> pa.StringArray:
    """Return a column with other values in some rows.

    Args:
        column: n strings.
        rows: n flags, k of them set.
        values: the k strings of those rows.
    """
    return cast(pa.StringArray, pc.replace_with_mask(column, pa.array(rows), values))


def e164(numbers: pa.StringArray) -> pa.StringArray:
    """Return the international form of eleven-digit numbers, null staying null.

    Args:
        numbers: n numbers as `eleven_digits` returns them.
    """
    there = present(numbers)
    written = np.empty(len(numbers) - numbers.null_count, _behind(b"+86"))
    written["prefix"] = b"+86"
    written["number"] = text_of(numbers.drop_null() if numbers.null_count else numbers)[1].view(_ELEVEN)
    return strings_of(written, there)


def _bare(values: pa.StringArray) -> tuple[npt.NDArray[np.void] | None, Flags]:
    """Read the numbers that are digits alone, behind a country code or none.

    Returns:
        The n numbers with those filled in, or None when all values are such without a code; and their flags.
    """
    lengths = byte_lengths(values)
    numbers = np.empty(len(values), _ELEVEN)
    read = np.zeros(len(values), np.bool_)
    for prefix in _PREFIXES:
        rows = lengths == len(prefix) + _ELEVEN.itemsize
        if not rows.any():
            continue
        every = bool(rows.all())
        text = text_of(values if every else values.filter(pa.array(rows)))[1]
        number = np.ascontiguousarray(text.view(_behind(prefix))["number"]) if prefix else text.view(_ELEVEN)
        good = _mobile(number)
        for at, byte in enumerate(prefix):
            good &= text[at :: len(prefix) + _ELEVEN.itemsize] == byte
        if every and good.all():
            return (number if prefix else None), good
        numbers[rows], read[rows] = number, good
    return numbers, read


def _behind(prefix: bytes) -> np.dtype[np.void]:
    return np.dtype([("prefix", f"S{len(prefix)}"), ("number", _ELEVEN)])


def _mobile(numbers: npt.NDArray[np.void]) -> Flags:
    """Return which of n times eleven bytes are `_MOBILE`."""
    value = numbers.view(np.uint8) - np.uint8(ord("0"))  # what lies below the digits comes out above them
    good = (value[0 :: _ELEVEN.itemsize] == 1) & (value[1 :: _ELEVEN.itemsize] >= 3)
    if value.max() > 9:
        good[np.flatnonzero(value > 9) // _ELEVEN.itemsize] = False
    return cast("Flags", good)


def _judge(written: pa.StringArray, positions: npt.NDArray[np.int64], verdicts: Verdicts) -> pa.StringArray:
    """Read the rare forms of a column, by the full grammar, and give every other row its reason."""
    text = compact(written)
    numbers = pc.struct_field(pc.extract_regex(text, pattern=NUMBER), "number")
    failed = flags(pc.is_null(numbers))
    reject = verdicts.of_rows(positions, failed)
    refuse_text(written, text, reject)
    reject(looks(text, r"\A(?:\+|00)") & ~looks(text, r"\A(?:\+86|0086)"), RejectReason.FOREIGN_NUMBER)
    refuse_national(text, reject)
    return cast(pa.StringArray, numbers)


def looks(text: pa.StringArray, pattern: str) -> Flags:
    """Return one flag per string: it matches.

    Args:
        text: n strings.
        pattern: RE2.
    """
    return flags(pc.match_substring_regex(text, pattern))


def refuse_text(written: pa.StringArray, text: pa.StringArray, reject: Reject) -> None:
    """Give their reasons to rows that are no plain digits, behind a plus or none.

    Args:
        written: n values as they were.
        text: the same, as `compact` leaves them.
        reject: gives a reason to flagged ones of the n rows.
    """
    lengths = byte_lengths(text)
    reject(lengths == 0, RejectReason.EMPTY)
    odd = ~looks(text, r"\A\+?[0-9]+\z")
    several = lengths >= _TWO
    if not (odd | several).any():
        return
    shown = marks.unquoted(marks.visible(written))
    if odd.any():
        reject(odd & marks.null_words(shown), RejectReason.NULL_WORD)
        reject(odd & marks.masked(text), RejectReason.MASKED)
        reject(odd & (marks.quantities(shown) | looks(text, _DECIMALS) & looks(text, _FRACTION)), RejectReason.QUANTITY)
        reject(odd & looks(text, _DECIMALS), RejectReason.BAD_LENGTH)
    if several.any():
        bare = pc.replace_substring_regex(text, r"[ \-.()]", "")
        several &= looks(shown, _PARTED) | looks(bare, _PARTED) | looks(bare, _JOINED)
        reject(several, RejectReason.SEVERAL_VALUES)
    reject(odd, RejectReason.BAD_CHARACTERS)


def refuse_national(text: pa.StringArray, reject: Reject) -> None:
    """Give their reasons to plain digits that are no mobile number of China.

    Args:
        text: n compact texts.
        reject: gives a reason to flagged ones of the n rows.
    """
    reject(~looks(text, r"\A(?:\+86|0086|86)?0?[0-9]{11}\z"), RejectReason.BAD_LENGTH)
    reject(np.ones(len(text), np.bool_), RejectReason.NOT_MOBILE)


def compact(written: pa.StringArray) -> pa.StringArray:
    """Take away what may stand around and between digits; leave everything else to be seen and refused.

    Args:
        written: n values.
    """
    text = written
    if not flags(pc.string_is_ascii(text)).all():
        text = marks.narrow_digits(pc.replace_substring_regex(text, marks.HYPHENS, "-"))
        for wide, narrow in _FULL_WIDTH.items():
            text = pc.replace_substring(text, wide, narrow)
    text = marks.unquoted(marks.visible(text))
    text = pc.replace_substring_regex(text, r"\A(?i:tel): *", "")
    # A number that a data frame turned into a float; 10 digits and ".0" do not become 11.
    text = pc.replace_substring_regex(text, r"\A(\+?[0-9]+)\.0\z", r"\1")
    # Separators stand between digits, brackets come in pairs; slashes may also part two numbers, so only 11 digits hold
    # them. What does not look like that keeps its separators and is refused for them.
    brackets = looks(text, r"\A[^()]*(?:\([^()]*\)[^()]*)*\z")
    ends = looks(text, r"\A[+(0-9].*[0-9)]\z")
    bare = pc.replace_substring_regex(text, r"[ \-.()/]", "")
    slashes = flags(pc.match_substring(text, "/")) & ~looks(bare, _PLAIN)
    parted = brackets & ends & ~slashes & ~looks(text, _DECIMALS)
    return cast(pa.StringArray, pc.if_else(pa.array(parted), bare, text))
