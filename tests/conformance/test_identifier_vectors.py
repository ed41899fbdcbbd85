"""The collected identifier cases, all types, in all the forms and hashes that they publish."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gateway.identifier import Content, normalise, normalise_cases, parse
from gateway.main import main

EMAIL_FORMS = {
    "plain": "trim_lower (Meta, canonical here)",
    "google": "google_data_manager_2026 (gmail/googlemail: dots and +suffix removed)",
    "google_dots": "google_older (gmail/googlemail: dots removed only)",
    "uid2": "uid2 (gmail.com only: dots and +suffix removed)",
    "tiktok_dots": "tiktok_older (any domain: +suffix and dots removed)",
}


@pytest.fixture(scope="module")
def document(vectors_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((vectors_dir / "identifiers" / "identifier_cases.json").read_text("utf-8"))
    assert len(found["cases"]) >= 140
    return found


@pytest.fixture(scope="module")
def cases(document: dict[str, Any]) -> list[dict[str, Any]]:
    covered = [case for case in document["cases"] if case["type"] == "phone_cn"]
    assert len(covered) >= 68
    return covered


def test_every_case_of_every_type(document: dict[str, Any]) -> None:
    wrong = {}
    for case, answer in zip(document["cases"], normalise_cases(document), strict=True):
        expected = {name: case.get(name) for name in ("id", "valid", "normalised", "md5", "sha256", "sm3")}
        if {name: answer[name] for name in expected} != expected or ("reason" in answer) == case["valid"]:
            wrong[case["id"]] = answer
    assert wrong == {}


def test_the_command_answers_the_same(
    vectors_dir: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(vectors_dir / "identifiers" / "identifier_cases.json")
    monkeypatch.setattr(sys, "argv", ["assent", "identifier", "normalise", "--cases", path, "--output", "json"])
    assert main() == 0
    answers = [{"reason": None} | answer for answer in normalise_cases(document)]
    assert json.loads(capsys.readouterr().out) == answers


def test_forms_and_their_digests(document: dict[str, Any]) -> None:
    """Every other form of phones from anywhere and of e-mail addresses, and the SHA-256 of the MD5 of devices."""
    columns: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for case in document["cases"]:
        if case["valid"]:
            columns.setdefault((case["type"].split("_")[0], case.get("default_region", "CN")), []).append(case)
    for (kind, region), valid in columns.items():
        raw = pa.array([case["raw"] for case in valid])
        if kind == "phone":
            held = Content("phone", None, region)
            for form, named in (("e164", "e164"), ("digits", "digits_with_country_code")):
                values, _ = normalise(parse(f"phone.{form}"), raw, held)
                assert values.to_pylist() == [case["forms"][named] for case in valid]
                for hash_ in ("md5", "sha256", "sm3"):
                    values, _ = normalise(parse(f"phone.{form}.{hash_}"), raw, held)
                    assert values.to_pylist() == [case["form_hashes"][named][hash_] for case in valid]
        elif kind == "email":
            for form, named in EMAIL_FORMS.items():
                values, _ = normalise(parse(f"email.{form}"), raw)
                assert values.to_pylist() == [case["forms"][named] for case in valid]
                values, _ = normalise(parse(f"email.{form}.sha256"), raw, Content("email"))
                assert values.to_pylist() == [case["form_sha256"][named] for case in valid]
        elif kind not in ("name", "wechat"):
            values, _ = normalise(parse(f"{kind}.md5_sha256"), raw, Content(kind))
            assert values.to_pylist() == [case["sha256_of_md5_hex"] for case in valid]
    assert len(columns) >= 11


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
