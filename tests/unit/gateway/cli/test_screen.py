from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from gateway.cli.screen import Output, show, show_one, show_table

AT = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
RECORD = {"id": "a" * 120, "hash": b"\x01\xff", "parties": ["甲", "乙"], "at": AT, "none": None, "left_out": "[bold]x"}
COLUMNS = list(RECORD)


def test_a_table_cuts_nothing_off(capsys: pytest.CaptureFixture[str]) -> None:
    show([RECORD, {"id": "b"}], COLUMNS, Output.TABLE)
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == COLUMNS
    assert first.split() == ["a" * 120, "01ff", "甲,", "乙", "2026-11-21T08:30:00+00:00", "[bold]x"]
    assert second == "b"


def test_json_keeps_the_kinds_of_values(capsys: pytest.CaptureFixture[str]) -> None:
    show([RECORD], COLUMNS, Output.JSON)
    (found,) = json.loads(capsys.readouterr().out)
    assert found == RECORD | {"hash": "01ff", "at": AT.isoformat()}


def test_csv_can_be_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    show([RECORD | {"id": 'quoted "x", y\nz'}], COLUMNS, Output.CSV)
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["id"] == 'quoted "x", y\nz'
    assert row["none"] == ""
    assert row["parties"] == "甲, 乙"


def test_one_record(capsys: pytest.CaptureFixture[str]) -> None:
    show_one({"accepted": 2, "rejected_rows": [{"row": 7, "field": "at"}]}, Output.TABLE)
    assert capsys.readouterr().out.splitlines()[1:] == ["accepted       2", "rejected_rows  row=7, field=at"]
    show_one({"accepted": 2}, Output.JSON)
    assert json.loads(capsys.readouterr().out) == {"accepted": 2}
    show_one({"accepted": 2}, Output.CSV)
    assert capsys.readouterr().out == "accepted\n2\n"


def test_an_arrow_table_in_every_format(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    table = pa.table({"customer": ["C1", "C2"], "value": ["x", None]})
    show_table(table, Output.CSV)
    assert capfdbinary.readouterr().out == b'"customer","value"\n"C1","x"\n"C2",\n'
    show_table(table, Output.JSON)
    assert json.loads(capfdbinary.readouterr().out) == table.to_pylist()
    show_table(table, Output.TABLE)
    assert capfdbinary.readouterr().out.decode().split() == ["customer", "value", "C1", "x", "C2"]
