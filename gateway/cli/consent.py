"""`assent consent`: events in, decisions out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import typer

from consent.errors import ConsentError
from gateway.cli.cohort import coverage, eligible
from gateway.cli.decision import decision_record, decisions
from gateway.cli.event_table import TableRows, read_table
from gateway.cli.events import EventRow, read_events
from gateway.cli.gateway_options import options
from gateway.cli.import_place import ImportPlace
from gateway.cli.import_screen import ImportScreen
from gateway.cli.rights import TRACE_COLUMNS, trace_record
from gateway.cli.screen import Output, show, show_one, words
from gateway.cli.times import time_of
from gateway.client import RowError
from gateway.errors import RequestError

MAX_NAMED = 50  # fields that a sentence names


class Shape(StrEnum):
    """What `show` makes of consents."""

    LIST = "list"
    DPV = "dpv"


app = typer.Typer(no_args_is_help=True)
app.command()(eligible)
app.command()(coverage)
app.command()(decisions)


@app.command("import")
def import_events(
    context: typer.Context,
    file: Path | None = typer.Argument(None, exists=True, help="Consent events, .csv, .jsonl or .parquet."),
    subject_type: str = typer.Option("customer", help="What a subject is; the same as in the binding."),
    all_or_nothing: bool = typer.Option(False, help="Keep nothing when any row is wrong."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Keep nothing, and report what an import would do."),
    errors: Path | None = typer.Option(None, help="Write every rejected row there: CSV of row, field and reason."),
    place: Path | None = typer.Option(
        None, help="Keep there how far the import has come; it goes on from there if killed."
    ),
    database: str = typer.Option("", envvar="ASSENT_SOURCE_DATABASE", help="Read a table instead of a file: its URL."),
    table: str = typer.Option("", help="Name of the table in --database."),
) -> None:
    """Import consent events; the same rows again change nothing. Wrong rows are named by number."""
    chosen = options(context)
    # The database may stand in the environment, for whoever imports from it every night.
    if (file is None) == (not table):
        raise RequestError("BAD_FIELD", "name one source: a FILE, or a --table in a --database")
    if table and not database:
        raise RequestError("BAD_FIELD", "a --table lies in a database: give its URL with --database")
    if place is not None and (all_or_nothing or dry_run):
        raise RequestError("BAD_FIELD", "--place is of imports whose rows are kept as they come; leave it out")
    source = TableRows(database, table) if file is None else file
    with ImportScreen() as screen, ImportPlace(source, subject_type, place, errors, screen.show) as stand:
        screen.watch(stand)
        if isinstance(source, TableRows):
            rows: Iterable[EventRow | RowError] = read_table(database, table, None if place is None else source)
        else:
            rows = read_events(source, stand.row)
        with chosen.client() as client:
            report = client.consents.import_events(
                rows, subject_type, all_or_nothing, trial=dry_run, progress=stand.advance
            )
        stand.end()
    first = stand.begun_after
    whole = not first  # of one that went on, the report speaks of its own rows only
    warned = report.warned_count if whole else stand.warned
    show_one(
        {
            "accepted": report.accepted if whole else stand.accepted,
            "replayed": report.replayed if whole else stand.replayed,
            "rejected": report.rejected_count if whole else stand.rejected,
            "rejected_rows": [
                {"row": error.row, "field": error.field, "reason": error.reason} for error in report.rejected
            ],
            **_warnings(report.warned, warned),
            **({"dry_run": True} if dry_run else {}),
            **({"went_on_after_row": first} if first else {}),
        },
        chosen.output,
    )
    if warned:
        words(f"{warned} rows were imported that may be mistaken; look at each, and at its reason.")
    rejected = report.rejected_count if whole else stand.rejected
    if rejected:
        would = "would not be" if dry_run else "were not"
        words(f"{rejected} rows {would} imported; correct them and import the file again.")
        raise typer.Exit(1)


def _warnings(named: Sequence[RowError], count: int) -> dict[str, object]:
    """Return what is to be known of rows that were kept; nothing where there is none."""
    rows = [{"row": row.row, "field": row.field, "reason": row.reason} for row in named]
    return {"warned": count, "warned_rows": rows} if count else {}


@app.command()
def evaluate(
    context: typer.Context,
    subject: str = typer.Argument(..., help="The customer, as in the consent file."),
    purpose: str = typer.Option(...),
    category: str = typer.Option(...),
    recipient: str = typer.Option("", help="Party id; by default use by ourselves."),
    method: str = typer.Option("psi_hash"),
    subject_type: str = typer.Option("customer"),
    at: str = typer.Option("", help="Moment asked about; by default now."),
    as_known_at: str = typer.Option("", help="Only what was recorded by then counts; at the latest now."),
    handler: str = typer.Option("", help="Party id of who uses or provides; by default we."),
    kind: str = typer.Option("use", help="use, prompt (may we ask?) or refuse_service."),
    basis: str = typer.Option("consent", help="The legal basis that is claimed, such as contract."),
    group_size: int | None = typer.Option(None, min=0, help="People in the aggregate that is to be released."),
    linkable: bool = typer.Option(False, help="The aggregate can be linked to a person."),
    exported_this_year: int | None = typer.Option(None, min=0, help="By default the gateway's own counter."),
    sensitive_exported_this_year: int | None = typer.Option(None, min=0, help="By default the gateway's own counter."),
    necessary_for_service: bool = typer.Option(False, help="The service cannot be had without this processing."),
) -> None:
    """Ask whether a customer's information may be used; a no is an answer."""
    chosen = options(context)
    with chosen.client() as client:
        found = client.consents.evaluate(
            subject,
            subject_type=subject_type,
            purpose=purpose,
            category=category,
            method=method,
            recipient=recipient,
            at=time_of(at, "--at"),
            as_known_at=time_of(as_known_at, "--as-known-at"),
            handler=handler,
            kind=kind,
            basis=basis,
            group_size=group_size,
            linkable=linkable,
            exported_this_year=exported_this_year,
            sensitive_exported_this_year=sensitive_exported_this_year,
            necessary_for_service=necessary_for_service,
        )
    show_one(decision_record(found), chosen.output)


