"""What `assent job` makes of a job and of a result, without a gateway."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import typer

from gateway.cli import job as commands
from gateway.cli.gateway_options import GatewayOptions
from gateway.client import Count, Job, Refused
from gateway.errors import HostileInput, RequestError
from gateway.main import main
from tests.unit.gateway.cells import cell, cells

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


def test_a_stalled_partner_is_shown_with_stage_and_chunk() -> None:
    assert commands._place(_job(state="JUDGING")) == "JUDGING"
    assert commands._place(_job(state="EXCHANGING", stage=2, seq=7)) == "EXCHANGING stage 2"
    waiting = _job(state="EXCHANGING", stage=2, seq=7, waiting_for="PEER")
    assert commands._place(waiting) == "EXCHANGING stage 2 (waiting for PEER after chunk 7)"
    assert commands._place(_job(state="AUTHORIZING", waiting_for="PEER")) == "AUTHORIZING (waiting for PEER)"


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
    commands.write_table(TABLE, tmp_path / "result.csv")
    commands.write_table(TABLE, tmp_path / "result.parquet")
    assert (tmp_path / "result.csv").read_bytes() == b'"customer","value"\n"C1","x"\n"C2",\n'
    assert pq.read_table(tmp_path / "result.parquet").equals(TABLE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.csv", "result.parquet"]
    assert "2 rows in result.csv" in capsys.readouterr().err


def test_a_result_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "result.csv"
    target.write_text("old", encoding="utf-8")

    class Full:
        def __init__(self, file: Path, schema: pa.Schema) -> None:
            Path(file).write_text("half", encoding="utf-8")
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyarrow.csv, "CSVWriter", Full)
    with pytest.raises(RequestError, match="No space left"):
        commands.write_table(TABLE, target)
    assert target.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result.csv"]


def _sending(stream: bytes) -> Any:
    """A client whose gateway sends these bytes as a result."""
    return SimpleNamespace(jobs=SimpleNamespace(save_result=lambda job_id, file, control: file.write(stream)))


@pytest.mark.parametrize("table", [TABLE, TABLE.slice(0, 0)], ids=["rows", "none"])
def test_a_result_goes_to_its_file_as_it_comes(tmp_path: Path, table: pa.Table) -> None:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    for name in ("result.parquet", "result.csv"):
        commands.write_result(_sending(sink.getvalue()), "j", "", tmp_path / name)
    assert pq.read_table(tmp_path / "result.parquet").equals(table)
    assert (tmp_path / "result.csv").read_text().splitlines()[1:] == ['"C1","x"', '"C2",'][: table.num_rows]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.csv", "result.parquet"]


def test_a_result_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    whole = sink.getvalue()
    for size in (0, 3, 100, len(whole) // 2, len(whole) - 20):
        with pytest.raises(HostileInput, match="not a whole Arrow stream"):
            commands.write_result(_sending(whole[:size]), "j", "", tmp_path / "result.csv")
        assert list(tmp_path.iterdir()) == []


def test_another_kind_of_file_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RequestError, match=r"must end in \.csv or \.parquet"):
        commands.write_table(TABLE, tmp_path / "result.xlsx")
    monkeypatch.delenv("ASSENT_HOME", raising=False)
    words = ["job", "run", "match", "--agreement", "a", "--purpose", "p", "--result", "result.xlsx"]
    monkeypatch.setattr(sys, "argv", ["assent", *words])
    assert main() == 2
    assert "must end in .csv or .parquet" in capsys.readouterr().err


# ---- statistics ------------------------------------------------------------------------------------------------

CELLS = cells(
    cell(value="1203", low="1199", high="1207", noise_sd=1.5),
    cell(against="none", column="visit", statistic="lift", value="0.05", low="0.04", high="0.06", p_value=0.001),
)


class _Jobs:
    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def create(self, *given: Any) -> Job:
        self.asked.append(given)
        return _job(operation=given[1])

    def watch(self, job_id: str) -> Iterator[Job]:
        yield _job()

    def get(self, job_id: str) -> Job:
        facts = (("dummies", "LAPLACE"), ("noise", "NONE"), ("cut_at", "2026-11-20"), ("not_for_partner", "true"))
        return _job(job_id=job_id, facts=facts, counts=(Count("", "withdrawn_since_cut", 3, ()),))

    def result(self, job_id: str, control: str | None = None) -> pa.Table:
        self.asked.append((job_id, control))
        return TABLE if job_id == "customers" else CELLS

    def save_result(self, job_id: str, file: IO[bytes], control: str | None = None) -> None:
        table = self.result(job_id, control)
        with pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> _Jobs:
    found = _Jobs()
    monkeypatch.setattr(GatewayOptions, "client", lambda self: nullcontext(SimpleNamespace(jobs=found)))
    return found


def _assent(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["assent", *words])
    return main()


def test_statistics_are_printed_for_people_and_whole_for_programs(
    jobs: _Jobs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _assent(monkeypatch, "job", "result", "J", "--control", "none") == 0
    printed = capsys.readouterr()
    header, first, second = printed.out.splitlines()
    assert header.split() == ["segment", "against", "column", "statistic", "value", "interval", "p_value"]
    assert first.split() == ["mail", "count", "1203", "1199", "to", "1207"]
    assert second.split()[-1] == "0.0010"
    # What must be known of a release stands beside it, never within what programs read.
    about = (
        "dummies LAPLACE, noise NONE; exact figures, as both signed; consent judged at 2026-11-20, 3 withdrew since; "
        "not for the partner: it carries no noise of ours\n"
    )
    assert printed.err == about
    assert _assent(monkeypatch, "job", "result", "J", "--output", "json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == CELLS.to_pylist()
    assert printed.err == about
    assert jobs.asked == [("J", "none"), ("J", None)]


def test_customers_are_printed_as_before(
    jobs: _Jobs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _assent(monkeypatch, "job", "result", "customers") == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].split() == ["customer", "value"]
    assert printed.err == ""


def test_a_run_may_be_an_aggregate(jobs: _Jobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = ["job", "run", "aggregate", "--agreement", "A", "--purpose", "P", "--column", "visit", "--column", "spend"]
    target = tmp_path / "lift.csv"
    assert _assent(monkeypatch, *words, "--result", str(target), "--control", "none") == 0
    assert jobs.asked == [("A", "AGGREGATE", "P", ["visit", "spend"], None), ("j", "none")]
    assert target.read_text(encoding="utf-8").startswith('"segment","against"')
    assert _assent(monkeypatch, "job", "run", "overlap", "--agreement", "A", "--purpose", "P") == 0
    assert jobs.asked[-1] == ("A", "OVERLAP", "P", [], None)


def test_a_control_without_a_result_is_refused_before_the_run(
    jobs: _Jobs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["job", "run", "aggregate", "--agreement", "A", "--purpose", "P", "--control", "none"]
    assert _assent(monkeypatch, *words) == 2
    assert "--control: give --result too" in capsys.readouterr().err
    assert not jobs.asked
