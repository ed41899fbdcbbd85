"""The rule by worked cases: a story, a question, an answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from consent.assessment import Assessment
from consent.evaluate import History, Kind, may_use
from consent.event import Actor, EventType, Form, Mode
from consent.party import PartyEventType
from consent.reason import REASONS, ReasonCode
from tests.unit.consent.scene import (
    DAY,
    REGISTRY,
    START,
    asks,
    born,
    day,
    decides,
    event,
    gives,
    happens,
    item,
    notice,
    refuses,
    says,
    told,
    withdraws,
    world,
)
from tests.unit.consent.stories import STORIES, TWELVE

E, P = EventType, PartyEventType


@pytest.mark.parametrize("story", STORIES)
def test_story(story):
    events, question, answer = STORIES[story]
    assert says(decides(events, question)) == answer


def test_stories_reach_every_personal_code():
    told_by = {answer.split()[0] for _, _, answer in STORIES.values()}
    elsewhere = {
        "RECIPIENT_BLOCKED",
        "CROSS_BORDER_BLOCKED",
        "PIA_MISSING",
        "IDENTITY_CONFLICT",
        "SERVICE_REFUSAL_BARRED",
        "REPROMPT_BARRED",
    }
    assert told_by | elsewhere == set(ReasonCode)


@pytest.mark.parametrize("story", STORIES)
def test_answers_cite_only_what_their_code_may(story):
    events, question, _ = STORIES[story]
    decision = decides(events, question)
    reason = REASONS[ReasonCode(decision.reason_code)]
    assert decision.allowed is reason.allowed
    assert set(decision.articles) <= reason.may_cite
    assert (decision.decided_at, decision.as_known_at) == (question.at, question.as_known_at)


def test_decision_names_the_consent_that_allows():
    decision = decides([gives(1, consent_id="old"), gives(5, consent_id="new", notice="SENSITIVE@1")])
    assert (decision.consent_id, decision.notice) == ("new", "SENSITIVE@1")


def test_decision_names_the_consent_that_came_furthest():
    decision = decides([gives(1, consent_id="ended", valid_until=50), gives(5, None, item("measurement"))])
    assert (decision.reason_code, decision.consent_id) == ("CONSENT_EXPIRED", "ended")


def test_decision_names_the_item():
    act = gives(1, None, item("measurement"), item())
    assert [decides([act], asks(purpose=purpose)).consent_item_no for purpose in ("measurement", "enrichment")] == [
        1,
        2,
    ]
    assert decides([act], asks(category="purchases")).consent_item_no == 2  # came further: the purpose is right


def test_denial_without_a_consent_names_none():
    decision = decides([refuses(1)])
    assert (decision.consent_id, decision.notice) == (None, None)


# ---- notices and recipients that change -----------------------------------------------------------------------------


def second(**more):
    values = {"published_at": day(50), "effective_at": day(50), "material_for": ("enrichment",), "recorded_at": day(50)}
    return notice(version=2, **(values | more))


@pytest.mark.parametrize(
    ("version", "at", "answer"),
    [
        (second(), 49, "OK_CONSENT 13 14 23"),
        (second(), 50, "RECONSENT_REQUIRED 14"),
        (second(material_for=("measurement",)), 60, "OK_CONSENT 13 14 23"),
        (second(material_for=()), 60, "OK_CONSENT 13 14 23"),
        (second(effective_at=day(80)), 60, "OK_CONSENT 13 14 23"),
        (second(effective_at=day(80)), 80, "RECONSENT_REQUIRED 14"),
        (second(recorded_at=day(70)), 60, "OK_CONSENT 13 14 23"),  # nobody knew
        (second(effective_at=None), 60, "RECONSENT_REQUIRED 14"),
    ],
)
def test_material_notice(version, at, answer):
    assert says(decides([gives(1)], asks(at), world(more_notices=[version]))) == answer


def test_old_notice_shown_after_the_new_one_binds():
    assert says(decides([gives(60)], registry=world(more_notices=[second()]))) == "RECONSENT_REQUIRED 14"


def test_consent_under_the_new_notice():
    assert decides([gives(1), gives(60, notice="N@2")], registry=world(more_notices=[second()])).allowed


def test_consent_under_a_notice_whose_publication_was_not_known():
    registry = world(more_notices=[second(recorded_at=day(90))])
    assert says(decides([gives(60, notice="N@2")], asks(70), registry)) == "CONSENT_INVALID 14 17"
    assert decides([gives(60, notice="N@2")], asks(70, 95), registry).allowed


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        (happens(P.SCOPE_CHANGED, 50), "RECONSENT_REQUIRED 23"),
        (happens(P.SCOPE_CHANGED, 50, purposes=frozenset({"enrichment"})), "RECONSENT_REQUIRED 23"),
        (happens(P.SCOPE_CHANGED, 50, purposes=frozenset({"measurement"})), "OK_CONSENT 13 14 23"),
        (happens(P.SCOPE_CHANGED, 50, methods=frozenset({"plaintext_api"})), "OK_CONSENT 13 14 23"),
        (happens(P.SCOPE_CHANGED, 50, "heir"), "OK_CONSENT 13 14 23"),
        (happens(P.SCOPE_CHANGED, 0), "OK_CONSENT 13 14 23"),
        (happens(P.SCOPE_CHANGED, 1), "RECONSENT_REQUIRED 23"),  # a tie goes to the person
        (happens(P.SCOPE_CHANGED, 50, recorded=150), "OK_CONSENT 13 14 23"),
    ],
)
def test_recipient_changes_its_scope(change, answer):
    assert says(decides([gives(1)], registry=world(party_events=[change]))) == answer


def test_stale_for_every_reason_at_once():
    registry = world(more_notices=[second()], party_events=[happens(P.SCOPE_CHANGED, 50)])
    assert says(decides([gives(1)], registry=registry)) == "RECONSENT_REQUIRED 14 23"


def merger(at=50, *, notified=True, before="platform", after="heir", **more):
    return happens(P.SUCCEEDED, at, before, to=after, notified=notified, **more)


@pytest.mark.parametrize(
    ("events", "answer"),
    [
        ([merger()], "OK_CONSENT 13 14 22 23"),
        ([merger(notified=False)], "RECIPIENT_MISMATCH 22"),
        ([merger(notified=False), merger(60)], "OK_CONSENT 13 14 22 23"),
        ([merger(150)], "RECIPIENT_MISMATCH 23"),
        ([merger(50, recorded=150)], "RECIPIENT_MISMATCH 23"),
        ([merger(0)], "RECIPIENT_MISMATCH 23"),  # the consent named who had gone already
        ([merger(40, after="joint"), merger(50, before="joint")], "OK_CONSENT 13 14 22 23"),
        ([merger(40, after="joint", notified=False), merger(50, before="joint")], "RECIPIENT_MISMATCH 22"),
        ([merger(), merger(51, before="heir", after="platform")], "OK_CONSENT 13 14 22 23"),
        ([merger(), happens(P.SCOPE_CHANGED, 60)], "RECONSENT_REQUIRED 23"),
    ],
)
def test_successor(events, answer):
    assert says(decides([gives(1)], asks(recipient="heir"), world(party_events=events))) == answer


def test_withdrawal_from_the_predecessor_binds_the_successor():
    registry, question = world(party_events=[merger()]), asks(recipient="heir")
    assert says(decides([gives(1), withdraws(2, recipient="platform")], question, registry)) == "CONSENT_WITHDRAWN 15"
    named = gives(1, None, item(recipients=["platform", "heir"]))
    assert says(decides([named, withdraws(2, recipient="platform")], question, registry)) == "OK_CONSENT 13 14 23"


def test_successor_is_told_of_under_the_predecessors_name():
    registry = world(party_events=[merger()], notices=[notice(recipients=[told("platform")])])
    assert decides([gives(1)], asks(recipient="heir"), registry).allowed


# ---- merged identities ----------------------------------------------------------------------------------------------


def together(*events, subjects=("ann", "bob"), at=40):
    """Ann's history, merged with those of the other subjects."""
    merge = event(E.MERGED, at, subjects=subjects)
    everything = [merge, *events]
    linked = tuple(
        History(other, tuple(one for one in everything if one.subject == other)) for other in subjects if other != "ann"
    )
    return History("ann", tuple(one for one in everything if one.subject == "ann"), linked)


