from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
import typer

from gateway.cli import ending
from gateway.cli.ending import run_command
from gateway.client import Cancelled, Refused
from gateway.errors import AccessError, AssentError, HostileInput, Misuse, RequestError, SourceError, StateError


def _raising(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("PURPOSE_NOT_AGREED", "no"), 1),
        (Cancelled("a job"), 1),
        (StateError("NOT_FOUND", "no such job"), 1),
        (SourceError("EMPTY", "no rows"), 1),
        (HostileInput("BAD_SHAPE", "odd bytes"), 1),
        (Misuse("a bug"), 1),
        (RequestError("BAD_FIELD", "wrong"), 2),
        (StateError("PEER_UNAVAILABLE", "silent"), 3),
        (StateError("STORE_UNAVAILABLE", "gone"), 3),
        (AccessError("UNAUTHENTICATED", "who?"), 4),
        (AccessError("ROLE_MISSING", "not you"), 4),
    ],
)
def test_every_ending_has_its_code_and_one_sentence(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(_raising(error)) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("assent: ")
    assert said.err.count("\n") == 1
    if isinstance(error, AssentError):
        assert error.reason in said.err
        assert error.message in said.err


@pytest.mark.parametrize(
    ("code", "expected"), [(None, 0), (0, 0), (1, 1), (2, 2), ("words", 1)], ids=["none", "0", "1", "2", "text"]
)
def test_what_the_command_line_itself_ends_with(code: object, expected: int) -> None:
    assert run_command(_raising(SystemExit(code))) == expected


def test_an_interrupt_says_that_the_job_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command()
    def wait() -> None:
        raise KeyboardInterrupt

    assert run_command(lambda: app([])) == ending.INTERRUPTED
    assert "goes on" in capsys.readouterr().err


def test_wrong_usage_and_exit_codes_of_a_real_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command()
    def end(code: int) -> None:
        sys.stdout.write("done\n")
        raise typer.Exit(code)

    assert run_command(lambda: app(["7"])) == 7
    assert run_command(lambda: app(["0"])) == 0
    assert run_command(lambda: app([])) == 2
    assert run_command(lambda: app(["--nonsense"])) == 2
    assert capsys.readouterr().out == "done\ndone\n"
