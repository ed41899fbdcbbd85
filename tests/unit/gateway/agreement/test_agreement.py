from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.agreement.agreement import (
    agreement_of,
    counterparty,
    document_of,
    is_valid_at,
    parse_agreement,
    signatory,
    verify_signature,
    verify_signatures,
)
from gateway.errors import HostileInput, RequestError
from gateway.route.agreement import ColumnType, Operation
from gateway.route.canonical import canonical_bytes
from tests.unit.gateway.agreement.samples import PARTNER, RETAILER, STRANGER, document, public, sign


def test_every_field_arrives() -> None:
    agreement = agreement_of(document())
    assert agreement.agreement_id == document()["id"]
    assert [party.party for party in agreement.parties] == ["retailer", "platform"]
    assert agreement.parties[1].agreement_key == public(PARTNER)
    assert agreement.parties[1].impact_assessment == "PIA/12"
    assert agreement.directions[1].operation is Operation.ENRICH
    assert agreement.directions[1].columns == ("recency", "channel")
    assert agreement.directions[1].result_to == ("retailer",)
    assert agreement.aggregate is None
    recency, channel = agreement.columns
    assert (recency.type, recency.minimum, recency.maximum, recency.scale) == (
        ColumnType.NUMBER,
        Decimal(0),
        Decimal("120.50"),
        2,
    )
    assert (channel.type, channel.minimum, channel.max_bytes) == (ColumnType.CATEGORY, None, 16)
    assert agreement.suite == "ristretto255-SHA512"
    assert agreement.match_keys == ("phone.e164",)
    assert agreement.match_key_categories == ("phone_hash",)
    assert agreement.caps.rows_sender == 200_000
    assert agreement.valid_until == datetime(2027, 11, 1, tzinfo=UTC)
    assert agreement.sandbox is True


def test_hash_and_document_are_those_of_the_bytes() -> None:
    agreement = agreement_of(document())
    assert agreement.document == canonical_bytes(document())
    assert agreement.hash == hashlib.sha256(b"assent agreement v1\n" + agreement.document).digest()
    assert document_of(agreement) == document()
    assert agreement_of(document_of(agreement)) == agreement
    assert parse_agreement(agreement.document) == agreement


def test_other_bytes_for_the_same_json_are_hostile() -> None:
    spaced = json.dumps(document(), ensure_ascii=False, sort_keys=True).encode()
    with pytest.raises(HostileInput) as caught:
        parse_agreement(spaced)
    assert caught.value.reason == "BAD_SHAPE"


def put(*path: str | int) -> Callable[[Any], dict[str, Any]]:
    def changed(value: Any) -> dict[str, Any]:
        made = document()
        at: Any = made
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        return made

    return changed


KEY = base64.b64encode(public(STRANGER)).decode()

BAD: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("v",), 2, "v"),
    (("id",), "0F7C2A52-6A6B-4C0E-9D5C-2B7E8F1A3C4D", "id"),
    (("id",), "agreement", "id"),
    (("parties",), [], "parties"),
    (("parties",), {}, "parties"),
    (("parties", 1, "id"), "retailer", "parties"),
    (("parties", 1, "id"), "Platform!", "parties[1].id"),
    (("parties", 1, "agreement_key"), base64.b64encode(public(RETAILER)).decode(), "parties"),
    (("parties", 1, "agreement_key"), base64.b64encode(bytes(32)).decode(), "parties[1].agreement_key"),
    (("parties", 1, "agreement_key"), KEY.rstrip("="), "parties[1].agreement_key"),
    (("parties", 1, "gate"), "attested", "does not support"),
    (("parties", 1, "gate"), "open", "parties[1].gate"),
    (("parties", 1, "legal_name"), "", "parties[1].legal_name"),
    (("parties", 1, "impact_assessment"), None, "parties[1].impact_assessment"),
    (("parties", 0, "more"), 1, "parties[0] has 1 unknown"),
    (("purposes",), [], "purposes"),
    (("purposes",), ["a", "a"], "purposes[1]"),
    (("purposes",), ["with space"], "purposes[0]"),
    (("directions",), [], "directions"),
    (("directions", 0, "operation"), "COUNT", "must be MATCH, ENRICH, AGGREGATE or OVERLAP"),
    (("directions", 0, "operation"), "OVERLAP", "directions[0].operation is OVERLAP, which needs the field aggregate"),
    (("directions", 1, "operation"), "AGGREGATE", "directions[1].operation is AGGREGATE, which needs"),
    (("directions", 0, "result_to"), [], "directions[0].result_to"),
    (("directions", 0, "result_to"), ["platform"], "directions[0].result_to must name the receiver"),
    (("padding",), "SOME", "padding"),
    (("directions", 0, "result_to"), ["stranger"], "directions[0].result_to must name one or both"),
    (("directions", 0, "operation"), 1, "directions[0].operation"),
    (("directions", 0, "receiver"), "platform", "directions[0].sender"),
    (("directions", 0, "sender"), "stranger", "directions[0].sender"),
    (("directions", 0, "columns"), ["recency"], "directions[0].columns"),
    (("directions", 1, "columns"), [], "directions[1].columns"),
    (("directions", 1, "columns"), ["income"], "directions[1].columns"),
    (("directions", 1, "columns"), ["recency", "recency"], "directions[1].columns[1]"),
    (("directions", 1, "operation"), "MATCH", "directions[1].columns"),
    (("suites", "psi"), "P256-SHA256", "suites.psi"),
    (("suites", "signature"), "SM2", "suites.signature"),
    (("suites", "extra"), "x", "suites has 1 unknown"),
    (("match_keys",), [], "match_keys"),
    (("match_keys", 0, "name"), "phone.e164.md5.x", "match_keys[0].name"),
    (("match_keys", 0, "name"), "Phone", "match_keys[0].name"),
    (("match_keys", 0, "name"), "phone.", "match_keys[0].name"),
    (("match_keys", 0, "name"), "assent.dummy", "kept for dummies"),
    (("match_keys",), [{"name": "phone", "category": "c"}] * 2, "twice"),
    (("columns", 0, "name"), "Recency", "columns[0].name"),
    (("columns", 0, "type"), "date", "columns[0].type"),
    (("columns", 0, "min"), "1e3", "columns[0].min"),
    (("columns", 0, "min"), "-0", "columns[0].min"),
    (("columns", 0, "min"), "00", "columns[0].min"),
    (("columns", 0, "min"), 0, "columns[0].min"),
    (("columns", 0, "min"), None, "columns[0].min"),
    (("columns", 0, "min"), "121", "columns[0].max"),
    (("columns", 0, "max"), "120.505", "columns[0].max"),
    (("columns", 0, "max"), "99999999999999999", "columns[0].max"),
    (("columns", 0, "scale"), 10, "columns[0].scale"),
    (("columns", 0, "scale"), True, "columns[0].scale"),
    (("columns", 0, "max_bytes"), 8, "columns[0].max_bytes"),
    (("columns", 1, "max_bytes"), 0, "columns[1].max_bytes"),
    (("columns", 1, "max_bytes"), 256, "columns[1].max_bytes"),
    (("columns", 1, "min"), "0", "columns[1].min"),
    (("columns", 1, "scale"), 1, "columns[1].scale"),
    (("columns", 1, "name"), "recency", "columns"),
    (("caps", "rows_receiver"), 0, "caps.rows_receiver"),
    (("caps", "rows_sender"), 10**9 + 1, "caps.rows_sender"),
    (("caps", "runs_per_day"), 0, "caps.runs_per_day"),
    (("caps",), 5, "caps"),
    (("aggregate",), {}, "aggregate.dummies is missing"),
    (("aggregate",), "NONE", "aggregate must be an object"),
    (("consent_age_s",), 59, "consent_age_s"),
    (("consent_age_s",), 86_401, "consent_age_s"),
    (("session_life_s",), 604_801, "session_life_s"),
    (("retention_days",), 0, "retention_days"),
    (("valid_from",), "2026-11-01", "valid_from"),
    (("valid_until",), "2026-11-01T00:00:00.000000Z", "valid_until"),
    (("legal_text_hash",), "AA" * 32, "legal_text_hash"),
    (("sandbox",), "yes", "sandbox"),
    (("sandbox",), 1, "sandbox"),
    (("comment",), "hello", "unknown field"),
]


