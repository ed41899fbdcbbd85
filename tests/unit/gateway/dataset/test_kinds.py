"""Every kind of source gives the same rows, rejects the same rows by number, and gives them again at the next pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import identifier
from gateway.dataset import Datasets, size
from gateway.flow.ports.rows import SurveyColumn, SurveyKey
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


SAID = {
    "utf-8": "UTF-8",
    "utf-8 with mark": "UTF-8 with BOM",
    "utf-16 with mark": "UTF-16-LE with BOM",
    "gbk, crlf": "GB18030",
    "gz, gb18030": "GB18030, gzip",
    "zst, utf-16": "UTF-16-LE with BOM, zstd",
    "folder": "UTF-8, gzip",
}


@pytest.mark.parametrize("name", [*SAID, "parquet", "orc", "pattern", "partitions"])
async def test_a_look_before_a_run_counts_what_runs_count(name: str, tmp_path: Path) -> None:
    declared = FILES[name](tmp_path)
    port = Datasets(lambda: {"customers": declared}, batch_rows=4)
    survey = port.survey(
        "customers", [SurveyKey(identifier.parse("phone.cn11"), "phone")], [SurveyColumn(RECENCY, "r")]
    )
    assert [number for batch in survey.batches() for number in batch.rows] == [1, 2, 6, 8, 9, 10]
    assert survey.encoding == SAID.get(name, "")
    # A row whose only key is no use is counted for that.
    rejected = {reason: rows for reason, rows in REJECTED.items() if reason in ("REPEATED_HEADER", "EMPTY_SUBJECT")}
    assert counts(survey) == {**rejected, "NO_MATCH_KEY": (2, (4, 5))}
    assert {reason: found.count for reason, found in survey.key_faults[0].items()} == {"EMPTY": 1, "QUANTITY": 1}
    assert await port.size("customers") == (None if declared.format == "csv" else (10, True))


async def test_the_rows_of_a_large_text_are_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "SMALL_BYTES", 1000)
    monkeypatch.setattr(size, "SAMPLE_BYTES", 4000)
    (tmp_path / "rows").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "rows" / name).write_text("customer,phone\n" + "c1,13800000001\n" * 5000)
    found = await Datasets(lambda: {"customers": Declared("csv", tmp_path / "rows")}).size("customers")
    assert found is not None
    assert found[0] == pytest.approx(10_000, rel=0.02)
    assert not found[1]
    assert await Datasets(lambda: {"customers": Declared("orc", tmp_path / "rows")}).size("customers") is None
    assert await Datasets(lambda: {"customers": Declared("csv", tmp_path / "none")}).size("customers") is None
