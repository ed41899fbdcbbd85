"""Reading single fields of a message: each function returns the value or names the field."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.errors import RequestError

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,199}")
COLUMN_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
MAX_TEXT = 4000  # characters of one text for people

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND = -62_135_596_800  # 0001-01-01T00:00:00Z, first time of google.protobuf.Timestamp
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, its last second

Value = TypeVar("Value")
Number = TypeVar("Number", bound=int)


def refuse(path: str, problem: str) -> NoReturn:
    """Name a bad field.

    Raises:
        RequestError: BAD_FIELD, always. Paths are made of field names and row numbers only.
    """
    raise RequestError("BAD_FIELD", f"field {path} {problem}")


def text(value: str, path: str, *, longest: int = MAX_TEXT) -> str:
    """Return a text of 1 to `longest` characters."""
    if not value.strip():
        refuse(path, "is required; it is missing or empty")
    return text_or_empty(value, path, longest=longest)


def text_or_empty(value: str, path: str, *, longest: int = MAX_TEXT) -> str:
    """Return a text of at most `longest` characters."""
    if len(value) > longest:
        refuse(path, f"is longer than {longest} characters")
    return value


def request_id(value: str, path: str = "request_id") -> str:
    """Return a UUID in its usual form, lower case."""
    try:
        parsed = str(uuid.UUID(value))
    except ValueError:
        parsed = ""
    if not parsed or parsed != value.lower():
        refuse(path, "must be a UUID, e.g. 7f1c2c1e-6f0e-4d2a-9a53-0f5d0f6a2b11, made anew for each request")
    return parsed


def optional_request_id(value: str, path: str = "request_id") -> str:
    """Return a UUID, or "" where the caller sent none."""
    return request_id(value, path) if value else ""


def octets(value: bytes, path: str, *, least: int = 1, most: int) -> bytes:
    """Return bytes whose length lies within bounds."""
    if not least <= len(value) <= most:
        refuse(path, f"must be {least} bytes" if least == most else f"must be {least} to {most} bytes")
    return value


def choice(value: Number, known: Mapping[Number, Value], path: str) -> Value:
    """Return what an enum's number stands for; 0 and numbers of the future are refused."""
    if value not in known:
        refuse(path, "is required and must be one of the enum's known values")
    return known[value]


def time(message: Message, name: str, path: str) -> datetime:
    """Return a time that must be set."""
    if not message.HasField(name):
        refuse(path, "is required")
    return _time(getattr(message, name), path)


def time_or_none(message: Message, name: str, path: str) -> datetime | None:
    """Return a time, or None where it is not set."""
    return _time(getattr(message, name), path) if message.HasField(name) else None


def time_to_proto(at: datetime | None) -> Timestamp | None:
    """Write a time; None leaves the field unset."""
    if at is None:
        return None
    elapsed = at - _EPOCH
    return Timestamp(seconds=elapsed.days * 86_400 + elapsed.seconds, nanos=elapsed.microseconds * 1000)


def instant_to_proto(written: str) -> Timestamp | None:
    """Write a time that a stored record carries as ISO 8601 text."""
    return time_to_proto(datetime.fromisoformat(written))


def some(values: Sequence[Value], path: str, *, least: int = 1, most: int) -> Sequence[Value]:
    """Return a repeated field whose length lies within bounds."""
    if not least <= len(values) <= most:
        refuse(path, f"must have {least} to {most} items")
    return values


def stamp_time(stamp: Timestamp) -> datetime | None:
    """Return a timestamp's time, cut to microseconds, or None when it is outside of its range."""
    if not _FIRST_SECOND <= stamp.seconds <= _LAST_SECOND or not 0 <= stamp.nanos < 1_000_000_000:
        return None
    # Records carry microseconds; what lies below was never kept.
    return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)


def _time(stamp: Timestamp, path: str) -> datetime:
    at = stamp_time(stamp)
    if at is None:
        refuse(path, "is outside of the range of google.protobuf.Timestamp")
    return at
