from __future__ import annotations

import csv
import io
import tempfile
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dataset import Datasets, Declaration
from gateway.errors import RequestError, SourceError, StateError
from gateway.flow.ports import DatasetPort
from gateway.route.agreement import AgreementBinding
from gateway.route.cohort import SourceRows
from tests.unit.gateway.dataset.files import BAND, CHANNEL, RECENCY, Declared, bound, csv_file, datasets

HEAD = "customer,phone,r,b,c\n"
ALL = (RECENCY, BAND, CHANNEL)


def count(rows: SourceRows) -> dict[str, tuple[int, tuple[int, ...]]]:
    return {reason: (found.count, found.first_rows) for reason, found in rows.rejected.items()}


async def test_rows_come_normalised_under_agreed_names(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + " c1 ,+86 138-0000-0001,1.50, gold ,Web\nc2,13800000002,,,\n")
    port: DatasetPort = datasets(path)
    rows = await port.read(bound(match_key="phone.e164"), "phone.e164", ALL)
    assert rows.subjects.to_pylist() == ["c1", "c2"]
    assert rows.keys.to_pylist() == ["+8613800000001", "+8613800000002"]
    assert rows.columns is not None
    assert rows.columns.to_pydict() == {
        "recency": [Decimal("1.50"), None],
        "band": ["gold", None],
        "channel": ["Web", None],
    }
    assert (rows.rows_read, rows.folded, dict(rows.rejected)) == (2, 0, {})


async def test_a_row_is_rejected_for_its_first_fault(tmp_path: Path) -> None:
    lines = [
        "c1,13800000001,1,a,x",
        ",nonsense,nonsense,a,x",
        "c3,nonsense,nonsense,a,x",
        "c4,,1,a,x",
        "c5,13800000005,1.234,a,x",
        "c6,13800000006,1,a,longer than eight",
        '"c\x07",13800000007,1,a,x',
        "c8,+85291234567,1,a,x",
    ]
    rows = await datasets(csv_file(tmp_path, HEAD + "\n".join(lines))).read(bound(), "phone.cn11", ALL)
    assert count(rows) == {
        "EMPTY_SUBJECT": (1, (2,)),
        "BAD_SUBJECT": (1, (7,)),
        "EMPTY_MATCH_KEY": (1, (4,)),
        "BAD_MATCH_KEY": (2, (3, 8)),
        "BAD_VALUE": (2, (5, 6)),
    }
    assert rows.subjects.to_pylist() == ["c1"]
    assert rows.rows_read == 8


async def test_values_that_were_not_asked_for_cannot_reject(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "c1,13800000001,not a number,a,x\n")
    rows = await datasets(path).read(bound(), "phone.cn11", (BAND,))
    assert rows.columns is not None
    assert rows.columns.column_names == ["band"]
    rows = await datasets(path).read(bound(), "phone.cn11", ())
    assert rows.columns is None
    assert len(rows.subjects) == 1


async def test_only_the_first_row_numbers_are_named(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "c,bad,1,a,x\n" * 50)
    rows = await datasets(path, named=3).read(bound(), "phone.cn11", ())
    assert count(rows) == {"BAD_MATCH_KEY": (50, (1, 2, 3))}
    assert len(rows.subjects) == 0


async def test_equal_rows_fold_and_conflicting_ones_are_all_left_out(tmp_path: Path) -> None:
    lines = [
        "c1,13800000001,1,a,x",
        "c2,13800000002,1,a,x",
        " c1,+8613800000001,1.00,a ,x",  # equal once normalised
        "c2,13800000003,1,a,x",  # another key
        "c3,13800000004,1,a,x",
        "c3,13800000004,2,a,x",  # another value
        "c4,13800000005,,a,x",
        "c4,13800000005,,a,x",
        "c5,13800000006,,a,x",
        "c5,13800000006,0,a,x",  # null is not 0
        "c1,13800000001,1,a,x",
        "c6,13800000007,1,a,x",
        "c6,no phone,1,a,x",  # a rejected row is in no conflict
    ]
    rows = await datasets(csv_file(tmp_path, HEAD + "\n".join(lines))).read(bound(), "phone.cn11", ALL)
    assert rows.subjects.to_pylist() == ["c1", "c4", "c6"]
    assert rows.folded == 3
    assert count(rows) == {"BAD_MATCH_KEY": (1, (13,)), "CONFLICTING_ROWS": (6, (2, 4, 5, 6, 9, 10))}


