"""Consent records move only along the transitions of the rule."""

from __future__ import annotations

from itertools import product

import pytest

from consent.errors import TransitionError
from consent.event import Actor, EventType, Form, Mode
from consent.history import History
from consent.record import TRANSITIONS, ConsentRecord, State, apply, begin, records
from tests.unit.consent.scene import day, event, gives, item, refuses, withdraws

E, S = EventType, State
BOTH = item(categories=["phone", "purchases"])


def book(*events, **more) -> tuple[ConsentRecord, ...]:
    return records(History("ann", events), **more)


def only(*events) -> ConsentRecord:
    (record,) = book(*events)
    return record


def asked(at=1, **more):
    return event(E.REQUESTED, at, **({"handler": "shop", "purpose": "enrichment", "recipient": "platform"} | more))


def deferred(at=2, **more):
    return event(E.DEFERRED, at, **({"handler": "shop", "purpose": "enrichment", "recipient": "platform"} | more))


def test_one_act_makes_many_records():
    act = gives(1, None, item(recipients=["platform", "heir"]), item("measurement", recipients=[]))
    assert [(record.purpose, record.recipient) for record in book(act)] == [
        ("enrichment", "platform"),
        ("enrichment", "heir"),
        ("measurement", None),
    ]
    assert {record.consent_id for record in book(act)} == {act.consent_id}


def test_a_record_says_what_was_agreed():
    record = only(gives(1, 2, consent_id="c", valid_until=50, max_uses=3))
    assert (record.subject, record.handler, record.form, record.notice) == ("ann", "shop", Form.SEPARATE, "N@1")
    assert (record.effective_from, record.valid_until, record.max_uses) == (day(2), day(50), 3)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([asked()], S.REQUESTED),
        ([asked(), deferred()], S.DEFERRED),
        ([asked(), deferred(), asked(3)], S.REQUESTED),
        ([asked(), refuses(2)], S.REFUSED),
        ([asked(), deferred(), refuses(3)], S.REFUSED),
        ([refuses(2)], S.REFUSED),
        ([refuses(2, purpose="enrichment", recipient="platform"), asked(40)], S.REQUESTED),
        ([asked(), gives(2)], S.GIVEN),
        ([asked(), deferred(), gives(3)], S.GIVEN),
        ([refuses(2), gives(3)], S.GIVEN),
        ([gives(1)], S.GIVEN),
        ([gives(1), gives(2)], S.RENEWED),
        ([gives(1), gives(2), gives(3)], S.RENEWED),
        ([gives(1), refuses(2)], S.REFUSED),
        ([gives(1), withdraws(2)], S.WITHDRAWN),
        ([gives(1), gives(2), withdraws(3)], S.WITHDRAWN),
        ([gives(1), withdraws(2), withdraws(3)], S.WITHDRAWN),
        ([gives(1), withdraws(2), gives(3)], S.GIVEN),
        ([gives(1), withdraws(1)], S.WITHDRAWN),
        ([gives(1), withdraws(0.5)], S.GIVEN),
        ([gives(1, consent_id="c"), withdraws(0.5, consent_id="c")], S.WITHDRAWN),
        ([gives(1), withdraws(2, handler="joint")], S.GIVEN),
        ([gives(1), withdraws(2, recipient="heir")], S.GIVEN),
        ([gives(1), withdraws(2, purpose="measurement")], S.GIVEN),
        ([gives(1), withdraws(2, method="publish")], S.GIVEN),
        ([gives(1), withdraws(2, categories=("purchases",))], S.GIVEN),
        ([gives(1), withdraws(2, categories=("purchases", "phone"))], S.WITHDRAWN),
        ([gives(1, consent_id="c"), withdraws(2, consent_id="d")], S.GIVEN),
        ([gives(1), event(E.REVOKED, 2, handler="shop")], S.REVOKED),
        ([gives(1), event(E.REVOKED, 2, handler="shop"), gives(3)], S.GIVEN),
        ([gives(1), event(E.INVALIDATED, 2, handler="shop")], S.INVALIDATED),
        ([gives(1), withdraws(2), event(E.INVALIDATED, 3, handler="shop")], S.INVALIDATED),
        ([gives(1), event(E.INVALIDATED, 2, handler="shop"), withdraws(3)], S.INVALIDATED),
        ([gives(1), event(E.INVALIDATED, 2, handler="shop"), gives(3)], S.GIVEN),
        ([gives(1, consent_id="c", max_uses=1), event(E.USED, 2, consent_id="c")], S.EXPIRED),
        ([gives(1, consent_id="c", max_uses=2), event(E.USED, 2, consent_id="c")], S.GIVEN),
        ([gives(1, consent_id="c", max_uses=1), event(E.USED, 2, consent_id="c"), gives(3)], S.GIVEN),
        ([gives(1, valid_until=2), gives(3)], S.GIVEN),
        ([gives(1, valid_until=9), gives(3)], S.RENEWED),
        ([gives(1), event(E.DELETION, 2)], S.GIVEN),
    ],
)
def test_states(events, state):
    assert only(*events).state is state


