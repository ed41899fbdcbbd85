"""`assent consent decide`: the rule without any gateway."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.main import main

ALWAYS = {"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}
GIVEN = {
    "type": "consent_given",
    "at": "2026-02-01T10:00:00+08:00",
    "subject": "S",
    "notice": "N@1",
    "items": [{"purpose": "p", "categories": ["c"], "methods": ["psi_hash"], "recipients": ["X"], "form": "separate"}],
}
QUESTION = {"subject": "S", "purpose": "p", "category": "c", "method": "psi_hash", "recipient": "X"}
DOCUMENT: dict[str, Any] = {
    "fixtures": {
        "methods": ["psi_hash"],
        "purposes": {"p": {}},
        "categories": {"c": {"sensitive": False}},
        "parties": {"X": {"role": "handler", "country": "CN", "contract": ALWAYS}},
        "notices": {"N@1": {"contents": ["art17", "art23"]}},
        "pias": [
            {
                "id": "A",
                "approved_at": "2020-01-01T00:00:00Z",
                "purposes": ["p"],
                "recipients": ["X"],
                "methods": ["psi_hash"],
                "covers_sensitive": True,
            }
        ],
    },
    "cases": [
        {"id": "one", "events": [GIVEN], "question": QUESTION | {"at": "2026-06-01T00:00:00Z"}},
        {"id": "two", "events": [], "question": QUESTION | {"at": "2026-06-01T00:00:00Z"}},
    ],
}


def _decide(monkeypatch: pytest.MonkeyPatch, path: Path, *more: str) -> int:
    monkeypatch.setattr(sys, "argv", ["assent", "consent", "decide", "--cases", str(path), *more])
    return main()


def test_cases_are_answered_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    assert _decide(monkeypatch, path, "--output", "json") == 0
    assert json.loads(capsys.readouterr().out) == [
        {"id": "one", "allowed": True, "reason_code": "OK_CONSENT", "articles": ["PIPL-13", "PIPL-14", "PIPL-23"]},
        {"id": "two", "allowed": False, "reason_code": "NO_CONSENT", "articles": ["PIPL-13", "PIPL-14"]},
    ]
    assert _decide(monkeypatch, path) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["id", "allowed", "reason_code", "articles"]
    assert _decide(monkeypatch, path, "--record", "--output", "json") == 0
    yes, no = json.loads(capsys.readouterr().out)
    assert (yes["consent_item_no"], yes["notice"], yes["assessment_id"], no["notice"]) == (1, "N@1", "A", None)
    assert yes["decision_id"] != no["decision_id"]


def _without(name: str) -> str:
    document = copy.deepcopy(DOCUMENT)
    del document["cases"][1]["question"][name]
    return json.dumps(document)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "must be an object"),
        ("{", "not readable JSON"),
        (_without("purpose"), "cases[1].question.purpose"),
        ('{"fixtures": {}}', "cases"),
    ],
)
def test_a_wrong_document_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content, encoding="utf-8")
    assert _decide(monkeypatch, path) == 2
    ended = capsys.readouterr()
    assert ended.out == ""
    assert said in ended.err


def test_an_absent_file_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _decide(monkeypatch, tmp_path / "absent.json") == 2
