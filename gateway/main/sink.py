"""`assent sink add`: what stands on this machine only."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import show_one, words
from gateway.errors import RequestError


def add(
    context: typer.Context,
    name: str = typer.Argument(..., help="Name of the sink."),
    format: str = typer.Option(..., help="parquet, csv, sqlite, postgresql or mysql."),
    path: Path | None = typer.Option(None, help="The file, or SQLite's database."),
    url: str = typer.Option("", help="postgresql:// or mysql://user@host/database, without a password."),
    table: str = typer.Option("", help="The table, perhaps with its schema; made when it is not there."),
    mode: str = typer.Option(
        "replace", help="replace: the last result alone; upsert: rows of the same customer give way."
    ),
    withdrawn: str = typer.Option("delete", help="delete or tombstone: rows that consent does not cover any more."),
) -> None:
    """Declare a sink in assent.toml; a running gateway sees it at once."""
    # Adapters are loaded by the commands that use them; the others start faster.
    from gateway.settings import add_sink

    chosen = options(context)
    if url and urlsplit(url).password is not None:
        raise RequestError(
            "BAD_FIELD",
            f"--url: give the password as ASSENT_SINKS__{name.upper()}__PASSWORD or a secret sinks__{name}__password",
        )
    given: dict[str, object] = {"path": path, "url": url, "table": table}
    keys = (
        {"format": format}
        | {key: value for key, value in given.items() if value}
        | {"mode": mode, "withdrawn": withdrawn}
    )
    declared = add_sink(chosen.own_home(), name, keys)
    if path is not None and not path.absolute().parent.is_dir():
        words(f"The folder of {name} is not there yet; make it before the first delivery.")
    record = {"name": name, "format": declared.format, "mode": declared.mode, "withdrawn": declared.withdrawn}
    show_one(
        {key: str(value).upper() if key in ("mode", "withdrawn") else value for key, value in record.items()},
        chosen.output,
    )
