"""Column types that hold the same value on both databases.

Times are whole microseconds since 1970 in a 64-bit integer, because SQLite has
no time type and PostgreSQL's would come back in the session's zone. Ids sort by
their bytes, so that a page boundary means the same whatever the database's locale.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

from gateway.errors import Misuse

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Count microseconds since 1970-01-01T00:00:00Z, exactly.

    Raises:
        Misuse: for a time without a zone.
    """
    if at.tzinfo is None:
        raise Misuse("a time in the store needs its zone")
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the time (UTC) that `to_micros` counted."""
    return _EPOCH + timedelta(microseconds=micros)


class Moment(TypeDecorator[datetime]):
    """A time in UTC, as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Count microseconds."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return an aware time."""
        return None if value is None else from_micros(value)


class Json(TypeDecorator[Any]):
    """A JSON value as compact text; PostgreSQL's own type would reorder the keys."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        """Write compact JSON; None is SQL's null."""
        return None if value is None else json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read what `json_text` wrote."""
        return None if value is None else json.loads(value)


def json_text(value: object) -> str:
    """Write a value as compact JSON with sorted keys.

    Raises:
        Misuse: for a value that JSON does not know.
    """
    try:
        return _encode(value)
    except (TypeError, ValueError) as error:
        raise Misuse("a value of the store has no JSON form") from error


def _mapping(value: object) -> dict[object, object]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), default=_mapping
).encode

KeyText = Text().with_variant(Text(collation="C"), "postgresql")

# On SQLite an INTEGER primary key is the row's own number, so that a page of entries is one read of the table.
Ordinal = BigInteger().with_variant(Integer(), "sqlite")
