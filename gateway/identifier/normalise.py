"""One canonical value, or one reason, for every raw value of a column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Misuse
from gateway.identifier import device, digest, email, name, opaque, phone, phone_world
from gateway.identifier.columns import byte_lengths
from gateway.identifier.content import Content, implied
from gateway.identifier.match_key import MatchKey
from gateway.identifier.reason import RejectReason, Verdicts

MAX_CELL = 1024
"""Longest cell that is looked at, bytes: no identifier is longer, whatever is written around it."""

Rule = Callable[[pa.StringArray, Verdicts], pa.StringArray]

_RULES: dict[str, Rule] = {
    "oaid": device.oaid,
    "idfa": device.idfa,
    "gaid": device.gaid,
    "imei": device.imei,
    "mac": device.mac,
    "caid": device.caid,
    "openid": device.in_app,
    "unionid": device.in_app,
    "name": name.lower,
}


def normalise(
    match_key: MatchKey, values: pa.StringArray | pa.BinaryArray, content: Content | None = None
) -> tuple[pa.StringArray, pa.DictionaryArray[Any, Any]]:
    """Bring a column to the form that a match key names.

    Args:
        match_key: the agreed key, from `parse`.
        values: n values; null for an absent one. Strings are valid UTF-8; bytes need not be.
        content: what the column holds; None for what the key implies.

    Returns:
        The n canonical values, null where rejected, and the n reasons
        (dictionary of `RejectReason` names), null where accepted.

    Raises:
        Misuse: for a column that cannot serve the key.
    """
    held = content or implied(match_key)
    if not held.serves(match_key):
        raise Misuse(f"a column of {held.name} was to be read as {match_key.name}; ask Content.serves before")
    verdicts = Verdicts(len(values))
    text = _decoded(values, verdicts)
    if held.digests is not None:
        canonical = digest.verbatim(match_key.hash, text, verdicts)
    elif match_key.type == "id":
        canonical = opaque.trimmed(text, verdicts)
    else:
        canonical = _canonical(match_key, _short(text, verdicts), held.region, verdicts)
        if match_key.hash:
            canonical = digest.of(match_key.hash, canonical)
    return canonical, verdicts.as_array()


def _canonical(key: MatchKey, text: pa.StringArray, region: str, verdicts: Verdicts) -> pa.StringArray:
    """Return raw values in the form of a key, null where rejected."""
    if key.type == "phone":
        if key.form == "cn11":
            return phone.eleven_digits(text, verdicts)
        numbers = phone_world.international(text, verdicts, region)
        return phone_world.digits(numbers) if key.form == "digits" else numbers
    if key.type == "email":
        addresses = email.plain(text, verdicts)
        return addresses if key.form == "plain" else email.platform(addresses, key.form, verdicts)
    return _RULES[key.type](text, verdicts)


def _short(text: pa.StringArray, verdicts: Verdicts) -> pa.StringArray:
    """Return a column without its overlong cells, which no rule has to read."""
    long = byte_lengths(text) > MAX_CELL
    if not long.any():
        return text
    verdicts.reject(long, RejectReason.TOO_LONG)
    return cast(pa.StringArray, pc.if_else(pa.array(long), pa.scalar(None, pa.string()), text))


def _decoded(values: pa.StringArray | pa.BinaryArray, verdicts: Verdicts) -> pa.StringArray:
    """Return a column of bytes as text, rows that are no UTF-8 refused."""
    if pa.types.is_string(values.type):
        return cast(pa.StringArray, values)
    try:
        return cast(pa.StringArray, values.cast(pa.string()))
    except pa.ArrowInvalid:
        texts = [_text(value) for value in values.to_pylist()]
    absent = values.is_null().to_numpy(zero_copy_only=False)
    column = pa.array(texts, pa.string())
    verdicts.reject(np.asarray(column.is_null()) & ~absent, RejectReason.BAD_ENCODING)
    return column


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
