"""Every kind of source gives the same rows, rejects the same rows by number, and gives them again at the next pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.dataset import Datasets
from tests.unit.gateway.dataset.files import BAND, CHANNEL, RECENCY, Declared, bound
from tests.unit.gateway.dataset.kinds import EXPECTED, FILES, NAMES, REJECTED, Make
from tests.unit.gateway.dataset.scans import counts, rows_of

ALL = (RECENCY, BAND, CHANNEL)


def contract(declared: Declared, batch_rows: int) -> None:
    """What holds of every kind."""
    port = Datasets(lambda: {"customers": declared}, batch_rows=batch_rows)
    binding = bound(segment_column="arm")
    scan = port.scan(binding, "phone.cn11", ALL, segments=True)
    assert rows_of(scan) == EXPECTED
    assert (scan.rows_read, counts(scan)) == (10, REJECTED)
    # Again, and with fewer columns: the same rows under the same numbers, from the same state of the source.
    other = port.scan(binding, "phone.cn11", (), segments=True)
    assert rows_of(scan) == EXPECTED
    assert [row[:3] for row in rows_of(other)] == [
        *(row[:3] for row in EXPECTED[:2]),
        (6, "c6", "13800000006"),
        (9, "c9", "13800000009"),
        EXPECTED[2][:3],
    ]
    assert {name: scan.state[name] for name in other.state} == other.state != {}
    subjects = [name for piece in port.subject_pieces(binding) for name in piece.to_pylist()]
    assert subjects == ["c1", "c2", "c4", "c5", "c6", "customer", "c8", "c9", "ca"]


async def described(declared: Declared) -> set[str]:
    found = await Datasets(lambda: {"customers": declared}).describe("customers")
    assert found.format == declared.format
    return {name for name, _ in found.columns}


@pytest.mark.parametrize("make", FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("batch_rows", [1, 4, 1000])
def test_the_same_rows_come_from_every_kind_of_file(make: Make, batch_rows: int, tmp_path: Path) -> None:
    contract(make(tmp_path), batch_rows)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", ["gb18030", "utf-16 with mark", "gz", "folder"])
def test_blocks_end_anywhere(name: str, tmp_path: Path) -> None:
    contract(FILES[name](tmp_path), 1000)


@pytest.mark.parametrize("make", FILES.values(), ids=FILES.keys())
async def test_every_kind_of_file_is_described_by_its_columns(make: Make, tmp_path: Path) -> None:
    columns = await described(make(tmp_path))
    assert columns - {"share"} == set(NAMES)
