"""Which rows are plain, and since when they may be trusted."""

from __future__ import annotations

import pytest

from consent.evaluate import History, Use, plain_floor, project
from consent.event import Actor, EventType, Form, Mode
from consent.party import PartyEventType
from consent.projection import TRUST_ALL, TRUST_NONE
from tests.unit.consent.scene import (
    DAY,
    REGISTRY,
    USE,
    born,
    day,
    event,
    gives,
    happens,
    item,
    notice,
    refuses,
    withdraws,
    world,
)
from tests.unit.consent.stories import TWELVE

E = EventType


def rows(*events, registry=REGISTRY, linked=()):
    return project(History("ann", events, linked), registry)


def plain(*events, registry=REGISTRY) -> bool:
    (row,) = rows(*events, registry=registry)
    return row.plain


def test_a_row_says_what_was_agreed():
    (row,) = rows(gives(1, 2, consent_id="c", valid_until=50))
    assert (row.subject, row.handler, row.purpose, row.recipient) == ("ann", "shop", "enrichment", "platform")
    assert (row.category, row.method, row.state, row.form) == ("phone", "psi_hash", "ConsentGiven", "separate")
    assert (row.effective_from, row.valid_until, row.notice, row.consent_id) == (day(2), day(50), "N@1", "c")
    assert row.plain


def test_one_row_for_each_use():
    act = gives(
        1,
        None,
        item(categories=["phone", "purchases"], methods=["psi_hash", "plaintext_api"], recipients=["platform", "heir"]),
        item("measurement", recipients=[]),
    )
    keys = [(row.purpose, row.recipient, row.category, row.method) for row in rows(act)]
    assert len(keys) == len(set(keys)) == 9
    assert ("measurement", None, "phone", "psi_hash") in keys


@pytest.mark.parametrize(
    "events",
    [
        [gives(1)],
        [gives(1, valid_until=50)],
        [gives(1), gives(2)],
        [event(E.REQUESTED, 0, handler="shop"), gives(1)],
        [refuses(0), gives(1)],
        [gives(1), withdraws(2), gives(3)],
        [gives(1), withdraws(2, recipient="heir")],
        [gives(1), withdraws(2, purpose="measurement")],
        [gives(1), refuses(2, handler="joint")],
        [gives(1, consent_id="c"), event(E.USED, 2, consent_id="c")],
        [gives(1, None, item(categories=["location"]), notice="SENSITIVE@1")],
        [gives(1, None, item(recipients=[], form=Form.GENERAL), notice="OWN@1")],
    ],
)
def test_plain(events):
    assert plain(*events)


@pytest.mark.parametrize(
    "events",
    [
        [gives(1, mode=Mode.PRETICKED)],
        [gives(1, by=Actor.STAFF)],
        [gives(1, by=Actor.GUARDIAN, guardian_verified=True)],
        [gives(1, evidence=False)],
        [gives(2, 1)],
        [gives(1, max_uses=1)],
        [gives(1, valid_until=1)],
        [gives(1, valid_until=0)],
        [gives(1, notice="N@9")],
        [gives(1, notice=None)],
        [gives(1, notice="OWN@1")],
        [gives(1, None, item(form=Form.GENERAL))],
        [gives(1, None, item(categories=["location"]))],
        [gives(1, None, item(categories=["credit"]), notice="SENSITIVE@1")],
        [gives(1, None, item(categories=["statistics"]))],
        [gives(1, None, item(categories=["iris"]))],
        [gives(1, None, item("resale"))],  # unregistered, so that no notice tells of it
        [gives(1, None, item(methods=["telepathy"]))],
        [gives(1, None, item(methods=["publish"], recipients=[], form=Form.GENERAL))],
        [gives(1), withdraws(2)],
        [gives(1), withdraws(900)],  # dated ahead
        [gives(1), refuses(2)],
        [gives(1), born(TWELVE)],
        [gives(1), event(E.DECEASED, 2)],
        [gives(1), event(E.DELETION, 2)],
        [gives(1), event(E.OPT_OUT, 2)],
        [gives(1), event(E.COLLECTED, 2, retention_until=900)],
        [gives(1), event(E.INTEGRITY_ALERT, 2)],
        [gives(1), event(E.MERGED, 2, subjects=("ann", "bob"))],
    ],
)
def test_not_plain(events):
    assert not plain(*events)


