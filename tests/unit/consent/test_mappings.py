"""What is stored comes back; what is malformed is refused by name."""

from __future__ import annotations

import pytest

from consent.assessment import Assessment
from consent.errors import ConsentError, FieldError, NoticeError, TransitionError
from consent.party import Contract, Party, PartyEvent, PartyEventType, Role
from consent.purpose import METHODS, Category, Purpose
from consent.receipt import Receipt
from tests.unit.consent.scene import ASSESSMENTS, CATEGORIES, CONTRACT, PARTIES, PURPOSES, day

FULL_PARTY = Party(
    "x", "全称", "a@b", Role.ENTRUSTED, "SG", "IE", (CONTRACT,), "cloud", sub_processing_approved=True, restricted=True
)
FULL_ASSESSMENT = Assessment(
    "A", day(0), frozenset({"p"}), frozenset({"x"}), frozenset({"m"}), True, "officer", day(9), day(1)
)


@pytest.mark.parametrize("made", [*PURPOSES, Purpose("p", owner="legal")], ids=lambda made: made.id)
def test_purpose(made):
    assert Purpose.from_mapping(made.to_mapping()) == made


@pytest.mark.parametrize("made", CATEGORIES, ids=lambda made: made.id)
def test_category(made):
    assert Category.from_mapping(made.to_mapping()) == made


@pytest.mark.parametrize("made", [*PARTIES, FULL_PARTY], ids=lambda made: made.id)
def test_party(made):
    assert Party.from_mapping(made.to_mapping()) == made


@pytest.mark.parametrize("made", [*ASSESSMENTS, FULL_ASSESSMENT], ids=lambda made: made.id)
def test_assessment(made):
    assert Assessment.from_mapping(made.to_mapping()) == made


@pytest.mark.parametrize(
    ("read", "mapping", "field"),
    [
        (Purpose.from_mapping, {}, "id"),
        (Purpose.from_mapping, {"id": ""}, "id"),
        (Purpose.from_mapping, {"id": "p", "automated": 1}, "automated"),
        (Purpose.from_mapping, {"id": "p", "adm": True}, "adm"),
        (Category.from_mapping, {"id": "c", "anonymous_if_group": True}, "base"),
        (Category.from_mapping, {"id": "c", "base": "d"}, "base"),
        (Party.from_mapping, {"id": "x", "country": "CN"}, "role"),
        (Party.from_mapping, {"id": "x", "role": "handler"}, "country"),
        (Party.from_mapping, {"id": "x", "role": "handler", "country": "CHN"}, "country"),
        (Party.from_mapping, {"id": "x", "role": "handler", "country": "CN", "contracts": [{}]},
         "contracts[0].valid_from"),
        (Assessment.from_mapping, {"id": "A"}, "recipients"),
        (Assessment.from_mapping, {"id": "A", "recipients": [5]}, "recipients[0]"),
    ],
)  # fmt: skip
def test_malformed(read, mapping, field):
    if read == Assessment.from_mapping:
        mapping = {"approved_at": "2026-01-01T00:00:00Z", "purposes": ["p"], "methods": ["m"]} | mapping
    with pytest.raises(FieldError) as caught:
        read(mapping)
    assert caught.value.field == field


def test_contract_ends_exclusively():
    contract = Contract(day(1), day(2))
    assert [contract.in_force(day(at)) for at in (0.9, 1, 1.9, 2)] == [False, True, True, False]


def test_a_succession_has_two_ends():
    with pytest.raises(FieldError, match="took over"):
        PartyEvent(PartyEventType.SUCCEEDED, day(0), day(0), "a")
    with pytest.raises(FieldError, match="took over"):
        PartyEvent(PartyEventType.SUSPENDED, day(0), day(0), "a", to="b")


def test_methods_are_closed():
    assert set(METHODS) >= {"psi_hash", "he_aggregate", "publish", "store_only"}
    assert [method.id for method in METHODS.values() if method.publishes] == ["publish"]
    assert [method.id for method in METHODS.values() if method.stores_only] == ["store_only"]
    with pytest.raises(TypeError):
        METHODS["new"] = METHODS["publish"]


def test_errors_are_one_tree():
    errors = [FieldError("a", "b"), NoticeError("NOTICE_STATE", "a", "b"), TransitionError("b")]
    assert all(isinstance(error, ConsentError) for error in errors)
    assert [error.reason for error in errors] == ["BAD_FIELD", "NOTICE_STATE", "FORBIDDEN_TRANSITION"]
    assert [str(error) for error in errors] == ["a: b", "a: b", "type: b"]
    assert errors[0].message == "a: b"
    assert errors[0].expected == "b"


def test_receipt():
    receipt = Receipt("e", ("c",), day(0), None, b"\x01" * 32, 7, 8, (b"\x02" * 32,), "origin\n8\n…\n".encode())
    mapping = receipt.to_mapping()
    assert mapping["leaf_hash"] == "01" * 32
    assert mapping["inclusion_proof"] == ["02" * 32]
    assert mapping["recorded_at"] == "2026-01-01T02:00:00Z"
    assert mapping["checkpoint"] == "origin\n8\n…\n"
