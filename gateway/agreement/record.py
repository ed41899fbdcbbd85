"""Strict reading of a JSON object: known fields only, each with its type and bound.

Errors are RequestError BAD_FIELD with the field's path, e.g. `columns[1].scale`,
and never repeat the value.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NoReturn, TypeVar

from gateway.errors import HostileInput, RequestError
from gateway.route.canonical import parse_time_text

PARTY_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
ITEM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,199}")
SHA256_HEX = re.compile(r"[0-9a-f]{64}")

# Controls, format characters (bidirectional overrides), halves of pairs, line and paragraph separators.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


Word = TypeVar("Word", bound=StrEnum)


class Record:
    """A JSON object at a path, read field by field; `close` refuses what nobody read."""

    def __init__(self, value: object, path: str = "") -> None:
        """Take an object; anything else is refused."""
        self._path = path
        if not isinstance(value, Mapping):
            raise RequestError("BAD_FIELD", f"field {path or '(the document)'} must be an object")
        self._fields: Mapping[str, object] = value
        self._read: set[str] = set()

    def refuse(self, name: str, problem: str) -> NoReturn:
        """Raise BAD_FIELD for a field of this object."""
        raise RequestError("BAD_FIELD", f"field {self.path(name)} {problem}")

    def path(self, name: str) -> str:
        """Return the path of a field of this object."""
        return f"{self._path}.{name}" if self._path else name

    def close(self) -> None:
        """Refuse unknown fields; their names are a stranger's text and are not repeated."""
        unknown = len(set(self._fields) - self._read)
        if unknown:
            where = f"field {self._path}" if self._path else "the document"
            raise RequestError("BAD_FIELD", f"{where} has {unknown} unknown field(s); remove them")

    def has(self, name: str) -> bool:
        """Whether a field that may be left out is there."""
        return name in self._fields

    def value(self, name: str) -> object:
        """Return a field that must be there."""
        self._read.add(name)
        if name not in self._fields:
            self.refuse(name, "is missing")
        return self._fields[name]

    def text(self, name: str, pattern: re.Pattern[str], form: str) -> str:
        """Return a text that matches a pattern whole; `form` says the pattern in words."""
        value = self.value(name)
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            self.refuse(name, f"must be {form}")
        return value

    def words(self, name: str, longest: int) -> str:
        """Return a text for people: 1 to `longest` characters, nothing invisible or reordering."""
        value = self.value(name)
        if not isinstance(value, str) or not 0 < len(value) <= longest or value != value.strip():
            self.refuse(name, f"must be a text of 1 to {longest} characters without spaces around it")
        if any(unicodedata.category(letter) in UNSEEN for letter in value):
            self.refuse(name, "holds control or invisible characters")
        return value

    def choice(self, name: str, kind: type[Word]) -> Word:
        """Return the member of an enumeration that a text names."""
        value = self.value(name)
        words = [word.value for word in kind]
        if not isinstance(value, str) or value not in words:
            self.refuse(name, f"must be {', '.join(words[:-1])} or {words[-1]}")
        return kind(value)

    def integer(self, name: str, least: int, most: int) -> int:
        """Return an integer within bounds; true and false are none."""
        value = self.value(name)
        if type(value) is not int or not least <= value <= most:
            self.refuse(name, f"must be an integer from {least} to {most}")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            self.refuse(name, "must be true or false")
        return value

    def time(self, name: str) -> datetime:
        """Return a time as records carry it."""
        value = self.value(name)
        try:
            return parse_time_text(value if isinstance(value, str) else "")
        except HostileInput as error:
            raise RequestError(
                "BAD_FIELD", f"field {self.path(name)} must be a time YYYY-MM-DDTHH:MM:SS.ffffffZ"
            ) from error

    def octets(self, name: str, length: int) -> bytes:
        """Return bytes of a fixed length from their only base64 form."""
        value = self.value(name)
        try:
            decoded = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
        except (binascii.Error, ValueError):
            decoded = b""
        if len(decoded) != length or base64.b64encode(decoded).decode() != value:
            self.refuse(name, f"must be {length} bytes in base64")
        return decoded

    def items(self, name: str, least: int, most: int) -> list[object]:
        """Return a list with a bounded number of items."""
        value = self.value(name)
        if not isinstance(value, (list, tuple)) or not least <= len(value) <= most:
            self.refuse(name, f"must be a list of {least} to {most} items")
        return list(value)

    def texts(self, name: str, least: int, most: int, pattern: re.Pattern[str], form: str) -> tuple[str, ...]:
        """Return a list of distinct texts that each match a pattern."""
        values = self.items(name, least, most)
        found: list[str] = []
        for row, value in enumerate(values):
            if not isinstance(value, str) or pattern.fullmatch(value) is None:
                self.refuse(f"{name}[{row}]", f"must be {form}")
            if value in found:
                self.refuse(f"{name}[{row}]", "repeats an item")
            found.append(value)
        return tuple(found)

    def record(self, name: str) -> Record:
        """Return a nested object."""
        return Record(self.value(name), self.path(name))

    def records(self, name: str, least: int, most: int) -> Iterator[Record]:
        """Yield the objects of a list."""
        for row, value in enumerate(self.items(name, least, most)):
            yield Record(value, f"{self.path(name)}[{row}]")
