from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identifier import normalise, parse

NUMBER = "13912345678"


def one(raw: str | None, key: str = "phone.cn11") -> tuple[str | None, str | None]:
    values, reasons = normalise(parse(key), pa.array([raw], pa.string()))
    return values[0].as_py(), reasons[0].as_py()


@pytest.mark.parametrize(
    "raw",
    [
        NUMBER,
        "+8613912345678",
        "+86 139 1234 5678",
        "+86-139-1234-5678",
        "86 139-1234-5678",
        "0086 139 1234 5678",
        "00 86 139 1234 5678",
        "(+86) 139 1234 5678",
        "+86 (0) 139 1234 5678",
        "(139) 1234-5678",
        "139.1234.5678",
        "139/1234/5678",
        "013912345678",
        "17951 139 1234 5678",
        "\t139 1234 5678\r\n",
        "'13912345678",
        '"13912345678"',
        '="13912345678"',
        "TEL:+86-139-1234-5678",
        "13912345678.0",
        "8613912345678.0",
        "+86 １３９ 1234 5678",
        "\u202d139 1234 5678\u202c",
        "\ufeff13912345678",
    ],
)
def test_every_way_of_writing_one_number_gives_that_number(raw: str) -> None:
    assert one(raw) == (NUMBER, None)
    assert one(raw, "phone.e164") == ("+86" + NUMBER, None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, "EMPTY"),
        ("", "EMPTY"),
        (" \t\u3000\u200b", "EMPTY"),
        ("NULL", "NULL_WORD"),
        ("1391234XXXX", "MASKED"),
        ("139****5678", "MASKED"),
        ("139＊＊＊＊5678", "MASKED"),
        ("l3912345678", "BAD_CHARACTERS"),
        ("张三13912345678", "BAD_CHARACTERS"),
        ("1.3912345E+10", "QUANTITY"),
        ("1.3912345678e10", "QUANTITY"),
        ("13,912,345,678", "QUANTITY"),
        ("13,912,345,678.00", "QUANTITY"),
        ("13912345678,13912345679", "SEVERAL_VALUES"),
        ("13912345678/13912345679", "SEVERAL_VALUES"),
        ("13912345678 13812345678", "SEVERAL_VALUES"),
        ("13912345678\n13812345678", "SEVERAL_VALUES"),
        ("13912345678-13812345678", "SEVERAL_VALUES"),
        ("13912345678(13812345678)", "SEVERAL_VALUES"),
        ("139-1234-5678/138-1234-5678", "SEVERAL_VALUES"),
        ("139 1234 5678 138 1234 5678", "SEVERAL_VALUES"),
        ("+86 13912345678 +86 13812345678", "SEVERAL_VALUES"),
        ("010-65529988 13912345678", "SEVERAL_VALUES"),
        ("1391234567813812345678", "SEVERAL_VALUES"),
        ("13912345678 12345", "BAD_LENGTH"),
        ("+86/13912345678", "BAD_CHARACTERS"),  # slashes part numbers unless the digits are eleven
        ("139(1234)5678)", "BAD_CHARACTERS"),
        ("-13912345678", "BAD_CHARACTERS"),
        ("13912345678-", "BAD_CHARACTERS"),
        ("'13912345678'", "BAD_CHARACTERS"),
        ('=="13912345678"', "BAD_CHARACTERS"),
        ("13912345678;ext=1", "BAD_CHARACTERS"),
        ("1391234567+8", "BAD_CHARACTERS"),
        ("++8613912345678", "BAD_CHARACTERS"),
        ("+13912345678", "FOREIGN_NUMBER"),
        ("0013912345678", "FOREIGN_NUMBER"),
        ("+85221234567", "FOREIGN_NUMBER/NOT_MOBILE"),
        ("+008613912345678", "FOREIGN_NUMBER"),
        ("1391234567", "BAD_LENGTH"),
        ("1391234567.0", "BAD_LENGTH"),  # a float that lost a digit does not get it back from its fraction
        ("13912345678.00", "BAD_LENGTH"),
        ("1391234567.8", "QUANTITY"),  # its point parts no groups
        ("13912345678.5", "QUANTITY"),
        ("139123456.00", "BAD_LENGTH"),
        ("139123456789", "BAD_LENGTH"),
        ("+86 86 13912345678", "BAD_LENGTH"),
        ("1064812345678", "BAD_LENGTH"),
        ("11912345678", "NOT_MOBILE"),
        ("12912345678", "NOT_MOBILE"),
        ("23912345678", "NOT_MOBILE"),
        ("+86 010 6552 9988", "NOT_MOBILE"),
        # Digits to str.isdigit and to NFKC, never to a telephone: Arabic-Indic, superscript, circled, mathematical.
        ("١٣٩١٢٣٤٥٦٧٨", "BAD_CHARACTERS"),
        ("1391234567⁸", "BAD_CHARACTERS"),
        ("1391234567⑧", "BAD_CHARACTERS"),
        ("𝟏𝟑𝟗12345678", "BAD_CHARACTERS"),
        ("139123４5678９", "BAD_LENGTH"),
    ],
)
def test_everything_else_is_rejected_for_its_reason(raw: str | None, reason: str) -> None:
    at_home, _, abroad = reason.partition("/")
    assert one(raw) == (None, at_home)
    assert one(raw, "phone.e164") == (None, abroad or at_home)


@pytest.mark.parametrize("raw", ["+85291234567", "+853 6612 3456", "+886 912 345 678", "+81 90-1234-5678"])
def test_a_number_from_abroad_has_no_eleven_digits(raw: str) -> None:
    assert one(raw) == (None, "FOREIGN_NUMBER")
    assert one(raw, "phone.e164") == ("+" + re.sub("[^0-9]", "", raw), None)


