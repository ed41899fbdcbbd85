"""What a registry says at a time it says for ever: versions, inheritance, reach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent.basis import BasisRule
from consent.contract import ContractType
from consent.decision import on_record
from consent.errors import FieldError
from consent.evaluate import History, may_use, standing
from consent.mechanism import ExportMechanism, MechanismType
from consent.party import Contract, Party, PartyEvent, PartyEventType, Role
from consent.purpose import Category, inheriting
from consent.registry import Registry
from tests.unit.consent.scene import (
    CATEGORIES,
    CONTRACT,
    PARTIES,
    REGISTRY,
    USE,
    asks,
    day,
    decides,
    gives,
    says,
    world,
)

PLATFORM = next(party for party in PARTIES if party.id == "platform")
OTHERS = tuple(party for party in PARTIES if party.id != "platform")


def stands(registry: Registry, at: float, known: float | None = None, use=USE) -> str:
    decision = standing(use, day(at), registry, as_known_at=None if known is None else day(known))
    return "nothing" if decision is None else says(decision)


def on_record_id(story, question, registry: Registry) -> str:
    history = History(question.subject, tuple(story))
    return on_record(may_use(question, history, registry), question, history, registry).decision_id


def test_a_decision_weighs_the_version_that_was_known():
    listed = replace(PLATFORM, restricted=True, version=2, recorded_at=day(50))
    cleared = replace(PLATFORM, version=3, recorded_at=day(60))
    # In any order: a version counts by its number.
    registry = world(parties=(cleared, *OTHERS, PLATFORM, listed))
    assert registry.parties["platform"] == cleared
    assert [stands(registry, at) for at in (49, 50, 59, 60)] == [
        "nothing", "CROSS_BORDER_BLOCKED 42", "CROSS_BORDER_BLOCKED 42", "nothing",
    ]  # fmt: skip
    assert stands(registry, 70, known=55) == "CROSS_BORDER_BLOCKED 42"
    assert decides([gives(1)], asks(55), registry).reason_code == "CROSS_BORDER_BLOCKED"


def test_a_party_was_unknown_before_it_was_registered():
    registry = world(parties=(*OTHERS, replace(PLATFORM, recorded_at=day(50))))
    assert stands(registry, 49) == "RECIPIENT_BLOCKED 23 NDSR-12"
    assert stands(registry, 50) == "nothing"


@pytest.mark.parametrize("noun", ["purposes", "categories"])
def test_what_was_not_registered_yet_is_not_known_later(noun):
    items = {"purposes": REGISTRY.purposes, "categories": REGISTRY.categories}[noun]
    registry = world(**{noun: tuple(replace(item, recorded_at=day(50)) for item in items.values())})
    assert [stands(registry, at) for at in (49, 50)] == ["SCOPE_MISMATCH 6", "nothing"]
    assert stands(registry, 49, known=50) == "nothing"
    assert stands(registry, 60, known=49) == "SCOPE_MISMATCH 6"
    asked, story = replace(asks(60), as_known_at=day(49)), [gives(1)]
    before = world(**{noun: ()})
    assert decides(story, asked, registry) == decides(story, asked, before)
    assert on_record_id(story, asked, registry) == on_record_id(story, asked, before)


def test_an_aggregate_is_known_with_what_it_is_made_of():
    base = Category("spend", recorded_at=day(50))
    aggregate = Category("spend_band", anonymous_if_group=True, base="spend", recorded_at=day(40))
    registry = world(categories=(*CATEGORIES, base, aggregate))
    use = replace(USE, category="spend_band")
    assert [stands(registry, 60, known, use) == "SCOPE_MISMATCH 6" for known in (39, 45, 50)] == [True, True, False]


def test_a_contract_counts_from_when_it_was_known():
    late = replace(CONTRACT, recorded_at=day(50))
    registry = world(parties=(*OTHERS, replace(PLATFORM, contracts=(late,))))
    assert [stands(registry, 60, known) for known in (49, 50)] == ["RECIPIENT_BLOCKED 23 NDSR-12", "nothing"]
    without = world(parties=(*OTHERS, replace(PLATFORM, contracts=())))
    story, asked = [gives(1)], replace(asks(60), as_known_at=day(49))
    assert on_record_id(story, asked, registry) == on_record_id(story, asked, without)


def test_a_party_that_moves_abroad_asks_for_more_at_once():
    moved = replace(PLATFORM, processing_country="SG", version=2, recorded_at=day(50))
    way = ExportMechanism("platform", MechanismType.STANDARD_CONTRACT, day(0), day(300), id="m", recorded_at=day(55))
    ended = replace(way, valid_until=day(60), version=2, recorded_at=day(58))
    registry = world(parties=(*OTHERS, PLATFORM, moved), mechanisms=(way, ended))
    assert [stands(registry, at) for at in (49, 50, 55, 59, 60)] == [
        "nothing", "CROSS_BORDER_BLOCKED 38", "nothing", "nothing", "CROSS_BORDER_BLOCKED 38",
    ]  # fmt: skip
    # Without what PIPL 39 asks of the notice the consent does not reach.
    assert decides([gives(1)], asks(57), registry).reason_code == "CONSENT_INVALID"
    assert decides([gives(1)], asks(49), registry).reason_code == "OK_CONSENT"


def test_a_basis_rule_holds_for_its_time_in_its_known_version():
    rule = BasisRule(
        "contract",
        "delivery",
        frozenset({"platform"}),
        frozenset({"phone"}),
        "r",
        "shop",
        "",
        day(10),
        None,
        1,
        day(20),
    )
    narrowed = replace(rule, valid_until=day(30), version=2, recorded_at=day(25))
    registry = world(basis_rules=(narrowed, rule))

    def says_at(at: float, known: float) -> str:
        question = asks(at, known, purpose="delivery", basis="contract")
        return decides([], question, registry).reason_code

    assert says_at(15, 22) == says_at(29, 29) == says_at(40, 24) == "OK_OTHER_BASIS"
    assert says_at(15, 19) == says_at(9, 22) == says_at(30, 30) == "BASIS_NOT_EXTENDING"


@pytest.mark.parametrize("more", [{"methods": frozenset({"batch_file"})}, {"categories": frozenset({"purchases"})}])
def test_an_entrusted_party_stays_within_its_contract(more):
    whole = replace(CONTRACT, purposes=frozenset({"enrichment"}))
    for contract, answer in ((whole, "nothing"), (replace(whole, **more), "SCOPE_MISMATCH 21")):
        cloud = Party("platform", role=Role.ENTRUSTED, contracts=(contract,))
        assert stands(world(parties=(*OTHERS, cloud)), 100) == answer


def test_a_label_inherits_from_all_that_it_is_concluded_from():
    label = Category("pregnancy", derived_from=("basket",))
    basket = Category("basket", derived_from=("phone", "diagnosis"))
    diagnosis = Category("diagnosis", sensitive=True, written=True)
    registry = world(categories=(*CATEGORIES, label, basket, diagnosis))
    for name in ("pregnancy", "basket"):
        assert registry.sensitive(name) and registry.categories[name].written
    use = replace(USE, category="pregnancy")
    assert stands(registry, 100, use=use) == "nothing"
    assert stands(replace(registry, assessments=()), 100, use=use) == "PIA_MISSING 55 56"
    assert not REGISTRY.sensitive("phone")


def test_inheritance_ends_in_a_circle_and_at_the_unknown():
    one, other = (
        Category("one", derived_from=("other", "gone")),
        Category("other", derived_from=("one",), sensitive=True),
    )
    assert inheriting(one, {"one": one, "other": other}).sensitive
    with pytest.raises(FieldError, match="itself"):
        Category("one", derived_from=("one",))


def test_rules_and_events_come_back_as_they_went():
    rule = {
        "id": "delivery",
        "basis": "contract",
        "purpose": "delivery",
        "recipients": [None, "courier"],
        "categories": ["address"],
        "owner": "logistics",
        "evidence": "memo 7",
        "valid_until": "2027-01-01T00:00:00Z",
        "version": 2,
        "recorded_at": "2026-01-01T00:00:00Z",
    }
    assert BasisRule.from_mapping(rule).to_mapping() == rule
    event = {
        "id": "E-1",
        "type": "recipient_succeeded",
        "at": "2026-01-01T00:00:00Z",
        "recorded_at": "2026-01-02T00:00:00Z",
        "party": "old",
        "to": "heir",
        "notified": True,
        "notice": "N@1",
        "evidence": "register 9",
    }
    assert PartyEvent.from_mapping(event).to_mapping() == event
    for kind, wrong in (
        ("recipient_suspended", "until"),
        ("recipient_suspended", "to"),
        ("recipient_succeeded", "until"),
    ):
        with pytest.raises(FieldError) as caught:
            PartyEvent.from_mapping({**event, "type": kind, wrong: "2026-01-01T00:00:00Z"})
        assert caught.value.field in (wrong, "notified", "to", "notice")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"basis": "legitimate_interest"}, "basis"),
        ({"basis": "consent"}, "basis"),
        ({"recipients": []}, "recipients"),
        ({"owner": ""}, "owner"),
        ({"categories": []}, "categories"),
    ],
)
def test_a_basis_rule_that_cannot_be(changes, field):
    body = {"id": "r", "basis": "hr", "purpose": "pay", "recipients": [None], "categories": ["salary"], "owner": "hr"}
    BasisRule.from_mapping(body)
    with pytest.raises(FieldError) as caught:
        BasisRule.from_mapping({**body, **changes})
    assert caught.value.field == field


def test_a_contract_says_what_the_law_asks():
    terms = {
        "id": "C-1",
        "type": "joint",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2027-01-01T00:00:00Z",
        "purposes": ["enrichment"],
        "methods": ["psi_hash"],
        "categories": ["phone"],
        "security_duties": "加密",
        "supervision": "每年检查",
        "rights_routing": "任何一方",
        "incident_duties": "一小时内告知",
    }
    contract = Contract.from_mapping(terms)
    assert contract.to_mapping() == terms and contract.missing() == ()
    assert replace(contract, rights_routing="", supervision="").missing() == ("supervision", "rights_routing")
    assert replace(contract, type=ContractType.ENTRUSTMENT).missing() == ("return_or_deletion",)
    assert replace(contract, type=None).missing() == ("type",)
    assert PartyEventType.INSPECTED in set(PartyEventType)
