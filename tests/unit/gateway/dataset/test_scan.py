from __future__ import annotations

import csv
import io
import tempfile
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dataset import Datasets, csv_bytes
from gateway.errors import RequestError, SourceError, StateError
from gateway.flow.ports.rows import DatasetPort
from tests.unit.gateway.dataset.files import BAND, CHANNEL, RECENCY, bound, csv_file
from tests.unit.gateway.dataset.scans import HEAD, Row, counts, customers, refusal, rows_of, small

ALL = (RECENCY, BAND, CHANNEL)


# ---- against a naive model -------------------------------------------------------------------------------------

PHONES = {
    "13800000001": "13800000001",
    "138 0000 0001": "13800000001",
    "+8613800000002": "13800000002",
    "8613800000003": "13800000003",
    "（0086）138-0000-0004": "13800000004",
}
cells = st.tuples(
    st.sampled_from(["c1", "c2", "c3", " c1\t", "", "张", "c\x07", "\n x\n", '"q"', "5\" pipe, or so"]),
    st.sampled_from([*PHONES, *PHONES, "", "x", "+13800000001"]),
    st.sampled_from(["1", "1.0", "-5.00", "", "9999", "-6", "x", "1.001"]),
    st.sampled_from(["a", "a ", "金卡", "", "much too long a band"]),
    st.sampled_from(["mail", " mail", "对照组", "", "a\u200bb"]),
)  # fmt: skip


def naive(table: list[tuple[str, ...]], clip: bool) -> tuple[list[Row], dict[str, list[int]], int]:
    usable: list[Row] = []
    rejected: dict[str, list[int]] = {}
    clipped = 0
    for row, (subject, phone, number, band, arm) in enumerate(table, 1):
        outside = number in ("9999", "-6")
        faults = {
            "EMPTY_SUBJECT": not subject.strip(),
            "BAD_SUBJECT": "\x07" in subject,
            "EMPTY_MATCH_KEY": not phone,
            "BAD_MATCH_KEY": phone not in PHONES,
            "EMPTY_SEGMENT": not arm,
            "BAD_SEGMENT": "\u200b" in arm,
            "BAD_VALUE": number in ("x", "1.001") or (outside and not clip) or len(band) > 12,
        }
        fault = next((reason for reason, found in faults.items() if found), None)
        if fault:
            rejected.setdefault(fault, []).append(row)
            continue
        clipped += outside
        value = Decimal({"9999": "1000.5", "-6": "-5"}.get(number, number)) if number else None
        usable.append((row, subject.strip(), PHONES[phone], value, band.strip() or None, None, arm.strip()))
    return usable, rejected, clipped


@settings(max_examples=120, deadline=None)
@given(st.lists(cells, min_size=1, max_size=40), st.integers(1, 9), st.booleans(), st.booleans())
def test_batches_together_are_the_naive_reading(
    table: list[tuple[str, ...]], rows: int, clip: bool, parquet: bool
) -> None:
    names = ("customer", "phone", "r", "b", "arm")
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_bytes, "BLOCK", 256)
        path = Path(folder) / ("customers.parquet" if parquet else "customers.csv")
        if parquet:
            columns = zip(*table, strict=True)
            pq.write_table(pa.table(dict(zip(names, map(list, columns), strict=True))), path, row_group_size=rows + 2)
        else:
            text = io.StringIO()
            csv.writer(text).writerows([names, *table])
            path.write_text(text.getvalue(), encoding="utf-8", newline="")
        port: DatasetPort = small(path, rows, named=3)
        scan = port.scan(bound(segment_column="arm"), "phone.cn11", (RECENCY, BAND), segments=True, clip=clip)
        found = rows_of(scan)
    usable, rejected, clipped = naive(table, clip)
    assert found == usable
    assert counts(scan) == {reason: (len(all_), tuple(all_[:3])) for reason, all_ in rejected.items()}
    assert (scan.rows_read, scan.clipped) == (len(table), clipped)


# ---- batches ---------------------------------------------------------------------------------------------------


def test_nothing_is_read_before_the_batches_are(tmp_path: Path) -> None:
    port = small(tmp_path / "absent.csv")
    scan, pieces = port.scan(bound(), "phone.cn11", ()), port.subject_pieces(bound())
    assert (scan.rows_read, scan.rejected, scan.clipped) == (0, {}, 0)
    for reading in (scan.batches(), pieces):
        with pytest.raises(SourceError, match="has no file"):
            next(reading)


def test_what_is_not_declared_bound_or_supported_is_refused_at_once(tmp_path: Path) -> None:
    port = small(csv_file(tmp_path, HEAD + customers(1)))
    nowhere = Datasets(dict)
    for ask in (lambda: nowhere.scan(bound(), "phone.cn11", ()), lambda: nowhere.subject_pieces(bound())):
        with pytest.raises(StateError, match="assent dataset add"):
            ask()
    with pytest.raises(RequestError):
        port.scan(bound(), "fax", ())
    with pytest.raises(SourceError, match=r"match key phone\.e164; bind it again"):
        port.scan(bound(), "phone.e164", ())


@pytest.mark.usefixtures("small_blocks")
def test_batches_are_of_even_size_whatever_the_blocks_are(tmp_path: Path) -> None:
    scan = small(csv_file(tmp_path, HEAD + customers(500)), 40).scan(bound(match_key="phone.e164"), "phone.e164", ALL)
    sizes = [len(batch.rows) for batch in scan.batches()]
    assert sum(sizes) == 500
    assert all(20 <= size <= 40 for size in sizes[:-1])


