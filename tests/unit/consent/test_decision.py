"""A decision on record: what it rests on, and an id by which the same decision is known again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consent.contract import Contract
from consent.decision import decision_of, on_record, policy_version, question_of, recorded
from consent.errors import FieldError
from consent.evaluate import Decision, History, Kind, Question, may_use
from consent.event import ConsentEvent, EventType
from consent.mechanism import ExportMechanism, MechanismType
from consent.party import PartyEventType
from consent.policy import Policy
from consent.registry import Registry
from tests.unit.consent.scene import (
    DAY,
    END,
    PARTIES,
    REGISTRY,
    START,
    asks,
    event,
    gives,
    happens,
    item,
    notice,
    telling_all,
    told,
    withdraws,
    world,
)
from tests.unit.consent.stories import STORIES

YES = gives(1, event_id="e-yes", consent_id="yes")


def answers(
    events: Iterable[ConsentEvent] = (YES,), question: Question | None = None, registry: Registry = REGISTRY
) -> Decision:
    asked, history = question or asks(), History("ann", tuple(events))
    return on_record(may_use(asked, history, registry), asked, history, registry)


def test_what_it_rests_on_is_named() -> None:
    contract = replace(PARTIES[1].contracts[0], id="K-7")
    found = answers(registry=world(parties=(replace(PARTIES[1], contracts=(contract,)),)))
    assert (found.allowed, found.consent_id, found.consent_item_no, found.notice) == (True, "yes", 1, "N@1")
    assert (found.assessment_id, found.contract_id) == ("A1", "K-7")
    assert (found.mechanism_id, found.basis_rule_id) == (None, None)
    assert found.notice_hash == telling_all(notice()).content_hash()
    assert found.expires_at == found.decided_at + Policy().decision_lifetime


def test_of_several_contracts_the_one_in_force_that_speaks_of_the_use() -> None:
    past = Contract(START - 99 * DAY, START, frozenset({"enrichment"}), "past")
    other, ours = (
        Contract(START, END, frozenset({purpose}), purpose, categories=frozenset({"phone"}))
        for purpose in ("delivery", "enrichment")
    )
    platform = replace(PARTIES[1], contracts=(past, other, ours))
    assert answers(registry=world(parties=(platform,))).contract_id == "enrichment"
    assert answers(registry=world(parties=(replace(platform, contracts=(past, other)),))).contract_id == "delivery"


def test_an_export_names_its_way_out() -> None:
    ways = [
        ExportMechanism("singapore", MechanismType.EXEMPT_SMALL_VOLUME, START, END, "small"),
        ExportMechanism("singapore", MechanismType.CERTIFICATION, START, END, "sealed", version=2),
    ]
    told_so = gives(1, None, item(recipients=["singapore"]), notice="EXPORT@1")
    few, many = (
        asks(recipient="singapore", exported_this_year=5),
        asks(recipient="singapore", exported_this_year=200_000),
    )
    registry = world(mechanisms=ways)
    assert [answers([told_so], asked, registry).mechanism_id for asked in (few, many)] == ["small@1", "sealed@2"]


def test_another_basis_names_its_row() -> None:
    found = answers([], asks(purpose="delivery", basis="contract"))
    assert (found.reason_code, found.basis_rule_id, found.consent_id) == ("OK_OTHER_BASIS", "contract@1", None)


def test_an_anonymous_aggregate_rests_on_none_of_it() -> None:
    found = answers([], asks(category="statistics", group_size=500))
    assert found.reason_code == "OK_ANONYMOUS"
    assert (found.assessment_id, found.contract_id, found.notice_hash) == (None, None, None)
    assert found.decision_id


@pytest.mark.parametrize("kind", [Kind.PROMPT, Kind.REFUSE_SERVICE])
def test_other_questions_rest_on_nothing_registered(kind: Kind) -> None:
    found = answers(question=asks(kind=kind))
    assert (found.assessment_id, found.decision_id != "") == (None, True)


def test_an_unregistered_use_is_on_record_too() -> None:
    found = answers(question=asks(purpose="unheard"))
    assert (found.reason_code, found.assessment_id, len(found.decision_id)) == ("SCOPE_MISMATCH", None, 26)


def test_the_same_decision_has_the_same_id_whatever_is_recorded_later() -> None:
    later = [
        withdraws(50, 101),
        gives(101),
        event(EventType.INTEGRITY_ALERT, 90, 102),
    ]
    since = world(
        more_notices=[
            notice(
                version=2, material_for=("enrichment",), published_at=START + 50 * DAY, recorded_at=START + 101 * DAY
            )
        ],
        party_events=[happens(PartyEventType.SUSPENDED, 50, recorded=101)],
        mechanisms=[
            ExportMechanism("singapore", MechanismType.CERTIFICATION, START, END, "s", recorded_at=START + 101 * DAY)
        ],
        parties=[*PARTIES, replace(PARTIES[1], version=2, restricted=True, recorded_at=START + 101 * DAY)],
    )
    before = answers()
    assert answers([*later, YES], registry=since) == before
    assert answers([*later, YES], asks(known=110), since).decision_id != before.decision_id


def test_order_of_the_file_does_not_matter() -> None:
    events = [YES, gives(2, consent_id="again"), withdraws(3, recipient="heir")]
    assert answers(events) == answers(reversed(events))


@pytest.mark.parametrize(
    "changes",
    [
        {"at": 99}, {"known": 101}, {"purpose": "measurement"}, {"category": "purchases"}, {"method": "he_aggregate"},
        {"recipient": "heir"}, {"handler": "platform"}, {"basis": "contract"}, {"kind": Kind.PROMPT}, {"group_size": 3},
        {"linkable": True}, {"exported_this_year": 1}, {"necessary_for_service": True},
    ],
)  # fmt: skip
def test_another_question_has_another_id(changes: dict[str, Any]) -> None:
    assert answers(question=asks(**changes)).decision_id != answers().decision_id


def test_another_person_or_fact_or_registration_or_number_gives_another_id() -> None:
    first = answers()
    others = [
        answers(question=replace(asks(), subject="bob")),
        answers([YES, withdraws(5)]),
        answers(registry=world(party_events=[happens(PartyEventType.SUSPENDED, 50)])),
        answers(registry=world(policy=Policy(smallest_group=21))),
        answers(registry=world(assessments=())),
    ]
    assert len({found.decision_id for found in [first, *others]}) == 6
    assert others[1].registry_version == first.registry_version
    assert others[2].registry_version != first.registry_version
    assert others[3].policy_version == policy_version(Policy(smallest_group=21)) != first.policy_version


def test_what_the_question_does_not_touch_changes_no_id() -> None:
    elsewhere = world(
        more_notices=[notice("OTHER", recipients=[told("heir")])],
        party_events=[happens(PartyEventType.SUSPENDED, 50, "heir")],
    )
    assert answers(registry=elsewhere) == answers()


def test_the_record_of_everybody_merged_counts() -> None:
    one, other = (
        event(EventType.MERGED, 5, subject=who, event_id="m", subjects=("ann", "bob")) for who in ("ann", "bob")
    )
    theirs = gives(2, subject="bob", consent_id="theirs")
    histories = [
        History("ann", (YES, one), (History("bob", more),))
        for more in ((other, theirs), (other, theirs, withdraws(6, subject="bob")))
    ]
    found = [on_record(may_use(asks(), history, REGISTRY), asks(), history, REGISTRY) for history in histories]
    assert [one.reason_code for one in found] == ["OK_CONSENT", "IDENTITY_CONFLICT"]
    assert found[0].decision_id != found[1].decision_id


@pytest.mark.parametrize("story", STORIES)
def test_a_record_is_read_as_it_was_written(story: str) -> None:
    events, question, _ = STORIES[story]
    asked = question or asks()
    found = answers(events, asked)
    written = json.loads(json.dumps(recorded(asked, found)))
    assert (question_of(written["question"]), decision_of(written["decision"])) == (asked, found)


def test_a_record_that_was_changed_by_hand_is_refused() -> None:
    written: Any = recorded(asks(), answers())
    with pytest.raises(FieldError, match="reason_code"):
        decision_of(written["decision"] | {"reason_code": "OK_FINE"})
    with pytest.raises(FieldError, match="kind"):
        question_of(written["question"] | {"kind": "?"})


def test_the_end_of_time_is_no_fault() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    asked = replace(asks(), at=last - timedelta(seconds=1), as_known_at=last)
    assert answers(question=asked).expires_at == last
