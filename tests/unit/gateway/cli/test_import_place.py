"""Where an import stands: written after what it vouches for, taken up by the same file only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.import_place import ImportPlace
from gateway.client import ImportProgress, RowError
from gateway.errors import RequestError


class Desk:
    """A file, a place and a file of errors."""

    def __init__(self, folder: Path) -> None:
        self.source, self.place, self.errors = (folder / name for name in ("events.csv", "place", "errors.csv"))
        self.source.write_text("event_id\ne-1\n")
        self.told = 0

    def start(self, subject_type: str = "customer") -> ImportPlace:
        return ImportPlace(self.source, subject_type, self.place, self.errors, self._tell)

    def _tell(self) -> None:
        self.told += 1


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def settled(row: int, *wrong: int) -> ImportProgress:
    return ImportProgress(row, 5, 2, tuple(RowError(number, "at", "is wrong, and so on") for number in wrong))


def test_a_killed_import_goes_on_where_it_was(desk: Desk) -> None:
    with desk.start() as first:
        first.advance(settled(10, 3, 7))
        first.advance(settled(20))
        kept = desk.place.read_text()
        # Told of, but not settled: whatever comes now is lost with the process.
        first.advance(ImportProgress(20, 0, 0, (RowError(25, "at", "told early"),)))
    assert desk.place.read_text() == kept
    with desk.start() as second:
        assert (second.begun_after, second.accepted, second.replayed, second.rejected) == (20, 10, 4, 2)
        second.advance(settled(30, 25))
        second.end()
    assert not desk.place.exists()
    assert desk.errors.read_text().splitlines() == [
        "row,field,reason",
        '3,at,"is wrong, and so on"',
        '7,at,"is wrong, and so on"',
        '25,at,"is wrong, and so on"',
    ]
    assert desk.told == 4


def test_a_new_import_begins_its_errors_anew(desk: Desk) -> None:
    desk.errors.write_text("of another import\n")
    with desk.start() as begun:
        assert begun.row == 0
    assert desk.errors.read_text() == "row,field,reason\n"


def test_a_place_of_another_file_is_refused(desk: Desk) -> None:
    with desk.start() as begun:
        begun.advance(settled(10))
    with pytest.raises(RequestError, match="delete it to begin anew"):
        desk.start(subject_type="member")
    desk.source.write_text("event_id\ne-1\ne-2\n")
    with pytest.raises(RequestError, match="delete it to begin anew"):
        desk.start()


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"of": {}}), json.dumps({"of": {}, "row": "x"})])
def test_a_file_that_is_no_place_is_refused(desk: Desk, content: str) -> None:
    desk.place.write_text(content)
    with pytest.raises(RequestError, match="holds no place"):
        desk.start()


def test_errors_that_cannot_be_written_are_said_before_a_row_is_sent(desk: Desk) -> None:
    desk.errors.mkdir()
    with pytest.raises(RequestError, match="cannot be written"):
        desk.start()


def test_without_a_place_nothing_is_left(desk: Desk) -> None:
    with ImportPlace(desk.source, "customer", None, None, desk._tell) as begun:
        begun.advance(settled(10, 4))
        begun.end()
    assert [path.name for path in desk.source.parent.iterdir()] == ["events.csv"]
