from __future__ import annotations

import uuid
from typing import Any

import pytest

from gateway.agreement.agreement import agreement_of
from gateway.agreement.draft import agreement_id, complete
from gateway.errors import RequestError
from tests.unit.gateway.agreement.samples import PARTNER, card, document

CARDS = {"retailer": card(), "platform": card("platform", PARTNER, legal_name="示例广告平台有限公司")}
REQUEST = "5f0c2f1e-2c4f-4f0a-8d0c-9a1b2c3d4e5f"


def draft() -> dict[str, Any]:
    return {
        "parties": [
            {"id": "retailer", "impact_assessment": "pia-2026-07"},
            {"id": "platform", "impact_assessment": "PIA/12"},
        ],
        "purposes": ["profile_enrichment"],
        "directions": [
            {"operation": "MATCH", "receiver": "retailer", "sender": "platform"},
            {"operation": "ENRICH", "receiver": "retailer", "sender": "platform", "columns": ["recency", "channel"]},
        ],
        "match_keys": [{"name": "phone.e164", "category": "phone_hash"}],
        "columns": [
            {
                "name": "recency",
                "category": "purchase_history",
                "type": "number",
                "min": "0",
                "max": "120.50",
                "scale": 2,
            },
            {"name": "channel", "category": "purchase_history", "type": "category", "max_bytes": 16},
        ],
        "caps": {"rows_receiver": 100_000, "rows_sender": 200_000, "runs_per_day": 24},
        "retention_days": 180,
        "valid_from": "2026-11-01T08:00:00+08:00",
        "valid_until": "2027-11-01T00:00:00Z",
        "legal_text_hash": document()["legal_text_hash"],
        "sandbox": True,
    }


def test_a_draft_becomes_the_whole_document() -> None:
    assert complete(draft(), CARDS, document()["id"]) == document()


def test_completing_changes_nothing_that_is_said() -> None:
    said = document(consent_age_s=60, sandbox=False)
    assert complete(said, {}, "another") == said


def test_an_unknown_field_stays_and_is_refused() -> None:
    with pytest.raises(RequestError, match="unknown"):
        agreement_of(complete(draft() | {"extra": 1}, CARDS, document()["id"]))


def test_a_party_without_card_must_be_spelled_out() -> None:
    with pytest.raises(RequestError, match=r"parties\[1\].legal_name is missing"):
        agreement_of(complete(draft(), {"retailer": CARDS["retailer"]}, document()["id"]))


@pytest.mark.parametrize("value", ["yesterday", "2026-11-01T00:00:00", "2026-11-01"])
def test_a_time_needs_its_zone(value: str) -> None:
    with pytest.raises(RequestError, match="valid_from"):
        complete(draft() | {"valid_from": value}, CARDS, document()["id"])


@pytest.mark.parametrize("parties", [None, 5, "x", [], [5], {"a": 1}])
def test_a_shapeless_draft_is_refused_not_crashed(parties: Any) -> None:
    with pytest.raises(RequestError, match="parties"):
        agreement_of(complete(draft() | {"parties": parties}, CARDS, document()["id"]))


def test_a_time_that_is_no_text_is_left_for_the_strict_reading() -> None:
    with pytest.raises(RequestError, match="valid_from must be a time"):
        agreement_of(complete(draft() | {"valid_from": 5}, CARDS, document()["id"]))


def test_the_same_request_makes_the_same_agreement() -> None:
    made = agreement_id(REQUEST, "retailer")
    assert made == agreement_id(REQUEST.upper(), "retailer")
    assert made != agreement_id(REQUEST, "platform")
    assert made != agreement_id(str(uuid.uuid4()), "retailer")
    assert str(uuid.UUID(made)) == made
    with pytest.raises(RequestError, match="request_id"):
        agreement_id("twice", "retailer")
