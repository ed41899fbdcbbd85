"""Records on stdout as a table, JSON or CSV; words for people on stderr."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

_MAX_WIDTH = 100_000


class Output(StrEnum):
    """Formats of `--output`."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def words(sentence: str) -> None:
    """Say something to a person, on stderr."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, markup=False)


def show(records: Iterable[Mapping[str, object]], columns: Sequence[str], output: Output) -> None:
    """Print records.

    Args:
        records: mappings that hold the columns.
        columns: what to print, in order.
        output: format.
    """
    rows = [{name: record.get(name) for name in columns} for record in records]
    if output is Output.JSON:
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2, default=_plain) + "\n")
    elif output is Output.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([[_text(row[name]) for name in columns] for row in rows])
    else:
        _print_table(columns, [[_text(row[name]) for name in columns] for row in rows])


def show_one(record: Mapping[str, object], output: Output) -> None:
    """Print one record: JSON as an object, a table as one line per field."""
    if output is Output.JSON:
        sys.stdout.write(json.dumps(record, ensure_ascii=False, indent=2, default=_plain) + "\n")
    elif output is Output.CSV:
        show([record], list(record), output)
    else:
        show([{"field": name, "value": value} for name, value in record.items()], ["field", "value"], output)


def show_table(table: pa.Table, output: Output) -> None:
    """Print an Arrow table."""
    if output is Output.CSV:
        import pyarrow as pa  # a third of a second to load: only for those who need it
        import pyarrow.csv

        sys.stdout.flush()
        sink = pa.PythonFile(sys.stdout.buffer, mode="w")
        pyarrow.csv.write_csv(table, sink)
        sys.stdout.flush()
        return
    show(table.to_pylist(), table.column_names, output)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print texts in columns; nothing is ever cut off: a terminal wraps, a pipe gets lines as long as needed."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        widest = console.options.update(max_width=_MAX_WIDTH)
        console.width = max(console.width, console.measure(table, options=widest).maximum)
    with console.capture() as captured:
        console.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_text(item)}" for name, item in value.items())
    return str(value)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