@pytest.mark.parametrize(
    ("history", "answer"),
    [
        (together(gives(1)), "IDENTITY_CONFLICT 8 14"),
        (together(gives(1), gives(2, subject="bob")), "OK_CONSENT 13 14 23"),
        (together(gives(1), gives(2, subject="bob"), withdraws(50, subject="bob")), "IDENTITY_CONFLICT 8 14"),
        (together(refuses(1), withdraws(2, subject="bob")), "CONSENT_REFUSED 14"),  # both say no
        (together(gives(1), at=150), "OK_CONSENT 13 14 23"),
        (together(gives(1), event(E.UNMERGED, 60, subjects=("ann", "bob"))), "OK_CONSENT 13 14 23"),
        (together(gives(1), event(E.UNMERGED, 60)), "OK_CONSENT 13 14 23"),
        (together(gives(1), event(E.UNMERGED, 30, subjects=("ann", "bob"))), "IDENTITY_CONFLICT 8 14"),
        (together(gives(1), event(E.UNMERGED, 60, subjects=("bob", "eve"))), "IDENTITY_CONFLICT 8 14"),
        (
            together(gives(1), gives(1, subject="bob"), subjects=("ann", "bob", "eve")),
            "IDENTITY_CONFLICT 8 14",
        ),
    ],
)
def test_merged(history, answer):
    assert says(may_use(asks(), history, REGISTRY)) == answer


