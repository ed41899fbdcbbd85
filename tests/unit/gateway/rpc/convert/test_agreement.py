from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway.client.agreement import _agreement as read_back
from gateway.errors import RequestError
from gateway.route.agreement import (
    Agreement,
    AgreementBinding,
    AgreementCopy,
    AgreementParty,
    AgreementState,
    Caps,
    Column,
    ColumnType,
    Direction,
    Operation,
    Padding,
)
from gateway.rpc.convert.agreement import (
    agreement_to_proto,
    binding_from_proto,
    binding_to_proto,
    document_from_proto,
    expected_hash_from_proto,
)
from gateway.v1 import agreement_pb2
from tests.unit.gateway.rpc.convert.aggregates import TERMS
from tests.unit.gateway.rpc.convert.messages import OTHER_UUID, WHEN, refused

BINDING = AgreementBinding(
    agreement_id=OTHER_UUID,
    dataset="customers",
    subject_column="customer_id",
    subject_type="customer",
    match_key_columns=(("phone.e164", "phone"),),
    value_columns=(("recency", "months"), ("channel", "channel")),
    segment_column="arm",
    minimum_cohort=100,
)
COPY = AgreementCopy(
    agreement=Agreement(
        agreement_id=OTHER_UUID,
        hash=bytes(range(32)),
        document=b"{}",
        parties=tuple(AgreementParty(party, party, bytes(32), "gateway", "pia") for party in ("retailer", "platform")),
        purposes=("profile_enrichment",),
        directions=(
            Direction(Operation.ENRICH, "retailer", "platform", ("recency",), ("retailer",)),
            Direction(Operation.AGGREGATE, "retailer", "platform", ("recency",), ("retailer", "platform")),
        ),
        suite="ristretto255-SHA512",
        match_keys=("phone.e164",),
        match_key_categories=("phone_hash",),
        columns=(
            Column("recency", "purchase_history", ColumnType.NUMBER, Decimal(0), Decimal(120), 2, 0),
            Column("channel", "purchase_history", ColumnType.CATEGORY, None, None, 0, 16),
            Column("segment", "purchase_history", ColumnType.BAND, None, None, 0, 16),
        ),
        aggregate=TERMS,
        caps=Caps(1, 1, 1),
        consent_age_s=900,
        session_life_s=3600,
        retention_days=180,
        valid_from=WHEN,
        valid_until=WHEN + timedelta(days=30),
        legal_text_hash="ab" * 32,
        padding=Padding.NONE,
        sandbox=True,
    ),
    state=AgreementState.IN_FORCE,
    signatures=(("retailer", b"r" * 64), ("platform", b"p" * 64)),
    revision=2,
)


def _bind(**changes: Any) -> agreement_pb2.BindAgreementRequest:
    binding = binding_to_proto(BINDING)
    for name, value in changes.items():
        if isinstance(value, list):
            binding.ClearField(name)  # type: ignore[arg-type]
            getattr(binding, name).extend(value)
        else:
            setattr(binding, name, value)
    return agreement_pb2.BindAgreementRequest(binding=binding)


def test_a_binding_comes_back_as_it_went() -> None:
    assert binding_from_proto(_bind()) == BINDING


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": f"agreements/{OTHER_UUID}"}, "binding.name"),
        ({"name": "agreements/x/binding"}, "binding.name"),
        ({"dataset": "customers"}, "binding.dataset"),
        ({"dataset": "datasets/../etc/passwd"}, "binding.dataset"),
        ({"subject_column": " "}, "binding.subject_column"),
        ({"subject_type": ""}, "binding.subject_type"),
        ({"match_key_columns": []}, "binding.match_key_columns"),
        (
            {"match_key_columns": [agreement_pb2.MatchKeyColumn(match_key="phone.e164")]},
            "binding.match_key_columns[0].column",
        ),
        ({"value_columns": [agreement_pb2.ValueColumn(column="x")]}, "binding.value_columns[0].agreed_column"),
        ({"value_columns": [agreement_pb2.ValueColumn()] * 257}, "binding.value_columns"),
        ({"segment_column": "x" * 201}, "binding.segment_column"),
    ],
)
def test_a_bad_field_of_a_binding_is_named(changes: dict[str, Any], path: str) -> None:
    refused(binding_from_proto, _bind(**changes), path)


def test_a_binding_is_required() -> None:
    refused(binding_from_proto, agreement_pb2.BindAgreementRequest(), "binding")


def test_a_copy_reaches_the_client_whole() -> None:
    found = read_back(agreement_to_proto(COPY))
    agreement = COPY.agreement
    assert (found.agreement_id, found.hash, found.state, found.document) == (
        OTHER_UUID,
        agreement.hash,
        "IN_FORCE",
        b"{}",
    )
    assert found.signatures == COPY.signatures
    assert (found.parties, found.purposes) == (("retailer", "platform"), ("profile_enrichment",))
    assert [(way.operation, way.receiver, way.sender, way.columns, way.result_to) for way in found.directions] == [
        ("ENRICH", "retailer", "platform", ("recency",), ("retailer",)),
        ("AGGREGATE", "retailer", "platform", ("recency",), ("retailer", "platform")),
    ]
    assert found.aggregate is not None
    assert read_back(agreement_to_proto(replace(COPY, agreement=replace(agreement, aggregate=None)))).aggregate is None
    padded = replace(agreement, padding=Padding.POWER_OF_TWO)
    assert [read_back(agreement_to_proto(replace(COPY, agreement=one))).padding for one in (agreement, padded)] == [
        "NONE",
        "POWER_OF_TWO",
    ]
    assert [(column.name, column.category, column.type, column.scale) for column in found.columns] == [
        ("recency", "purchase_history", "NUMBER", 2),
        ("channel", "purchase_history", "CATEGORY", 0),
        ("segment", "purchase_history", "BAND", 0),
    ]
    assert (found.valid_from, found.valid_until, found.sandbox) == (agreement.valid_from, agreement.valid_until, True)


def test_a_document_is_a_json_object() -> None:
    assert document_from_proto(json.dumps({"v": 1, "名": ["x"]}).encode()) == {"v": 1, "名": ["x"]}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"7",
        b"{",
        b'{"a": 1.5}',
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'{"b": {"a": 1, "a": 2}}',
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b'{"a": "' + b"x" * 300_000 + b'"}',
    ],
)
def test_anything_else_is_refused(document: bytes) -> None:
    refused(document_from_proto, document, "document")


def test_an_expected_hash_is_32_bytes_or_absent() -> None:
    assert expected_hash_from_proto(agreement_pb2.AcceptAgreementRequest()) == ""
    assert expected_hash_from_proto(agreement_pb2.AcceptAgreementRequest(expected_hash=b"\xab" * 32)) == "ab" * 32
    with pytest.raises(RequestError, match="expected_hash must be 32 bytes"):
        expected_hash_from_proto(agreement_pb2.AcceptAgreementRequest(expected_hash=b"\xab" * 31))
