"""One row of a table of consent events: flat columns, made into the event that they say.

Columns are the fields of an event; `purpose`, `categories`, `methods`, `recipients` and `form` of a `consent_given` row
make its one item, unless a column `items` holds all of them as JSON. Lists may be lists, or texts separated by `;`;
empty cells are absent; flags may be true and false, or 1 and 0 where a database knows no other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime

_LISTS = frozenset({"categories", "methods", "recipients", "subjects"})
_FLAGS = frozenset({"evidence", "guardian_verified"})
_NUMBERS = frozenset({"max_uses", "dwell_ms", "steps_count"})
_ITEM = ("purpose", "categories", "methods", "recipients", "form")


def event_of(cells: Mapping[str, object]) -> Mapping[str, object]:
    """Return the event of a row.

    Args:
        cells: by column; null and "" are absent.
    """
    event = {name: _value(name, cell) for name, cell in cells.items() if cell is not None and cell != ""}
    if event.get("type") == "consent_given" and "items" not in event:
        event["items"] = [{name: event.pop(name) for name in _ITEM if name in event}]
    return event


class NamedTwice(ValueError):
    """A JSON object has a name twice: nobody can say which is meant."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NamedTwice
    return found


read_json = json.JSONDecoder(object_pairs_hook=_once).decode
"""Read a text as JSON; ValueError, of which NamedTwice is one."""


def _value(name: str, cell: object) -> object:
    if isinstance(cell, str):
        return _of_text(name, cell)
    if name in _FLAGS and cell in (0, 1):
        return bool(cell)
    if name == "birthdate" and isinstance(cell, date) and not isinstance(cell, datetime):
        return cell.isoformat()
    return cell


def _of_text(name: str, cell: str) -> object:
    """Read a text where its column holds something else; what does not fit is left for the gateway to refuse."""
    if name in _LISTS:
        return cell.split(";")
    if name in _FLAGS and cell in ("true", "false"):
        return cell == "true"
    if name in _NUMBERS and cell.isascii() and cell.isdigit():
        return int(cell)
    if name == "items":
        try:
            return read_json(cell)
        except (ValueError, RecursionError):
            return cell
    return cell
