"""`assent dataset add`, `assent config show`: what stands on this machine only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import typer

from gateway.cli.gateway_options import options
from gateway.cli.pairs import pairs
from gateway.cli.screen import show


class _Declared(NamedTuple):
    format: str
    path: Path
    subject_column: str
    subject_source: str
    identifiers: Mapping[str, str]


def add(
    context: typer.Context,
    name: str = typer.Argument(..., help="Name of the data set."),
    path: Path = typer.Option(..., help="The file: .csv or .parquet."),
    subject_column: str = typer.Option(..., help="Column of customer ids."),
    subject_source: str = typer.Option("", help="System whose ids stand there, e.g. crm; see `assent identity`."),
    identifier: list[str] = typer.Option(
        [], help="COLUMN=WHAT it holds: raw (phone, phone@HK, email, oaid) or digests (phone.cn11.sha256); repeatable."
    ),
    format: str = typer.Option("", help="csv or parquet; by default from the file's name."),
) -> None:
    """Declare a data set in assent.toml; a running gateway sees it at once."""
    # Adapters are loaded by the commands that use them; the others start faster.
    from gateway.dataset import Datasets
    from gateway.settings import add_dataset, load_datasets

    chosen = options(context)
    home = chosen.own_home()
    held = dict(pairs(identifier, "--identifier"))
    kind = format or path.suffix.removeprefix(".").lower()
    if kind in ("csv", "parquet"):
        # Looked at before it is declared: a file that cannot be used is refused now, not by the first run.
        declared = _Declared(kind, path.absolute(), subject_column, subject_source, held)
        asyncio.run(Datasets(lambda: {name: declared}).describe(name))
    keys: dict[str, object] = {"format": kind, "path": str(path), "subject_column": subject_column}
    keys |= {"subject_source": subject_source} if subject_source else {}
    add_dataset(home, name, keys | ({"identifiers": held} if held else {}))
    found = asyncio.run(Datasets(lambda: load_datasets(home)).describe(name))
    rows = [
        {"dataset": name, "format": found.format, "column": c, "type": t, "identifier": found.identifiers.get(c, "")}
        for c, t in found.columns
    ]
    show(rows, ["dataset", "format", "column", "type", "identifier"], chosen.output)


def show_config(context: typer.Context) -> None:
    """Print every setting and where its value came from; secrets are not shown."""
    from gateway.settings import explain, load_settings

    chosen = options(context)
    settings = load_settings(chosen.own_home())
    rows = [{"key": row.key, "value": row.value, "source": row.source} for row in explain(settings)]
    show(rows, ["key", "value", "source"], chosen.output)
