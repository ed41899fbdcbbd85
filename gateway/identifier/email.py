"""E-mail addresses: one plain form, and the forms that platforms make of it.

Plain: white space and invisible marks gone, full-width characters narrow, ASCII
letters in lower case, a domain of other letters as A-labels, one trailing dot
gone. Letters outside ASCII before the @ are rejected: `str.lower` makes a k of
the Kelvin sign, and two characters of a dotted capital I.

Source: RFC 5321 (dot-string, lengths); RFC 5891 (A-labels); the platforms' pages in docs/identifiers.md.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.identifier import marks
from gateway.identifier.columns import Flags, byte_lengths, flags
from gateway.identifier.reason import Reject, RejectReason, Verdicts

MAX_LOCAL = 64
MAX_DOMAIN = 253
MAX_ADDRESS = 254

_ATOM = r"[a-z0-9!#$%&'+/=?^_`{|}~-]"  # RFC 5321 without the asterisk, which masks
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_LOCAL = rf"{_ATOM}+(?:\.{_ATOM}+)*"
_DOMAIN = rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--{_LABEL})"
_ADDRESS = rf"\A(?P<local>{_LOCAL})@(?P<domain>{_DOMAIN})\z"
_DOTS = r"[\x{3002}\x{FF0E}\x{FF61}]"  # ideographic and full-width full stops: RFC 3490, section 3.1
_FULL_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}

_GMAIL = ("gmail.com", "googlemail.com")
# Per form: whose domains (none: everybody's), +suffix removed, dots removed.
_FORMS: dict[str, tuple[tuple[str, ...], bool, bool]] = {
    "google": (_GMAIL, True, True),
    "google_dots": (_GMAIL, False, True),
    "uid2": (_GMAIL[:1], True, True),
    "tiktok": ((), True, False),
    "tiktok_dots": ((), True, True),
}


def plain(values: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return addresses in the plain form.

    Args:
        values: n values as written.
        verdicts: gets the reason of every rejected row.

    Returns:
        n addresses, null where rejected.
    """
    lower = pc.ascii_lower(values)
    good = _good(lower)
    if good.all():
        return cast(pa.StringArray, lower)
    odd = np.flatnonzero(~good)
    read = _read(values.take(pa.array(odd)))
    mended = _good(read)
    verdicts_of_odd = verdicts.of_rows(odd, ~mended)
    _refuse(read, verdicts_of_odd)
    kept = pc.if_else(pa.array(mended), read, pa.scalar(None, pa.string()))
    return cast(pa.StringArray, pc.replace_with_mask(lower, pa.array(~good), kept))


def platform(addresses: pa.StringArray, form: str, verdicts: Verdicts) -> pa.StringArray:
    """Return plain addresses in the form of a platform.

    Args:
        addresses: n addresses as `plain` returns them.
        form: "google" (2026), "google_dots" (older), "uid2", "tiktok" or "tiktok_dots" (older).
        verdicts: gets the reason of every rejected row.

    Returns:
        n addresses, null where rejected.
    """
    domains, suffix, dots = _FORMS[form]
    parts = pc.extract_regex(addresses, pattern=r"\A(?P<local>[^@]*)@(?P<domain>.*)\z")
    local, domain = pc.struct_field(parts, "local"), pc.struct_field(parts, "domain")
    short = local
    if suffix:
        short = pc.replace_substring_regex(short, r"\+.*\z", "")
    if dots:
        short = pc.replace_substring(short, ".", "")
    if domains:
        theirs = pc.is_in(domain, value_set=pa.array(domains))
        short = pc.if_else(theirs, short, local)
    # "+news@gmail.com" and, without dots removed, "a.+b@..." leave nothing, or no local part.
    empty = flags(pc.invert(pc.match_substring_regex(short, rf"\A{_LOCAL}\z")))
    verdicts.reject(empty, RejectReason.BAD_LOCAL_PART)
    made = pc.binary_join_element_wise(short, domain, "@")
    return cast(pa.StringArray, pc.if_else(pa.array(empty), pa.scalar(None, pa.string()), made))


