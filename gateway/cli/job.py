"""`assent job`: run, watch, cancel, read the result."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gateway.cli import plan, report
from gateway.cli.cells import about_cells, show_cells
from gateway.cli.gateway_options import GatewayOptions, options
from gateway.cli.screen import show, show_one, show_table, words
from gateway.client import Client, Job, Refused, is_cells
from gateway.client.job import NOT_WHOLE
from gateway.errors import HostileInput, RequestError

if TYPE_CHECKING:
    import pyarrow as pa

app = typer.Typer(no_args_is_help=True)

_COLUMNS = ["job", "side", "operation", "partner", "state", "waiting_for", "stage", "rows_done", "rows_total", "why"]


@app.command()
def run(
    context: typer.Context,
    operation: str = typer.Argument(..., help="MATCH, ENRICH, AGGREGATE or OVERLAP."),
    agreement: str = typer.Option(..., help="Id of an agreement in force."),
    purpose: str = typer.Option(..., help="One of its purposes."),
    column: list[str] = typer.Option([], help="Agreed column wanted (ENRICH, AGGREGATE); repeatable."),
    request_id: str = typer.Option("", help="uuid; the same id never runs twice."),
    wait: bool = typer.Option(True, help="Wait for the end and show the progress."),
    result: Path | None = typer.Option(None, help="Write the result there when done (.csv or .parquet)."),
    control: str = typer.Option("", help="Compare the other segments with this one in the result (AGGREGATE)."),
) -> None:
    """Start a run; wait for its end unless told otherwise."""
    if result is not None:
        check_kind(result)
    elif control:
        raise RequestError("BAD_FIELD", "--control: give --result too, or read it with: assent job result --control")
    chosen = options(context)
    with chosen.client() as client:
        job = client.jobs.create(agreement, operation.upper(), purpose, column, request_id or None)
        if wait:
            job = _follow(client, job.job_id)
        show_one(_record(job), chosen.output)
        _end(job)
        if wait and result is not None:
            write_result(client, job.job_id, control, result)


app.command()(plan.plan)
app.command()(report.report)


@app.command()
def watch(context: typer.Context, job_id: str) -> None:
    """Follow a job to its end."""
    chosen = options(context)
    with chosen.client() as client:
        job = _follow(client, job_id)
    show_one(_record(job), chosen.output)
    _end(job)


@app.command("show")
def show_job(context: typer.Context, job_id: str) -> None:
    """Show a job with its counts: who was left out, and why."""
    chosen = options(context)
    with chosen.client() as client:
        show_one(_record(client.jobs.get(job_id)), chosen.output)


@app.command("list")
def list_jobs(context: typer.Context) -> None:
    """List jobs, newest first."""
    chosen = options(context)
    with chosen.client() as client:
        show([_record(job) for job in client.jobs.list()], _COLUMNS, chosen.output)


@app.command()
def cancel(context: typer.Context, job_id: str) -> None:
    """End a job; nothing is released."""
    chosen = options(context)
    with chosen.client() as client:
        show_one(_record(client.jobs.cancel(job_id)), chosen.output)


@app.command()
def result(
    context: typer.Context,
    job_id: str,
    file: Path | None = typer.Option(None, "--file", help="Write there (.csv or .parquet) instead of stdout."),
    control: str = typer.Option("", help="Compare the other segments with this one (AGGREGATE)."),
) -> None:
    """Read a result: one row per customer and attribute, or one per statistic and segment."""
    chosen: GatewayOptions = options(context)
    with chosen.client() as client:
        job = client.jobs.get(job_id)
        if file is not None and job.operation in ("MATCH", "ENRICH"):
            write_result(client, job_id, control, file)
            return
        table = client.jobs.result(job_id, control or None)
    if is_cells(table):
        words(about_cells(dict(job.facts), job.count("withdrawn_since_cut")))
    if file is not None:
        write_table(table, file)
    elif is_cells(table):
        show_cells(table, chosen.output)
    else:
        show_table(table, chosen.output)


def _follow(client: Client, job_id: str) -> Job:
    """Show progress on stderr until the job is final."""
    last: Job | None = None
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as bar:
        task = bar.add_task("QUEUED", total=None)
        for job in client.jobs.watch(job_id):
            last = job
            bar.update(
                task,
                description=_place(job),
                completed=job.rows_done,
                total=job.rows_total or None,
            )
    return last if last is not None else client.jobs.get(job_id)


def _place(job: Job) -> str:
    """Say where a job stands; a partner that stalls is named by stage and chunk."""
    stage = f" stage {job.stage}" if job.stage else ""
    if job.waiting_for == "NONE":
        return f"{job.state}{stage}"
    chunk = f" after chunk {job.seq}" if job.stage and job.seq >= 0 else ""
    return f"{job.state}{stage} (waiting for {job.waiting_for}{chunk})"


def write_result(client: Client, job_id: str, control: str, file: Path) -> None:
    """Write a result of any length whole or not at all; it waits beside the file until all of it is here."""
    check_kind(file)
    import pyarrow as pa  # a third of a second to load: only for those who need it
    import pyarrow.ipc

    with _writing(file), TemporaryFile(dir=file.absolute().parent) as arrived:
        client.jobs.save_result(job_id, arrived, control or None)
        arrived.seek(0)
        try:
            with pa.ipc.open_stream(arrived) as reader:
                _write(reader.schema, _batches(reader), file)
        except pa.ArrowInvalid as error:
            raise HostileInput("BAD_SHAPE", NOT_WHOLE) from error


def write_table(table: pa.Table, file: Path) -> None:
    """Write a table whole or not at all."""
    check_kind(file)
    with _writing(file):
        _write(table.schema, table.to_batches(), file)


def _batches(reader: pa.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    except OSError as error:
        raise HostileInput("BAD_SHAPE", NOT_WHOLE) from error


def _write(schema: pa.Schema, batches: Iterable[pa.RecordBatch], file: Path) -> None:
    import pyarrow.csv
    import pyarrow.parquet

    part = file.with_name(f".{file.name}.part")
    kind = pyarrow.csv.CSVWriter if file.suffix == ".csv" else pyarrow.parquet.ParquetWriter
    rows = 0
    try:
        with kind(part, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    words(f"{rows} rows in {file.name}")


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RequestError("BAD_FIELD", f"cannot write {file.name}: {error.strerror}; nothing was written") from error


def check_kind(file: Path) -> None:
    """Refuse a file that no result can be written to; RequestError BAD_FIELD."""
    if file.suffix not in (".csv", ".parquet"):
        raise RequestError("BAD_FIELD", f"{file.name}: must end in .csv or .parquet")


def _end(job: Job) -> None:
    if job.refusal is not None:
        raise Refused(*job.refusal)
    if job.state in ("FAILED", "CANCELLED"):
        raise typer.Exit(1)


def _record(job: Job) -> dict[str, object]:
    why = job.refusal or job.failure
    record: dict[str, object] = {
        "job": job.job_id,
        "side": job.side,
        "operation": job.operation,
        "partner": job.partner,
        "agreement": job.agreement_id,
        "state": job.state,
        "waiting_for": job.waiting_for,
        "stage": job.stage,
        "chunk": job.seq,
        "rows_done": job.rows_done,
        "rows_total": job.rows_total,
        "session": job.session_id,
        "why": f"{why[0]}: {why[1]}" if why else None,
    }
    for count in job.counts:
        name = f"{count.group}.{count.reason}" if count.group else count.reason
        rows = f" (first rows {', '.join(map(str, count.first_rows))})" if count.first_rows else ""
        record[name] = f"{count.count}{rows}" if rows else count.count
    record.update(dict(job.facts))
    return record