def test_merges_chain():
    bob_and_eve = event(E.MERGED, 40, subject="bob", subjects=("bob", "eve"))
    history = together(gives(1), gives(1, subject="bob"))
    linked = (replace(history.linked[0], events=(*history.linked[0].events, bob_and_eve)), History("eve", ()))
    assert says(may_use(asks(), replace(history, linked=linked), REGISTRY)) == "IDENTITY_CONFLICT 8 14"
    linked = (*linked[:1], History("eve", (gives(1, subject="eve"),)))
    assert may_use(asks(), replace(history, linked=linked), REGISTRY).allowed


def test_system_reasons_are_no_conflict():
    registry = world(assessments=())
    assert says(may_use(asks(), together(gives(1)), registry)) == "PIA_MISSING 55 56"


# ---- the order of the steps -----------------------------------------------------------------------------------------


def test_each_step_answers_before_the_next():
    """Take away one fault after the other: the answers come in the order of the rule."""
    old = Assessment("A", START, frozenset({"marketing"}), frozenset({"platform"}), frozenset({"psi_hash"}))
    suspended = [happens(P.SUSPENDED, 50)]
    events = [
        event(E.INTEGRITY_ALERT, 50),
        event(E.DECEASED, 50),
        event(E.COLLECTED, 1, retention_until=90),
        event(E.DELETION, 50),
        event(E.OPT_OUT, 50),
        gives(1, None, item("marketing", form=Form.GENERAL)),
    ]
    question = asks(purpose="marketing")
    told_in_order = [says(decides(events, replace(question, use=replace(question.use, method="telepathy"))))]
    registry = world(assessments=(), party_events=suspended)
    told_in_order.append(says(decides(events, question, registry)))
    told_in_order.append(says(decides(events[1:], question, registry)))
    told_in_order.append(says(decides(events[2:], question, registry)))
    told_in_order.append(says(decides(events[2:], question, world(assessments=()))))
    told_in_order += [says(decides(events[start:], question, world(assessments=(old,)))) for start in (2, 3, 4, 5)]
    assert [line.split()[0] for line in told_in_order] == [
        "SCOPE_MISMATCH",
        "RECORD_UNTRUSTED",
        "SUBJECT_DECEASED",
        "RECIPIENT_BLOCKED",
        "PIA_MISSING",
        "RETENTION_EXPIRED",
        "RIGHTS_HOLD",
        "OPTED_OUT",
        "SEPARATE_CONSENT_MISSING",
    ]


def test_stages_of_consent_in_order():
    """Mend one fault of a grant after the other: the answers come in the order of the stages."""
    faults = {
        "notice": "OWN@1",
        "mode": Mode.IMPLIED,
        "evidence": False,
        "by": Actor.SUBJECT,
        "valid_until": 90,
        "items": (item("measurement", ["purchases"], ["batch_file"], ["heir"], Form.GENERAL),),
    }
    others = [born(TWELVE), withdraws(20)]
    registry = world(more_notices=[notice("SENSITIVE", 2, material_for=("enrichment",), necessity="n", impact="i")])
    mends = [
        ("SCOPE_MISMATCH", {}),
        ("SCOPE_MISMATCH", {"items": (item("enrichment", ["purchases"], ["batch_file"], ["heir"], Form.GENERAL),)}),
        ("SCOPE_MISMATCH", {"items": (item("enrichment", ["phone"], ["batch_file"], ["heir"], Form.GENERAL),)}),
        ("RECIPIENT_MISMATCH", {"items": (item(recipients=["heir"], form=Form.GENERAL),)}),
        ("RECORD_UNTRUSTED", {"items": (item(form=Form.GENERAL),)}),
        ("GUARDIAN_CONSENT_MISSING", {"evidence": True}),
        ("CONSENT_INVALID", {"by": Actor.GUARDIAN, "guardian_verified": True}),
        ("CONSENT_INVALID", {"mode": Mode.EXPLICIT}),
        ("SEPARATE_CONSENT_MISSING", {"notice": "SENSITIVE@1"}),
        ("CONSENT_WITHDRAWN", {"items": (item(),)}),
    ]
    for code, mend in mends:
        faults |= mend
        assert decides([*others, gives(10, **faults)], registry=registry).reason_code == code
    assert decides([born(TWELVE), gives(10, **faults)], registry=registry).reason_code == "CONSENT_EXPIRED"
    faults["valid_until"] = None
    assert decides([born(TWELVE), gives(10, **faults)], registry=registry).reason_code == "RECONSENT_REQUIRED"
    assert decides([born(TWELVE), gives(10, **faults)]).reason_code == "OK_CONSENT"


