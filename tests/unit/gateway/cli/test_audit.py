from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.audit import write_export
from gateway.errors import AssentError, HostileInput, RequestError, StateError


def test_an_export_is_written_piece_by_piece(tmp_path: Path) -> None:
    pieces = [("checkpoint", b"note\n"), ("tile/0/000", b"ab"), ("tile/0/000", b"cd"), ("manifest.json", b"{}")]
    assert write_export(pieces, tmp_path / "out" / "export") == 3
    root = tmp_path / "out" / "export"
    assert (root / "tile" / "0" / "000").read_bytes() == b"abcd"
    assert (root / "checkpoint").read_bytes() == b"note\n"
    assert [path.name for path in root.parent.iterdir()] == ["export"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "a/../../outside", ""])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(HostileInput) as caught:
        write_export([("checkpoint", b"x"), (path, b"y")], tmp_path / "export")
    assert caught.value.reason == "BAD_SHAPE"
    assert list(tmp_path.iterdir()) == []


def test_a_broken_export_leaves_nothing(tmp_path: Path) -> None:
    def cut() -> Iterator[tuple[str, bytes]]:
        yield "checkpoint", b"x"
        raise StateError("PEER_UNAVAILABLE", "the gateway went away")

    with pytest.raises(StateError, match="went away"):
        write_export(cut(), tmp_path / "export")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssentError):
        write_export([("a", b"1"), ("b", b"2"), ("a", b"3")], tmp_path / "export")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_directory_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        write_export([("a", b"1")], tmp_path)
    assert caught.value.reason == "BAD_FIELD"
