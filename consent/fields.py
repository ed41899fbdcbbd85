"""Strict reading of one field of a plain mapping, as JSON gives it.

Every function raises FieldError with the field's path. None repeats the value, nor
keeps the library's error as its cause, because that one quotes it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TypeVar

from consent.errors import FieldError

MAX_TEXT = 512  # characters of an id, a name, a contact
MAX_LIST = 256  # entries of a list
MAX_INTEGER = 2**53 - 1  # what JSON carries exactly everywhere
LAST_YEAR = 2999  # of a birthdate; a coming of age is still a day that exists

_HALF = re.compile("[\ud800-\udfff]")
_BROKEN = "is no valid Unicode; correct it at its source"

_Word = TypeVar("_Word", bound=StrEnum)


def no_others(mapping: Mapping[str, object], allowed: Collection[str], path: str = "") -> None:
    """Refuse fields that nobody reads: a misspelt field must not pass for an absent one."""
    for name in mapping:
        if name not in allowed:
            raise FieldError(path + shown(name), "is not a field of this record")


def shown(name: str) -> str:
    """Return a field's name as a message may repeat it: it comes from outside, and a long one is not repeated."""
    return name if len(name) <= 64 and name.isprintable() else "?"


def text(mapping: Mapping[str, object], name: str, path: str = "", longest: int = MAX_TEXT) -> str:
    """Return a non-empty string of at most `longest` characters."""
    found = mapping.get(name)
    if isinstance(found, str) and 0 < len(found) <= longest:
        if not whole(found):
            raise FieldError(path + name, _BROKEN)
        return found
    raise FieldError(path + name, "is required" if found is None else f"must be a text of 1 to {longest} characters")


def whole(found: str) -> bool:
    """Return whether a text can be written down at all: JSON may carry half of a pair of surrogates."""
    return found.isascii() or _HALF.search(found) is None


def optional_text(mapping: Mapping[str, object], name: str, path: str = "", longest: int = MAX_TEXT) -> str | None:
    """Return a non-empty string, or None when the field is absent or null."""
    return None if mapping.get(name) is None else text(mapping, name, path, longest)


def flag(mapping: Mapping[str, object], name: str, path: str = "", default: bool | None = None) -> bool:
    """Return true or false; without a default the field is required."""
    found = mapping.get(name)
    if found is None and default is not None:
        return default
    if not isinstance(found, bool):
        raise FieldError(path + name, "must be true or false")
    return found


def optional_count(mapping: Mapping[str, object], name: str, path: str = "", least: int = 0) -> int | None:
    """Return an integer of at least `least`, or None when absent or null."""
    found = mapping.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= MAX_INTEGER:
        raise FieldError(path + name, f"must be an integer of at least {least}")
    return found


def word(mapping: Mapping[str, object], name: str, words: type[_Word], path: str = "") -> _Word:
    """Return the member of a closed list of words."""
    found = mapping.get(name)
    try:
        return words(found)  # type: ignore[arg-type]
    except ValueError:
        raise FieldError(path + name, f"must be one of {', '.join(words)}") from None


def texts(mapping: Mapping[str, object], name: str, path: str = "", least: int = 0) -> tuple[str, ...]:
    """Return a list of distinct non-empty strings as a tuple; absent or null is empty."""
    found = mapping.get(name)
    if found is None:
        found = ()
    if not isinstance(found, list | tuple) or not least <= len(found) <= MAX_LIST:
        raise FieldError(path + name, f"must be a list of {least} to {MAX_LIST} texts")
    for position, entry in enumerate(found):
        if not isinstance(entry, str) or not 0 < len(entry) <= MAX_TEXT:
            raise FieldError(f"{path}{name}[{position}]", f"must be a text of 1 to {MAX_TEXT} characters")
        if not whole(entry):
            raise FieldError(f"{path}{name}[{position}]", _BROKEN)
    if len(set(found)) != len(found):
        raise FieldError(path + name, "names an entry twice")
    return tuple(found)


def parties(mapping: Mapping[str, object], name: str, path: str = "") -> frozenset[str | None]:
    """Return a list of recipients as a set; null in the list is own use."""
    listed = mapping.get(name)
    if not isinstance(listed, list | tuple):
        raise FieldError(path + name, "must be a list of party ids; null in it is own use")
    named = texts({name: [entry for entry in listed if entry is not None]}, name, path)
    own_use: frozenset[str | None] = frozenset({None}) if None in listed else frozenset()
    return own_use.union(named)


def mapping(outer: Mapping[str, object], name: str, path: str = "") -> Mapping[str, object]:
    """Return an object."""
    found = outer.get(name)
    if not isinstance(found, Mapping):
        raise FieldError(path + name, "must be an object")
    return found


def mappings(
    mapping: Mapping[str, object], name: str, path: str = "", longest: int = MAX_LIST
) -> tuple[Mapping[str, object], ...]:
    """Return a list of objects as a tuple; absent or null is empty."""
    found = mapping.get(name)
    if found is None:
        return ()
    if not isinstance(found, list | tuple) or len(found) > longest:
        raise FieldError(path + name, f"must be a list of at most {longest} objects")
    for position, entry in enumerate(found):
        if not isinstance(entry, Mapping):
            raise FieldError(f"{path}{name}[{position}]", "must be an object")
    return tuple(found)


def moment(mapping: Mapping[str, object], name: str, path: str = "") -> datetime:
    """Return a time with an offset, in UTC."""
    found = optional_moment(mapping, name, path)
    if found is None:
        raise FieldError(path + name, "is required")
    return found


def optional_moment(mapping: Mapping[str, object], name: str, path: str = "") -> datetime | None:
    """Return a time in UTC, or None when absent or null."""
    found = mapping.get(name)
    if found is None:
        return None
    try:
        return in_utc(datetime.fromisoformat(found))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        expected = "must be an ISO 8601 time with an offset, such as 2026-02-01T10:00:00+08:00"
        raise FieldError(path + name, expected) from None


def day(mapping: Mapping[str, object], name: str, path: str = "") -> date:
    """Return a calendar day of a person's life."""
    try:
        found = date.fromisoformat(mapping.get(name))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = date.max
    if found.year > LAST_YEAR:
        raise FieldError(path + name, f"must be a day up to the year {LAST_YEAR}, such as 2012-06-01")
    return found


def in_utc(time: datetime) -> datetime:
    """Return the same moment in UTC; ValueError for a time without an offset."""
    if time.tzinfo is None:
        raise ValueError("a time without an offset names no moment")
    return time if time.tzinfo is UTC else time.astimezone(UTC)


def said(time: datetime) -> str:
    """Return the one spelling of a moment in records: ISO 8601, UTC, `Z`."""
    return in_utc(time).replace(tzinfo=None).isoformat() + "Z"
