"""What stands against a use whoever the person is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent.assessment import Assessment
from consent.decision import on_record
from consent.evaluate import History, Use, may_use, standing
from consent.mechanism import ExportMechanism, MechanismType
from consent.party import Contract, Party, PartyEventType, Role
from consent.purpose import Category
from tests.unit.consent.scene import (
    ASSESSMENTS,
    CATEGORIES,
    CONTRACT,
    MECHANISMS,
    PARTIES,
    REGISTRY,
    USE,
    asks,
    born,
    day,
    decides,
    gives,
    happens,
    item,
    says,
    world,
)
from tests.unit.consent.stories import TWELVE

P = PartyEventType
ABROAD = replace(USE, recipient="singapore")


def stands(use: Use = USE, at: float = 100, registry=REGISTRY, **more) -> str:
    decision = standing(use, day(at), registry, **more)
    return "nothing" if decision is None else says(decision)


def test_nothing_stands_against_a_known_use():
    assert stands() == "nothing"


@pytest.mark.parametrize("unknown", [{"purpose": "resale"}, {"category": "iris"}, {"method": "telepathy"}])
def test_unregistered(unknown):
    assert stands(replace(USE, **unknown)) == "SCOPE_MISMATCH 6"


def test_aggregate_of_an_unregistered_category():
    odd = Category("odd", anonymous_if_group=True, base="gone")
    assert stands(replace(USE, category="odd"), registry=world(categories=(*CATEGORIES, odd))) == "SCOPE_MISMATCH 6"


@pytest.mark.parametrize(
    ("party", "answer"),
    [
        (Party("x"), "RECIPIENT_BLOCKED 23 NDSR-12"),
        (Party("x", contracts=(Contract(day(0), day(100)),)), "RECIPIENT_BLOCKED 23 NDSR-12"),
        (Party("x", contracts=(Contract(day(101), day(200)),)), "RECIPIENT_BLOCKED 23 NDSR-12"),
        (Party("x", contracts=(Contract(day(0), day(50)), Contract(day(100), day(200)))), "nothing"),
        (Party("x", role=Role.ENTRUSTED), "RECIPIENT_BLOCKED 21"),
        (Party("x", role=Role.ENTRUSTED, contracts=(CONTRACT,)), "nothing"),
        (Party("x", role=Role.ENTRUSTED, contracts=(replace(CONTRACT, purposes=frozenset()),)), "SCOPE_MISMATCH 21"),
        (Party("x", role=Role.ENTRUSTED, contracts=(CONTRACT,), sub_processor_of="cloud"), "RECIPIENT_BLOCKED 21"),
        (
            Party(
                "x", role=Role.ENTRUSTED, contracts=(CONTRACT,), sub_processor_of="cloud", sub_processing_approved=True
            ),
            "nothing",
        ),
        (Party("x", contracts=(CONTRACT,), restricted=True), "CROSS_BORDER_BLOCKED 42"),
        (Party("x", contracts=(CONTRACT,), country="HK"), "CROSS_BORDER_BLOCKED 38"),
        (Party("x", contracts=(CONTRACT,), processing_country="IE"), "CROSS_BORDER_BLOCKED 38"),
        (Party("x", role=Role.FOREIGN_AUTHORITY, country="US"), "CROSS_BORDER_BLOCKED 41"),
    ],
)
def test_recipient(party, answer):
    registry = world(
        parties=(*PARTIES, party),
        assessments=(replace(ASSESSMENTS[0], recipients=frozenset({"x"})),),
    )
    assert stands(replace(USE, recipient="x"), registry=registry) == answer


def test_unknown_recipient():
    assert stands(replace(USE, recipient="ghost")) == "RECIPIENT_BLOCKED 23 NDSR-12"


@pytest.mark.parametrize(
    ("events", "at", "answer"),
    [
        ([happens(P.SUSPENDED, 50)], 49, "nothing"),
        ([happens(P.SUSPENDED, 50)], 50, "RECIPIENT_BLOCKED 23 NDSR-12"),
        ([happens(P.SUSPENDED, 50, "heir")], 60, "nothing"),
        ([happens(P.SUSPENDED, 50), happens(P.REINSTATED, 55)], 60, "nothing"),
        ([happens(P.SUSPENDED, 50), happens(P.REINSTATED, 50)], 60, "RECIPIENT_BLOCKED 23 NDSR-12"),
        ([happens(P.REINSTATED, 40), happens(P.SUSPENDED, 50)], 60, "RECIPIENT_BLOCKED 23 NDSR-12"),
        ([happens(P.SUSPENDED, 50, recorded=70)], 60, "nothing"),  # not known yet
        ([happens(P.SUSPENDED, 80, recorded=50)], 60, "RECIPIENT_BLOCKED 23 NDSR-12"),
        ([happens(P.SUSPENDED, 50), happens(P.REINSTATED, 55, recorded=70)], 60, "RECIPIENT_BLOCKED 23 NDSR-12"),
    ],
)
def test_suspension(events, at, answer):
    assert stands(at=at, registry=world(party_events=events)) == answer


def test_suspension_that_was_known_later():
    registry = world(party_events=[happens(P.SUSPENDED, 50, recorded=70)])
    assert stands(at=60, registry=registry, as_known_at=day(80)) == "RECIPIENT_BLOCKED 23 NDSR-12"


@pytest.mark.parametrize(
    ("approval", "answer"),
    [
        (happens(P.AUTHORITY_APPROVAL, 50, "court"), "nothing"),
        (happens(P.AUTHORITY_APPROVAL, 150, "court"), "CROSS_BORDER_BLOCKED 41"),
        (happens(P.AUTHORITY_APPROVAL, 50, "court", until=day(100)), "CROSS_BORDER_BLOCKED 41"),
        (happens(P.AUTHORITY_APPROVAL, 50, "platform"), "CROSS_BORDER_BLOCKED 41"),
    ],
)
def test_foreign_authority(approval, answer):
    assert stands(replace(USE, recipient="court"), registry=world(party_events=[approval])) == answer


def small_volume():
    return world(mechanisms=[ExportMechanism("singapore", MechanismType.EXEMPT_SMALL_VOLUME, day(0), day(200))])


@pytest.mark.parametrize(
    ("registry", "use", "exported", "answer"),
    [
        (REGISTRY, ABROAD, None, "nothing"),
        (world(mechanisms=()), ABROAD, None, "CROSS_BORDER_BLOCKED 38"),
        (world(mechanisms=[replace(MECHANISMS[0], party="court")]), ABROAD, None, "CROSS_BORDER_BLOCKED 38"),
        (world(mechanisms=[replace(MECHANISMS[0], valid_until=day(100))]), ABROAD, None, "CROSS_BORDER_BLOCKED 38"),
        (world(mechanisms=[replace(MECHANISMS[0], valid_from=day(100))]), ABROAD, None, "nothing"),
        (small_volume(), ABROAD, 99_999, "nothing"),
        (small_volume(), ABROAD, 100_000, "CROSS_BORDER_BLOCKED 38"),
        (small_volume(), ABROAD, None, "CROSS_BORDER_BLOCKED 38"),  # an unknown number is below no limit
        (small_volume(), replace(ABROAD, category="location"), 5, "CROSS_BORDER_BLOCKED 38"),
    ],
)
def test_export(registry, use, exported, answer):
    assert stands(use, registry=registry, exported_this_year=exported) == answer


def test_a_childs_information_is_never_exported_under_the_exemption():
    question = asks(recipient="singapore", exported_this_year=5)
    grant = gives(1, None, item(recipients=["singapore"]), notice="EXPORT@1")
    assert says(decides([grant], question, small_volume())) == "OK_CONSENT 13 14 23 39"
    assert says(decides([grant, born(TWELVE)], question, small_volume())) == "CROSS_BORDER_BLOCKED 38"


def narrow(**changes) -> Assessment:
    values = {
        "purposes": frozenset({"enrichment"}),
        "recipients": frozenset({"platform"}),
        "methods": frozenset({"psi_hash"}),
        "covers_sensitive": False,
    }
    return replace(ASSESSMENTS[0], **(values | changes))


@pytest.mark.parametrize(
    ("assessment", "use", "answer"),
    [
        (narrow(), USE, "nothing"),
        (narrow(), replace(USE, purpose="measurement"), "PIA_MISSING 55 56"),
        (narrow(), replace(USE, recipient="heir"), "PIA_MISSING 55 56"),
        (narrow(), replace(USE, method="plaintext_api"), "PIA_MISSING 55 56"),
        (narrow(), replace(USE, category="location"), "PIA_MISSING 55 56"),
        (narrow(approved_at=day(100)), USE, "nothing"),
        (narrow(approved_at=day(101)), USE, "PIA_MISSING 55 56"),
        (narrow(next_review=day(100)), USE, "PIA_MISSING 55 56"),
        (narrow(next_review=day(101)), USE, "nothing"),
        (narrow(recorded_at=day(100)), USE, "nothing"),
        (narrow(recorded_at=day(101)), USE, "PIA_MISSING 55 56"),  # backdated
        # Own use of ordinary information for a purpose without automated decisions needs none.
        (narrow(), replace(USE, recipient=None, purpose="measurement"), "nothing"),
        (narrow(), replace(USE, recipient=None, purpose="measurement", method="publish"), "PIA_MISSING 55 56"),
        (narrow(), replace(USE, recipient=None, purpose="measurement", category="credit"), "PIA_MISSING 55 56"),
        (narrow(), replace(USE, recipient=None, purpose="marketing"), "PIA_MISSING 55 56"),
    ],
)
def test_assessment(assessment, use, answer):
    assert stands(use, registry=world(assessments=(assessment,))) == answer


def test_assessment_recorded_after_what_was_known():
    registry = world(assessments=(narrow(recorded_at=day(50)),))
    assert stands(registry=registry, as_known_at=day(49)) == "PIA_MISSING 55 56"


def test_a_version_of_an_assessment_takes_the_place_of_the_one_before_from_its_recording_on():
    first = narrow(recorded_at=day(20))
    ended = narrow(recorded_at=day(50), version=2, next_review=day(50))
    wider = narrow(recorded_at=day(70), version=3, recipients=frozenset({"platform", "heir"}))
    # In any order; another assessment of the same use is none of them.
    registry = world(assessments=(wider, first, ended))
    missing = "PIA_MISSING 55 56"
    assert [stands(at=at, registry=registry) for at in (19, 20, 49, 50, 69, 70)] == [
        missing, "nothing", "nothing", missing, missing, "nothing",
    ]  # fmt: skip
    # What is known later of a moment before the end changes nothing of it, and what was known before it stays so.
    assert stands(at=49, registry=registry, as_known_at=day(90)) == "nothing"
    assert [stands(at=60, registry=registry, as_known_at=day(known)) for known in (49, 50, 90)] == [
        "nothing", missing, missing,
    ]  # fmt: skip
    heir = replace(USE, recipient="heir")
    assert stands(heir, at=60, registry=registry, as_known_at=day(90)) == missing
    asked, story = replace(asks(60), as_known_at=day(49)), [gives(1)]
    decided = [
        on_record(may_use(asked, history, one), asked, history, one)
        for history in [History(asked.subject, tuple(story))]
        for one in (registry, world(assessments=(first,)))
    ]
    assert decided[0] == decided[1], "asked again, the same question has the same answer and id"
    assert decided[0].assessment_id == first.id


def test_a_child_makes_everything_sensitive():
    registry = world(assessments=(narrow(),))
    assert says(decides([gives(1), born(TWELVE)], registry=registry)) == "PIA_MISSING 55 56"


def test_contract_comes_before_export_and_assessment():
    party = replace(PARTIES[5], contracts=())
    registry = world(parties=(party,), mechanisms=(), assessments=())
    assert stands(ABROAD, registry=registry) == "RECIPIENT_BLOCKED 23 NDSR-12"
    registry = world(mechanisms=(), assessments=())
    assert stands(ABROAD, registry=registry) == "CROSS_BORDER_BLOCKED 38"
