"""RFC 8785 for the records of the gateway: text, integers, booleans, null, lists, objects.

Numbers with a fraction are refused: the records carry decimals as text.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

_MAX_INTEGER = 2**53 - 1
_BEYOND_PLANE_0 = re.compile(rb"[\xf0-\xff]")  # first bytes of four: only there UTF-16 and code points sort differently
_text = json.JSONEncoder(ensure_ascii=False).encode
_sorted_text = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


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
        value = _decode(encoded.decode("utf-8"))
        # The encoder of the standard library writes the same, but for the order of names beyond plane 0.
        quick = encoded.isascii() or _BEYOND_PLANE_0.search(encoded) is None
        same = (_sorted_text(value).encode("utf-8") if quick else serialize(value)) == encoded
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
    if len(text) > 17 or abs(value := int(text)) > _MAX_INTEGER:
        raise ValueError("an integer beyond 2^53 - 1")
    return value


_decode = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse, parse_int=_integer).decode
