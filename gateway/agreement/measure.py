"""A measure: which statistics of a column are computed, how fine, and at what loss of privacy."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal

from gateway.agreement.record import UNSEEN, Record
from gateway.route.agreement import Column, ColumnType, Measure, Noise, Statistic

MAX_VALUES = 64  # ciphertext lanes of one column
MAX_EPSILON = Decimal(10)
MAX_SQUARE = 2**63  # a squared value is one signed 64-bit lane

NUMBER_STATISTICS = (Statistic.SUM, Statistic.SUM_OF_SQUARES, Statistic.PRESENT)
TEXT_STATISTICS = (Statistic.SHARE,)

_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")
_EPSILON = re.compile(r"(?:0|[1-9][0-9]?)(?:\.[0-9]{1,6})?")
_STEP = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,9})?")
_EPSILON_FORM = "a decimal number as text with at most 6 digits after the point, e.g. 0.5"


def epsilon(fields: Record, name: str, noise: Noise) -> Decimal:
    """Read a loss of privacy: in (0, 10] where noise protects, 0 where both parties sign for none.

    Raises:
        RequestError: BAD_FIELD with the field's path.
    """
    value = Decimal(fields.text(name, _EPSILON, _EPSILON_FORM))
    if noise is Noise.NONE and value:
        fields.refuse(name, "must be 0: what has no noise has no epsilon; write 0, or choose LAPLACE")
    if noise is Noise.LAPLACE and not 0 < value <= MAX_EPSILON:
        fields.refuse(name, f"must be greater than 0 and at most {MAX_EPSILON}; where no noise is wanted, choose NONE")
    return value


def measures(fields: Record, columns: Sequence[Column], noise: Noise) -> tuple[Measure, ...]:
    """Read the list of measures, at most one per agreed column.

    Args:
        fields: the object that has the field `measures`.
        columns: the agreement's columns.
        noise: the agreement's noise of values.

    Raises:
        RequestError: BAD_FIELD with the field's path.
    """
    known = {one.name: one for one in columns}
    found: dict[str, Measure] = {}
    for entry in fields.records("measures", 0, len(known)):
        name = entry.text("column", _COLUMN, "a column name")
        if name not in known:
            entry.refuse("column", "names a column that the agreement does not define")
        if name in found:
            entry.refuse("column", "has a measure already; name every statistic of a column in one measure")
        column = known[name]
        found[name] = Measure(name, _values(entry, column), _step(entry, column), _epsilons(entry, column, noise))
        entry.close()
    return tuple(found.values())


def is_flag(column: Column) -> bool:
    """Whether a number is 0 or 1 only: its square is itself."""
    return column.type is ColumnType.NUMBER and column.scale == 0 and column.minimum == 0 and column.maximum == 1


def _values(entry: Record, column: Column) -> tuple[str, ...]:
    if column.type is ColumnType.NUMBER:
        entry.items("values", 0, 0)
        return ()
    found: list[str] = []
    for row, value in enumerate(entry.items("values", 1, MAX_VALUES)):
        name = f"values[{row}]"
        if not isinstance(value, str) or not value or value != value.strip():
            entry.refuse(name, "must be a word of the column without spaces around it")
        if any(unicodedata.category(letter) in UNSEEN for letter in value):
            entry.refuse(name, "holds control or invisible characters")
        if len(value.encode()) > column.max_bytes:
            entry.refuse(name, f"is longer than the column's max_bytes of {column.max_bytes}")
        if value in found:
            entry.refuse(name, "repeats an item")
        found.append(value)
    return tuple(found)


def _step(entry: Record, column: Column) -> Decimal:
    step = Decimal(entry.text("step", _STEP, "a decimal number as text, e.g. 0.01"))
    if column.type is not ColumnType.NUMBER:
        if step != 1:
            entry.refuse("step", "must be 1: people are counted")
    elif step <= 0 or step != round(step, column.scale):
        least = Decimal(1).scaleb(-column.scale)
        entry.refuse("step", f"must be a multiple of {least:f}, greater than 0: the column has scale {column.scale}")
    return step


def _epsilons(entry: Record, column: Column, noise: Noise) -> tuple[tuple[Statistic, Decimal], ...]:
    number = column.type is ColumnType.NUMBER
    allowed = NUMBER_STATISTICS if number else TEXT_STATISTICS
    words = ", ".join(one.value for one in allowed)
    asked = entry.record("epsilon")
    value = entry.value("epsilon")
    names = set(value) if isinstance(value, Mapping) else set()
    if not names or names - {one.value for one in allowed}:
        kind = "number" if number else "band or category"
        entry.refuse("epsilon", f"must give an epsilon for one or more of {words}, which a {kind} may have")
    found = tuple((one, epsilon(asked, one.value, noise)) for one in allowed if one.value in names)
    asked.close()
    _check_bounds(asked, column, [one for one, _ in found])
    return found


def _check_bounds(asked: Record, column: Column, statistics: Sequence[Statistic]) -> None:
    """Refuse what the column's public bounds make meaningless or too wide."""
    if column.minimum is None or column.maximum is None:
        return
    bound = int(max(abs(column.minimum), abs(column.maximum)).scaleb(column.scale))
    if column.minimum == column.maximum and set(statistics) - {Statistic.PRESENT}:
        # Its sum would be a count of rows under another name.
        asked.refuse(statistics[0].value, "adds up a column whose min and max are the same; correct its bounds")
    if Statistic.SUM_OF_SQUARES not in statistics:
        return
    name = Statistic.SUM_OF_SQUARES.value
    if is_flag(column):
        asked.refuse(name, "is the sum itself for a flag (min 0, max 1, scale 0); remove it and ask for sum")
    if bound**2 >= MAX_SQUARE:
        asked.refuse(
            name,
            "needs values of at most 3037000499 once multiplied by 10^scale; narrow the column's min and max, "
            "lower its scale, or ask for sum alone",
        )