@pytest.mark.parametrize(("path", "value", "named"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_field_is_refused_by_its_path(path: tuple[str | int, ...], value: Any, named: str) -> None:
    with pytest.raises(RequestError) as caught:
        agreement_of(put(*path)(value))
    assert caught.value.reason == "BAD_FIELD"
    assert named in caught.value.message


@pytest.mark.parametrize("field", sorted(document()))
def test_every_top_level_field_is_needed(field: str) -> None:
    made = document()
    del made[field]
    with pytest.raises(RequestError, match=f"{field} is missing"):
        agreement_of(made)


def test_a_message_never_repeats_what_a_stranger_wrote() -> None:
    secret = "13800138000"
    for made in (document(purposes=[secret + " "]), document(**{secret: 1}), put("columns", 0, "min")(secret + "x")):
        with pytest.raises(RequestError) as caught:
            agreement_of(made)
        assert secret not in caught.value.message


def test_a_huge_document_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(RequestError, match="longer than"):
        parse_agreement(b"{" * (256 * 1024 + 1))


def test_one_operation_per_receiver() -> None:
    made = document()
    made["directions"].append(copy.deepcopy(made["directions"][1]))
    with pytest.raises(RequestError, match="twice"):
        agreement_of(made)
    other_way = {"operation": "ENRICH", "receiver": "platform", "sender": "retailer", "columns": ["channel"]}
    other_way |= {"result_to": ["platform"]}
    made["directions"][-1] = other_way
    assert len(agreement_of(made).directions) == 3


def test_signatory_and_counterparty() -> None:
    agreement = agreement_of(document())
    assert signatory(agreement, "platform").party == "platform"
    assert counterparty(agreement, "platform").party == "retailer"
    with pytest.raises(RequestError):
        counterparty(agreement, "stranger")


def test_validity_is_half_open() -> None:
    agreement = agreement_of(document())
    assert is_valid_at(agreement, agreement.valid_from)
    assert not is_valid_at(agreement, agreement.valid_until)


def test_both_parties_must_have_signed_this_document() -> None:
    agreement = agreement_of(document())
    ours = ("retailer", sign(RETAILER, "agreement", agreement.document))
    theirs = ("platform", sign(PARTNER, "agreement", agreement.document))
    verify_signatures(agreement, [ours, theirs])
    verify_signature(agreement, *ours)
    other = sign(PARTNER, "agreement", canonical_bytes(document(sandbox=False)))
    for held in (
        [ours],
        [],
        [ours, ours],
        [ours, theirs, theirs],
        [ours, ("platform", ours[1])],
        [ours, ("platform", other)],
        [ours, ("platform", sign(PARTNER, "card", agreement.document))],
        [ours, ("stranger", sign(STRANGER, "agreement", agreement.document))],
    ):
        with pytest.raises(HostileInput) as caught:
            verify_signatures(agreement, held)
        assert caught.value.reason == "BAD_SIGNATURE"
