"""RFC 8785 for the records of the gateway: text, integers, booleans, null, lists, objects.

Numbers with a fraction are refused: the records carry decimals as text.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

_MAX_INTEGER = 2**53 - 1
_text = json.JSONEncoder(ensure_ascii=False).encode


def serialize(value: object) -> bytes:
    """Write a value in its only canonical form.

    Raises:
        ValueError: for floats, integers beyond 2^53 - 1, lone surrogates and other types.
    """
    return _write(value).encode("utf-8")


def parse(encoded: bytes) -> Any:
    """Read canonical bytes and nothing else: no repeated keys, no other order, spacing or escapes.

    Raises:
        ValueError: when `serialize` would not have written these bytes.
    """
    try:
        value = json.loads(encoded.decode("utf-8"), parse_float=_refuse, parse_constant=_refuse, parse_int=_integer)
        same = serialize(value) == encoded
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not same:
        raise ValueError("JSON, but not in canonical form")
    return value


def _write(value: object) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int) and abs(value) <= _MAX_INTEGER:
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_write, value)) + "]"
    if isinstance(value, dict):
        # RFC 8785, section 3.2.3: names sort by UTF-16 code units.
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_text(name)}:{_write(value[name])}" for name in names) + "}"
    raise ValueError("not a text, an integer within 2^53 - 1, a boolean, null, a list or an object")


def _refuse(text: str) -> NoReturn:
    raise ValueError("a decimal number")


def _integer(text: str) -> int:
    if len(text) > 17:
        raise ValueError("an integer beyond 2^53 - 1")
    return int(text)
