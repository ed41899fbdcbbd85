"""The bitmap on disk: read along the table, refused where no honest receiver wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from gateway.errors import HostileInput
from gateway.flow.lease import Lease
from gateway.flow.marks import Marks, numbered, write_marks
from gateway.flow.sent import Sent
from gateway.psi.fields import Fields
from gateway.route.session import Stage
from tests.unit.gateway.spool.folders import JOB, SESSION, spool

ROWS, TAG = 21, 8
FIELDS = Fields(ref=26, token=TAG)


def tokens_of(*rows: int) -> npt.NDArray[np.uint8]:
    return np.array([[0] * (TAG - 1) + [row] for row in rows], dtype=np.uint8).reshape(-1, TAG)


@pytest.fixture
def files(tmp_path: Path) -> Any:
    return spool(tmp_path)


@pytest.fixture
def sent(files: Any) -> Sent:
    """A table of 21 rows, row 4 of which stands for nobody."""
    job = SimpleNamespace(job_id=JOB, session_id=SESSION)
    lease = cast(Lease, SimpleNamespace(house=SimpleNamespace(spool=files), job=job))
    made = Sent.begin(lease, TAG, 0)
    places = np.where(np.arange(ROWS) == 4, -1, np.arange(ROWS))
    records = FIELDS.join(ROWS, ref=np.arange(65, 65 + ROWS, dtype=np.uint8)[:, None].repeat(26, axis=1))
    made.add(tokens_of(*range(ROWS)), places, FIELDS, records)
    made.finish()
    return Sent.of(lease)


def marked(files: Any, *rows: int) -> Marks:
    file = files.stage(JOB, SESSION, int(Stage.MATCHED_TAGS), 1, sealed=True)
    write_marks(file, iter([np.array(rows, dtype=np.int64)]), ROWS)
    return Marks(file, ROWS)


def drops(files: Any, *rows: int) -> Any:
    file = files.stage(JOB, SESSION, int(Stage.LATE_DROPS), TAG, sealed=True)
    if rows:
        file.append(tokens_of(*rows).tobytes(), 0)
    return file


def test_people_behind_marked_rows_are_found_and_nobody_else(files: Any, sent: Sent) -> None:
    marks = marked(files, 0, 4, 20)
    marks.check(sent, drops(files, 3), 1)
    found = np.concatenate(list(marks.people(sent, FIELDS)))
    assert FIELDS.of(found, "token").tolist() == tokens_of(0, 20).tolist()
    assert FIELDS.of(found, "ref")[:, 0].tolist() == [65, 85]
    assert marks.count() == 3
    assert marks.of(19, 2).tolist() == [False, True]
    assert marks.of(3, 0).tolist() == []


def test_a_row_that_was_dropped_late_is_refused(files: Any, sent: Sent) -> None:
    with pytest.raises(HostileInput) as caught:
        marked(files, 1, 12).check(sent, drops(files, 3, 12), 1)
    assert caught.value.reason == "BAD_SHAPE"
    assert "stage 5 MATCHED_TAGS, chunk 0, offset 1" in caught.value.message


@pytest.mark.parametrize("last", [0x04, 0x01, 0xFF])
def test_bits_behind_the_last_row_are_refused(files: Any, sent: Sent, last: int) -> None:
    file = files.stage(JOB, SESSION, int(Stage.MATCHED_TAGS), 1, sealed=True)
    file.append(bytes([0, 0, last]), 0)
    with pytest.raises(HostileInput) as caught:
        Marks(file, ROWS).check(sent, drops(files), 1)
    assert "chunk 0, offset 2" in caught.value.message


def test_an_empty_table_has_no_bits(files: Any, sent: Sent) -> None:
    file = files.stage(JOB, SESSION, int(Stage.MATCHED_TAGS), 1, sealed=True)
    write_marks(file, iter([]), 0)
    marks = Marks(file, 0)
    marks.check(sent, drops(files), 1)
    assert (file.chunks(), marks.count(), marks.of(0, 0).tolist()) == (0, 0, [])


def test_rows_are_read_across_chunks() -> None:
    """Two chunks of two bytes: a range may lie in both."""

    class File:
        rows_per_chunk = 2
        content = (b"\x00\x01", b"\x80\x00")

        def chunks(self) -> int:
            return 2

        def read(self, seq: int) -> bytes:
            return self.content[seq]

    marks = Marks(cast(Any, File()), 32)
    assert marks.of(14, 4).tolist() == [False, True, True, False]
    assert marks.of(0, 32).nonzero()[0].tolist() == [15, 16]
    assert marks.count() == 2


def test_table_rows_carry_their_numbers() -> None:
    def table() -> Iterator[npt.NDArray[np.uint8]]:
        yield tokens_of(7, 8)
        yield tokens_of(9)

    rows = np.concatenate(list(numbered(table())))
    assert rows[:, :TAG].tolist() == tokens_of(7, 8, 9).tolist()
    assert rows[:, TAG:].view(">u8").reshape(-1).tolist() == [0, 1, 2]
