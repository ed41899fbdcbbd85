"""The tests' own machinery: a need that is absent is reported, a required one ends the run, unit tests stay offline."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import network
from tests.arch.source_tree import ROOT

SAMPLE = """
import pytest

def test_plain():
    pass

def test_reads(vectors_dir):
    raise AssertionError

@pytest.mark.vectors
def test_marked():
    raise AssertionError
"""


def _run(directory: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (directory / "test_sample.py").write_text(SAMPLE)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ASSENT_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", str(ROOT / "pyproject.toml")]
    command += ["--rootdir", str(directory), *options, str(directory / "test_sample.py")]
    env = clean | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_absent_need_is_counted_and_printed(tmp_path: Path, options: tuple[str, ...]) -> None:
    ran = _run(tmp_path, *options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("NOT RUN: vectors (2 tests)") == 1
    assert "1 passed" in ran.stdout


@pytest.mark.parametrize("required", ["vectors", "verctors"])
def test_required_need_that_is_absent_or_unknown_ends_the_run(tmp_path: Path, required: str) -> None:
    ran = _run(tmp_path, ASSENT_REQUIRE=required)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert required in ran.stderr
    assert "passed" not in ran.stdout


def test_need_that_is_there_runs_the_tests(tmp_path: Path) -> None:
    ran = _run(tmp_path, ASSENT_VECTORS=str(tmp_path), ASSENT_REQUIRE="vectors")
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED
    assert "2 failed, 1 passed" in ran.stdout
    assert "NOT RUN" not in ran.stdout


def test_unit_tests_reach_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, network.limited_to(network.Reach.NOTHING):
        with pytest.raises(PermissionError, match="no network in unit tests"):
            socket.create_connection(server.getsockname(), timeout=1)
        left, right = socket.socketpair()
        left.close()
        right.close()


def test_other_tests_reach_loopback_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()
    # TEST-NET-1 (RFC 5737): were the switch broken, nobody would answer.
    with pytest.raises(PermissionError, match="loopback only"):
        socket.create_connection(("192.0.2.1", 9), timeout=1)
    with pytest.raises(PermissionError, match="loopback only"):
        socket.getaddrinfo("example.invalid", 443)
