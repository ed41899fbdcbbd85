"""`assent demo` as people run it: what it says is so, and nothing runs on afterwards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.gateway_options import CLIENT_FOLDER
from gateway.main.demo import groundwork
from gateway.main.demo.groundwork import PHONE, PLATFORM, PURPOSE, RETAILER
from gateway.main.demo.people import EventRow, People, two_companies
from gateway.main.demo.server import is_serving

ROOT = Path(__file__).parents[2]
ROWS = (1200, 1600)


def _demo(folder: Path, rows: tuple[int, int], *more: str) -> subprocess.Popen[str]:
    sizes = ("--rows-retailer", str(rows[0]), "--rows-platform", str(rows[1]))
    return subprocess.Popen(
        [sys.executable, "-m", "gateway.main", "demo", "--directory", str(folder), *sizes, *more],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "verify")])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _running_in(folder: Path) -> list[int]:
    """Processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:  # it ended meanwhile
            continue
        if str(folder).encode() in words:
            found.append(int(entry.name))
    return found


def _wait_until_none_runs(folder: Path) -> None:
    deadline = time.monotonic() + 30
    while _running_in(folder):
        assert time.monotonic() < deadline, "a server runs on"
        time.sleep(0.1)


def _agreed(events: Iterable[EventRow]) -> set[object]:
    """Who gave a valid separate consent and took nothing back: written down here once more."""
    yes, no = set(), set()
    for event in events:
        if event["type"] != "consent_given":
            no.add(event["subject"])
            continue
        item, _ = event["items"]  # type: ignore[misc]
        separate = item["form"] == "separate" and item["purpose"] == PURPOSE and PHONE in item["categories"]
        if separate and event["mode"] == "explicit" and "valid_until" not in event:
            yes.add(event["subject"])
    return yes - no


def _truth(people: People) -> int:
    ours, theirs = _agreed(people.retailer.events), _agreed(people.platform.events)
    phones = people.retailer.customers.to_pylist()
    with_phone = {row["customer_id"] for row in phones if re.sub(r"\D", "", row["phone"])[-11:].startswith("1")}
    reachable = {customer for customer in with_phone if len(re.sub(r"\D", "", phones[int(customer[1:])]["phone"])) > 10}
    # An American number of eleven digits is no Chinese mobile number.
    reachable -= {row["customer_id"] for row in phones if row["phone"].startswith("+1")}
    return sum(mine in ours and mine in reachable and other in theirs for mine, other in people.shared)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("demo")
    process = _demo(folder, ROWS)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stdout + stderr
    _wait_until_none_runs(folder)
    assert {path.name for path in folder.iterdir()} >= {"retailer", "platform", "exports"}
    return stdout


