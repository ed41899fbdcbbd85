"""`assent consent eligible` and `coverage`: whom a use is allowed about, of everybody. No raw value is shown."""

from __future__ import annotations

import csv
import json
import sys

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import Output, show, show_one
from gateway.cli.times import time_of

_COLUMNS = ("subject_ref", "consent_id")


def eligible(
    context: typer.Context,
    purpose: str = typer.Option(...),
    category: str = typer.Option(...),
    recipient: str = typer.Option("", help="Party id; by default use by ourselves."),
    method: str = typer.Option("psi_hash"),
    at: str = typer.Option("", help="Moment asked about; by default now."),
) -> None:
    """Stream everybody whom a use is allowed about, as pseudonyms: csv, or json lines; a table has the count alone."""
    chosen = options(context)
    count, writer = 0, csv.writer(sys.stdout, lineterminator="\n")
    if chosen.output is Output.CSV:
        writer.writerow(_COLUMNS)
    with chosen.client() as client:
        for batch in client.consents.eligible(
            purpose=purpose, category=category, recipient=recipient, method=method, at=time_of(at, "--at")
        ):
            count += batch.num_rows
            if chosen.output is Output.CSV:
                writer.writerows(zip(*(batch.column(name).to_pylist() for name in _COLUMNS), strict=True))
            elif chosen.output is Output.JSON:
                sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist())
    if chosen.output is Output.TABLE:
        show_one({"eligible": count}, chosen.output)


def coverage(
    context: typer.Context,
    purpose: str = typer.Option(...),
    recipient: str = typer.Option("", help="Party id; by default use by ourselves."),
    category: str = typer.Option("", help="By default every one that a consent names here."),
    method: str = typer.Option("", help="By default every one that a consent names here."),
    at: str = typer.Option("", help="Moment asked about; by default now."),
) -> None:
    """Count whom a use is allowed about, the others per reason, and how many a new consent would let in."""
    chosen = options(context)
    columns = ["category", "method", "subjects", "eligible", "denied", "gain_if_asked", "not_to_be_asked_yet", "at"]
    with chosen.client() as client:
        rows = [
            {
                "category": found.category,
                "method": found.method,
                "subjects": found.subjects,
                "eligible": found.eligible,
                "denied": found.denied,
                "gain_if_asked": found.gain,
                "not_to_be_asked_yet": found.barred,
                "at": found.at,
            }
            for found in client.consents.coverage(
                purpose=purpose, recipient=recipient, category=category, method=method, at=time_of(at, "--at")
            )
        ]
    show(rows, columns, chosen.output)
