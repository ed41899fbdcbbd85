"""Hive-style partitions: what names of folders such as `dt=2026-01-01` say, and which of them are wanted."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from gateway.errors import RequestError

_FOLDER = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)=(.*)")
_CONDITION = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*(>=|<=|!=|=|<|>)\s*(.*?)\s*", re.DOTALL)
_CHOICE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.-]*)\s+in\s+\((.*)\)\s*", re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_ABSENT = "__HIVE_DEFAULT_PARTITION__"
_TESTS: Mapping[str, Callable[[int | str, int | str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition that folders must meet.

    Attributes:
        key: of the partition.
        test: between what the folder says and each of `values`; one that holds is enough.
        values: as declared.
    """

    key: str
    test: str
    values: tuple[str, ...]

    def holds(self, value: str | None) -> bool:
        """Return whether a folder is wanted; one without a value never is.

        Whole numbers are compared as numbers where both are, everything else as text: dates as 2026-01-31 have the
        order of their text.
        """
        return value is not None and any(_TESTS[self.test](*_comparable(value, other)) for other in self.values)


def parse(text: str) -> Predicate:
    """Read a predicate such as `dt >= 2026-01-01` or `region in (CN, HK)`.

    Raises:
        RequestError: BAD_FIELD.
    """
    if found := _CHOICE.fullmatch(text):
        values = tuple(_unquoted(value) for value in found[2].split(","))
        if all(values):
            return Predicate(found[1], "=", values)
    elif (found := _CONDITION.fullmatch(text)) and found[3]:
        return Predicate(found[1], found[2], (_unquoted(found[3]),))
    raise RequestError("BAD_FIELD", "a condition on partitions must be like dt >= 2026-01-01 or region in (CN, HK)")


def folder(name: str) -> tuple[str, str | None] | None:
    """Return key and value of a folder's name, None for a name that is no partition's.

    Args:
        name: e.g. "dt=2026-01-01"; in values `%3A` stands for a colon. The name for "no value" is None.
    """
    found = _FOLDER.fullmatch(name)
    if found is None:
        return None
    return found[1], None if found[2] == _ABSENT else unquote(found[2])


def _comparable(one: str, other: str) -> tuple[int | str, int | str]:
    if _NUMBER.fullmatch(one) and _NUMBER.fullmatch(other):
        return int(one), int(other)
    return one, other


def _unquoted(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