async def test_a_shared_phone_is_no_conflict_here(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "c1,13800000001,1,a,x\nc2,13800000001,1,a,x\n")
    rows = await datasets(path).read(bound(), "phone.cn11", ())
    assert rows.keys.to_pylist() == ["13800000001"] * 2


async def test_one_column_may_serve_as_subject_and_key(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "phone\n13800000001\n138 0000 0002\n")
    rows = await datasets(path).read(bound(subject="phone"), "phone.cn11", ())
    assert rows.subjects.to_pylist() == ["13800000001", "138 0000 0002"]


async def test_parquet_and_csv_read_alike(tmp_path: Path) -> None:
    content = {"customer": ["c1", "c2"], "phone": ["13800000001", "13800000002"], "r": [1.5, 2.0], "b": ["a", None]}
    pq.write_table(pa.table({**content, "c": ["x", "y"]}), tmp_path / "customers.parquet")
    path = csv_file(tmp_path, HEAD + "c1,13800000001,1.5,a,x\nc2,13800000002,2.0,,y\n")
    one = await datasets(tmp_path / "customers.parquet").read(bound(), "phone.cn11", ALL)
    two = await datasets(path).read(bound(), "phone.cn11", ALL)
    assert one == two


# ---- what is declared ------------------------------------------------------------------------------------------


async def test_names_and_descriptions_follow_the_declarations(tmp_path: Path) -> None:
    declared: dict[str, Declaration] = {}
    port = Datasets(lambda: declared)
    assert await port.names() == []
    declared["customers"] = Declared("csv", csv_file(tmp_path, HEAD + "c1,13800000001,1,a,x\n"))
    pq.write_table(pa.table({"customer": ["c"], "age": [1]}), tmp_path / "b.parquet")
    declared["buyers"] = Declared("parquet", tmp_path / "b.parquet")
    assert await port.names() == ["buyers", "customers"]
    described = await port.describe("customers")
    assert (described.name, described.format, described.subject_column) == ("customers", "csv", "customer")
    assert described.columns == tuple((name, "text") for name in ("customer", "phone", "r", "b", "c"))
    assert (await port.describe("buyers")).columns == (("customer", "string"), ("age", "int64"))


async def test_an_undeclared_data_set_is_not_found(tmp_path: Path) -> None:
    empty: Mapping[str, Declaration] = {}
    for ask in (Datasets(lambda: empty).describe("customers"), Datasets(lambda: empty).subjects(bound())):
        with pytest.raises(StateError, match="assent dataset add") as caught:
            await ask
        assert caught.value.reason == "NOT_FOUND"


