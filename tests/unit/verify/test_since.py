"""An earlier checkpoint: what it covers is not read again, and yet nothing before it can be changed unseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assent_verify import Report, Trust, verify_export
from assent_verify.note import parse_vkey
from tests.unit.verify.made_export import PUBLIC_KEYS, Made, log_signer, make_export

KEYS = (parse_vkey(log_signer().key.vkey),)
FLIP: Callable[[bytes], bytes] = lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:]  # noqa: E731


def since(made: Made, size: int) -> Trust:
    return Trust(KEYS, PUBLIC_KEYS, made.checkpoint_at(size))


def found(report: Report, check: str, words: str) -> bool:
    return any(failure.check == check and words in failure.reason for failure in report.failures)


@pytest.mark.parametrize(("earlier", "jobs"), [(1, 1), (255, 1), (256, 1), (257, 2), (512, 1), (599, 1), (600, 1)])
def test_only_what_is_new_is_read(tmp_path: Path, earlier: int, jobs: int) -> None:
    made = make_export(tmp_path, 600)
    report = verify_export(tmp_path, since(made, earlier), jobs)
    assert report.failures == []
    unread = earlier - earlier % 256
    assert (report.since, report.unread, report.entries) == (earlier, unread, 600 - unread)
    assert [run.read for run in report.runs] == [2]
    whole = verify_export(tmp_path, since(made, earlier), whole=True)
    assert (whole.failures, whole.since, whole.unread, whole.entries) == ([], earlier, 0, 600)


def test_old_entries_are_not_opened(tmp_path: Path) -> None:
    made = make_export(tmp_path, 600)
    made.edit("tile/entries/000", FLIP)
    made.edit("opened/000.jsonl", FLIP)
    assert verify_export(tmp_path, since(made, 300)).ok, "nothing before entry 256 is read"
    assert found(verify_export(tmp_path, since(made, 300), whole=True), "files", "tile/entries/000")
    assert found(verify_export(tmp_path, since(made, 255)), "files", "tile/entries/000")


@pytest.mark.parametrize(
    ("name", "check"), [("tile/entries/001", "files"), ("tile/0/001", "files"), ("tile/1/000.p/2", "tiles")]
)
def test_what_is_new_or_at_the_edge_is_checked(tmp_path: Path, name: str, check: str) -> None:
    made = make_export(tmp_path, 600)
    made.edit(name, FLIP)
    assert found(verify_export(tmp_path, since(made, 300)), check, name)


def test_another_past_is_found_from_the_edge(tmp_path: Path) -> None:
    made = make_export(tmp_path / "one", 700)
    other = make_export(tmp_path / "other", 700, with_run=False)
    report = verify_export(other.root, since(made, 700))
    assert [failure.check for failure in report.failures] == ["since"]
    assert (report.since, report.unread, report.entries) == (None, 0, 700), "then everything is read"


def test_a_run_whose_entries_were_read_before(tmp_path: Path) -> None:
    made = make_export(tmp_path, 600)
    report = verify_export(tmp_path, since(made, 600))
    assert report.entries == 600 - 512
    made = make_export(tmp_path / "whole", 512)
    report = verify_export(made.root, since(made, 512))
    assert report.failures == []
    assert report.entries == 0
    assert [run.read for run in report.runs] == [0]
