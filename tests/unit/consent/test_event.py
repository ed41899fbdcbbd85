"""Consent events are read strictly and come back as they were."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from consent.errors import FieldError
from consent.event import FIELDS, ConsentEvent, EventType
from consent.proof import Proof
from tests.unit.consent.scene import born, day, event, gives, withdraws
from tests.unit.consent.stories import STORIES, TWELVE

GRANT = {
    "event_id": "e1",
    "type": "consent_given",
    "at": "2026-02-01T10:00:00+08:00",
    "subject": "ann",
    "handler": "shop",
    "consent_id": "c1",
    "notice": "N@1",
    "by": "subject",
    "mode": "explicit",
    "evidence": True,
    "channel": "app",
    "valid_until": "2027-02-01T10:00:00+08:00",
    "max_uses": 3,
    "items": [
        {
            "purpose": "enrichment",
            "categories": ["phone"],
            "methods": ["psi_hash"],
            "recipients": ["platform"],
            "form": "separate",
        }
    ],
}
RECORDED = datetime(2026, 2, 1, 2, 0, 1, tzinfo=UTC)
EVERY_TYPE = [made for events, _, _ in STORIES.values() for made in events] + [
    event(EventType.MERGED, 1, subjects=("ann", "bob")),
    event(EventType.UNMERGED, 1),
    born(TWELVE),
]


def read(**changes) -> ConsentEvent:
    mapping = {name: value for name, value in (GRANT | changes).items() if value is not ...}
    return ConsentEvent.from_mapping(mapping, recorded_at=RECORDED)


def test_a_grant():
    grant = read()
    assert grant.at == datetime(2026, 2, 1, 2, tzinfo=UTC)
    assert grant.at.tzinfo is UTC
    assert grant.recorded_at == RECORDED
    assert (grant.earlier, grant.later) == (grant.at, RECORDED)
    assert grant.items[0].recipients == ("platform",)
    assert (grant.max_uses, grant.evidence) == (3, True)


def test_every_type_is_tried():
    assert {made.type for made in EVERY_TYPE} == set(EventType) == set(FIELDS)


@pytest.mark.parametrize("made", EVERY_TYPE, ids=lambda made: f"{made.type}-{made.event_id}")
def test_mapping_and_back(made):
    mapping = json.loads(json.dumps(made.to_mapping()))
    assert ConsentEvent.from_mapping(mapping) == made
    assert ConsentEvent.from_mapping(mapping, recorded_at=made.recorded_at) == made
    assert made.content() == {name: entry for name, entry in mapping.items() if name != "recorded_at"}


def test_a_replay_has_the_same_content():
    again = replace(gives(1, event_id="e", consent_id="c"), recorded_at=day(9))
    assert again.content() == gives(1, event_id="e", consent_id="c").content()
    assert again.content() != gives(2, event_id="e", consent_id="c").content()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": ...}, "type"),
        ({"type": "consent_guessed"}, "type"),
        ({"type": ["consent_given"]}, "type"),
        ({"event_id": ...}, "event_id"),
        ({"event_id": 5}, "event_id"),
        ({"event_id": "x" * 513}, "event_id"),
        ({"subject": None}, "subject"),
        ({"handler": ...}, "handler"),
        ({"consent_id": ...}, "consent_id"),
        ({"at": ...}, "at"),
        ({"at": "2026-02-01T10:00:00"}, "at"),  # no offset: no moment
        ({"at": "yesterday"}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"at": 1769911200}, "at"),
        ({"by": "friend"}, "by"),
        ({"by": ...}, "by"),
        ({"mode": "maybe"}, "mode"),
        ({"mode": ...}, "mode"),
        ({"evidence": "yes"}, "evidence"),
        ({"evidence": ...}, "evidence"),
        ({"notice": "N"}, "notice"),
        ({"notice": "@1"}, "notice"),
        ({"notice": "N@one"}, "notice"),
        ({"max_uses": 0}, "max_uses"),
        ({"max_uses": True}, "max_uses"),
        ({"max_uses": 2**53}, "max_uses"),
        ({"items": ...}, "items"),
        ({"items": []}, "items"),
        ({"items": {}}, "items"),
        ({"items": ["phone"]}, "items[0]"),
        ({"items": [GRANT["items"][0] | {"form": "oral"}]}, "items[0].form"),
        ({"items": [GRANT["items"][0], GRANT["items"][0] | {"categories": []}]}, "items[1].categories"),
        ({"items": [GRANT["items"][0] | {"methods": ["a", "a"]}]}, "items[0].methods"),
        ({"items": [GRANT["items"][0] | {"methods": ["a", ""]}]}, "items[0].methods[1]"),
        ({"items": [GRANT["items"][0] | {"note": "x"}]}, "items[0].note"),
        ({"purpose": "enrichment"}, "purpose"),  # a grant's scope stands in its items
        ({"retention_until": "2026-01-01T00:00:00Z"}, "retention_until"),
        ({"recorded_at": "2026-02-01T02:00:00Z"}, "recorded_at"),
        ({"x" * 65: 1}, "?"),
        ({"a\nb": 1}, "?"),
    ],
)
def test_malformed(changes, field):
    with pytest.raises(FieldError) as caught:
        read(**changes)
    assert (caught.value.reason, caught.value.field) == ("BAD_FIELD", field)


@pytest.mark.parametrize(
    ("mapping", "field"),
    [
        (withdraws(1).to_mapping() | {"category": "a", "categories": ["b"]}, "category"),
        (withdraws(1).to_mapping() | {"handler": None}, "handler"),
        (event(EventType.MERGED, 1, subjects=("a", "b")).to_mapping() | {"subjects": ["a"]}, "subjects"),
        (born(TWELVE).to_mapping() | {"birthdate": "2014-01"}, "birthdate"),
        (born(TWELVE).to_mapping() | {"birthdate": "2014-02-30"}, "birthdate"),
        (born(TWELVE).to_mapping() | {"birthdate": 2014}, "birthdate"),
        (event(EventType.USED, 1, consent_id="c").to_mapping() | {"consent_id": None}, "consent_id"),
        (born(TWELVE).to_mapping() | {"birthdate": "3000-01-01"}, "birthdate"),
    ],
)
def test_malformed_other_types(mapping, field):
    with pytest.raises(FieldError) as caught:
        ConsentEvent.from_mapping(mapping)
    assert caught.value.field == field


def test_one_category_or_many():
    one = withdraws(1).to_mapping() | {"category": "phone"}
    assert ConsentEvent.from_mapping(one).categories == ("phone",)
    many = withdraws(1).to_mapping() | {"categories": ["phone", "purchases"]}
    assert ConsentEvent.from_mapping(many).categories == ("phone", "purchases")


def test_recorded_at_is_the_servers():
    stored = read().to_mapping()
    assert ConsentEvent.from_mapping(stored).recorded_at == RECORDED
    with pytest.raises(FieldError, match="set by the server"):
        ConsentEvent.from_mapping(stored, recorded_at=day(900))
    with pytest.raises(FieldError, match=r"^recorded_at"):
        ConsentEvent.from_mapping(GRANT)
    with pytest.raises(FieldError, match=r"^recorded_at"):
        ConsentEvent.from_mapping(GRANT, recorded_at=datetime(2026, 2, 1))


@pytest.mark.parametrize("changes", [{"at": "13800138000"}, {"by": "13800138000"}, {"notice": "13800138000"}])
def test_no_error_repeats_a_value(changes):
    with pytest.raises(FieldError) as caught:
        read(**changes)
    assert "13800138000" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_too_long_lists():
    with pytest.raises(FieldError, match="at most 256 objects"):
        read(items=GRANT["items"] * 257)
    with pytest.raises(FieldError, match="0 to 256 texts"):
        read(items=[GRANT["items"][0] | {"recipients": [str(number) for number in range(257)]}])


@pytest.mark.parametrize("made", [*EVERY_TYPE, read()], ids=lambda made: made.type)
def test_said_again_by_another_the_words_are_the_same(made):
    own = {
        "event_id": "again",
        "subject": "bob",
        "at": day(70),
        "recorded_at": day(71),
        "consent_id": "c of bob",
        "valid_until": None,
        "proof": Proof(device_ref="of bob"),
    }
    assert made.said_again(**own) == replace(made, **own)
