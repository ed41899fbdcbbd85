"""`assent consent`: events in, decisions out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import typer

from consent.cases import decide as decide_cases
from consent.cases import unread
from consent.errors import ConsentError
from gateway.cli.cohort import coverage, eligible
from gateway.cli.dpv import as_dpv
from gateway.cli.events import read_events
from gateway.cli.gateway_options import options
from gateway.cli.screen import Output, show, show_one, words
from gateway.cli.times import time_of
from gateway.errors import RequestError

MAX_NAMED = 50  # fields that a sentence names


class Shape(StrEnum):
    """What `show` makes of consents."""

    LIST = "list"
    DPV = "dpv"


app = typer.Typer(no_args_is_help=True)
app.command()(eligible)
app.command()(coverage)


@app.command("import")
def import_events(
    context: typer.Context,
    file: Path = typer.Argument(..., exists=True, help="Consent events, .csv or .jsonl."),
    subject_type: str = typer.Option("customer", help="What a subject is; the same as in the binding."),
    all_or_nothing: bool = typer.Option(False, help="Keep nothing when any row is wrong."),
) -> None:
    """Import consent events; the same file again changes nothing. Wrong rows are named by number."""
    chosen = options(context)
    with chosen.client() as client:
        report = client.consents.import_events(read_events(file), subject_type, all_or_nothing)
    rejected = [{"row": error.row, "field": error.field, "reason": error.reason} for error in report.rejected]
    show_one(
        {
            "accepted": report.accepted,
            "replayed": report.replayed,
            "rejected": report.rejected_count,
            "rejected_rows": rejected,
        },
        chosen.output,
    )
    if report.rejected_count:
        words(f"{report.rejected_count} rows were not imported; correct them and import the file again.")
        raise typer.Exit(1)


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
    as_known_at: str = typer.Option("", help="Only what was recorded by then counts."),
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
    show_one(
        {
            "allowed": found.allowed,
            "reason_code": found.reason_code,
            "articles": list(found.articles),
            "meaning": found.meaning,
            "repair": found.repair,
            "consent": found.consent_id,
            "notice": found.notice,
            "decided_at": found.decided_at,
            "as_known_at": found.as_known_at,
        },
        chosen.output,
    )


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
def decide(
    context: typer.Context, cases: Path = typer.Option(..., exists=True, help="Cases with their own registry, JSON.")
) -> None:
    """Answer a file of consent cases with the rule, without any gateway."""
    try:
        document = json.loads(cases.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError("BAD_FIELD", f"{cases.name} is not readable JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise RequestError("BAD_FIELD", f"{cases.name}: must be an object with fixtures and cases")
    try:
        answers = decide_cases(document)
        not_read = unread(document)
    except ConsentError as error:
        raise RequestError("BAD_FIELD", f"{cases.name}: {error}") from error
    if not_read:
        words(f"No rule reads these fields, and they changed no answer: {', '.join(not_read[:MAX_NAMED])}")
    show(answers, ["id", "allowed", "reason_code", "articles"], options(context).output)
