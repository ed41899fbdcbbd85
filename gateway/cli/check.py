"""`assent dataset check`: what a data set holds before a run reads it, in counts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import cast

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from gateway.cli.gateway_options import options
from gateway.cli.report import percent
from gateway.cli.screen import Output, show, show_one, words
from gateway.client import CheckedKey, Count, DatasetCheck

_COLUMNS = ["section", "item", "count", "share", "first_rows"]

Row = dict[str, object]


def check(
    context: typer.Context,
    name: str,
    agreement: str = typer.Option(
        "", help="One that it is bound to: its match keys, columns and consents are looked at."
    ),
) -> None:
    """Have a data set read once, and say what runs would find: rejected rows, duplicates, forms, consent."""
    chosen = options(context)
    with (
        chosen.client() as client,
        Progress(
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
            transient=True,
        ) as bar,
    ):
        task = bar.add_task("reading", total=None)
        found = client.datasets.check(
            name, agreement, lambda step, rows: bar.update(task, description=f"{step}, {rows:,} rows")
        )
    if chosen.output is Output.JSON:
        show_one(record_of(found), chosen.output)
        return
    show(list(rows_of(found)), _COLUMNS, chosen.output)
    for code, sentence in found.findings:
        words(f"{code}: {sentence}")
    if not found.findings:
        words("nothing stands out")


def record_of(found: DatasetCheck) -> dict[str, object]:
    """Return everything that was found, for JSON."""
    record = asdict(found)
    record["findings"] = [{"code": code, "text": text} for code, text in found.findings]
    return record


def rows_of(found: DatasetCheck) -> Iterator[Row]:
    """Yield what was found as rows of a table, from the source to consent."""
    for part in found.parts:
        told = ", ".join(word for word in (part.name, part.format, part.encoding) if word)
        yield _row("rows", told, part.rows, None)
        yield from _counts(f"rejected in {part.name}" if part.name else "rejected", part.rejected, part.rows)
    yield _row("customers", "different", found.subjects, None)
    yield _row("customers", "rows that come again", found.repeated_rows, found.rows)
    yield _row("customers", "with conflicting rows", found.conflicting_subjects, found.subjects)
    for key in found.keys:
        yield from _of_key(key, found)
    for column in found.columns:
        section = f"column {column.name}"
        yield _row(section, "empty", column.empty, found.rows)
        yield from _counts(section, column.faults, found.rows)
    alike: dict[tuple[object, ...], list[str]] = {}
    for use in found.uses:
        # Operations that ask the same are answered the same: they are shown once.
        alike.setdefault((use.side, use.purpose, use.eligible, use.denied), []).append(use.operation)
    for (side, purpose, eligible, denied), operations in alike.items():
        section = f"{', '.join(operations)} as {str(side).lower()}, {purpose}"
        yield _row(section, "eligible now", cast(int, eligible), found.subjects)
        yield from _counts(section, cast("tuple[Count, ...]", denied), found.subjects)


def _of_key(key: CheckedKey, found: DatasetCheck) -> Iterator[Row]:
    section = f"{key.match_key} in {key.column}" if key.match_key else key.column
    yield _row(section, "usable rows", key.usable, found.rows)
    yield _row(section, "different values", key.values, key.usable)
    if key.shared_values:
        yield _row(section, "values of several customers", key.shared_values, key.values)
        yield _row(section, "customers who share one", key.sharing_subjects, found.subjects)
    yield from _counts(section, (Count("", f"form: {form.reason}", form.count, ()) for form in key.forms), found.rows)
    yield from _counts(section, key.faults, found.rows)


def _counts(section: str, counts: Iterable[Count], of: int) -> Iterator[Row]:
    for count in counts:
        yield _row(section, count.reason, count.count, of, count.first_rows)


def _row(section: str, item: str, count: int, of: int | None, first_rows: tuple[int, ...] = ()) -> Row:
    share = percent(count / of) if of else ""
    return {"section": section, "item": item, "count": f"{count:,}", "share": share, "first_rows": first_rows}