def test_renewal_links_what_it_supersedes():
    record = only(gives(1, consent_id="a"), gives(2, consent_id="b"), gives(3, consent_id="c", notice="N@2"))
    assert (record.consent_id, record.supersedes, record.notice) == ("c", ("a", "b"), "N@2")


def test_another_scope_is_another_record():
    assert [record.state for record in book(gives(1), gives(2, None, BOTH))] == [S.GIVEN, S.GIVEN]


def test_two_items_of_one_scope():
    assert only(gives(1, None, item(), item(form=Form.GENERAL))).form is Form.SEPARATE


def test_withdrawing_a_part():
    record = only(gives(1, None, BOTH), withdraws(2, categories=("phone",)))
    assert (record.state, record.undone) == (S.GIVEN, {("phone", "psi_hash")})
    assert only(gives(1, None, BOTH), withdraws(2, categories=("phone",)), withdraws(3)).state is S.WITHDRAWN


def test_the_end_of_validity_is_not_stored():
    record = only(gives(1, valid_until=50))
    assert [record.state_at(day(at)) for at in (49, 50)] == [S.GIVEN, S.EXPIRED]
    assert only(gives(1, valid_until=50), withdraws(60)).state_at(day(70)) is S.WITHDRAWN
    assert only(gives(1)).state_at(day(900)) is S.GIVEN


@pytest.mark.parametrize(
    ("unsound", "alone"),
    [
        ({"mode": Mode.PRETICKED}, S.INVALIDATED),
        ({"mode": Mode.BUNDLED}, S.INVALIDATED),
        ({"by": Actor.STAFF}, S.INVALIDATED),
        ({"evidence": False}, S.UNKNOWN),
    ],
)
def test_an_act_that_is_no_consent_moves_nothing(unsound, alone):
    act = gives(5, consent_id="void", **unsound)
    assert only(act).state_at(day(6)) is alone
    assert only(gives(1), act).state_at(day(6)) is S.GIVEN
    assert only(gives(1), withdraws(2), act).state_at(day(6)) is S.WITHDRAWN
    assert only(asked(), act).state_at(day(6)) is S.REQUESTED
    assert only(act, gives(6)).state_at(day(6)) is S.GIVEN
    with pytest.raises(TransitionError, match="gives nothing"):
        apply(only(gives(1)), act)


def test_retention_ends_a_consent():
    kept = event(E.COLLECTED, 0, categories=("phone",), retention_until=50)
    record = only(kept, gives(1))
    assert [record.state_at(day(at)) for at in (49, 50)] == [S.GIVEN, S.EXPIRED]
    assert only(kept, event(E.COLLECTED, 20, retention_until=80), gives(1)).state_at(day(60)) is S.GIVEN
    assert only(kept, event(E.COLLECTED, 20), gives(1)).state_at(day(900)) is S.GIVEN  # no end was told
    assert only(kept, gives(1, None, BOTH)).state_at(day(60)) is S.GIVEN  # purchases may still be kept
    assert only(kept, gives(1), withdraws(2)).state_at(day(60)) is S.WITHDRAWN
    elsewhere = event(E.COLLECTED, 0, handler="joint", retention_until=50)
    assert only(elsewhere, gives(1)).state_at(day(60)) is S.GIVEN


