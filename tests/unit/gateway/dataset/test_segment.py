from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from gateway.dataset.segment import parse
from gateway.errors import SourceError
from tests.unit.gateway.dataset.files import RECENCY, bound, csv_file, datasets
from tests.unit.gateway.dataset.scans import counts, table_of

HEAD = "customer,phone,r,arm\n"


def test_names_are_trimmed_and_judged() -> None:
    written = [" Mens E-Mail ", "对照组", "", "  ", None, "a\u200bb", "a\tb", "x" * 200, "x" * 201, "\u3000a b\n"]
    names, empty, bad = parse(pa.array(written, pa.string()))
    assert names.to_pylist() == ["Mens E-Mail", "对照组", None, None, None, None, None, "x" * 200, None, "a b"]
    assert [row for row, flag in enumerate(empty) if flag] == [2, 3, 4]
    assert [row for row, flag in enumerate(bad) if flag] == [5, 6, 8]


def test_rows_come_with_their_segment(tmp_path: Path) -> None:
    lines = [
        "c1,13800000001,1, mail ",
        "c2,13800000002,1,",
        "c3,13800000003,1,a\u200bb",
        "c4,no phone,1,",
        "c5,13800000005,1,none",
        "c6,13800000006,1,mail",
    ]
    binding = bound(segment_column="arm")
    port = datasets(csv_file(tmp_path, HEAD + "\n".join(lines)))
    scan = port.scan(binding, "phone.cn11", (), segments=True)
    rows = table_of(scan).select(["row", "subject", "segment"])
    assert rows.to_pydict() == {
        "row": [1, 5, 6],
        "subject": ["c1", "c5", "c6"],
        "segment": ["mail", "none", "mail"],
    }
    assert counts(scan) == {
        "BAD_MATCH_KEY": (1, (4,)),
        "EMPTY_SEGMENT": (1, (2,)),
        "BAD_SEGMENT": (1, (3,)),
    }
    assert scan.clipped == 0
    # Without the request for segments the column decides nothing.
    plain = table_of(port.scan(binding, "phone.cn11", ()))
    assert "segment" not in plain.column_names
    assert plain.column("subject").to_pylist() == ["c1", "c2", "c3", "c5", "c6"]


def test_a_binding_without_a_segment_column_says_so(tmp_path: Path) -> None:
    port = datasets(csv_file(tmp_path, HEAD + "c1,13800000001,1,mail\n"))
    with pytest.raises(SourceError, match="no segment column; bind it again") as caught:
        port.scan(bound(), "phone.cn11", (), segments=True)
    assert caught.value.reason == "MISSING_COLUMN"


def test_clipped_values_of_used_rows_are_counted(tmp_path: Path) -> None:
    lines = [
        "c1,13800000001,5000,x",
        "c1,13800000001,6000,x",
        "c2,13800000002,-6,x",
        "c3,no phone,5000,x",  # not used
        "c4,13800000004,1.005,x",  # finer than agreed
        "c5,13800000005,5,x",
    ]
    port = datasets(csv_file(tmp_path, HEAD + "\n".join(lines)))
    scan = port.scan(bound(), "phone.cn11", (RECENCY,), clip=True)
    values = table_of(scan).column("recency").to_pylist()
    assert [str(value) for value in values] == ["1000.50", "1000.50", "-5.00", "5.00"]
    assert (scan.clipped, scan.rejected["BAD_VALUE"].first_rows) == (3, (5,))
    strict = port.scan(bound(), "phone.cn11", (RECENCY,))
    assert table_of(strict).num_rows == 1
    assert (strict.clipped, strict.rejected["BAD_VALUE"].first_rows) == (0, (1, 2, 3, 5))
