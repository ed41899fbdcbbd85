"""The proof of an act is read strictly, kept with the event, and hashed with it."""

from __future__ import annotations

from typing import Any

import pytest

from consent.errors import FieldError
from consent.event import FIELDS, ConsentEvent, EventType
from consent.proof import OF_ONE_ACT, PROOF_FIELDS, Action

FULL: dict[str, object] = {
    "action": "paper",
    "evidence_ref": "archive/2026/box 7/sheet 19",
    "evidence_hash": "ab" * 32,
    "scan_hash": "cd" * 32,
    "witness": "staff-0042",
    "place": "store 17, counter 2",
    "ui_version": "4.2",
    "screen_id": "share-dialog",
    "bundle_id": "cn.retailer.app",
    "app_version": "9.1.0",
    "language": "zh-CN",
    "device_ref": "d-7c1",
    "ip_prefix": "203.0.113.0/24",
    "shown_at": "2026-02-01T01:59:00Z",
    "dwell_ms": 61_000,
    "identity_assurance": "checked",
    "age_band": "14_to_17",
    "age_assurance": "declared",
    "guardian_relation": "parent",
    "guardian_proof_ref": "archive/2026/box 7/sheet 20",
    "notice_mode": "enhanced",
    "default_state": "unticked",
    "steps_count": 2,
    "time_source": "paper",
}
WITHDRAWN = {
    "event_id": "e",
    "type": "consent_withdrawn",
    "at": "2026-02-01T10:00:00+08:00",
    "subject": "ann",
    "handler": "shop",
    "recorded_at": "2026-02-01T10:00:01+08:00",
}


def read(**proof: object) -> ConsentEvent:
    return ConsentEvent.from_mapping(WITHDRAWN | proof)


def test_a_proof_comes_back_as_it_was() -> None:
    assert set(FULL) == set(PROOF_FIELDS) > set(OF_ONE_ACT)
    made = read(**FULL)
    assert made.proof is not None
    assert (made.proof.action, made.proof.dwell_ms) == (Action.PAPER, 61_000)
    said = made.to_mapping()
    assert {name: said[name] for name in FULL} == FULL
    assert ConsentEvent.from_mapping(said) == made


@pytest.mark.parametrize("name", sorted(FULL))
def test_each_field_is_part_of_the_act(name: str) -> None:
    """A replay with another proof is another event."""
    whole = {one: value for one, value in FULL.items() if one != "action"}
    without = {one: value for one, value in FULL.items() if one not in (name, "action")}
    if name == "action":
        assert read(**FULL).content() != read(**whole).content()
    else:
        assert read(**whole).content() != read(**without).content()


def test_an_act_without_a_proof_says_nothing_of_it() -> None:
    assert read().proof is None
    assert read(witness=None).proof is None
    assert set(read().to_mapping()) == set(WITHDRAWN)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("action", "nod"),
        ("evidence_ref", ""),
        ("evidence_ref", "x" * 201),
        ("evidence_ref", "a\nb"),
        ("device_ref", 7),
        ("evidence_hash", "AB" * 32),
        ("evidence_hash", "ab" * 31),
        ("scan_hash", 5),
        ("ip_prefix", "203.0.113.7"),
        ("ip_prefix", "203.0.113.0/25"),
        ("ip_prefix", "203.0.113.7/24"),
        ("ip_prefix", "2001:db8::/64"),
        ("ip_prefix", 3_405_803_776),
        ("shown_at", "2026-02-01T01:59:00"),
        ("dwell_ms", -1),
        ("dwell_ms", True),
        ("dwell_ms", "61"),
        ("age_band", "13"),
        ("age_assurance", "certain"),
        ("identity_assurance", "certain"),
        ("guardian_relation", "neighbour"),
        ("guardian_proof_ref", "x" * 201),
        ("notice_mode", "whispered"),
        ("default_state", "half"),
        ("steps_count", 0),
        ("time_source", "sun"),
    ],
)
def test_what_is_wrong_is_named(name: str, wrong: Any) -> None:
    with pytest.raises(FieldError) as caught:
        read(**{name: wrong})
    assert caught.value.field == name
    assert str(wrong) == "" or len(str(wrong)) < 3 or str(wrong) not in caught.value.message


@pytest.mark.parametrize("name", ["evidence_ref", "scan_hash"])
def test_an_act_on_paper_names_its_sheet_and_scan(name: str) -> None:
    with pytest.raises(FieldError, match=f"{name}: is required of an act on paper"):
        read(**FULL | {name: None})
    assert read(**FULL | {name: None, "action": "tap"}).proof is not None


def test_a_box_that_was_ticked_before_is_no_explicit_act() -> None:
    given = {"type": "consent_given", "consent_id": "c", "by": "subject", "evidence": True, "default_state": "ticked"}
    item = {"purpose": "p", "categories": ["c"], "methods": ["m"], "recipients": [], "form": "general"}
    assert read(**given, items=[item], mode="preticked").proof is not None
    with pytest.raises(FieldError, match="default_state: says that the box was ticked"):
        read(**given, items=[item], mode="explicit")


def test_only_what_a_person_does_has_a_proof() -> None:
    acts = {kind for kind, names in FIELDS.items() if set(PROOF_FIELDS) & names}
    assert acts == {
        EventType.REQUESTED,
        EventType.DEFERRED,
        EventType.GIVEN,
        EventType.REFUSED,
        EventType.WITHDRAWN,
        EventType.DELETION,
        EventType.RESTRICTION,
        EventType.CLOSURE,
        EventType.OPT_OUT,
        EventType.OPT_IN,
        EventType.PUBLIC_INFO_REFUSED,
    }
    with pytest.raises(FieldError, match="is not a field of this record"):
        ConsentEvent.from_mapping(WITHDRAWN | {"type": "subject_deceased", "handler": None, "witness": "w"})