def _good(text: pa.StringArray) -> Flags:
    """Return one flag per string: it is an address in the plain form."""
    found = flags(pc.match_substring_regex(text, _ADDRESS))
    at = pc.fill_null(pc.find_substring(text, "@"), 0).to_numpy(zero_copy_only=False)
    lengths = byte_lengths(text)
    return cast(Flags, found & (at <= MAX_LOCAL) & (lengths - at - 1 <= MAX_DOMAIN) & (lengths <= MAX_ADDRESS))


def _read(written: pa.StringArray) -> pa.StringArray:
    """Take away what is no part of an address, and bring letters into their one form."""
    text = marks.unquoted(marks.visible(written))
    text = pc.replace_substring(text, " ", "")
    ascii_only = flags(pc.string_is_ascii(text))
    if not ascii_only.all():
        text = pc.replace_substring_regex(text, _DOTS, ".")
        if flags(pc.match_substring_regex(text, r"[\x{FF01}-\x{FF5E}]")).any():
            for wide, narrow in _FULL_WIDTH.items():
                text = pc.replace_substring(text, wide, narrow)
    text = pc.replace_substring_regex(pc.ascii_lower(text), r"\Amailto:", "")
    text = pc.replace_substring_regex(text, r"([^.])\.\z", r"\1")
    foreign = ~flags(pc.string_is_ascii(text)) & flags(pc.match_substring_regex(text, r"\A[\x00-\x7f]+@[^@]+\z"))
    if foreign.any():
        parts = pc.extract_regex(text.filter(pa.array(foreign)), pattern=r"\A(?P<local>[^@]+)@(?P<domain>[^@]+)\z")
        domains = pc.struct_field(parts, "domain").dictionary_encode()
        labels = pa.array([_a_labels(domain) for domain in domains.dictionary.to_pylist()], pa.string())
        made = pc.binary_join_element_wise(pc.struct_field(parts, "local"), labels.take(domains.indices), "@")
        text = pc.replace_with_mask(text, pa.array(foreign), made)
    return cast(pa.StringArray, text)


def _a_labels(domain: str) -> str:
    """Return a domain as A-labels, as it is when that cannot be."""
    import idna  # tables that few columns need

    # UTS 46 would make a k of the Kelvin sign; only letters that stay what they are have an A-label here.
    if len(domain) > MAX_DOMAIN or any(len(one.lower()) != 1 or one.lower() < "\x80" <= one for one in domain):
        return domain
    try:
        return idna.encode(domain.lower(), std3_rules=True).decode("ascii")
    except idna.IDNAError:
        return domain


def _refuse(text: pa.StringArray, reject: Reject) -> None:
    """Give every row that is no address its reason.

    Args:
        text: n values as `_read` leaves them.
        reject: gives a reason to flagged ones of the n rows.
    """

    def looks(pattern: str) -> Flags:
        return flags(pc.match_substring_regex(text, pattern))

    reject(byte_lengths(text) == 0, RejectReason.EMPTY)
    reject(marks.null_words(text), RejectReason.NULL_WORD)
    reject(looks(r"[*＊●•×█]"), RejectReason.MASKED)
    reject(looks(r"\A[^@]+@[^@]+[,;/|、，；]+[^@]+@[^@]+"), RejectReason.SEVERAL_VALUES)
    reject(~looks("@"), RejectReason.BAD_DOMAIN)
    reject(~looks(r"\A[^@]*@[^@]*\z"), RejectReason.BAD_CHARACTERS)
    reject(looks(r"\A[^@]*[^\x21-\x7e][^@]*@"), RejectReason.BAD_CHARACTERS)
    reject(~looks(rf"\A{_LOCAL}@"), RejectReason.BAD_LOCAL_PART)
    reject(~looks(rf"@{_DOMAIN}\z"), RejectReason.BAD_DOMAIN)
    reject(np.ones(len(text), np.bool_), RejectReason.BAD_LENGTH)
