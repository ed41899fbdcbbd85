"""Identifiers of devices and of people inside apps, in the forms that Chinese and foreign platforms hash.

Case is changed only where a platform says so, and where a type has one case only
a value in the other is rejected: an OAID in capitals is another text than the
same in small letters, and its hash another hash.

Source: the platforms' pages in docs/identifiers.md; 3GPP TS 23.003 (IMEI and its check digit); 3GPP2 S.R0048 (MEID).
"""

from __future__ import annotations

from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.identifier import marks
from gateway.identifier.columns import Flags, byte_lengths, flags, null_where_rejected, text_of
from gateway.identifier.reason import RejectReason, Verdicts

MAX_OAID = 64

_PLAIN_UUID = r"\A[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\z"
_UUID = r"\A\{?([0-9A-Fa-f]{8})-?([0-9A-Fa-f]{4})-?([0-9A-Fa-f]{4})-?([0-9A-Fa-f]{4})-?([0-9A-Fa-f]{12})\}?\z"
_HYPHENATED = r"\A(?:[^{}]{32}|[^{}]{36}|\{[^{}]{32}\}|\{[^{}]{36}\})\z"
_PAIR = "[0-9A-F]{2}"
_FOURS = r"(?:[0-9A-F]{4}\.){2}[0-9A-F]{4}"
_MAC = rf"\A(?:(?:{_PAIR}){{6}}|(?:{_PAIR}:){{5}}{_PAIR}|(?:{_PAIR}-){{5}}{_PAIR}|{_FOURS})\z"
_ZEROS = r"\A[0-]*0[0-]*\z"