def test_columns_have_the_types_that_cross_the_wire(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "c1,13800000001,,,,mail\n" * 3 + customers(3))
    for batch in small(path, 3).scan(bound(segment_column="arm"), "phone.cn11", ALL, segments=True).batches():
        assert (batch.subjects.type, batch.keys.type) == (pa.string(), pa.string())
        assert batch.columns is not None
        assert batch.columns.schema.types == [pa.decimal128(18, 2), pa.string(), pa.string()]
        assert batch.segments is not None
        assert batch.segments.type == pa.string()
        assert "1380" not in repr(batch)
    plain = next(small(path).scan(bound(), "phone.cn11", ()).batches())
    assert (plain.columns, plain.segments) == (None, None)


def test_counts_grow_with_the_batches_and_begin_anew(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "".join(f"c{n},bad,1,a,x,m\nc{n},13800000001,5000,a,x,m\n" for n in range(20)))
    scan = small(path, 10, named=7).scan(bound(), "phone.cn11", (RECENCY,), clip=True)
    batches = scan.batches()
    next(batches)
    assert (scan.rows_read, scan.clipped, counts(scan)) == (10, 5, {"BAD_MATCH_KEY": (5, (1, 3, 5, 7, 9))})
    batches.close()
    for _ in range(2):
        assert [row for row, *_ in rows_of(scan)] == list(range(2, 41, 2))
        assert (scan.rows_read, scan.clipped) == (40, 20)
        assert counts(scan) == {"BAD_MATCH_KEY": (20, (1, 3, 5, 7, 9, 11, 13))}


def test_a_batch_without_a_usable_row_is_empty(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + "c,bad,1,a,x,m\n" * 9 + customers(1))
    batches = list(small(path, 5).scan(bound(), "phone.cn11", ALL).batches())
    assert [len(batch.rows) for batch in batches] == [0, 1]
    assert batches[1].rows.tolist() == [10]


# ---- faults in the middle --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("at", [1, 37, 499, 900])
def test_a_bad_row_is_named_behind_many_batches(tmp_path: Path, at: int) -> None:
    lines = customers(900).splitlines(keepends=True)
    lines[at - 1] = "c,13800000001\n"
    scan = small(csv_file(tmp_path, HEAD + "".join(lines))).scan(bound(), "phone.cn11", ())
    error = refusal(scan)
    assert (error.reason, f"2 fields in row {at} where the first line names 6" in error.message) == ("BAD_ROW", True)
    assert scan.rows_read < at
    assert error.__cause__ is None


@pytest.mark.usefixtures("small_blocks")
def test_what_is_not_utf8_is_named_before_any_batch(tmp_path: Path) -> None:
    content = (HEAD + customers(700)).encode() + "c,13800000001,1,金,x,m\n".encode("gbk") + customers(9).encode()
    scan = small(csv_file(tmp_path, content)).scan(bound(), "phone.cn11", ())
    error = refusal(scan)
    assert (error.reason, "row 701;" in error.message, scan.rows_read) == ("BAD_ENCODING", True, 0)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("behind", [1, 600])
def test_a_quote_that_never_closes_is_named_however_much_it_swallows(tmp_path: Path, behind: int) -> None:
    content = HEAD + customers(300) + 'c,"13800000001,1,a,x,m\n' + customers(behind)
    error = refusal(small(csv_file(tmp_path, content)).scan(bound(), "phone.cn11", ()))
    assert (error.reason, "quote in row 301" in error.message) == ("BAD_ROW", True)


@pytest.mark.usefixtures("small_blocks")
def test_a_quote_that_swallows_up_to_the_next_one_is_named_too(tmp_path: Path) -> None:
    content = HEAD + customers(300) + 'c,"13800000001,1,a,x,m\n' + customers(100) + '5" pipe,13800000001,1,a,x,m\n'
    error = refusal(small(csv_file(tmp_path, content)).scan(bound(), "phone.cn11", ()))
    assert (error.reason, "behind row 300" in error.message) == ("BAD_ROW", True)


@pytest.mark.usefixtures("small_blocks")
def test_quoted_values_may_span_blocks(tmp_path: Path) -> None:
    note = '"line\n\r\n""two"", ' + "x" * 300 + '"'
    content = "note,customer,phone\n" + "".join(f'{note},"c{n}",{13_800_000_000 + n}\n' for n in range(1, 50))
    found = rows_of(small(csv_file(tmp_path, content)).scan(bound(), "phone.cn11", ()))
    assert [row[:3] for row in found] == [(n, f"c{n}", str(13_800_000_000 + n)) for n in range(1, 50)]


# ---- subjects --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_blocks")
def test_subject_pieces_are_trimmed_usable_and_bounded(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD + " c1 ,,,,,\n,13800000001,,,,\n" * 30 + customers(200))
    pieces = list(small(path, 16).subject_pieces(bound()))
    assert [name for piece in pieces for name in piece.to_pylist()] == ["c1"] * 30 + [f"c{n}" for n in range(1, 201)]
    assert max(map(len, pieces)) <= 16
    assert all(piece.type == pa.string() for piece in pieces)
