from __future__ import annotations

import random
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.errors import SourceError
from gateway.flow.ports.rows import SourceScan
from tests.unit.gateway.dataset.files import bound, datasets
from tests.unit.gateway.dataset.scans import counts, table_of

GOOD = {"customer": ["c1", "c2"], "phone": ["13800000001", "13800000002"]}


def parquet(folder: Path, columns: Any, **options: Any) -> Path:
    path = folder / "customers.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path


def scan(path: Path) -> SourceScan:
    return datasets(path).scan(bound(), "phone.cn11", ())


def read(path: Path) -> pa.Table:
    return table_of(scan(path))


def refused(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(path)
    assert str(path.parent) not in caught.value.message
    assert "13800" not in "".join(traceback.format_exception(caught.value))
    return caught.value


@pytest.mark.parametrize(
    "phones",
    [
        pa.array([13800000001, 13800000002]),
        pa.array([13800000001, 13800000002], pa.uint64()),
        pa.array([13800000001.0, 13800000002.0]),
        pa.array(GOOD["phone"], pa.large_string()),
        pa.array(GOOD["phone"]).dictionary_encode(),
        pa.array([13800000001, 13800000002]).cast(pa.decimal128(20, 0)),
    ],
    ids=lambda array: str(array.type),
)
def test_keys_of_any_type_that_has_one_text(tmp_path: Path, phones: pa.Array[Any]) -> None:
    rows = read(parquet(tmp_path, {**GOOD, "phone": phones}))
    assert rows.column("key").to_pylist() == GOOD["phone"]


def test_absent_values_are_empty_not_text(tmp_path: Path) -> None:
    columns = {"customer": ["c1", None, "c3"], "phone": [np.nan, 13800000002.0, 13800000003.5]}
    found = scan(parquet(tmp_path, columns))
    assert table_of(found).num_rows == 0
    assert counts(found) == {"EMPTY_SUBJECT": (1, (2,)), "EMPTY_MATCH_KEY": (1, (1,)), "BAD_MATCH_KEY": (1, (3,))}


@pytest.mark.parametrize("type_", [pa.list_(pa.string()), pa.struct([("x", pa.string())]), pa.binary()], ids=str)
def test_a_type_without_one_text_is_refused(tmp_path: Path, type_: pa.DataType) -> None:
    error = refused(parquet(tmp_path, {**GOOD, "phone": pa.array([None, None], type_)}))
    assert (error.reason, "column phone" in error.message) == ("BAD_ROW", True)


def test_several_row_groups(tmp_path: Path) -> None:
    count = 5000
    columns = {"customer": [f"c{n}" for n in range(count)], "phone": [13800000000 + n for n in range(count)]}
    rows = read(parquet(tmp_path, columns, row_group_size=700))
    assert rows.column("subject").to_pylist() == columns["customer"]


def test_no_rows_and_no_bytes(tmp_path: Path) -> None:
    empty = {name: pa.array([], pa.string()) for name in GOOD}
    assert refused(parquet(tmp_path, empty)).reason == "EMPTY"
    (tmp_path / "zero.parquet").write_bytes(b"")
    assert refused(tmp_path / "zero.parquet").reason == "EMPTY"


def test_a_missing_column_is_named_with_those_present(tmp_path: Path) -> None:
    error = refused(parquet(tmp_path, {"customer": ["c1"], "mobile": ["13800000001"]}))
    assert error.reason == "MISSING_COLUMN"
    assert "no column phone; it has customer, mobile" in error.message


def test_a_truncated_file_at_every_length(tmp_path: Path) -> None:
    whole = parquet(tmp_path, GOOD).read_bytes()
    path = tmp_path / "cut.parquet"
    for length in range(1, len(whole), 37):
        path.write_bytes(whole[:length])
        error = refused(path)
        assert (error.reason, "export it again" in error.message) == ("BAD_ROW", True)


def test_flipped_bytes_raise_nothing_but_our_errors(tmp_path: Path) -> None:
    columns = {"customer": [f"c{n}" for n in range(500)], "phone": [13800000000 + n for n in range(500)]}
    whole = parquet(tmp_path, columns, write_page_checksum=True).read_bytes()
    chance = random.Random(7)
    path, refusals = tmp_path / "flipped.parquet", 0
    for _ in range(150):
        flipped = bytearray(whole)
        flipped[chance.randrange(4, len(whole) - 8)] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        try:
            read(path)
        except SourceError:
            refusals += 1
    assert refusals > 75


def test_a_csv_called_parquet(tmp_path: Path) -> None:
    path = tmp_path / "customers.parquet"
    path.write_text("customer,phone\nc1,13800000001\n")
    assert refused(path).reason == "BAD_ROW"


@pytest.mark.parametrize("row", [1, 7, 600])
def test_text_that_is_not_utf8_is_named_by_row(tmp_path: Path, row: int) -> None:
    texts = [b"c%d" % n for n in range(700)]
    texts[row - 1] = "上".encode("gbk")
    raw = pa.array(texts, pa.binary())
    customers = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    path = parquet(tmp_path, {"customer": customers, "phone": [f"{13_800_000_000 + n}" for n in range(700)]})
    error = refused(path)
    assert (error.reason, f"row {row};" in error.message) == ("BAD_ENCODING", True)


def test_column_names_that_are_values(tmp_path: Path) -> None:
    error = refused(parquet(tmp_path, {"c1": ["c2"], "13800000001": ["13800000002"]}))
    assert (error.reason, "row 0" in error.message) == ("BAD_ROW", True)