def idfa(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return Apple's advertising identifiers: capitals, with hyphens.

    Args:
        values: n values as written.
        verdicts: gets the reason of every rejected row.

    Returns:
        n identifiers, null where rejected.
    """
    return cast(pa.StringArray, pc.ascii_upper(_uuid(values, verdicts)))


def gaid(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return Google's advertising identifiers: small letters, with hyphens.

    Args:
        values: n values as written.
        verdicts: gets the reason of every rejected row.

    Returns:
        n identifiers, null where rejected.
    """
    return cast(pa.StringArray, pc.ascii_lower(_uuid(values, verdicts)))


def oaid(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return Chinese Android's advertising identifiers as they are, trimmed; vendors differ in length and case.

    Args:
        values: n values as written.
        verdicts: gets the reason of every rejected row.

    Returns:
        n identifiers, null where rejected.
    """
    text = _trimmed(values, verdicts)
    verdicts.reject(_looks(text, r"(?i)\Ano\z") | _looks(text, _ZEROS), RejectReason.PLACEHOLDER)
    verdicts.reject(~_looks(text, r"\A[0-9A-Za-z._:-]+\z"), RejectReason.BAD_CHARACTERS)
    verdicts.reject(byte_lengths(text) > MAX_OAID, RejectReason.BAD_LENGTH)
    return null_where_rejected(text, verdicts)


def imei(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return IMEI of 15 digits, or of 14 without the check digit, and MEID of 14 hexadecimal digits in small letters.

    The two forms of an IMEI stay two values: a hash of one is not the other's.

    Args:
        values: n values as written.
        verdicts: gets the reason of every rejected row.

    Returns:
        n identifiers, null where rejected.
    """
    text = _trimmed(values, verdicts)
    if not flags(pc.string_is_ascii(text)).all():
        text = marks.narrow_digits(pc.replace_substring_regex(text, marks.HYPHENS, "-"))
    verdicts.reject(marks.quantities(text), RejectReason.QUANTITY)
    text = pc.replace_substring_regex(text, r"\A([0-9]+)\.0\z", r"\1")
    text = pc.replace_substring_regex(text, r"([0-9A-Fa-f])[ /-]([0-9A-Fa-f])", r"\1\2")
    verdicts.reject(_looks(text, r"\A0+\z"), RejectReason.PLACEHOLDER)
    verdicts.reject(~_looks(text, r"\A[0-9A-Fa-f]+\z"), RejectReason.BAD_CHARACTERS)
    verdicts.reject(_looks(text, r"\A.{15}\z") & ~_looks(text, r"\A[0-9]+\z"), RejectReason.BAD_CHARACTERS)
    verdicts.reject(~_looks(text, r"\A.{14,15}\z"), RejectReason.BAD_LENGTH)
    fifteen = verdicts.accepted & (byte_lengths(text) == 15)
    if fifteen.any():
        wrong = np.zeros(len(text), np.bool_)
        wrong[fifteen] = ~_luhn(text.filter(pa.array(fifteen)))
        verdicts.reject(wrong, RejectReason.BAD_CHECK_DIGIT)
    return null_where_rejected(cast(pa.StringArray, pc.ascii_lower(text)), verdicts)


def mac(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return addresses of network interfaces: 12 hexadecimal digits in capitals.

    Args:
        values: n values as written: pairs parted by colons or hyphens, fours by dots, or nothing between.
        verdicts: gets the reason of every rejected row.

    Returns:
        n addresses, null where rejected.
    """
    text = _trimmed(values, verdicts)
    upper = pc.ascii_upper(text)
    bare = pc.replace_substring_regex(upper, "[:.-]", "")
    verdicts.reject(_looks(bare, r"\A(?:0+|F{12}|020000000000)\z"), RejectReason.PLACEHOLDER)
    verdicts.reject(~_looks(bare, r"\A[0-9A-F]+\z"), RejectReason.BAD_CHARACTERS)
    verdicts.reject(~_looks(bare, r"\A.{12}\z"), RejectReason.BAD_LENGTH)
    verdicts.reject(~_looks(upper, _MAC), RejectReason.BAD_CHARACTERS)
    return null_where_rejected(bare, verdicts)


def caid(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return identifiers of the China Advertising Association: 32 small letters and digits, the version apart.

    Args:
        values: n values as written.
        verdicts: gets the reason of every rejected row.

    Returns:
        n identifiers, null where rejected.
    """
    text = _trimmed(values, verdicts)
    verdicts.reject(_looks(text, _ZEROS), RejectReason.PLACEHOLDER)
    verdicts.reject(_looks(text, r"\A[0-9A-Za-z]*[A-Z][0-9A-Za-z]*\z"), RejectReason.UPPER_CASE)
    verdicts.reject(~_looks(text, r"\A[0-9a-z]+\z"), RejectReason.BAD_CHARACTERS)
    verdicts.reject(byte_lengths(text) != 32, RejectReason.BAD_LENGTH)
    return null_where_rejected(text, verdicts)


def in_app(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return a person's identifier inside an app (openid) or a publisher's apps (unionid): as it is, trimmed.

    Args:
        values: n values of 20 to 64 letters, digits, hyphens and underscores; case counts.
        verdicts: gets the reason of every rejected row.

    Returns:
        n identifiers, null where rejected.
    """
    text = _trimmed(values, verdicts)
    verdicts.reject(_looks(text, _ZEROS), RejectReason.PLACEHOLDER)
    verdicts.reject(~_looks(text, r"\A[0-9A-Za-z_-]+\z"), RejectReason.BAD_CHARACTERS)
    verdicts.reject(~_looks(text, r"\A.{20,64}\z"), RejectReason.BAD_LENGTH)
    return null_where_rejected(text, verdicts)


def _uuid(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return UUIDs with hyphens, in the case they have."""
    if _looks(values, _PLAIN_UUID).all() and not _looks(values, _ZEROS).any():
        return values
    text = _trimmed(values, verdicts)
    if not flags(pc.string_is_ascii(text)).all():
        text = pc.replace_substring_regex(text, marks.HYPHENS, "-")
    bare = pc.replace_substring_regex(text, "[{}-]", "")
    verdicts.reject(_looks(bare, r"\A0+\z"), RejectReason.PLACEHOLDER)
    verdicts.reject(~_looks(bare, r"\A[0-9A-Fa-f]+\z"), RejectReason.BAD_CHARACTERS)
    verdicts.reject(byte_lengths(bare) != 32, RejectReason.BAD_LENGTH)
    verdicts.reject(~_looks(text, _UUID) | ~_looks(text, _HYPHENATED), RejectReason.BAD_CHARACTERS)
    return null_where_rejected(pc.replace_substring_regex(text, _UUID, r"\1-\2-\3-\4-\5"), verdicts)


def _trimmed(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return values without blanks, invisible and spreadsheet marks around them; refuse what is nothing or masked."""
    ends = rf"(?:{marks.INVISIBLE}|{marks.SPACES}| )+"
    text = pc.replace_substring_regex(values, rf"\A{ends}|{ends}\z", "")
    text = marks.unquoted(text)
    verdicts.reject(byte_lengths(text) == 0, RejectReason.EMPTY)
    verdicts.reject(marks.null_words(text), RejectReason.NULL_WORD)
    verdicts.reject(_looks(text, r"[*＊●•×█]"), RejectReason.MASKED)
    return text


def _luhn(digits: pa.StringArray) -> Flags:
    """Return which of n texts of 15 digits end in the check digit of the others."""
    value = (text_of(digits)[1].reshape(-1, 15) - np.uint8(ord("0"))).astype(np.int64)
    value[:, 1::2] *= 2
    value -= 9 * (value > 9)
    return cast("Flags", value.sum(axis=1) % 10 == 0)


def _looks(text: pa.StringArray, pattern: str) -> Flags:
    return flags(pc.match_substring_regex(text, pattern))
