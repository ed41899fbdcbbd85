r"""Canonical bytes: the one form in which a record is hashed, signed or logged.

Every signed or hashed record is RFC 8785 JSON of strings, integers, booleans,
null, lists and objects. Decimals travel as strings, so that no two languages
can disagree about a number. A hash or signature is taken over

    "assent <kind> v1\n" || canonical bytes

so that a record of one kind never stands for one of another.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import Any, NoReturn, cast

import rfc8785

from gateway.errors import HostileInput, Misuse, RequestError

MAX_INTEGER = 2**53 - 1  # RFC 8785, section 3.2.2.3: beyond it an IEEE 754 double loses digits
MAX_DEPTH = 32  # levels of lists and objects; far above any record, far below Python's recursion limit

_KIND = re.compile(r"[a-z][a-z-]{0,31}")
_FIELD = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z", re.ASCII)

_encode_simple = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def canonical_bytes(value: object) -> bytes:
    """Encode a record as RFC 8785 JSON.

    Args:
        value: str, int, bool, None, list or tuple, and mappings with str keys,
            at most 32 levels deep; integers within ±(2^53 - 1).

    Returns:
        The only encoding of that value (UTF-8).

    Raises:
        RequestError: BAD_FIELD with the field's path, for a float, an integer
            out of range or text that UTF-8 cannot carry.
        Misuse: for a Python type that JSON does not know.

    Source: RFC 8785.
    """
    try:
        if _is_simple(value, 0):
            return _encode_simple(value).encode()
        return rfc8785.dumps(_plain(value, "", 0))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        # Everything but unpaired surrogates was refused by _plain.
        raise RequestError(
            "BAD_FIELD", "a text of the record is not valid Unicode; correct it at its source"
        ) from error


def parse_canonical(encoded: bytes) -> Any:
    """Read a record that another party encoded, accepting its canonical form only.

    Args:
        encoded: RFC 8785 bytes.

    Returns:
        The value: dict, list, str, int, bool or None.

    Raises:
        HostileInput: BAD_SHAPE for anything that `canonical_bytes` would not
            have written: other spacing or order, repeated keys, floats.
    """
    try:
        value = json.loads(
            encoded.decode("utf-8"),
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            parse_int=_integer,
        )
        # Repeated keys, other spacing, other order and other escapes all come out differently.
        same = canonical_bytes(value) == encoded
    except (ValueError, RecursionError, RequestError) as error:
        raise HostileInput(
            "BAD_SHAPE", "a record is not RFC 8785 JSON without decimals; the sender must encode it so"
        ) from error
    if not same:
        raise HostileInput(
            "BAD_SHAPE", "a record is JSON but not in canonical form; the sender must encode it by RFC 8785"
        )
    return value


class Frame:
    """The canonical form of records that differ in a few texts only: what they share is encoded once.

    frame = Frame({"type": "key_destroyed", "v": 1}, ("at", "id"))
    frame.filled(quoted(at), quoted(id)).encode() == canonical_bytes({"at": at, "id": id, "type": ..., "v": 1})
    """

    __slots__ = ("_form",)

    def __init__(self, record: Mapping[str, object], open_fields: Collection[str]) -> None:
        """Encode a record around its open fields.

        Args:
            record: what the records share, as `canonical_bytes` takes it, under ASCII keys; what it says of an
                open field is left out.
            open_fields: ASCII names of the fields that each record fills with a text of its own.

        Raises:
            RequestError: BAD_FIELD, as `canonical_bytes`.
            Misuse: for a key that is not ASCII, whose place among the others would be another.
        """
        names = sorted({*record, *open_fields})
        if not all(name.isascii() for name in names):
            raise Misuse("a frame has ASCII keys only")
        fields = [
            _escaped(quoted(name)) + ":%s"
            if name in open_fields
            else _escaped(canonical_bytes({name: record[name]}).decode()[1:-1])
            for name in names
        ]
        self._form = "{" + ",".join(fields) + "}"

    def filled(self, *texts: str) -> str:
        """Return a whole record in canonical form.

        Args:
            texts: of the open fields in the order of their names, each as `quoted` writes it.
        """
        return self._form % texts

    def all_filled(self, columns: Sequence[Sequence[str]]) -> list[str]:
        """Return many whole records, as `filled` returns each.

        Args:
            columns: one for each open field, at least one, all of one length.
        """
        return [self._form % texts for texts in zip(*columns, strict=True)]


quoted = encode_basestring
"""Writes a text as canonical JSON, between quotation marks; whether UTF-8 can carry it shows when it is encoded."""


def record_message(kind: str, encoded: bytes) -> bytes:
    r"""The bytes that a signature over a record covers: "assent <kind> v1\n" || canonical bytes."""
    if _KIND.fullmatch(kind) is None:
        raise Misuse("a record kind is lower-case letters and hyphens")
    return b"assent " + kind.encode() + b" v1\n" + encoded


def record_hash(kind: str, value: object) -> bytes:
    r"""Hash a record: SHA-256("assent <kind> v1\n" || canonical bytes), 32 bytes.

    Args:
        kind: lower-case letters and hyphens, e.g. "agreement".
        value: a record as `canonical_bytes` takes it.

    Raises:
        RequestError: BAD_FIELD, as `canonical_bytes`.
    """
    return hashlib.sha256(record_message(kind, canonical_bytes(value))).digest()


def time_text(at: datetime) -> str:
    """Write a time as records carry it: RFC 3339, UTC, six decimals, e.g. 2026-11-21T08:00:00.000000Z.

    Raises:
        Misuse: for a time without a zone.
    """
    if at.tzinfo is None:
        raise Misuse("a time in a record needs its zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def parse_time_text(text: str) -> datetime:
    """Read what `time_text` writes, and nothing else.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    if _TIME.fullmatch(text) is None:
        raise HostileInput("BAD_SHAPE", "a time of the record is not YYYY-MM-DDTHH:MM:SS.ffffffZ")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise HostileInput("BAD_SHAPE", "a time of the record is not a date of the calendar") from error


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _is_simple(value: object, depth: int) -> bool:
    """Whether the C encoder of the standard library writes the same bytes, several times faster.

    So it is for ASCII keys (whose code points sort as their UTF-16 units do) with
    text, booleans, null, integers in range, and lists and objects of these; a test
    holds the two equal.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return -MAX_INTEGER <= cast(int, value) <= MAX_INTEGER
    if depth >= MAX_DEPTH:
        return False
    if kind is dict:
        return all(
            type(key) is str and key.isascii() and _is_simple(item, depth + 1)
            for key, item in cast(dict[object, object], value).items()
        )
    if kind is list or kind is tuple:
        return all(_is_simple(item, depth + 1) for item in cast(Sequence[object], value))
    return False


def _plain(value: object, path: str, depth: int) -> Any:
    """Copy a value into dicts, lists and scalars, refusing what has no single JSON form."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            _bad(path, "is an integer beyond 2^53 - 1; write it as text")
        return value
    if isinstance(value, float):
        _bad(path, "is a floating-point number; write decimals as text")
    if depth >= MAX_DEPTH:
        _bad(path, f"lies deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise Misuse("a record has a key that is not text")
        return {key: _plain(item, f"{path}.{key}" if path else key, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{row}]", depth + 1) for row, item in enumerate(value)]
    raise Misuse(f"a record cannot hold {type(value).__name__}")


def _bad(path: str, problem: str) -> NoReturn:
    # A path is only repeated when it looks like field names: a hostile key may hold anything.
    shown = path if _FIELD.fullmatch(re.sub(r"\[\d+\]", "", path) or "-") else "(unprintable)"
    raise RequestError("BAD_FIELD", f"field {shown or '(the record)'} {problem}")


def _refuse_number(text: str) -> NoReturn:
    raise ValueError("decimal number")


def _integer(text: str) -> int:
    if len(text) > 17:
        raise ValueError("integer out of range")
    return int(text)
