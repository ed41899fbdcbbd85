"""The collected identifier cases, of the type that is supported now: phone_cn. The other types are not run yet."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gateway.identifier import normalise, parse

SUPPORTED_TYPES = {"phone_cn"}


@pytest.fixture(scope="module")
def cases(vectors_dir: Path) -> list[dict[str, Any]]:
    whole = json.loads((vectors_dir / "identifiers" / "identifier_cases.json").read_text(encoding="utf-8"))["cases"]
    covered = [case for case in whole if case["type"] in SUPPORTED_TYPES]
    others = sorted({case["type"] for case in whole} - SUPPORTED_TYPES)
    print(f"identifier cases: {len(covered)} of {len(whole)} run (phone_cn); not run: {', '.join(others)}")
    assert len(covered) >= 68
    return covered


def test_eleven_digits_as_published(cases: list[dict[str, Any]]) -> None:
    values, reasons = normalise(parse("phone.cn11"), pa.array([case["raw"] for case in cases]))
    wrong = {
        case["id"]: (value, reason)
        for case, value, reason in zip(cases, values.to_pylist(), reasons.to_pylist(), strict=True)
        if value != case["normalised"] or (reason is None) != case["valid"]
    }
    assert wrong == {}


def test_international_form_as_published(cases: list[dict[str, Any]]) -> None:
    values, _ = normalise(parse("phone.e164"), pa.array([case["raw"] for case in cases]))
    expected = [case["forms"]["e164"] if case["valid"] else None for case in cases]
    assert values.to_pylist() == expected


@pytest.mark.parametrize("hash_", ["md5", "sha256", "sm3"])
def test_published_digests_are_those_of_our_forms_and_pass_as_match_keys(
    cases: list[dict[str, Any]], hash_: str
) -> None:
    valid = [case for case in cases if case["valid"]]
    raw = pa.array([case["raw"] for case in valid])
    for form, published in (
        ("cn11", [case[hash_] for case in valid]),
        ("e164", [case["form_hashes"]["e164"][hash_] for case in valid]),
    ):
        values, _ = normalise(parse(f"phone.{form}"), raw)
        assert [hashlib.new(hash_, value.encode()).hexdigest() for value in values.to_pylist()] == published
        taken, reasons = normalise(parse(f"phone.{form}.{hash_}"), pa.array(published))
        assert taken.to_pylist() == published
        assert reasons.null_count == len(published)


def test_a_changed_case_is_noticed(cases: list[dict[str, Any]]) -> None:
    case = next(case for case in cases if case["valid"])
    changed = case["raw"][:-1] + str((int(case["raw"][-1]) + 1) % 10)
    values, _ = normalise(parse("phone.cn11"), pa.array([changed]))
    assert values[0].as_py() != case["normalised"]
