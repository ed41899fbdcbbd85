from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Misuse, RequestError
from gateway.identifier import SUPPORTED, Content, RejectReason, normalise, normalise_cases, parse, parse_content
from gateway.identifier.cases import TYPES
from tests.unit.gateway.identifier.worked import WORKED


def held(key_name: str) -> Content:
    """Raw values of a key's type, whatever the key makes of them."""
    return Content(parse(key_name).type)


def test_every_worked_case_and_its_digests() -> None:
    assert len(WORKED) >= 150
    cases = [
        {"id": str(row), "type": type_, "raw": raw, "default_region": region}
        for row, (type_, raw, region, _) in enumerate(WORKED)
    ]
    answers = normalise_cases({"cases": cases})
    assert [answer["id"] for answer in answers] == [case["id"] for case in cases]
    wrong = []
    for (type_, raw, region, expected), answer in zip(WORKED, answers, strict=True):
        got = f"!{answer['reason']}" if "reason" in answer else answer["normalised"]
        if got != expected or answer["valid"] == expected.startswith("!"):
            wrong.append((type_, str(raw)[:40], region, expected, got))
        for name in ("md5", "sha256", "sm3"):
            digest = None if expected.startswith("!") else hashlib.new(name, expected.encode()).hexdigest()
            assert answer[name] == digest
    assert wrong == []
    assert {type_ for type_, *_ in WORKED} | {"openid", "unionid"} == set(TYPES)
    # Every reason that raw values can have is met: the list is closed, and nothing on it is idle.
    met = {expected[1:] for *_, expected in WORKED if expected.startswith("!")}
    assert met | {"UPPER_CASE", "NOT_A_HASH", "UPPER_CASE_HASH"} == set(RejectReason)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "cases must be"),
        ([1], "cases[0] must be an object"),
        ([{"id": "a", "type": "phone", "raw": "1"}], "cases[0].type"),
        ([{"id": "a", "type": [], "raw": "1"}], "cases[0].type"),
        ([{"id": "a", "type": "oaid", "raw": []}], "cases[0].raw"),
        ([{"id": "a", "type": "oaid", "raw": True}], "cases[0].raw"),
        ([{"type": "oaid", "raw": "1"}], "cases[0].id"),
        ([{"id": "a", "type": "phone_hk", "raw": "1", "default_region": 1}], "cases[0].default_region"),
        ([{"id": "a", "type": "phone_hk", "raw": "1", "default_region": "ZZ"}], "region"),
    ],
)
def test_a_wrong_document_names_its_place(document: object, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        normalise_cases(document)
    assert caught.value.reason == "BAD_FIELD"
    assert said in caught.value.message


def test_a_number_of_json_is_read_as_it_is_written() -> None:
    one, other = normalise_cases(
        [{"id": "a", "type": "phone_cn", "raw": 13912345678}, {"id": "b", "type": "phone_cn", "raw": 13912345678.0}]
    )
    assert one["normalised"] == other["normalised"] == "13912345678"


# ---- what a column holds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", ["phone", "phone@HK", "email", "oaid", "phone.cn11.sha256", "oaid.md5"])
def test_what_a_column_holds_by_name(declared: str) -> None:
    assert parse_content(declared).name == declared


@pytest.mark.parametrize("declared", ["", "telephone", "phone@", "phone@hk", "phone@ZZ", "email@HK", "phone.sha256"])
def test_what_no_column_holds(declared: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_content(declared)
    assert caught.value.reason == "BAD_FIELD"


def test_raw_values_serve_every_form_of_their_type_and_digests_their_own_only() -> None:
    raw, digests = parse_content("phone"), parse_content("phone.cn11.sha256")
    assert [raw.serves(parse(name)) for name in ("phone.e164", "phone.cn11.md5", "email.plain")] == [True, True, False]
    names = ("phone.cn11.sha256", "phone.e164.sha256", "phone.cn11.md5", "phone.cn11")
    assert [digests.serves(parse(name)) for name in names] == [True, False, False, False]
    with pytest.raises(Misuse):
        normalise(parse("phone.e164.sha256"), pa.array(["x"]), digests)


@pytest.mark.parametrize("hash_", ["md5", "sha256", "sm3"])
def test_raw_values_are_hashed_in_the_agreed_form(hash_: str) -> None:
    raw = pa.array(["+86 139 1234 5678", None, "x"])
    for form, text in (("cn11", b"13912345678"), ("e164", b"+8613912345678"), ("digits", b"8613912345678")):
        values, reasons = normalise(parse(f"phone.{form}.{hash_}"), raw, Content("phone"))
        assert values.to_pylist() == [hashlib.new(hash_, text).hexdigest(), None, None]
        assert reasons.to_pylist() == [None, "EMPTY", "BAD_CHARACTERS"]


def test_the_hash_of_a_hash_is_that_of_its_small_letters() -> None:
    md5 = hashlib.md5(b"9c5a8f6e3b1d4027", usedforsecurity=False).hexdigest()
    values, _ = normalise(parse("oaid.md5_sha256"), pa.array(["9c5a8f6e3b1d4027"]), Content("oaid"))
    assert values.to_pylist() == [hashlib.sha256(md5.encode()).hexdigest()]


# ---- forms of e-mail addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "forms"),
    [
        ("A.b+c@Gmail.com", ("a.b+c@gmail.com", "ab@gmail.com", "ab+c@gmail.com", "ab@gmail.com", "a.b@gmail.com")),
        (
            "A.b+c@googlemail.com",
            (
                "a.b+c@googlemail.com",
                "ab@googlemail.com",
                "ab+c@googlemail.com",
                "a.b+c@googlemail.com",
                "a.b@googlemail.com",
            ),
        ),
        ("A.b+c@x.cn", ("a.b+c@x.cn", "a.b+c@x.cn", "a.b+c@x.cn", "a.b+c@x.cn", "a.b@x.cn")),
        ("+c@gmail.com", ("+c@gmail.com", None, "+c@gmail.com", None, None)),
    ],
)
def test_what_platforms_make_of_an_address(raw: str, forms: tuple[str | None, ...]) -> None:
    for form, expected in zip(("plain", "google", "google_dots", "uid2", "tiktok"), forms, strict=True):
        values, reasons = normalise(parse(f"email.{form}"), pa.array([raw]))
        assert (form, values[0].as_py()) == (form, expected)
        assert reasons[0].as_py() == (None if expected else "BAD_LOCAL_PART")


# ---- laws --------------------------------------------------------------------------------------------------------

RAW_KEYS = [name for name in SUPPORTED if not parse(name).hash]
NEAR = [raw for _, raw, _, _ in WORKED if raw is not None and len(raw) < 200 and raw.isprintable()]
near = st.builds(
    lambda raw, at, what: raw[: at % (len(raw) + 1)] + what + raw[at % (len(raw) + 1) :],
    st.sampled_from(NEAR),
    st.integers(0, 100),
    st.one_of(st.just(""), st.text(max_size=2), st.sampled_from([" ", "-", "+", "0", "\u200b", "@", "."])),
)
cells = st.lists(st.one_of(st.none(), near, st.text(max_size=12)), max_size=6)
regions = st.sampled_from(["CN", "HK", "MO", "TW", "GB", "US"])


@settings(max_examples=60)
@given(st.sampled_from(RAW_KEYS), cells, regions)
def test_canonical_values_are_their_own_and_rows_do_not_know_of_each_other(
    name: str, raw: list[str | None], region: str
) -> None:
    encoded = [None if one is None else one.encode("utf-8", "surrogatepass") for one in raw]
    key = parse(name)
    content = Content(key.type, None, region if key.type == "phone" else "CN")
    values, reasons = normalise(key, pa.array(encoded, pa.binary()), content)
    values.validate(full=True)
    found = list(zip(values.to_pylist(), reasons.to_pylist(), strict=True))
    assert all((value is None) != (reason is None) for value, reason in found)
    assert {reason for _, reason in found if reason} <= set(RejectReason)
    for one, expected in zip(encoded, found, strict=True):
        alone = normalise(key, pa.array([one], pa.binary()), content)
        assert (alone[0][0].as_py(), alone[1][0].as_py()) == expected
    # The form `digits` has lost its plus: only numbers of four countries are clear without one.
    if name != "phone.digits":
        again, refused = normalise(key, values.drop_null(), content)
        assert refused.null_count == len(refused)
        assert again.to_pylist() == values.drop_null().to_pylist()


@settings(max_examples=40)
@given(st.lists(st.one_of(st.none(), st.binary(max_size=24)), max_size=5), st.sampled_from(sorted(SUPPORTED)))
def test_bytes_of_any_kind_are_a_value_or_a_reason(raw: list[bytes | None], name: str) -> None:
    key = parse(name)
    for content in (None, held(name)):
        values, reasons = normalise(key, pa.array(raw, pa.binary()), content)
        assert len(values) == len(reasons) == len(raw)
        for one, value, reason in zip(raw, values.to_pylist(), reasons.to_pylist(), strict=True):
            assert (value is None) != (reason is None)
            if one is not None and reason != "BAD_ENCODING":
                one.decode()
