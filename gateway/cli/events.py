"""Files of consent events: CSV with one act per line, or JSON Lines.

CSV columns are the fields of an event; `purpose`, `categories`, `methods`, `recipients`
and `form` of a `consent_given` line make its one item. Lists are separated by `;`,
empty cells are absent, `evidence` and `guardian_verified` are true or false.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.errors import RequestError, SourceError

_LISTS = {"categories", "methods", "recipients", "subjects"}
_FLAGS = {"evidence", "guardian_verified"}
_NUMBERS = {"max_uses"}
_ITEM = ("purpose", "categories", "methods", "recipients", "form")

EventRow = tuple[int, Mapping[str, object]]


def read_events(file: Path) -> Iterator[EventRow]:
    """Yield (row number, event); 1 = first row of values.

    Raises:
        RequestError: BAD_FIELD for another kind of file.
        SourceError: BAD_ENCODING, BAD_ROW with the row, EMPTY.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows}
    if file.suffix not in readers:
        raise RequestError("BAD_FIELD", f"{file.name}: must end in .csv or .jsonl")
    row = 0
    try:
        for row, event in readers[file.suffix](file):
            yield row, event
    except UnicodeDecodeError as error:
        raise SourceError("BAD_ENCODING", f"{file.name} is not UTF-8 after row {row}; convert it first") from error
    except OSError as error:
        raise SourceError("BAD_ROW", f"{file.name} cannot be read after row {row}: {error.strerror}") from error
    # A header without rows says that nobody did anything; a file without anything was damaged on its way.
    if row == 0 and file.stat().st_size == 0:
        raise SourceError("EMPTY", f"{file.name} is empty: not even column names; write the file again")


def _csv_rows(file: Path) -> Iterator[EventRow]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            header = next(reader, [])
            for row, cells in enumerate(reader, 1):
                if len(cells) != len(header):
                    raise SourceError(
                        "BAD_ROW", f"{file.name}, row {row}: {len(cells)} cells under {len(header)} column names"
                    )
                yield row, _event({name: cell for name, cell in zip(header, cells, strict=True) if cell != ""})
        except csv.Error as error:
            raise SourceError("BAD_ROW", f"{file.name}, line {reader.line_num}: {error}") from error


def _json_rows(file: Path) -> Iterator[EventRow]:
    with file.open(encoding="utf-8-sig") as stream:
        for row, line in enumerate(stream, 1):
            try:
                event = json.loads(line)
            except ValueError as error:
                raise SourceError("BAD_ROW", f"{file.name}, row {row}: no JSON object") from error
            if not isinstance(event, dict):
                raise SourceError("BAD_ROW", f"{file.name}, row {row}: no JSON object")
            yield row, event


def _event(cells: Mapping[str, str]) -> Mapping[str, object]:
    event: dict[str, object] = {name: _value(name, cell) for name, cell in cells.items()}
    if event.get("type") == "consent_given":
        event["items"] = [{name: event.pop(name) for name in _ITEM if name in event}]
    return event


def _value(name: str, cell: str) -> object:
    if name in _LISTS:
        return cell.split(";")
    if name in _FLAGS and cell in ("true", "false"):
        return cell == "true"
    if name in _NUMBERS and cell.isascii() and cell.isdigit():
        return int(cell)
    return cell