@app.command("show")
def show_consents(
    context: typer.Context,
    subject: str = typer.Argument(..., help="The customer, as in the consent file."),
    subject_type: str = typer.Option("customer"),
    form: Shape = typer.Option(Shape.LIST, "--format", help="dpv: JSON-LD in the shape of DPV-27560."),
) -> None:
    """List a customer's consents as they stand."""
    chosen = options(context)
    if form is Shape.DPV:
        from gateway.cli.dpv import as_dpv  # the consent records, which other commands do without

        with chosen.client() as client:
            listed = list(client.consents.list(subject, subject_type=subject_type))
            show_one(as_dpv(client, listed, datetime.now(UTC)), Output.JSON)
        return
    columns = ["consent_id", "state", "handler", "recipient", "purpose", "categories", "form", "notice", "valid_until"]
    with chosen.client() as client:
        rows = [
            {name: getattr(item, name) for name in columns}
            for item in client.consents.list(subject, subject_type=subject_type)
        ]
    show(rows, columns, chosen.output)


@app.command()
def trace(
    context: typer.Context,
    subject: str = typer.Argument(..., help="The customer, as in the consent file."),
    subject_type: str = typer.Option("customer"),
) -> None:
    """Show every run with what it did with a customer, and why; the look is on record."""
    chosen = options(context)
    with chosen.client() as client:
        rows = [trace_record(run) for run in client.rights.trace(subject, subject_type=subject_type)]
    show(rows, TRACE_COLUMNS, chosen.output)


@app.command()
def decide(
    context: typer.Context,
    cases: Path = typer.Option(..., exists=True, help="Cases with their own registry, JSON."),
    record: bool = typer.Option(False, "--record", help="Say of each answer what it rests on, and its decision id."),
) -> None:
    """Answer a file of consent cases with the rule, without any gateway."""
    from consent.cases import RECORD, unread  # the rule, which other commands do without
    from consent.cases import decide as decide_cases

    try:
        document = json.loads(cases.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError("BAD_FIELD", f"{cases.name} is not readable JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise RequestError("BAD_FIELD", f"{cases.name}: must be an object with fixtures and cases")
    try:
        answers = decide_cases(document, with_record=record)
        not_read = unread(document)
    except ConsentError as error:
        raise RequestError("BAD_FIELD", f"{cases.name}: {error}") from error
    if not_read:
        words(f"No rule reads these fields, and they changed no answer: {', '.join(not_read[:MAX_NAMED])}")
    show(answers, ["id", "allowed", "reason_code", "articles", *(RECORD if record else ())], options(context).output)
