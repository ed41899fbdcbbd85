"""`assent identifier normalise`: the rules without any gateway."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.main import main


def _normalise(monkeypatch: pytest.MonkeyPatch, path: Path, *more: str) -> int:
    monkeypatch.setattr(sys, "argv", ["assent", "identifier", "normalise", "--cases", str(path), *more])
    return main()


def test_cases_are_answered_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cases.json"
    path.write_text(
        '{"cases": [{"id": "a", "type": "mac", "raw": "08:00:20:0a:8c:6d"},'
        ' {"id": "b", "type": "phone_cn", "raw": "139\\ud800"}, {"id": "c", "type": "mac", "raw": null}]}',
        encoding="utf-8",
    )
    assert _normalise(monkeypatch, path, "--output", "json") == 0
    answers = json.loads(capsys.readouterr().out)
    assert [(one["id"], one["valid"], one["normalised"], one["reason"]) for one in answers] == [
        ("a", True, "0800200A8C6D", None),
        ("b", False, None, "BAD_ENCODING"),
        ("c", False, None, "EMPTY"),
    ]
    assert answers[0]["md5"] == hashlib.md5(b"0800200A8C6D", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "not readable JSON"), ("{}", "cases must be"), ('[{"id": "a", "type": "x", "raw": ""}]', "cases[0].type")],
)
def test_a_wrong_document_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content, encoding="utf-8")
    assert _normalise(monkeypatch, path) == 2
    ended = capsys.readouterr()
    assert ended.out == ""
    assert said in ended.err


def test_the_program_goes_without_pandas_and_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text('[{"id": "a", "type": "mac", "raw": "08:00:20:0a:8c:6d"}]', encoding="utf-8")
    # Arrow looks for pandas at the first array that it makes of a list: only a process of its own has not done so yet.
    program = (
        "import sys; from gateway.main.__main__ import start; code = start(); print('pandas' in sys.modules, code)"
    )
    words = ["identifier", "normalise", "--cases", str(path), "--output", "csv"]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert "0800200A8C6D" in done.stdout
    assert done.stdout.splitlines()[-1] == "False 0"
