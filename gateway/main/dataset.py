"""`assent dataset add`, `assent config show`: what stands on this machine only."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import typer

from gateway.cli.gateway_options import options
from gateway.cli.pairs import pairs
from gateway.cli.screen import show
from gateway.errors import RequestError

_BY_ENDING = {"db": "sqlite", "sqlite": "sqlite", "sqlite3": "sqlite", "pq": "parquet", "tsv": "csv", "txt": "csv"}
_PACKED = (".gz", ".zst")
_BY_SCHEME = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql"}


def add(
    context: typer.Context,
    name: str = typer.Argument(..., help="Name of the data set."),
    path: str = typer.Option("", help="A file, a folder, a quoted pattern ('exports/*.csv.gz') or an SQLite database."),
    url: str = typer.Option(
        "", help="In its place s3://, oss://, hdfs://, or postgresql://, mysql:// without password."
    ),
    url_env: str = typer.Option("", help="In its place: variable of the environment that holds the database's URL."),
    table: str = typer.Option("", help="Of a database: table or view, maybe with its schema."),
    order_by: list[str] = typer.Option([], help="Column that gives the rows their order; repeatable, default the key."),
    subject_column: str = typer.Option(..., help="Column of customer ids."),
    subject_source: str = typer.Option("", help="System whose ids stand there, e.g. crm; see `assent identity`."),
    identifier: list[str] = typer.Option(
        [], help="COLUMN=WHAT it holds: raw (phone, phone@HK, email, oaid) or digests (phone.cn11.sha256); repeatable."
    ),
    format: str = typer.Option(
        "", help="csv, parquet, orc, postgresql, sqlite or mysql; by default from the name or URL."
    ),
    encoding: str = typer.Option("", help="Of CSV, e.g. gb18030; by default its byte order mark, else UTF-8."),
    delimiter: str = typer.Option("", help="Of CSV: one sign, tab or ctrl-a; by default a comma."),
    partition: list[str] = typer.Option(
        [], help="Condition on folders such as dt=2026-01-31, e.g. 'dt >= 2026-01-01'; repeatable."
    ),
    part: str = typer.Option("", help="Name of this source among those that make the data set, the first one first."),
    column: list[str] = typer.Option(
        [], help="With --part: COLUMN=OWN, the source's own name of a column of the data set; repeatable, default all."
    ),
) -> None:
    """Declare a data set, or one of the sources that make it, in assent.toml; a running gateway sees it at once."""
    # Adapters are loaded by the commands that use them; the others start faster.
    from gateway.dataset import Datasets
    from gateway.settings import add_dataset, checked_dataset, load_datasets

    chosen = options(context)
    home = chosen.own_home()
    held = dict(pairs(identifier, "--identifier"))
    columns = pairs(column, "--column")
    if columns and not part:
        raise RequestError("BAD_FIELD", "--column: a data set of one source has its columns; name a --part")
    if "://" in path:
        path, url = "", url or path
    if _has_password(url):
        raise RequestError(
            "BAD_FIELD",
            "--url: whoever lists this machine's processes reads a password there; put the URL into a variable of the "
            "environment and name that with --url-env, or write it into assent.toml",
        )
    given: dict[str, object] = {
        "format": format or _format(path, url),
        "path": path,
        "url": url,
        "url_env": url_env,
        "encoding": encoding.lower(),
        "delimiter": delimiter,
        "partitions": tuple(partition),
        "table": table,
        "order_by": tuple(order_by),
        "subject_column": subject_column,
        "subject_source": subject_source,
        "identifiers": held,
        "columns": columns,
    }
    keys = {key: value for key, value in given.items() if value or key in ("format", "subject_column")}
    # Looked at before it is declared: what cannot be used is refused now, not by the first run.
    declared = checked_dataset(home, name, keys, part)
    asyncio.run(Datasets(lambda: {name: declared}).describe(name))
    add_dataset(home, name, keys, part)
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


def _format(path: str, url: str) -> str:
    """Return the format that a name ends in, or a database's URL begins with."""
    scheme = url.partition("://")[0]
    if scheme in _BY_SCHEME:
        return _BY_SCHEME[scheme]
    name = Path(path or url.partition("?")[0]).name.lower()
    while name.endswith(_PACKED):
        name = name.rpartition(".")[0]
    ending = name.rpartition(".")[2] if "." in name else ""
    return _BY_ENDING.get(ending, ending)


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.password is not None or "password" in parts.query.lower()
    except ValueError:
        return "@" in url
