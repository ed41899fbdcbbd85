"""Frozen dataclasses of fields as JSON and back, by their type hints.

Covers what the route's types are made of: text, numbers, booleans, None, bytes
(base64), Decimal (text), datetime (microseconds), enumerations (their value),
tuples, mappings and further dataclasses. Only `rows.py` calls it.
"""

from __future__ import annotations

import base64
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from gateway.errors import Misuse
from gateway.store.column_type import from_micros, to_micros

T = TypeVar("T")


def to_json(value: object) -> Any:
    """Turn a dataclass, or anything it may hold, into JSON values.

    Raises:
        Misuse: for a type that is not covered.
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return to_micros(value)
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    raise Misuse(f"the store has no JSON form for {type(value).__name__}")


def from_json(kind: type[T], value: Any) -> T:
    """Restore what `to_json` wrote.

    Args:
        kind: the type to restore, e.g. a dataclass or tuple[tuple[str, bytes], ...].
        value: parsed JSON.

    Raises:
        KeyError, TypeError, ValueError: when the value does not fit the type.
    """
    return cast(T, _restore(kind, value))


def _restore(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _restore(_not_none(kind), value)
    if origin is tuple:
        return _restore_tuple(get_args(kind), value)
    if origin is Mapping:
        item = get_args(kind)[1]
        return {str(key): _restore(item, each) for key, each in value.items()}
    if kind is object:
        return value
    if is_dataclass(kind):
        hints = _hints(cast(type, kind))
        if value.keys() != hints.keys():
            raise KeyError("other fields than the type has")
        return cast(Any, kind)(**{name: _restore(hint, value[name]) for name, hint in hints.items()})
    return _restore_scalar(kind, value)


def _restore_tuple(items: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_restore(items[0], each) for each in value)
    return tuple(_restore(item, each) for item, each in zip(items, value, strict=True))


def _restore_scalar(kind: type, value: Any) -> Any:
    if kind is bytes:
        return base64.b64decode(value, validate=True)
    if kind is datetime:
        return from_micros(value)
    if kind is Decimal:
        return Decimal(value)
    if issubclass(kind, Enum):
        return kind(value)
    if kind not in (str, int, bool) or type(value) is not kind:
        raise TypeError("another type than the field has")
    return value


def _not_none(kind: Any) -> Any:
    (other,) = (each for each in get_args(kind) if each is not type(None))
    return other


@lru_cache(maxsize=64)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
