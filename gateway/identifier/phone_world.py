"""Mobile numbers of every country in the international form, E.164.

China, Hong Kong, Macao and Taiwan are read by their own numbering plans, column
by column; every other country by the tables of libphonenumber, number by number,
each once. Nothing reaches that library but a plus or none and ASCII digits: left
to itself it turns letters into digits and drops names. A number without a country
code is of the region that the column is declared to be of, and of no other; but
eight digits behind 852 or 853 and nine behind 886 are clear without a plus.

Source: ITU-T E.164; OFCA numbering plan (Hong Kong); CTT (Macao); NCC (Taiwan); libphonenumber.
"""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import RequestError
from gateway.identifier import phone
from gateway.identifier.columns import flags
from gateway.identifier.phone import looks
from gateway.identifier.reason import RejectReason, Verdicts

HOME = "CN"
"""The region of a column that declares none."""

_PLANS = {"HK": ("852", "[4-9][0-9]{7}"), "MO": ("853", "6[0-9]{7}"), "TW": ("886", "9[0-9]{8}")}
# Their commonest ways of writing: a strict subset of the grammars below, in one pass each.
_COMMON = tuple(
    (rf"\A{{dialled}}{code}[ -]?({first})[ -]?({second})[ -]?({third})\z", rf"+{code}\1\2\3")
    for code, first, second, third in (
        ("852", "[4-9][0-9]{3}", "[0-9]{2}", "[0-9]{2}"),
        ("853", "6[0-9]{3}", "[0-9]{2}", "[0-9]{2}"),
        ("886", "9[0-9]{2}", "[0-9]{3}", "[0-9]{3}"),
    )
)
_KNOWN = "86|852|853|886"


def international(values: pa.StringArray, verdicts: Verdicts, region: str = HOME) -> pa.StringArray:
    """Return mobile numbers in the form `+<country code><number>` (`e164`).

    Args:
        values: n values as written.
        verdicts: gets the reason of every rejected row.
        region: whose number one without a country code is, ISO 3166-1 alpha-2.

    Returns:
        n numbers, null where rejected.

    Raises:
        RequestError: BAD_FIELD for a region that no telephone numbers are known of.
    """
    check_region(region)
    if region == HOME:
        chinese, read = phone.machine_written(values)
        numbers = phone.e164(chinese)
        if read.all():
            return numbers
    else:
        numbers, read = pa.nulls(len(values), pa.string()), np.zeros(len(values), np.bool_)
    odd = np.flatnonzero(~read)
    found = _shortly(values.take(pa.array(odd)), region)
    rare = ~looks(found, r"\A\+(?:861[3-9][0-9]{9}|852[4-9][0-9]{7}|8536[0-9]{7}|8869[0-9]{8})\z")
    if rare.any():
        judged = _judge(found.filter(pa.array(rare)), odd[rare], verdicts, region)
        found = pc.replace_with_mask(found, pa.array(rare), judged)
    return phone.with_rows(numbers, ~read, found)


def digits(numbers: pa.StringArray) -> pa.StringArray:
    """Return numbers in the form country code and number without a plus (`digits`).

    Args:
        numbers: n numbers as `international` returns them.
    """
    return cast(pa.StringArray, pc.utf8_slice_codeunits(numbers, 1))


@cache
def check_region(region: str) -> None:
    """Check that a region has telephone numbers.

    Args:
        region: ISO 3166-1 alpha-2, capitals.

    Raises:
        RequestError: BAD_FIELD.
    """
    if _greater_china(region):
        return
    import phonenumbers  # a megabyte of tables, needed by few columns

    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise RequestError("BAD_FIELD", "the region of a phone column must be two capitals of ISO 3166-1, such as HK")


def _shortly(written: pa.StringArray, region: str) -> pa.StringArray:
    """Bring the commonest ways of writing into E.164, leaving everything else as it is."""
    text = written
    if region == HOME:
        text = pc.replace_substring_regex(phone.common(written), r"\A(1[3-9][0-9]{9})\z", r"+86\1")
    for pattern, number in _COMMON:
        text = pc.replace_substring_regex(text, pattern.replace("{dialled}", _dialled(region)), number)
    return cast(pa.StringArray, text)


