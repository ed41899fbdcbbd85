"""Records of the client, read from JSON files whose fields are theirs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from gateway.cli.times import time_of
from gateway.errors import RequestError

Record = TypeVar("Record")

_TIMES = {"at", "until", "valid_from", "valid_until"}


def read_record(
    file: Path, kind: type[Record], *, without: Collection[str] = (), within: Mapping[str, type[Any]] | None = None
) -> Record:
    """Read a record from a JSON file.

    Args:
        file: the file, UTF-8.
        kind: a record of the client.
        without: fields that the gateway sets.
        within: fields that are lists of other records.

    Raises:
        RequestError: BAD_FIELD naming what is unknown, missing or of the wrong kind.
    """
    try:
        body = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise RequestError("BAD_FIELD", f"{file.name} is not readable JSON in UTF-8") from error
    made: Record = _made(body, kind, set(without), within or {}, file.name)
    return made


def _made(body: object, kind: Any, without: set[str], within: Mapping[str, type[Any]], place: str) -> Any:
    declared = {item.name: item for item in fields(kind) if item.name not in without}
    if not isinstance(body, dict) or not set(body) <= set(declared):
        raise RequestError("BAD_FIELD", f"{place}: must be an object with fields of: {', '.join(sorted(declared))}")
    values: dict[str, Any] = {}
    for name, value in body.items():
        path = f"{place}: {name}"
        wanted = str(declared[name].type)
        if name in within:
            entries = value if isinstance(value, list) else [value]
            values[name] = tuple(
                _made(entry, within[name], set(), {}, f"{path}[{row}]") for row, entry in enumerate(entries)
            )
        elif name in _TIMES:
            values[name] = time_of(str(value or ""), path)
        elif wanted.startswith("tuple"):
            if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
                raise RequestError("BAD_FIELD", f"{path} must be a list of texts")
            values[name] = tuple(value)
        elif type(value).__name__ != wanted:
            raise RequestError("BAD_FIELD", f"{path} must be of the kind {wanted}")
        else:
            values[name] = value
    try:
        return kind(**values)
    except TypeError as error:
        raise RequestError("BAD_FIELD", f"{place}: a required field is missing; see the help of the command") from error
