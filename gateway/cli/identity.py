"""`assent identity`: whose an id in another system is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from gateway.cli.events import read_rows
from gateway.cli.gateway_options import options
from gateway.cli.screen import show, show_one, words
from gateway.client import RowError

app = typer.Typer(no_args_is_help=True)

_COLUMNS = ["source", "link_ref", "subject_ref", "version", "ended_version", "linked_at"]


@app.command("import")
def import_links(
    context: typer.Context,
    file: Path = typer.Argument(..., exists=True, help="Links, .csv, .jsonl or .parquet: columns id and subject."),
    source: str = typer.Option(..., help="The system whose ids these are, e.g. crm."),
    subject_type: str = typer.Option("customer", help="What a subject is; the same as in the binding."),
) -> None:
    """Import whose the ids of a system are; the same file again changes nothing."""
    chosen = options(context)
    with chosen.client() as client:
        report = client.identity.import_links(_links(file), source, subject_type)
    rejected = [{"row": error.row, "field": error.field, "reason": error.reason} for error in report.rejected]
    show_one(
        {
            "version": report.version,
            "linked": report.linked,
            "moved": report.moved,
            "known": report.known,
            "rejected": report.rejected_count,
            "rejected_rows": rejected,
        },
        chosen.output,
    )
    if report.rejected_count:
        words(f"{report.rejected_count} rows were not imported; correct them and import the file again.")
        raise typer.Exit(1)


@app.command("show")
def show_links(
    context: typer.Context,
    subject: str = typer.Argument(..., help="The customer, as in the consent file."),
    subject_type: str = typer.Option("customer"),
) -> None:
    """List the ids of a customer in other systems, as references, with those that ended."""
    chosen = options(context)
    with chosen.client() as client:
        links = list(client.identity.links(subject, subject_type=subject_type))
    show([{name: getattr(link, name) for name in _COLUMNS} for link in links], _COLUMNS, chosen.output)


@app.command()
def unlink(
    context: typer.Context,
    link_id: str = typer.Argument(..., metavar="ID", help="The id in the system."),
    source: str = typer.Option(..., help="The system, e.g. crm."),
) -> None:
    """End the link of an id: it is nobody's from now on, and rows that runs released by it are taken back."""
    chosen = options(context)
    with chosen.client() as client:
        show_one({"version": client.identity.unlink(source, link_id)}, chosen.output)


def _links(file: Path) -> Iterator[tuple[int, str, str] | RowError]:
    for found in read_rows(file):
        if isinstance(found, RowError):
            yield found
            continue
        row, cells = found
        link_id, subject = cells.get("id"), cells.get("subject")
        # Exports write ids as numbers.
        texts = [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in (link_id, subject)]
        if set(cells) != {"id", "subject"}:
            yield RowError(row, "(row)", "must have the columns id and subject, and no others")
        elif not all(isinstance(one, str) for one in texts):
            yield RowError(row, "id" if not isinstance(texts[0], str) else "subject", "must be a text")
        else:
            yield row, str(texts[0]), str(texts[1])
