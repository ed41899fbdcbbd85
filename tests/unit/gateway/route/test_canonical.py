from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, StrEnum

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import HostileInput, Misuse, RequestError
from gateway.route.canonical import (
    MAX_INTEGER,
    Frame,
    canonical_bytes,
    parse_canonical,
    parse_time_text,
    quoted,
    record_hash,
    record_message,
    time_text,
)

integers = st.integers(-MAX_INTEGER, MAX_INTEGER)
scalars = st.none() | st.booleans() | integers | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)
ascii_keys = st.text(st.characters(max_codepoint=127), max_size=8)
flat = st.dictionaries(ascii_keys, st.booleans() | integers | st.text(), max_size=8)


simple = st.recursive(
    st.none() | st.booleans() | integers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ascii_keys, inner, max_size=4),
    max_leaves=20,
)


@given(simple)
def test_the_fast_encoder_writes_the_same_bytes(value: object) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(flat)
def test_the_fast_encoder_writes_what_the_library_writes(record: dict[str, object]) -> None:
    assert canonical_bytes(record) == rfc8785.dumps(record)  # type: ignore[arg-type]


@given(st.dictionaries(ascii_keys, simple, max_size=6), st.dictionaries(ascii_keys, st.text(), max_size=4))
def test_a_frame_writes_what_the_encoder_writes(record: dict[str, object], texts: dict[str, str]) -> None:
    frame = Frame(record, texts.keys())
    filled = frame.filled(*(quoted(texts[name]) for name in sorted(texts)))
    assert filled.encode() == canonical_bytes(record | texts) == rfc8785.dumps(record | texts)  # type: ignore[arg-type]


def test_a_frame_has_the_encoder_s_bounds() -> None:
    nested: object = 1
    for _ in range(32):
        nested = [nested]
    for record, problem in (({"a": 1.5}, "a floating"), ({"a": nested}, "deeper"), ({"a": "\ud800"}, "Unicode")):
        with pytest.raises(RequestError, match=problem):
            Frame(record, ["at"])
    for record, names in (({"é": 1}, ["at"]), ({"a": 1}, ["日"])):
        with pytest.raises(Misuse):
            Frame(record, names)
    with pytest.raises(UnicodeEncodeError):
        Frame({}, ["at"]).filled(quoted("\ud800")).encode()


@given(values)
def test_every_value_round_trips_and_is_json(value: object) -> None:
    encoded = canonical_bytes(value)
    assert json.loads(encoded) == value
    assert parse_canonical(encoded) == value
    assert encoded == rfc8785.dumps(value)  # type: ignore[arg-type]


def test_the_example_of_rfc_8785_without_its_numbers() -> None:
    # RFC 8785, sections 3.2.2 and 3.2.3
    record = {"string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/", "literals": [None, True, False]}
    assert canonical_bytes(record).hex() == (
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c22737472696e67223a22e282ac245c7530303066"
        "5c6e4127425c225c5c5c5c5c222f227d"
    )


def test_names_sort_by_utf16_code_units() -> None:
    # RFC 8785, section 3.2.3: U+1F600 is written with surrogates and sorts before U+FB33.
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(canonical_bytes(dict.fromkeys(names, 0)))) == ordered


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": 1.5}, "a"),
        ({"a": {"b": [0, 2**53]}}, "a.b[1]"),
        ({"a": -(2**53)}, "a"),
        (float("nan"), "(the record)"),
        ({"\n13800138000": 1.0}, "(unprintable)"),
    ],
)
def test_numbers_with_more_than_one_meaning_are_refused_by_path(value: object, path: str) -> None:
    with pytest.raises(RequestError, match="field") as caught:
        canonical_bytes(value)
    assert caught.value.reason == "BAD_FIELD"
    assert f"field {path} " in caught.value.message


@pytest.mark.parametrize("value", [{"a": "\ud800"}, {"\udfff": 1}, ["\ud800"]])
def test_text_that_is_not_unicode_is_refused(value: object) -> None:
    with pytest.raises(RequestError, match="Unicode"):
        canonical_bytes(value)


def test_depth_is_bounded() -> None:
    value: object = 1
    for _ in range(32):
        value = [value]
    assert parse_canonical(canonical_bytes(value)) == value
    with pytest.raises(RequestError, match="deeper"):
        canonical_bytes([value])
    with pytest.raises(HostileInput):
        parse_canonical(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize("value", [{"a": b"bytes"}, {1: "a"}, {"a": {1, 2}}, datetime.now(UTC)])
def test_types_that_json_does_not_know_are_a_bug(value: object) -> None:
    with pytest.raises(Misuse):
        canonical_bytes(value)


def test_enumerations_and_tuples_are_their_values() -> None:
    class Colour(StrEnum):
        RED = "red"

    class Number(IntEnum):
        ONE = 1

    assert canonical_bytes({"c": Colour.RED, "n": Number.ONE, "t": (1, 2)}) == b'{"c":"red","n":1,"t":[1,2]}'


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b'{"a":1} ',
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":NaN}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":9007199254740992}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
    ],
)
def test_only_the_canonical_form_is_read(encoded: bytes) -> None:
    with pytest.raises(HostileInput) as caught:
        parse_canonical(encoded)
    assert caught.value.reason == "BAD_SHAPE"


@given(st.binary(max_size=64) | st.text(max_size=64).map(lambda text: text.encode("utf-8", "replace")))
def test_reading_anything_fails_only_as_hostile(encoded: bytes) -> None:
    try:
        value = parse_canonical(encoded)
    except HostileInput:
        return
    assert canonical_bytes(value) == encoded


def test_hashes_name_their_kind() -> None:
    record = {"b": 1, "a": "x"}
    expected = hashlib.sha256(b'assent run v1\n{"a":"x","b":1}').digest()
    assert record_hash("run", record) == expected
    assert record_hash("opening", record) != expected
    assert record_message("opening-half", b"{}") == b"assent opening-half v1\n{}"
    for kind in ("", "Run", "run v1\n", "-run", "x" * 40):
        with pytest.raises(Misuse):
            record_message(kind, b"{}")


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_round_trip(at: datetime) -> None:
    text = time_text(at)
    assert len(text) == 27
    assert parse_time_text(text) == at


def test_times_are_utc() -> None:
    at = datetime(2026, 11, 21, 16, 0, tzinfo=timezone(timedelta(hours=8)))
    assert time_text(at) == "2026-11-21T08:00:00.000000Z"
    with pytest.raises(Misuse):
        time_text(datetime(2026, 11, 21))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T08:00:00Z",
        "2026-11-21T08:00:00.000000+00:00",
        "2026-02-30T08:00:00.000000Z",
        "0000-01-01T00:00:00.000000Z",
        "2026-11-21 08:00:00.000000Z",
        "2026-11-21T24:00:00.000000Z",
        "٢٠٢٦-11-21T08:00:00.000000Z",
    ],
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(HostileInput):
        parse_time_text(text)
