"""What `assent job` makes of a job and of a result, without a gateway."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import typer

from gateway.cli import job as commands
from gateway.client import Count, Job, Refused
from gateway.errors import RequestError
from gateway.main import main

AT = datetime(2026, 11, 21, tzinfo=UTC)
TABLE = pa.table({"customer": ["C1", "C2"], "value": ["x", None]})


def _job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "job_id": "j",
        "agreement_id": "a",
        "operation": "MATCH",
        "purpose": "p",
        "columns": (),
        "state": "SUCCEEDED",
        "waiting_for": "NONE",
        "stage": 0,
        "seq": -1,
        "rows_done": 0,
        "rows_total": 0,
        "side": "RECEIVER",
        "partner": "platform",
        "session_id": "s",
        "refusal": None,
        "failure": None,
        "counts": (),
        "facts": (),
        "requested_by": "cdp",
        "created_at": AT,
        "updated_at": AT,
        "finished_at": AT,
    }
    return Job(**fields | changes)


def test_a_record_names_every_count_and_why() -> None:
    counts = (
        Count("", "matched", 3, ()),
        Count("left_out", "NO_CONSENT", 2, ()),
        Count("rejected", "BAD_MATCH_KEY", 5, (7, 9)),
    )
    record = commands._record(_job(counts=counts, facts=(("obtained_at", "2026"),), failure=("EMPTY", "no rows")))
    assert record["matched"] == 3
    assert record["left_out.NO_CONSENT"] == 2
    assert record["rejected.BAD_MATCH_KEY"] == "5 (first rows 7, 9)"
    assert record["obtained_at"] == "2026"
    assert record["why"] == "EMPTY: no rows"


def test_how_a_job_ended_is_how_the_command_ends() -> None:
    commands._end(_job())
    commands._end(_job(state="QUEUED"))
    for state in ("FAILED", "CANCELLED"):
        with pytest.raises(typer.Exit) as ended:
            commands._end(_job(state=state, failure=("EMPTY", "no rows")))
        assert ended.value.exit_code == 1
    with pytest.raises(Refused, match="NOT_READY: not bound"):
        commands._end(_job(state="REFUSED", refusal=("NOT_READY", "not bound")))


def test_a_result_is_written_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands._write(TABLE, tmp_path / "result.csv")
    commands._write(TABLE, tmp_path / "result.parquet")
    assert (tmp_path / "result.csv").read_bytes() == b'"customer","value"\n"C1","x"\n"C2",\n'
    assert pq.read_table(tmp_path / "result.parquet").equals(TABLE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.csv", "result.parquet"]
    assert "2 rows in result.csv" in capsys.readouterr().err


def test_a_result_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "result.csv"
    target.write_text("old", encoding="utf-8")

    def full(table: pa.Table, file: Path) -> None:
        Path(file).write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyarrow.csv, "write_csv", full)
    with pytest.raises(RequestError, match="No space left"):
        commands._write(TABLE, target)
    assert target.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result.csv"]


def test_another_kind_of_file_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RequestError, match=r"must end in \.csv or \.parquet"):
        commands._write(TABLE, tmp_path / "result.xlsx")
    monkeypatch.delenv("ASSENT_HOME", raising=False)
    words = ["job", "run", "match", "--agreement", "a", "--purpose", "p", "--result", "result.xlsx"]
    monkeypatch.setattr(sys, "argv", ["assent", *words])
    assert main() == 2
    assert "must end in .csv or .parquet" in capsys.readouterr().err
