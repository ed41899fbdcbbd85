"""From what a person writes to a complete agreement document.

A draft may leave out what the cards already say (legal names and keys), what has
one possible value (version, suites, gate) and what has a default. Everything is
written into the document before anybody signs.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.agreement.aggregate import FIELD
from gateway.agreement.aggregate_draft import complete_terms
from gateway.agreement.agreement import AGREEMENT_VERSION, SUITES
from gateway.errors import RequestError
from gateway.route.canonical import time_text
from gateway.route.party import PartyCard

DEFAULTS: Mapping[str, object] = {
    "v": AGREEMENT_VERSION,
    "suites": SUITES,
    "columns": [],
    "consent_age_s": 900,
    "session_life_s": 604_800,
    "padding": "NONE",
    "sandbox": False,
}
_TIMES = ("valid_from", "valid_until")


def complete(draft: Mapping[str, object], cards: Mapping[str, PartyCard], agreement_id: str) -> dict[str, object]:
    """Fill in what a draft leaves out; what it says stays as it is.

    Args:
        draft: the document, fields missing where allowed.
        cards: cards by party id, ours and the partners'.
        agreement_id: the id for a draft without one.

    Returns:
        A document for `agreement_of`, which checks it.

    Raises:
        RequestError: BAD_FIELD for a time that is none.
    """
    document: dict[str, object] = {"id": agreement_id, **DEFAULTS, **draft}
    document["parties"] = _each(document.get("parties"), lambda entry: _party(entry, cards))
    document["directions"] = _each(document.get("directions"), _direction)
    document["columns"] = _each(document["columns"], _column)
    for name in _TIMES:
        if isinstance(value := document.get(name), str):
            document[name] = _time(name, value)
    written = {name: value for name, value in document.items() if value is not None}
    # Null is what a document without statistics says.
    return {**written, FIELD: complete_terms(document.get(FIELD), document["columns"])}


def agreement_id(request_id: str, party: str) -> str:
    """Derive the id of a proposal that brings none: the same request makes the same agreement.

    Args:
        request_id: uuid of the request.
        party: our party id.

    Raises:
        RequestError: BAD_FIELD when the request id is no uuid.
    """
    try:
        request = uuid.UUID(request_id)
    except ValueError as error:
        raise RequestError("BAD_FIELD", "field request_id must be a uuid") from error
    return str(uuid.uuid5(request, f"assent agreement of {party}"))


def _each(entries: object, fill: Any) -> object:
    """Fill objects of a list; whatever else stands there is left for the strict reading to refuse."""
    if not isinstance(entries, (list, tuple)):
        return entries
    return [fill(entry) if isinstance(entry, Mapping) else entry for entry in entries]


def _party(entry: Mapping[str, object], cards: Mapping[str, PartyCard]) -> dict[str, object]:
    party = entry.get("id")
    card = cards.get(party) if isinstance(party, str) else None
    known: dict[str, object] = {"gate": "gateway"}
    if card is not None:
        known |= {"legal_name": card.legal_name, "agreement_key": base64.b64encode(card.agreement_key).decode()}
    return {**known, **entry}


def _direction(entry: Mapping[str, object]) -> dict[str, object]:
    known: dict[str, object] = {"columns": []}
    if "receiver" in entry:
        known["result_to"] = [entry["receiver"]]
    return {**known, **entry}


def _column(entry: Mapping[str, object]) -> dict[str, object]:
    unused: dict[str, object] = {"max_bytes": 0} if entry.get("type") == "number" else {"min": None, "max": None}
    return {"scale": 0, **unused, **entry}


def _time(name: str, value: str) -> str:
    """Bring a time with its zone into the form of records."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError as error:
        raise RequestError("BAD_FIELD", f"field {name} must be a time, e.g. 2026-01-31T08:00:00Z") from error
    if at.tzinfo is None:
        raise RequestError("BAD_FIELD", f"field {name} must name its zone, e.g. 2026-01-31T08:00:00Z")
    return time_text(at)