# ---- other questions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "at", "answer"),
    [
        ([], 100, "OK_ACTION 14"),
        ([refuses(99)], 100, "REPROMPT_BARRED NDSR-22"),
        ([refuses(70)], 100 - 1 / 86400, "REPROMPT_BARRED NDSR-22"),
        ([refuses(70)], 100, "OK_ACTION 14"),
        ([refuses(99, recipient="heir")], 100, "OK_ACTION 14"),
        ([refuses(99, handler="joint")], 100, "OK_ACTION 14"),
        ([refuses(98), gives(99)], 100, "OK_ACTION 14"),
        ([gives(98), refuses(99)], 100, "REPROMPT_BARRED NDSR-22"),
        ([refuses(98), gives(99, mode=Mode.PRETICKED)], 100, "REPROMPT_BARRED NDSR-22"),
        ([refuses(98), gives(99, None, item("measurement"))], 100, "REPROMPT_BARRED NDSR-22"),
        ([withdraws(99)], 100, "OK_ACTION 14"),
    ],
)
def test_may_we_ask_again(events, at, answer):
    assert says(decides(events, asks(at, kind=Kind.PROMPT))) == answer


def test_asking_for_what_is_not_registered():
    assert says(decides([], asks(kind=Kind.PROMPT, purpose="resale"))) == "SCOPE_MISMATCH 6"


def test_asking_for_an_unknown_recipient_respects_the_refusal():
    question = asks(kind=Kind.PROMPT, recipient="ghost")
    assert says(decides([refuses(99, recipient="ghost")], question)) == "REPROMPT_BARRED NDSR-22"


def test_one_of_two_merged_persons_refused_lately():
    history = together(refuses(99, subject="bob"))
    assert says(may_use(asks(kind=Kind.PROMPT), history, REGISTRY)) == "REPROMPT_BARRED NDSR-22"


@pytest.mark.parametrize(("necessary", "answer"), [(True, "OK_ACTION 16"), (False, "SERVICE_REFUSAL_BARRED 16")])
def test_may_we_refuse_the_service(necessary, answer):
    question = asks(kind=Kind.REFUSE_SERVICE, necessary_for_service=necessary)
    assert says(decides([refuses(1)], question)) == answer


# ---- birthdays ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("birthday", "last_hour", "answer"),
    [
        # The day of the fourteenth birthday, Shanghai time, still belongs to childhood.
        (date(2012, 1, 11), day(10.5), "GUARDIAN_CONSENT_MISSING"),  # 11 January, 22:00 there
        (date(2012, 1, 11), day(10.59), "OK_CONSENT"),  # past midnight there, 16:10 UTC
        (date(2012, 2, 29), day(58.5), "GUARDIAN_CONSENT_MISSING"),  # 28 February 2026
        (date(2012, 2, 29), day(58.6), "OK_CONSENT"),  # 1 March 2026
    ],
)
def test_fourteenth_birthday(birthday, last_hour, answer):
    number = (last_hour - START) / DAY
    assert decides([born(birthday), gives(number)], asks(number)).reason_code == answer


def test_birthdate_corrected():
    young, old = born(TWELVE, 5), born(date(1990, 1, 1), 3)
    assert decides([gives(1), old, young]).reason_code == "GUARDIAN_CONSENT_MISSING"
    assert decides([gives(1), young, old], asks(4)).allowed  # not known yet
    assert decides([gives(1), replace(old, recorded_at=day(6)), young]).allowed
    assert decides([gives(1), replace(old, recorded_at=day(5), at=day(5)), young]).reason_code.startswith("GUARDIAN")