def test_doubt_hides_a_state_and_leaves_it():
    doubted = only(gives(1), event(E.INTEGRITY_ALERT, 2))
    assert (doubted.state, doubted.state_at(day(3))) == (S.GIVEN, S.UNKNOWN)
    cleared = only(gives(1), event(E.INTEGRITY_ALERT, 2), event(E.INTEGRITY_CLEARED, 3))
    assert cleared.state_at(day(3)) is S.GIVEN
    assert only(gives(1, evidence=False)).state_at(day(3)) is S.UNKNOWN
    assert only(gives(1, evidence=False), event(E.INTEGRITY_CLEARED, 3)).state_at(day(3)) is S.UNKNOWN
    assert only(event(E.INTEGRITY_ALERT, 2), gives(3)).state_at(day(4)) is S.UNKNOWN
    assert only(gives(1), event(E.INTEGRITY_ALERT, 2), gives(3)).state_at(day(4)) is S.UNKNOWN
    assert only(gives(1), event(E.INTEGRITY_CLEARED, 2), event(E.INTEGRITY_ALERT, 2)).state_at(day(3)) is S.UNKNOWN


def test_a_replay_moves_nothing():
    act = gives(1, consent_id="c")
    assert only(act, withdraws(2), gives(3, consent_id="c")).state is S.WITHDRAWN


def test_as_known_at():
    events = (gives(1), withdraws(2, 9))
    assert book(*events, as_known_at=day(8))[0].state is S.GIVEN
    assert book(*events, as_known_at=day(9))[0].state is S.WITHDRAWN
    assert book(*events, as_known_at=day(0)) == ()


def test_events_are_kept_in_order():
    events = [asked(), gives(2), withdraws(3)]
    assert only(*events).event_ids == tuple(one.event_id for one in events)


# ---- apply, one step at a time --------------------------------------------------------------------------------------


def step(state: State, kind: EventType, **record) -> State:
    """The state after an event of a kind, from a record in a state."""
    before = ConsentRecord(
        subject="ann",
        handler="shop",
        purpose="enrichment",
        recipient="platform",
        categories=("phone",),
        methods=("psi_hash",),
        state=state,
        consent_id="old",
        **record,
    )
    act = gives(5) if kind is E.GIVEN else event(kind, 5, handler="shop")
    return apply(before, act).state


@pytest.mark.parametrize(("state", "kind"), list(product(State, EventType)), ids=str)
def test_only_the_transitions_of_the_rule(state, kind):
    if kind in (E.INTEGRITY_ALERT, E.INTEGRITY_CLEARED):
        assert step(state, kind) is state
    elif (state, kind) in TRANSITIONS:
        assert step(state, kind) is TRANSITIONS[state, kind]
    else:
        with pytest.raises(TransitionError):
            step(state, kind)


def test_nothing_leads_to_a_consent_but_an_act():
    leading = {kind for (state, kind), to in TRANSITIONS.items() if to in (S.GIVEN, S.RENEWED) and state is not to}
    assert leading == {E.GIVEN}


def test_the_same_consent_again():
    record = only(gives(1, consent_id="a"), gives(2, consent_id="b"), withdraws(3))
    for replayed in ("a", "b"):
        with pytest.raises(TransitionError, match="same consent id"):
            apply(record, gives(4, consent_id=replayed))
    assert apply(record, gives(4, consent_id="c")).state is S.GIVEN


def test_an_act_about_something_else():
    with pytest.raises(TransitionError, match="does not speak"):
        apply(only(gives(1)), gives(2, None, item("measurement")))


def test_what_opens_no_record():
    with pytest.raises(TransitionError, match="no record begins"):
        begin(withdraws(1))
    with pytest.raises(TransitionError, match="no handler"):
        begin(event(E.REFUSED, 1))


def test_apply_to_an_open_question():
    opened = begin(asked())
    assert apply(opened, gives(2)).categories == ("phone",)
    with pytest.raises(TransitionError):
        apply(opened, gives(2, None, item("measurement")))