def test_rows_keep_their_places_among_accepted_rare_and_rejected_ones() -> None:
    raw = ["13800000001", "x", "(+86)13800000002", None, "+8613800000003", "'13800000004", "13800000005"]
    values, reasons = normalise(parse("phone.cn11"), pa.array(raw))
    assert values.to_pylist() == ["13800000001", None, "13800000002", None, *(f"1380000000{n}" for n in (3, 4, 5))]
    assert reasons.to_pylist() == [None, "BAD_CHARACTERS", None, "EMPTY", None, None, None]


def test_a_slice_of_a_larger_column_is_read_from_its_own_offset() -> None:
    column = pa.array(["x", "+86 138 0000 0001", "13800000002", "y"]).slice(1, 2)
    values, reasons = normalise(parse("phone.e164"), column)
    assert values.to_pylist() == ["+8613800000001", "+8613800000002"]
    assert reasons.null_count == 2


def test_no_rows() -> None:
    values, reasons = normalise(parse("phone.e164"), pa.array([], pa.string()))
    assert len(values) == len(reasons) == 0
    assert values.type == pa.string()


@pytest.mark.parametrize("prefix", ["", "86", "+86", "0086"])
@pytest.mark.parametrize(
    "stray", [None, "", "12900000000", "+8513800000000", "138000000x0", "86138000000:0", "138 0000 0000"]
)
def test_a_column_of_one_form_with_one_stray(prefix: str, stray: str | None) -> None:
    numbers = [str(13_800_000_000 + n) for n in range(50)]
    column = pa.array(["", *(prefix + number for number in numbers)], pa.string()).slice(1)
    for key, code in (("phone.cn11", ""), ("phone.e164", "+86")):
        values, reasons = normalise(parse(key), column)
        assert values.to_pylist() == [code + number for number in numbers]
        assert reasons.null_count == 50
        mixed = pa.array([*column.to_pylist()[:20], stray, *column.to_pylist()[20:]], pa.string())
        values, reasons = normalise(parse(key), mixed)
        values.validate(full=True)
        alone, reason = one(stray, key)
        assert values.to_pylist() == [code + number for number in numbers[:20]] + [alone] + [
            code + number for number in numbers[20:]
        ]
        assert reasons.to_pylist() == [None] * 20 + [reason] + [None] * 30


# ---- against a slow, plainly written model ---------------------------------------------------------------------


def model(raw: str) -> str | None:
    """The grammar once more, character by character."""
    wide = {chr(0xFF10 + n): str(n) for n in range(10)} | dict(zip("＋（）．／", "+()./", strict=True))
    text = "".join(wide.get(c, c) for c in raw if c not in "\u00ad\u200b\u200e\u200f\u202d\u202c\ufeff")
    text = "".join("-" if c in "‐‑‒–—―−－" else " " if c in "\u00a0\u2009\u3000\t\r\n" else c for c in text).strip(" ")
    for opening, closing in (("'", ""), ('"', '"'), ('="', '"')):
        body = text[len(opening) : len(text) - len(closing)]
        marked = text.startswith(opening) and text.endswith(closing) and len(text) >= len(opening + closing)
        if marked and not set(body) & set("'\""):
            text = body
            break
    if text[:4].lower() == "tel:":
        text = text[4:]
    if re.fullmatch(r"\+?[0-9]+\.0", text):
        text = text[:-2]
    if re.fullmatch(r"\+?[0-9]{8,}\.[0-9]+", text):
        return None
    depth = 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if depth not in (0, 1):
            return None
    if depth or len(text) < 2 or text[0] not in "+(0123456789" or text[-1] not in "0123456789)":
        return None
    digits = text.translate(dict.fromkeys(map(ord, " -.()/")))
    if "/" in text and not re.fullmatch("1[3-9][0-9]{9}", digits):
        return None
    match = re.fullmatch(
        r"(?:(?:\+86|0086|86)?0?|12593|17950|17951|10193|17910|17911|17908|17909)(1[3-9][0-9]{9})", digits, re.ASCII
    )
    return match[1] if match else None


pieces = st.sampled_from(
    [*"0123456789", *"+-().,/ '\"=xE", *"０１８＋（）．－／", *"—٣²转\u00a0\u3000\u200b\u202d\t\n"]  # noqa: RUF005
    + ["86", "0086", "+86", "138", "0013", "8000", "13800138000", "tel:", '="', ".0", "12593", "17951"]
)
near_misses = st.lists(pieces, max_size=12).map("".join)
well_formed = st.builds(
    lambda prefix, a, b, c, s1, s2, s3: f"{prefix}{s1}{a}{s2}{b}{s3}{c}",
    st.sampled_from(["", "+86", "86", "0086", "(+86)", "0", "17951", "'", "-", "+86 86"]),
    st.integers(100, 199).map(str),
    st.integers(0, 9999).map("{:04}".format),
    st.integers(0, 9999).map("{:04}".format),
    *[st.sampled_from(["", " ", "-", "—", "."])] * 3,
)


@given(st.lists(st.one_of(near_misses, well_formed, st.text(max_size=8)), max_size=20))
def test_the_columns_agree_with_the_model_row_by_row(raw: list[str]) -> None:
    values, reasons = normalise(parse("phone.cn11"), pa.array(raw, pa.string()))
    assert values.to_pylist() == [model(text) for text in raw]
    assert [reason is None for reason in reasons.to_pylist()] == [value is not None for value in values.to_pylist()]
