from __future__ import annotations

import uuid
from typing import Any

import pytest

from gateway.agreement.agreement import agreement_of
from gateway.agreement.draft import agreement_id, complete
from gateway.errors import RequestError
from tests.unit.gateway.agreement.samples import EXACT, PARTNER, card, document, statistics_document, terms

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
    for aggregate in (terms(), terms(**EXACT)):
        said = statistics_document(aggregate)
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


# ---- statistics ------------------------------------------------------------------------------------------------


def statistics_draft(**aggregate: Any) -> dict[str, Any]:
    made = draft() | {"aggregate": aggregate}
    columns = [one["column"] for one in aggregate.get("measures", MEASURES)]
    made["directions"] = [
        {"operation": "AGGREGATE", "receiver": "retailer", "sender": "platform", "columns": columns},
        {"operation": "OVERLAP", "receiver": "retailer", "sender": "platform"},
    ]
    return made


def completed(**aggregate: Any) -> dict[str, Any]:
    document = complete(statistics_draft(**aggregate), CARDS, "0f7c2a52-6a6b-4c0e-9d5c-2b7e8f1a3c4d")
    agreement_of(document)
    found: dict[str, Any] = document["aggregate"]  # type: ignore[assignment]
    return found


MEASURES = [{"column": "recency"}, {"column": "channel", "values": ["web", "phone"]}]


def test_a_person_writes_little() -> None:
    assert completed(measures=MEASURES) == terms(
        segments=16,
        measures=[
            {"column": "recency", "values": [], "step": "0.01", "epsilon": {"sum": "1", "sum_of_squares": "1"}},
            {"column": "channel", "values": ["web", "phone"], "step": "1", "epsilon": {"share": "1"}},
        ],
    )


def test_no_noise_is_said_once() -> None:
    assert completed(measures=MEASURES, dummies="NONE", noise="NONE", segments=8) == terms(**EXACT)
    half = completed(measures=MEASURES[:1], noise="NONE")
    assert (half["t"], half["epsilon_count"], half["measures"]) == (14, "1", EXACT["measures"][:1])
    # Words are counted, and dummies stand unless both write them off.
    with pytest.raises(RequestError, match=r"aggregate\.measures\[1\] counts rows exactly"):
        completed(measures=MEASURES, noise="NONE")


def test_t_is_the_least_that_hides() -> None:
    assert completed(measures=MEASURES, epsilon_count="0.1")["t"] == 109
    assert completed(measures=MEASURES, delta="0.001")["t"] == 7


def test_a_list_of_statistics_stands_for_an_epsilon_of_one_each() -> None:
    for field in ("statistics", "epsilon"):
        measures = [{"column": "recency", field: ["sum", "present"]}, MEASURES[1]]
        assert completed(measures=measures)["measures"][0]["epsilon"] == {"sum": "1", "present": "1"}
        exact = completed(measures=measures, noise="NONE", dummies="NONE")
        assert exact["measures"][0]["epsilon"] == {"sum": "0", "present": "0"}
    flag = statistics_draft(measures=MEASURES)
    flag["columns"][0] |= {"min": "0", "max": "1", "scale": 0}
    made: Any = complete(flag, CARDS, document()["id"])["aggregate"]
    assert made["measures"][0] == {"column": "recency", "values": [], "step": "1", "epsilon": {"sum": "1"}}


def test_part_of_a_scheme_may_be_said() -> None:
    assert completed(measures=MEASURES, scheme={"mode": "exact"})["scheme"]["mode"] == "exact"
    legacy = {"key_bits": 2048, "legacy": True}
    assert completed(measures=MEASURES, scheme=legacy)["scheme"] == {
        "name": "paillier",
        "mode": "short_exponent",
        **legacy,
    }


def test_the_result_goes_to_the_receiver_unless_said() -> None:
    made = statistics_draft(measures=MEASURES)
    made["directions"][0]["result_to"] = ["platform"]
    directions: Any = complete(made, CARDS, document()["id"])["directions"]
    assert [way["result_to"] for way in directions] == [["platform"], ["retailer"]]


@pytest.mark.parametrize(
    "aggregate",
    [
        5,
        "yes",
        [],
        {"dummies": []},
        {"noise": {}},
        {"measures": 5},
        {"measures": [5]},
        {"measures": [{}]},
        {"measures": [{"column": []}]},
        {"measures": [{"column": "recency", "epsilon": [[]]}]},
        {"measures": [{"column": "recency", "statistics": {"sum": "1"}, "epsilon": {"sum": "1"}}]},
        {"scheme": "paillier"},
        {"scheme": None},
        {"epsilon_count": None},
        {"epsilon_count": "NaN"},
        {"epsilon_count": "1e999999999"},
        {"delta": "1e-999999999"},
        {"delta": "sNaN"},
        {"epsilon_count": "0.000001", "delta": "0.000000000000000001"},
    ],
)
def test_shapeless_terms_are_refused_not_crashed(aggregate: Any) -> None:
    with pytest.raises(RequestError, match="aggregate"):
        agreement_of(complete(statistics_draft() | {"aggregate": aggregate}, CARDS, document()["id"]))
