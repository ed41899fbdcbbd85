"""Worked cases as a document: raw identifiers of named types, and what they become.

The format is for people who check the rules: one JSON object whose `cases` name
a type, a raw value and, for phone numbers, the region of those without a country
code. `normalise_cases` answers every case; it never looks at an expected answer.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from gateway.errors import RequestError
from gateway.identifier import digest
from gateway.identifier.content import Content
from gateway.identifier.match_key import MatchKey
from gateway.identifier.normalise import normalise
from gateway.identifier.phone_world import HOME
from gateway.identifier.reason import RejectReason

MAX_CASES = 100_000
HASHES = ("md5", "sha256", "sm3")

_INTERNATIONAL = MatchKey("phone", "e164")
_TYPES = {
    "phone_cn": (MatchKey("phone", "cn11"), ""),
    "phone_hk": (_INTERNATIONAL, "+852"),
    "phone_mo": (_INTERNATIONAL, "+853"),
    "phone_tw": (_INTERNATIONAL, "+886"),
    "phone_intl": (_INTERNATIONAL, ""),
    "email": (MatchKey("email", "plain"), ""),
    "wechat_openid": (MatchKey("openid", ""), ""),
    "wechat_unionid": (MatchKey("unionid", ""), ""),
    "name": (MatchKey("name", ""), ""),  # hashed by platforms, but no match key of ours
} | {name: (MatchKey(name, ""), "") for name in ("oaid", "idfa", "gaid", "imei", "mac", "caid", "openid", "unionid")}

TYPES = tuple(_TYPES)
"""The types that a case may be of."""


def normalise_cases(document: object) -> list[dict[str, object]]:
    """Answer every case of a document.

    Args:
        document: an object with `cases`, or the list of them, as JSON gives it.

    Returns:
        Per case, in order: id, valid, normalised (None where not), reason (only where not valid), md5, sha256, sm3
        (lower-case hexadecimal, over the UTF-8 bytes of `normalised`; None where there is none).

    Raises:
        RequestError: BAD_FIELD naming the place in the document, never its value.
    """
    cases = document.get("cases") if isinstance(document, Mapping) else document
    if not isinstance(cases, list):
        raise RequestError("BAD_FIELD", "cases must be a list of objects with id, type and raw")
    if len(cases) > MAX_CASES:
        raise RequestError("BAD_FIELD", f"cases are more than {MAX_CASES}; split the file")
    # Columns are what the rules read: one per type and region.
    columns: dict[tuple[str, str], list[int]] = {}
    for place, case in enumerate(cases):
        columns.setdefault(_column(case, f"cases[{place}]"), []).append(place)
    answers: list[dict[str, object]] = [{} for _ in cases]
    for (type_, region), places in columns.items():
        raw = pa.array([_raw(cases[place], f"cases[{place}]") for place in places], pa.binary())
        for place, answer in zip(places, _answers(type_, region, raw), strict=True):
            answers[place] = {"id": _id(cases[place], f"cases[{place}]"), **answer}
    return answers


def _answers(type_: str, region: str, raw: pa.BinaryArray) -> list[dict[str, object]]:
    key, country = _TYPES[type_]
    values, reasons = normalise(key, raw, Content(key.type, None, region))
    digests = {name: digest.of(name, values).to_pylist() for name in HASHES}
    answers: list[dict[str, object]] = []
    for row, (value, reason) in enumerate(zip(values.to_pylist(), reasons.to_pylist(), strict=True)):
        # A case names its country: another one's number is valid, but not of the type.
        reason = RejectReason.FOREIGN_NUMBER.value if value and not value.startswith(country) else reason
        answer: dict[str, object] = {"valid": reason is None, "normalised": None if reason else value}
        if reason:
            answer["reason"] = reason
        answers.append(answer | {name: None if reason else digests[name][row] for name in HASHES})
    return answers


def _column(case: object, place: str) -> tuple[str, str]:
    if not isinstance(case, dict):
        raise RequestError("BAD_FIELD", f"{place} must be an object with id, type and raw")
    type_ = case.get("type")
    if not isinstance(type_, str) or type_ not in _TYPES:
        raise RequestError("BAD_FIELD", f"{place}.type must be one of {', '.join(TYPES)}")
    region = case.get("default_region")
    if region is None or not type_.startswith("phone_"):
        return type_, HOME
    if not isinstance(region, str):
        raise RequestError("BAD_FIELD", f"{place}.default_region must be a region of ISO 3166-1, such as CN")
    return type_, region


def _id(case: Mapping[str, object], place: str) -> str:
    id_ = case.get("id")
    if not isinstance(id_, str) or not id_.isprintable():
        raise RequestError("BAD_FIELD", f"{place}.id must be a printable text")
    return id_


def _raw(case: Mapping[str, object], place: str) -> bytes | None:
    """Return a case's raw value as bytes: JSON can name half a surrogate pair, which no UTF-8 holds."""
    raw = case.get("raw")
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise RequestError("BAD_FIELD", f"{place}.raw must be a text, a number or null")
    return str(raw).encode("utf-8", "surrogatepass")