def test_the_overlap_is_the_truth(report: str) -> None:
    now = datetime.now(UTC)
    terms = (groundwork.terms(RETAILER, now), groundwork.terms(PLATFORM, now))
    people = two_companies(*terms, ROWS, ROWS[0] * 45 // 100)
    found = re.search(r"^  ([\d,]+) in common .* of ([\d,]+) people", report, re.MULTILINE)
    assert found is not None
    assert [int(text.replace(",", "")) for text in found.groups()] == [_truth(people), len(people.shared)]


def _measurable(events: Iterable[EventRow]) -> set[object]:
    """Who agreed to be counted: withdrawing enrichment, or opting out of marketing, does not end that."""
    yes, no = set(), set()
    for event in events:
        if event["type"] == "deletion_requested":
            no.add(event["subject"])
        if event["type"] == "consent_given" and event["mode"] == "explicit" and "valid_until" not in event:
            _, item = event["items"]  # type: ignore[misc]
            if item["form"] == "separate":
                yes.add(event["subject"])
    return yes - no


def test_the_statistics_are_near_the_truth(report: str) -> None:
    now = datetime.now(UTC)
    terms = (groundwork.terms(RETAILER, now), groundwork.terms(PLATFORM, now))
    people = two_companies(*terms, ROWS, ROWS[0] * 45 // 100)
    ours, theirs = _measurable(people.retailer.events), _measurable(people.platform.events)
    arms = {row["customer_id"]: row["arm"] for row in people.retailer.customers.to_pylist() if len(row["phone"]) > 10}
    truth = Counter(arms[mine] for mine, other in people.shared if mine in ours and other in theirs and mine in arms)
    told = dict(re.findall(r"^  (mail|control) +count +([\d,]+) ", report, re.MULTILINE))
    assert set(told) == {"mail", "control"}
    for arm, count in told.items():
        # t dummies either way, and a few people whose phone number cannot be used.
        assert abs(int(count) - truth[arm]) <= 14 + 2, (arm, count, truth)
    assert len(re.findall(r"^  mail +\w+ +(?:relative_)?lift +-?[\d.]+ +-?[\d.]+ to ", report, re.MULTILINE)) == 3


def test_those_who_withdrew_during_the_run_are_gone(report: str) -> None:
    assert "  0 of them are in the result" in report
    sides = re.findall(r"^  (\d+) at the (\w+):  (\d+) (replaced|dropped)", report, re.MULTILINE)
    # Every one of them left the run, before the data left or after it.
    assert [(count, where, gone) for count, where, gone, _ in sides] == [
        ("20", "retailer", "20"),
        ("20", "platform", "20"),
    ]
    matched = int(re.search(r"^  ([\d,]+) in common", report, re.MULTILINE)[1].replace(",", ""))  # type: ignore[index]
    enriched = int(re.search(r"^  ([\d,]+) customers enriched", report, re.MULTILINE)[1].replace(",", ""))  # type: ignore[index]
    assert enriched == matched - 40


def test_everybody_is_accounted_for(report: str) -> None:
    rows = re.findall(r"^  ([A-Z_]{5,}|in the run) +([\d,]+) +([\d,]+)  ", report, re.MULTILINE)
    assert {"NO_CONSENT", "CONSENT_REFUSED", "CONSENT_WITHDRAWN", "CONSENT_EXPIRED", "SEPARATE_CONSENT_MISSING"} <= {
        reason for reason, _, _ in rows
    }
    for place, size in enumerate(ROWS, 1):
        assert sum(int(row[place].replace(",", "")) for row in rows) == size


def test_the_printed_command_verifies(report: str) -> None:
    commands = re.findall(r"^    (\S*assent-verify .*)$", report, re.MULTILINE)
    if not commands:
        commands = re.findall(r"^    (\S+ -m assent_verify .*)$", report, re.MULTILINE)
    assert len(commands) == 2
    assert report.count("verified offline: yes") == 2
    path = os.pathsep.join([str(ROOT), str(ROOT / "verify")])
    for command in commands:
        ended = subprocess.run(
            ["bash", "-c", command], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "not compared" not in ended.stdout


@pytest.mark.thorough
def test_keep_leaves_two_servers_that_can_be_stopped(tmp_path: Path) -> None:
    process = _demo(tmp_path / "kept", (200, 200), "--keep")
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    found = re.search(r"stop both: kill (\d+) (\d+)", stdout)
    assert found is not None
    pids = [int(text) for text in found.groups()]
    try:
        assert sorted(_running_in(tmp_path / "kept")) == sorted(pids)
        for party in (RETAILER, PLATFORM):
            client = tmp_path / "kept" / party / CLIENT_FOLDER
            assert is_serving((client / "target").read_text().strip(), (client / "ca.pem").read_bytes(), timeout_s=10)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
    _wait_until_none_runs(tmp_path / "kept")


def test_an_ended_demo_stops_its_servers(tmp_path: Path) -> None:
    process = _demo(tmp_path / "ended", (200, 200))
    assert process.stderr is not None
    for line in process.stderr:
        if "cards" in line:
            break
    assert len(_running_in(tmp_path / "ended")) == 3
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    _wait_until_none_runs(tmp_path / "ended")


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    process = _demo(tmp_path, (200, 200))
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "is not empty" in stderr