def test_linked_people_are_never_plain():
    (row,) = rows(gives(1), linked=(History("bob", ()),))
    assert not row.plain


def test_only_agreement_makes_rows():
    assert rows() == rows(refuses(1)) == rows(event(E.REQUESTED, 1, handler="shop")) == ()


def test_states_of_parts():
    first, second = rows(gives(1, None, item(categories=["phone", "purchases"])), withdraws(2, categories=("phone",)))
    assert [(row.category, row.state, row.plain) for row in (first, second)] == [
        ("phone", "ConsentWithdrawn", False),
        ("purchases", "ConsentGiven", True),
    ]
    (row,) = rows(gives(1), event(E.INTEGRITY_ALERT, 2))
    assert row.state == "ConsentUnknown"


def test_items_of_one_act_differ():
    """What is said of a category in one item does not rub off on the categories of another."""
    act = gives(1, None, item(), item(categories=["phone", "purchases"], form=Form.GENERAL))
    assert {row.category: row.plain for row in rows(act)} == {"phone": True, "purchases": False}


def test_the_better_of_two_scopes():
    narrow, wide = gives(5, consent_id="narrow"), gives(1, None, item(categories=["phone", "purchases"]))
    assert {row.category: row.consent_id for row in rows(narrow, wide)}["phone"] == "narrow"
    unsound = gives(9, None, item(categories=["phone", "location"]), evidence=False)
    assert {row.category: row.consent_id for row in rows(narrow, unsound)}["phone"] == "narrow"


def second(**more):
    values = {"published_at": day(50), "effective_at": day(50), "material_for": ("enrichment",), "recorded_at": day(50)}
    return notice(version=2, **(values | more))


def test_a_newer_material_notice_that_is_known():
    assert not plain(gives(1), registry=world(more_notices=[second()]))
    assert not plain(gives(1), registry=world(more_notices=[second(effective_at=day(900))]))
    assert plain(gives(1, valid_until=80), registry=world(more_notices=[second(effective_at=day(900))]))
    assert plain(gives(1), registry=world(more_notices=[second(material_for=("delivery",))]))
    assert plain(gives(60, notice="N@2"), registry=world(more_notices=[second()]))


def test_a_notice_recorded_after_the_act():
    assert not plain(gives(1), registry=world(notices=[notice(recorded_at=day(2))]))
    assert plain(gives(2), registry=world(notices=[notice(recorded_at=day(2))]))


MARGIN = 2 * REGISTRY.policy.clock_tolerance


@pytest.mark.parametrize(
    ("registry", "at", "floor"),
    [
        (REGISTRY, 100, TRUST_ALL),
        (world(more_notices=[second()]), 49, TRUST_ALL),
        (world(more_notices=[second()]), 50, day(50) + MARGIN),
        (world(more_notices=[second(recorded_at=day(60))]), 70, day(60) + MARGIN),
        (world(more_notices=[second(recorded_at=day(60))]), 55, TRUST_ALL),
        (world(more_notices=[second(effective_at=day(90))]), 70, TRUST_ALL),
        (world(more_notices=[second(material_for=("delivery",))]), 70, TRUST_ALL),
        (world(party_events=[happens(PartyEventType.SCOPE_CHANGED, 50)]), 70, day(50) + MARGIN),
        (world(party_events=[happens(PartyEventType.SCOPE_CHANGED, 50, "heir")]), 70, TRUST_ALL),
        (
            world(more_notices=[second()], party_events=[happens(PartyEventType.SCOPE_CHANGED, 60)]),
            70,
            day(60) + MARGIN,
        ),
    ],
)
def test_floor(registry, at, floor):
    assert plain_floor(USE, day(at), registry) == floor


def test_floor_by_recipient():
    assert plain_floor(Use("shop", "singapore", "enrichment", "phone", "psi_hash"), day(1), REGISTRY) == TRUST_NONE
    for recipient in (None, "ghost", "cloud"):
        assert plain_floor(Use("shop", recipient, "enrichment", "phone", "psi_hash"), day(1), REGISTRY) == TRUST_ALL


def test_bounds_are_moments():
    assert TRUST_ALL < day(0) - 1000 * DAY < day(0) + 1000 * DAY < TRUST_NONE
