"""The worked cases of the fact sheet, as they stand, renamed, moved in time, and both."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consent.cases import decide
from consent.reason import REASONS, ReasonCode

SHIFT = timedelta(days=400)


@pytest.fixture(scope="module")
def document(vectors_dir: Path) -> dict[str, Any]:
    return json.loads((vectors_dir.parent / "domain" / "pipl_cases.json").read_text(encoding="utf-8"))


def walk(value: Any, change: Callable[[str], str]) -> Any:
    """Apply a change to every text of a document, keys included."""
    if isinstance(value, dict):
        return {change(key): walk(entry, change) for key, entry in value.items()}
    if isinstance(value, list):
        return [walk(entry, change) for entry in value]
    return change(value) if isinstance(value, str) else value


def later(text: str) -> str:
    """Move a time or a day."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d(T.*)?", text):
        moved = datetime.fromisoformat(text) + SHIFT
        return moved.isoformat() if "T" in text else moved.date().isoformat()
    return text


def renaming(document: dict[str, Any]) -> Callable[[str], str]:
    """Give every party, purpose, category, notice, person, consent and assessment another name."""
    fixtures = document["fixtures"]
    names = {*fixtures["parties"], *fixtures["purposes"], *fixtures["categories"]}
    names |= {reference.partition("@")[0] for reference in fixtures["notices"]}
    names |= {pia["id"] for pia in fixtures["pias"]}
    for case in document["cases"]:
        for event in [*case["events"], case["question"]]:
            names |= {event[key] for key in ("subject", "consent_id") if key in event} | set(event.get("subjects", ()))
    numbers = list(range(len(names)))
    random.Random(7).shuffle(numbers)
    new = {name: f"名{number}" for name, number in zip(sorted(names), numbers, strict=True)}

    def rename(text: str) -> str:
        name, at_sign, version = text.partition("@")
        return new.get(name, name) + at_sign + version

    return rename


def mismatches(document: dict[str, Any], original: dict[str, Any]) -> list[str]:
    found = []
    for answer, case in zip(decide(document), original["cases"], strict=True):
        expected = case["expected"]
        same = answer["allowed"] is expected["allowed"] and answer["reason_code"] == expected["reason_code"]
        if not same or set(answer["articles"]) != set(expected["articles"]):
            found.append(f"{case['id']} {case['title']}: expected {expected}, answered {answer}")
    return found


def test_there_are_cases(document: dict[str, Any]) -> None:
    assert len(document["cases"]) >= 91


def test_as_they_stand(document: dict[str, Any]) -> None:
    assert mismatches(document, document) == []


def test_moved_in_time(document: dict[str, Any]) -> None:
    assert mismatches(walk(document, later), document) == []


def test_renamed(document: dict[str, Any]) -> None:
    assert mismatches(walk(document, renaming(document)), document) == []


def test_moved_and_renamed(document: dict[str, Any]) -> None:
    assert mismatches(walk(walk(document, later), renaming(document)), document) == []


def test_events_in_any_order(document: dict[str, Any]) -> None:
    """But for a replay: of two equal consent ids the one recorded first stands, whatever the order."""
    turned = json.loads(json.dumps(document))
    for case in turned["cases"]:
        case["events"].reverse()
    assert mismatches(turned, document) == []


def test_the_codes_are_ours(document: dict[str, Any]) -> None:
    for code, stated in document["reason_codes"].items():
        reason = REASONS[ReasonCode(code)]
        assert (reason.allowed, reason.may_cite) == (stated["allowed"], frozenset(stated["may_cite"]))
    assert set(document["reason_codes"]) == set(ReasonCode)


def test_a_changed_expectation_is_noticed(document: dict[str, Any]) -> None:
    wrong = json.loads(json.dumps(document))
    wrong["cases"][0]["expected"]["articles"].pop()
    wrong["cases"][1]["expected"]["reason_code"] = "CONSENT_REFUSED"
    assert len(mismatches(document, wrong)) == 2
