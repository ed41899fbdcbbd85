from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest

from gateway.identifier import normalise, parse, parse_content


@pytest.mark.parametrize("hash_", ["md5", "sha256", "sm3"])
def test_digests_are_taken_as_they_are(hash_: str) -> None:
    digest = hashlib.new(hash_, b"13912345678").hexdigest()
    values, reasons = normalise(parse(f"phone.cn11.{hash_}"), pa.array([digest, f" {digest}\n"]))
    assert values.to_pylist() == [digest, digest]
    assert reasons.null_count == 2


def test_what_is_no_lower_case_digest_of_the_length_is_rejected() -> None:
    sha256 = hashlib.sha256(b"13912345678").hexdigest()
    raw = [None, "  ", "13912345678", sha256.upper(), sha256[:-1], sha256 + "0", sha256[:-1] + "g", sha256[:-1] + "٣"]
    values, reasons = normalise(parse("phone.e164.sha256"), pa.array(raw))
    assert values.null_count == len(raw)
    assert reasons.to_pylist() == ["EMPTY", "EMPTY", "NOT_A_HASH", "UPPER_CASE_HASH", *["NOT_A_HASH"] * 4]


def test_an_md5_is_no_sha256() -> None:
    md5 = hashlib.md5(b"13912345678").hexdigest()
    _, reasons = normalise(parse("phone.e164.sha256"), pa.array([md5]))
    assert reasons.to_pylist() == ["NOT_A_HASH"]


def test_a_digest_is_no_phone() -> None:
    _, reasons = normalise(parse("phone.cn11"), pa.array(["6c2f1b0c2ee2d4c1a58a9d3c6f0ab7d1"]))
    assert reasons.to_pylist() == ["BAD_CHARACTERS"]


@pytest.mark.parametrize("hash_", ["md5", "sha256", "sm3", "md5_sha256"])
@pytest.mark.parametrize("spoilt", [False, True])
def test_digests_of_nothing_are_nobodys(hash_: str, spoilt: bool) -> None:
    """Whoever hashes a column hashes its empty cells: thousands of customers would share one value."""

    def digest(text: str) -> str:
        for name in hash_.split("_"):
            text = hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()
        return text

    people = [digest(f"u{number}@example.com") for number in range(3000)]
    nothing = [
        digest(word) for word in ("", "NULL", "null", "N/A", "00000000-0000-0000-0000-000000000000", "020000000000")
    ]
    rows = [*people, *nothing, *(["short"] if spoilt else [])]
    values, reasons = normalise(parse(f"email.plain.{hash_}"), pa.array(rows))
    assert values.to_pylist()[:3000] == people
    assert reasons.to_pylist()[3000:] == [*["PLACEHOLDER"] * len(nothing), *(["NOT_A_HASH"] if spoilt else [])]


@pytest.mark.parametrize("stray", ["g", "`", "/", ":", "A", " "])
def test_one_stray_character_in_a_long_column_is_found(stray: str) -> None:
    digests = [hashlib.md5(str(n).encode()).hexdigest() for n in range(5000)]
    values, reasons = normalise(parse("phone.cn11.md5"), pa.array(digests))
    assert (values.to_pylist(), reasons.null_count) == (digests, 5000)
    digests[4321] = digests[4321][:-1] + stray
    values, reasons = normalise(parse("phone.cn11.md5"), pa.array(digests))
    assert [row for row, reason in enumerate(reasons.to_pylist()) if reason] == [4321]
    assert values[4321].as_py() is None


@pytest.mark.parametrize("hash_", ["md5", "sha256", "sm3", "md5_sha256"])
def test_digests_are_made_of_canonical_values_and_of_no_rejected_one(hash_: str) -> None:
    raw = ["Jane@Example.com", None, "no address", "zhang@example.cn", ""]
    values, reasons = normalise(parse(f"email.plain.{hash_}"), pa.array(raw), parse_content("email"))

    def digest(text: str) -> str:
        for name in hash_.split("_"):
            text = hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()
        return text

    assert values.to_pylist() == [digest("jane@example.com"), None, None, digest("zhang@example.cn"), None]
    assert [reason is None for reason in reasons.to_pylist()] == [True, False, False, True, False]
    nothing, _ = normalise(parse(f"email.plain.{hash_}"), pa.array(["?", None]), parse_content("email"))
    assert nothing.to_pylist() == [None, None]