def _judge(
    written: pa.StringArray, positions: npt.NDArray[np.int64], verdicts: Verdicts, region: str
) -> pa.StringArray:
    """Read the rare forms of a column, by the full grammar, and give every other row its reason."""
    text = phone.compact(written)
    numbers = pa.nulls(len(text), pa.string())
    for grammar, code in _grammars(region):
        found = pc.struct_field(pc.extract_regex(text, pattern=grammar), "number")
        numbers = pc.coalesce(numbers, pc.binary_join_element_wise(pa.scalar(f"+{code}"), found, ""))
    left = flags(pc.is_null(numbers))
    reject = verdicts.of_rows(positions, left)
    phone.refuse_text(written, text, reject)
    abroad_sign = r"\A(?:\+|00)" if _greater_china(region) else r"\A\+"
    signed = looks(text, abroad_sign)
    coded = looks(text, abroad_sign + f"(?:{_KNOWN})[0-9]+\\z")
    abroad = left & signed & ~coded & looks(text, abroad_sign + r"[1-9][0-9]{6,14}\z")
    national = left & ~signed & looks(text, r"\A[0-9]{5,17}\z")
    if _greater_china(region):
        national[:] = False
    if abroad.any() or national.any():
        numbers, mobile, valid = _by_tables(text, numbers, abroad | national, region)
        reject((abroad | national) & valid & ~mobile, RejectReason.NOT_MOBILE)
        reject(abroad & ~valid, RejectReason.FOREIGN_NUMBER)
        reject(national & ~valid, RejectReason.BAD_LENGTH)
        reject = verdicts.of_rows(positions, flags(pc.is_null(numbers)))
    reject(signed & ~coded, RejectReason.FOREIGN_NUMBER)
    reject(
        looks(text, r"\A(?:\+|00)?85[23][0-9]{8}\z") | looks(text, r"\A(?:\+|00)?8860?[0-9]{8,9}\z"),
        RejectReason.NOT_MOBILE,
    )
    if region in _PLANS:
        reject(looks(text, {"TW": r"\A0?[0-9]{9}\z"}.get(region, r"\A[0-9]{8}\z")), RejectReason.NOT_MOBILE)
    phone.refuse_national(text, reject)
    return cast(pa.StringArray, numbers)


def _greater_china(region: str) -> bool:
    """Return whether numbers of a region are read by the plans of this module."""
    return region == HOME or region in _PLANS


def _dialled(region: str) -> str:
    """Return what may stand before a country code: elsewhere a code without a plus may be a number of the region."""
    return r"(?:\+|00)?" if _greater_china(region) else r"\+"


@cache
def _grammars(region: str) -> tuple[tuple[str, str], ...]:
    """Return how numbers of the four plans are written in a column of a region, each with its country code."""
    dialled = _dialled(region)
    china = phone.NUMBER if region == HOME else rf"\A{dialled}860?(?P<number>1[3-9][0-9]{{9}})\z"
    grammars = [(china, "86")]
    for name, (code, number) in _PLANS.items():
        before = f"(?:{dialled}{code})?" if name == region else dialled + code
        trunk = "0?" if name == "TW" else ""
        grammars.append((rf"\A{before}{trunk}(?P<number>{number})\z", code))
    return tuple(grammars)


def _by_tables(
    text: pa.StringArray, numbers: pa.StringArray, rows: npt.NDArray[np.bool_], region: str
) -> tuple[pa.StringArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Look numbers up in libphonenumber's tables, each distinct one once.

    Returns:
        The n numbers with those found filled in; which are mobile; which are numbers at all.
    """
    places = np.flatnonzero(rows)
    encoded = text.filter(pa.array(rows)).dictionary_encode()
    answers = [_number(written, region) for written in encoded.dictionary.to_pylist()]
    which = encoded.indices.to_numpy(zero_copy_only=False)
    mobile, valid = np.zeros(len(text), np.bool_), np.zeros(len(text), np.bool_)
    mobile[places] = np.array([one is not None for one, _ in answers], np.bool_)[which]
    valid[places] = np.array([real for _, real in answers], np.bool_)[which]
    found = pa.array([one for one, _ in answers], pa.string()).take(encoded.indices)
    return phone.with_rows(numbers, rows, found), mobile, valid


def _number(written: str, region: str) -> tuple[str | None, bool]:
    """Return one mobile number in E.164, None for another kind; and whether it is a number of its country."""
    import phonenumbers

    text = "+" + written[2:] if written.startswith("00") and _greater_china(region) else written
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None, False
    if not phonenumbers.is_valid_number(number):
        return None, False
    kinds = phonenumbers.PhoneNumberType
    if phonenumbers.number_type(number) not in (kinds.MOBILE, kinds.FIXED_LINE_OR_MOBILE):
        return None, True
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), True
