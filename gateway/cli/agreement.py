"""`assent agreement`: propose, accept, bind, look, see the budget."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from gateway.cli.gateway_options import options
from gateway.cli.pairs import pairs
from gateway.cli.screen import Output, show, show_one, words
from gateway.client import Agreement, Binding, Budget, BudgetCharge, Direction
from gateway.errors import RequestError

app = typer.Typer(no_args_is_help=True)


@app.command()
def propose(context: typer.Context, file: Path = typer.Argument(..., exists=True, help="The agreement, JSON.")) -> None:
    """Sign an agreement and hand it to the partner."""
    try:
        document = file.read_bytes()
        json.loads(document)
    except (OSError, ValueError) as error:
        raise RequestError("BAD_FIELD", f"{file.name} is not readable JSON: {error}") from error
    chosen = options(context)
    with chosen.client() as client:
        found = client.agreements.propose(document)
    show([_record(found)], _COLUMNS, chosen.output)
    words("The partner accepts it with: assent agreement accept ID --hash HASH")


@app.command()
def accept(
    context: typer.Context,
    agreement_id: str,
    hash: str = typer.Option("", help="Expected hash, 64 hex digits; compare it with the proposer's."),
) -> None:
    """Countersign a proposal; it is then in force."""
    try:
        expected = bytes.fromhex(hash)
    except ValueError as error:
        raise RequestError("BAD_FIELD", "--hash: must be 64 hex digits") from error
    chosen = options(context)
    with chosen.client() as client:
        show([_record(client.agreements.accept(agreement_id, expected))], _COLUMNS, chosen.output)


@app.command()
def bind(
    context: typer.Context,
    agreement_id: str,
    dataset: str = typer.Option(..., help="Name of a declared data set."),
    subject_column: str = typer.Option(..., help="Column of customer ids."),
    subject_type: str = typer.Option("customer", help="Type of those ids, as in consent files."),
    match_key: list[str] = typer.Option(..., help="KEY=COLUMN, e.g. phone.e164=phone; repeatable."),
    column: list[str] = typer.Option([], help="AGREED=COLUMN for values we disclose; repeatable."),
    segment_column: str = typer.Option(
        "", help="Column of segment names, where we are the receiver of AGGREGATE or OVERLAP."
    ),
    minimum_cohort: int = typer.Option(
        0, min=0, help="Our own least number of people behind a released cell; 0 = the agreement's."
    ),
) -> None:
    """Say which of our data sets answers for an agreement. Local; the partner does not see it."""
    binding = Binding(
        dataset=dataset,
        subject_column=subject_column,
        subject_type=subject_type,
        match_key_columns=pairs(match_key, "--match-key"),
        value_columns=pairs(column, "--column"),
        segment_column=segment_column,
        minimum_cohort=minimum_cohort,
    )
    chosen = options(context)
    with chosen.client() as client:
        client.agreements.bind(agreement_id, binding)
    words(f"Agreement {agreement_id} is bound to data set {dataset}.")


@app.command()
def budget(context: typer.Context, agreement_id: str) -> None:
    """Show what statistics towards the partner cost so far, out of what is allowed."""
    chosen = options(context)
    with chosen.client() as client:
        found = client.agreements.budget(agreement_id)
    if chosen.output is Output.JSON:
        show_one({**_spent(found), "charges": [_charge(charge) for charge in found.charges]}, chosen.output)
        return
    if chosen.output is Output.TABLE:
        show_one(_spent(found), chosen.output)
        words(f"Charges, newest first; those older than {found.period_days} days are over:")
    show([_charge(charge) for charge in found.charges], _CHARGE_COLUMNS, chosen.output)


@app.command("list")
def list_agreements(context: typer.Context) -> None:
    """List our copies of agreements."""
    chosen = options(context)
    with chosen.client() as client:
        show([_record(found) for found in client.agreements.list()], _COLUMNS, chosen.output)


@app.command()
def show_document(context: typer.Context, agreement_id: str) -> None:
    """Print the signed document, byte for byte."""
    with options(context).client() as client:
        typer.echo(client.agreements.get(agreement_id).document.decode(), nl=False)


_CHARGE_COLUMNS = ["job", "step", "epsilon", "delta", "cells", "at"]
_COLUMNS = ["agreement", "state", "hash", "parties", "purposes", "operations", "padding", "valid_until"]


def _record(found: Agreement) -> dict[str, object]:
    return {
        "agreement": found.agreement_id,
        "state": found.state,
        "hash": found.hash.hex(),
        "parties": list(found.parties),
        "purposes": list(found.purposes),
        "operations": [_operation(item) for item in found.directions],
        "padding": found.padding,
        "valid_until": found.valid_until,
    }


def _operation(way: Direction) -> str:
    """Say who learns what of whom, e.g. "MATCH retailer<-platform", and who else learns it."""
    told = "" if set(way.result_to) == {way.receiver} else f", result to {', '.join(way.result_to)}"
    return f"{way.operation} {way.receiver}<-{way.sender}{told}"


def _spent(found: Budget) -> dict[str, object]:
    return {
        "epsilon": f"{found.spent_epsilon:f}",
        "epsilon_cap": f"{found.epsilon_cap:f}",
        "delta": f"{found.spent_delta:f}",
        "delta_cap": f"{found.delta_cap:f}",
        "exact_cells": found.cells,
        "cells_per_period": found.cells_per_period,
        "period_days": found.period_days,
    }


def _charge(charge: BudgetCharge) -> dict[str, object]:
    return {
        "job": charge.job_id,
        "step": charge.step,
        "epsilon": f"{charge.epsilon:f}",
        "delta": f"{charge.delta:f}",
        "cells": charge.cells,
        "at": charge.at,
    }
