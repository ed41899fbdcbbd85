"""An agreed column: what it may hold, fixed before anybody sees a value.

A number is sent as a 64-bit integer of value · 10^scale, so its bounds must fit
18 digits; a band or a category is sent as text of a fixed longest size.
"""

from __future__ import annotations

import re
from decimal import Decimal

from gateway.agreement.record import ITEM_ID, Record
from gateway.route.agreement import Column, ColumnType

MAX_SCALE = 9  # decimal digits
MAX_DIGITS = 18  # of value · 10^scale
MAX_TEXT_BYTES = 255

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TYPE = re.compile(r"[a-z]{1,20}")
_DECIMAL = re.compile(r"(?!-0(?:\.0+)?\Z)-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,9})?")


def column(entry: Record) -> Column:
    """Read one entry of `columns`.

    Raises:
        RequestError: BAD_FIELD with the field's path.
    """
    name = entry.text("name", _NAME, "a column name of a-z, 0-9 and _")
    category = entry.text("category", ITEM_ID, "a category id")
    word = entry.text("type", _TYPE, "number, band or category")
    if word not in {one.value for one in ColumnType}:
        entry.refuse("type", "must be number, band or category")
    kind = ColumnType(word)
    if kind is ColumnType.NUMBER:
        scale = entry.integer("scale", 0, MAX_SCALE)
        minimum, maximum = _bound(entry, "min", scale), _bound(entry, "max", scale)
        max_bytes = entry.integer("max_bytes", 0, 0)
        if minimum > maximum:
            entry.refuse("max", "must not lie below min")
        read = Column(name, category, kind, minimum, maximum, scale, max_bytes)
    else:
        for bound in ("min", "max"):
            if entry.value(bound) is not None:
                entry.refuse(bound, "must be null: only numbers have bounds")
        scale = entry.integer("scale", 0, 0)
        read = Column(name, category, kind, None, None, scale, entry.integer("max_bytes", 1, MAX_TEXT_BYTES))
    entry.close()
    return read


def _bound(entry: Record, name: str, scale: int) -> Decimal:
    value = Decimal(entry.text(name, _DECIMAL, "a decimal number as text, e.g. -1.50"))
    if value != round(value, scale):
        entry.refuse(name, f"has more decimal digits than the column's scale of {scale}")
    if abs(value.scaleb(scale)) >= 10**MAX_DIGITS:
        entry.refuse(name, f"needs more than {MAX_DIGITS} digits at the column's scale")
    return value
