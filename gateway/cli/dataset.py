"""`assent dataset`: what is declared on the gateway's machine."""

from __future__ import annotations

import typer

from gateway.cli import check
from gateway.cli.gateway_options import options
from gateway.cli.screen import show

app = typer.Typer(no_args_is_help=True)
app.command()(check.check)


@app.command("list")
def list_datasets(context: typer.Context) -> None:
    """List declared data sets: what they are, where, and whose ids and identifiers they hold."""
    chosen = options(context)
    with chosen.client() as client:
        rows = [
            {
                "name": found.name,
                "format": found.format,
                "places": found.places,
                "subject_column": found.subject_column,
                "subject_source": found.subject_source,
                "identifiers": found.identifiers,
            }
            for found in client.datasets.declared()
        ]
    columns = ["name", "format", "places", "subject_column", "subject_source", "identifiers"]
    show(rows, columns, chosen.output)


@app.command()
def describe(context: typer.Context, name: str) -> None:
    """Show the columns of a data set, never its rows."""
    chosen = options(context)
    with chosen.client() as client:
        found = client.datasets.get(name)
    rows = [
        {
            "dataset": found.name,
            "format": found.format,
            "column": c,
            "type": t,
            "identifier": found.identifiers.get(c, ""),
        }
        for c, t in found.columns
    ]
    show(rows, ["dataset", "format", "column", "type", "identifier"], chosen.output)


@app.command()
def parts(context: typer.Context, name: str) -> None:
    """Show the sources whose rows make a data set, in the order that settles what they say differently."""
    chosen = options(context)
    with chosen.client() as client:
        found = client.datasets.get(name)
    rows = [
        {"part": part.name, "format": part.format, "column": part.subject_column, "source": part.subject_source}
        for part in found.parts
    ]
    show(rows, ["part", "format", "column", "source"], chosen.output)
