from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway import identifier
from gateway.dataset import batch
from gateway.dataset.source import Source
from gateway.dataset.text import as_text
from gateway.flow.ports import SurveyKey
from tests.unit.gateway.dataset.files import bound
from tests.unit.gateway.dataset.scans import as_parquet, counts, refusal, rows_of, small


@pytest.mark.parametrize(
    "change",
    [
        lambda column: column.cast(pa.large_string()),
        lambda column: column.cast(pa.string_view()),
        lambda column: column.dictionary_encode(),
        lambda column: column.cast(pa.float64()),
        lambda column: column.cast(pa.int64()),
        lambda column: column.cast(pa.int64()).cast(pa.decimal128(20, 0)),
        lambda column: column.cast(pa.int64()).cast(pa.decimal128(22, 2)),
    ],
    ids=["large", "view", "dictionary", "float", "int", "decimal", "decimal with a scale"],
)
@pytest.mark.parametrize("group", [7, 100, 5000])
def test_types_and_row_groups_make_no_difference(
    tmp_path: Path, change: Callable[[pa.Array[Any]], pa.Array[Any]], group: int
) -> None:
    path = as_parquet(tmp_path, 1000, change, row_group_size=group)
    port = small(path, 64)
    found = rows_of(port.scan(bound(match_key="phone.e164"), "phone.e164", ()))
    assert [row[:3] for row in found] == [(n + 1, str(n), f"+86{13_800_000_000 + n}") for n in range(1000)]
    assert [name for piece in port.subject_pieces(bound()) for name in piece.to_pylist()] == [*map(str, range(1000))]


@pytest.mark.parametrize(
    "numbers",
    [
        pa.array([13_800_000_000.0], pa.float32()),  # has no room for eleven digits
        pa.array([13_800_000_000.5], pa.float64()),
        pa.array([1_380_000_000.5], pa.float64()),  # eleven digits, and no number of eleven digits
        pa.array([2.0**53 + 2], pa.float64()),
        pa.array([Decimal("13800000000.50")], pa.decimal128(13, 2)),
        pa.array([Decimal("1380000000.5")], pa.decimal128(13, 1)),
    ],
)
@pytest.mark.parametrize("key", ["phone.cn11", "phone.e164"])
def test_a_number_whose_digits_are_not_certain_is_no_phone(numbers: pa.Array[Any], key: str) -> None:
    source = Source("customers", Path("customers.parquet"))
    found, reasons = identifier.normalise(identifier.parse(key), as_text(source, "phone", numbers))
    assert (found.to_pylist(), reasons.to_pylist()) == ([None], ["QUANTITY"])


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (pa.float64(), [1.0, 7.5, 2.0**53 + 2, None]),
        (pa.float32(), [1.0, 0.5, 2.0**24 + 2, None]),  # 16777218 is also what 16777219 becomes
    ],
    ids=str,
)
def test_a_number_that_may_be_several_customers_is_none(
    tmp_path: Path, kind: pa.DataType, numbers: list[float | None]
) -> None:
    path = tmp_path / "customers.parquet"
    phones = [f"1380000000{number}" for number in range(4)]
    pq.write_table(pa.table({"customer": pa.array(numbers, kind), "phone": phones}), path)
    scan = small(path).scan(bound(), "phone.cn11", ())
    survey = small(path).survey("customers", (SurveyKey(identifier.parse("phone.cn11"), "phone"),), ())
    assert [row[1] for row in rows_of(scan)] == ["1"]
    list(survey.batches())
    for found in (scan, survey):
        assert counts(found) == {"EMPTY_SUBJECT": (1, (4,)), "BAD_SUBJECT": (2, (2, 3))}
    assert [name for piece in small(path).subject_pieces(bound()) for name in piece.to_pylist()] == ["1"]


@pytest.mark.parametrize("row", [1, 130, 900])
def test_text_that_is_not_utf8_is_named_in_any_batch(tmp_path: Path, row: int) -> None:
    def damaged(column: pa.Array[Any]) -> pa.Array[Any]:
        texts = [text.encode() for text in column.to_pylist()]
        texts[row - 1] = "上".encode("gbk")
        raw = pa.array(texts, pa.binary())
        return pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())

    error = refusal(small(as_parquet(tmp_path, 1000, damaged), 64).scan(bound(), "phone.cn11", ()))
    assert (error.reason, f"row {row};" in error.message) == ("BAD_ENCODING", True)


def test_large_rows_come_in_small_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BYTES", 64 << 10)
    path = as_parquet(tmp_path, 1000, lambda column: pa.array([text.zfill(200) for text in column.to_pylist()]))
    sizes = [len(piece) for piece in small(path, 1000).subject_pieces(bound())]
    assert sum(sizes) == 1000
    assert max(sizes) <= 640


def test_one_huge_row_group_is_not_held(tmp_path: Path) -> None:
    count = 400_000
    wide = pa.array([f"{n:0100}" for n in range(count)])
    path = tmp_path / "customers.parquet"
    phones = pa.array([13_800_000_000 + n for n in range(count)])
    pq.write_table(
        pa.table({"customer": wide, "phone": phones}),
        path,
        row_group_size=count,
        compression="none",
        use_dictionary=False,
    )
    assert path.stat().st_size > 40 << 20
    del wide, phones
    before, most, read = pa.total_allocated_bytes(), 0, 0
    for one in small(path, 8192).scan(bound(), "phone.cn11", ()).batches():
        read += len(one.rows)
        most = max(most, pa.total_allocated_bytes() - before)
    assert read == count
    assert most < 16 << 20, f"{most >> 20} MiB"
