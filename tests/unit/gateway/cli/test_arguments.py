from __future__ import annotations

from importlib import metadata

import pytest

from gateway.cli import app
from gateway.cli.arguments import in_order


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("job list", "job list"),
        ("job list --output json", "--output json job list"),
        ("job list --output=json", "--output=json job list"),
        ("--home H job run MATCH --target t:1 --agreement a", "--home H --target t:1 job run MATCH --agreement a"),
        ("keys init --party p --home H", "--home H keys init --party p"),
        ("consent show -- --output", "consent show -- --output"),
        ("job list --output", "--output job list"),
    ],
)
def test_global_options_come_first_wherever_they_stood(words: str, expected: str) -> None:
    assert in_order(words.split()) == expected.split()


def test_the_value_of_a_global_option_stays_with_it() -> None:
    assert in_order(["consent", "show", "x", "--home", "--output"]) == ["--home", "--output", "consent", "show", "x"]


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"assent {metadata.version('assent-gateway')}\n"