async def test_describing_needs_the_subject_column(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        await datasets(csv_file(tmp_path, "id,phone\n1,2\n")).describe("customers")
    assert caught.value.reason == "MISSING_COLUMN"


async def test_a_binding_that_lacks_a_column_or_key(tmp_path: Path) -> None:
    port = datasets(csv_file(tmp_path, HEAD + "c1,13800000001,1,a,x\n"))
    with pytest.raises(SourceError, match=r"match key phone\.e164; bind it again"):
        await port.read(bound(), "phone.e164", ())
    unbound = AgreementBinding("a", "customers", "customer", "customer", (("phone.cn11", "phone"),), ())
    with pytest.raises(SourceError, match="column band; bind it again"):
        await port.read(unbound, "phone.cn11", (BAND,))
    with pytest.raises(RequestError):
        await port.read(bound(), "fax", ())


async def test_subjects_are_trimmed_distinct_and_independent_of_other_columns(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "c2,bad,,,\n c1 ,13800000001,,,\nc2,,,,\n,13800000002,,,\n")
    assert (await datasets(path).subjects(bound())).to_pylist() == ["c2", "c1"]


# ---- against a naive model -------------------------------------------------------------------------------------

cells = st.tuples(
    st.sampled_from(["c1", "c2", "c3", " c1", "", "张"]),
    st.sampled_from(["13800000001", "138 0000 0001", "13800000002", "+8613800000002", "", "x", "+13800000001"]),
    st.sampled_from(["1", "1.0", "2", "", "9999", "x", "1.001"]),
    st.sampled_from(["a", "a ", "b", "", "much too long a band"]),
)


def naive(
    table: list[tuple[str, str, str, str]],
) -> tuple[dict[str, tuple[str, object, object]], dict[str, list[int]], int]:
    phones = {"13800000001": "13800000001", "138 0000 0001": "13800000001"}
    phones |= {"13800000002": "13800000002", "+8613800000002": "13800000002"}
    usable: dict[str, list[tuple[int, tuple[str, object, object]]]] = {}
    rejected: dict[str, list[int]] = {}
    for row, (subject, phone, number, band) in enumerate(table, 1):
        fault = None
        if not subject.strip():
            fault = "EMPTY_SUBJECT"
        elif phone not in phones:
            fault = "BAD_MATCH_KEY" if phone else "EMPTY_MATCH_KEY"
        elif number in ("9999", "x", "1.001") or len(band) > 12:
            fault = "BAD_VALUE"
        if fault:
            rejected.setdefault(fault, []).append(row)
        else:
            content = (phones[phone], Decimal(number) if number else None, band.strip() or None)
            usable.setdefault(subject.strip(), []).append((row, content))
    kept, folded = {}, 0
    for subject, rows in usable.items():
        if len({content for _, content in rows}) > 1:
            rejected.setdefault("CONFLICTING_ROWS", []).extend(row for row, _ in rows)
        else:
            kept[subject] = rows[0][1]
            folded += len(rows) - 1
    return kept, {reason: sorted(rows) for reason, rows in rejected.items()}, folded


@settings(max_examples=150)
@given(st.lists(cells, min_size=1, max_size=14))
async def test_reading_agrees_with_the_naive_model(table: list[tuple[str, str, str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("customer", "phone", "r", "b", "c"), *((*row, "x") for row in table)])
    with tempfile.TemporaryDirectory() as folder:
        path = csv_file(Path(folder), text.getvalue())
        rows = await datasets(path, named=100).read(bound(), "phone.cn11", (RECENCY, BAND))
    kept, rejected, folded = naive(table)
    assert rows.columns is not None
    read = {
        subject: (key, row["recency"], row["band"])
        for subject, key, row in zip(
            rows.subjects.to_pylist(), rows.keys.to_pylist(), rows.columns.to_pylist(), strict=True
        )
    }
    assert read == kept
    assert list(read) == list(kept), "rows keep the order of the source"
    assert {reason: list(found.first_rows) for reason, found in rows.rejected.items()} == rejected
    assert all(found.count == len(found.first_rows) for found in rows.rejected.values())
    assert rows.folded == folded
    assert len(rows.subjects) + rows.folded + sum(found.count for found in rows.rejected.values()) == rows.rows_read


async def test_two_hundred_thousand_rows_take_no_time_worth_naming(tmp_path: Path) -> None:
    rows = 200_000
    body = "".join(f"c{n},{13_000_000_000 + 7 * n},{n % 1000}.25,band {n % 7},Web\n" for n in range(rows))
    path = csv_file(tmp_path, HEAD + body)
    began = time.perf_counter()
    read = await datasets(path).read(bound(), "phone.cn11", ALL)
    took = time.perf_counter() - began
    assert len(read.subjects) == rows
    assert took < 10, f"{took:.1f} s: a step has gone row by row"
