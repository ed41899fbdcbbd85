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
from gateway.errors import RequestError


class _File(NamedTuple):
    format: str
    path: Path
    subject_column: str
    subject_source: str
    identifiers: Mapping[str, str]
    columns: Mapping[str, str]


class _Declared(NamedTuple):
    parts: Mapping[str, _File]


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
    part: str = typer.Option("", help="Name of this file among those that make the data set, the first one first."),
    column: list[str] = typer.Option(
        [], help="With --part: COLUMN=OWN, the file's own name of a column of the data set; repeatable, default all."
    ),
) -> None:
    """Declare a data set, or one of the files that make it, in assent.toml; a running gateway sees it at once."""
    # Adapters are loaded by the commands that use them; the others start faster.
    from gateway.dataset import Datasets
    from gateway.settings import add_dataset, load_datasets

    chosen = options(context)
    home = chosen.own_home()
    held = dict(pairs(identifier, "--identifier"))
    kind = format or path.suffix.removeprefix(".").lower()
    columns = pairs(column, "--column")
    if columns and not part:
        raise RequestError("BAD_FIELD", "--column: a data set of one file has that file's columns; name a --part")
    if kind in ("csv", "parquet"):
        # Looked at before it is declared: a file that cannot be used is refused now, not by the first run.
        file = _File(kind, path.absolute(), subject_column, subject_source, held, columns)
        asyncio.run(Datasets(lambda: {name: _Declared({part: file})}).describe(name))
    keys: dict[str, object] = {"format": kind, "path": str(path), "subject_column": subject_column}
    further = {"subject_source": subject_source, "identifiers": held, "columns": columns}
    add_dataset(home, name, keys | {key: value for key, value in further.items() if value}, part)
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
