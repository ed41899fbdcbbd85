"""Stored consent events: the fast way back is held equal to the strict one."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.event import Actor, ConsentEvent, ConsentItem, EventType, Form, Mode
from consent.proof import PROOF_WORDS, Action, DefaultState, Proof
from gateway.agreement.agreement import agreement_of
from gateway.errors import StateError
from gateway.route.agreement import AgreementBinding
from gateway.store import rows
from gateway.store.column_type import json_text
from gateway.store.fields import to_json
from tests.unit.gateway.agreement.samples import EXACT, document, statistics_document, terms

BINDING = AgreementBinding(
    agreement_id=document()["id"],
    dataset="customers",
    subject_column="customer_id",
    subject_type="customer",
    match_key_columns=(("phone.e164", "mobile"),),
    value_columns=(),
    segment_column="arm",
    minimum_cohort=100,
)

words = st.text(min_size=1, max_size=12)
few = st.lists(words, max_size=3, unique=True).map(tuple)
some = st.lists(words, min_size=1, max_size=3, unique=True).map(tuple)
times = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
items = st.builds(ConsentItem, words, some, some, few, st.sampled_from(Form))

proofs = st.builds(
    Proof,
    action=st.none() | st.sampled_from([Action.TAP, Action.E_SIGN]),
    evidence_ref=st.none() | st.text("abc/ 7", min_size=1, max_size=9),
    evidence_hash=st.none() | st.just("ab" * 32),
    witness=st.none() | st.just("staff-7"),
    ip_prefix=st.none() | st.just("203.0.113.0/24"),
    shown_at=st.none() | times,
    dwell_ms=st.none() | st.integers(0, 10**6),
    guardian_proof_ref=st.none() | st.just("sheet 7"),
    steps_count=st.none() | st.integers(1, 9),
    **{name: st.none() | st.sampled_from(words) for name, words in PROOF_WORDS.items() if name != "action"},
).filter(lambda proof: proof != Proof())
common: dict[str, Any] = {"event_id": words, "at": times, "recorded_at": times, "subject": words, "handler": words}


def _ticked_before(event: ConsentEvent) -> bool:
    """Such a box is not an explicit act, and no such event is taken in."""
    return event.proof is not None and event.proof.default_state is DefaultState.TICKED


given_events = st.builds(
    ConsentEvent,
    type=st.just(EventType.GIVEN),
    consent_id=words,
    notice=st.none() | st.integers(0, 99).map(lambda version: f"share@{version}"),
    by=st.sampled_from(Actor),
    guardian_verified=st.booleans(),
    mode=st.sampled_from(Mode),
    evidence=st.booleans(),
    channel=st.none() | words,
    valid_until=st.none() | times,
    max_uses=st.none() | st.integers(1, 2**53 - 1),
    items=st.lists(items, min_size=1, max_size=3).map(tuple),
    proof=st.none() | proofs,
    **common,
).filter(lambda event: not (event.mode is Mode.EXPLICIT and _ticked_before(event)))
withdrawals = st.builds(
    ConsentEvent,
    type=st.sampled_from([EventType.WITHDRAWN, EventType.REFUSED, EventType.RESTRICTION]),
    by=st.none() | st.sampled_from(Actor),
    consent_id=st.none() | words,
    purpose=st.none() | words,
    recipient=st.none() | words,
    categories=few,
    method=st.none() | words,
    proof=st.none() | proofs,
    **common,
)
holds = st.builds(
    ConsentEvent, type=st.just(EventType.STATUTORY_HOLD), categories=few, until=times, **common
) | st.builds(ConsentEvent, type=st.just(EventType.COLLECTED), categories=few, retention_until=times, **common)
births = st.builds(
    ConsentEvent, type=st.just(EventType.BIRTHDATE), birthdate=st.dates(date(1900, 1, 1), date(2030, 1, 1)), **common
)
merges = st.builds(
    ConsentEvent,
    type=st.just(EventType.MERGED),
    subjects=st.lists(words, min_size=2, max_size=4, unique=True).map(tuple),
    **common,
)
events = given_events | withdrawals | holds | births | merges


@given(st.lists(events, max_size=4))
def test_the_fast_way_back_is_the_strict_one(found: list[ConsentEvent]) -> None:
    mappings = [event.to_mapping() for event in found]
    restored = rows.consent_events([json_text(mapping) for mapping in mappings])
    assert restored == [ConsentEvent.from_mapping(mapping) for mapping in mappings] == found


def stored(**fields: Any) -> Any:
    """A row as the database returns it: JSON columns parsed."""
    return SimpleNamespace(
        state="PROPOSED", signatures=[], revision=1, in_force_at=None, **json.loads(json.dumps(fields))
    )


@pytest.mark.parametrize("made", [document(), statistics_document(), statistics_document(terms(**EXACT))])
def test_an_agreement_comes_back_as_it_went(made: dict[str, Any]) -> None:
    agreement = agreement_of(made)
    assert rows.agreement_copy(stored(agreement=to_json(agreement))).agreement == agreement


def test_what_was_stored_before_there_were_statistics_is_read() -> None:
    agreement = agreement_of(document())
    old = to_json(agreement)
    del old["aggregate"]
    for way in old["directions"]:
        del way["result_to"]
    assert rows.agreement_copy(stored(agreement=old)).agreement == agreement
    bound = to_json(BINDING)
    assert rows.binding(stored(binding=bound)) == BINDING
    del bound["segment_column"], bound["minimum_cohort"]
    assert rows.binding(stored(binding=bound)) == replace(BINDING, segment_column="", minimum_cohort=0)


@pytest.mark.parametrize("field", ["directions", "caps", "parties"])
def test_an_agreement_that_lacks_another_field_is_damaged(field: str) -> None:
    damaged = to_json(agreement_of(document()))
    del damaged[field]
    with pytest.raises(StateError) as caught:
        rows.agreement_copy(stored(agreement=damaged))
    assert caught.value.reason == "LOG_INCONSISTENT"


def test_no_field_of_an_event_is_left_to_chance() -> None:
    """A new field of ConsentEvent must be added to the strategies above, and where JSON needs it to `rows`."""
    drawn = (
        "event_id type at recorded_at subject handler consent_id notice by guardian_verified mode evidence channel "
        "valid_until max_uses items purpose recipient categories method birthdate retention_until until subjects proof"
    )
    assert [field.name for field in fields(ConsentEvent)] == drawn.split()
    plain = {"str", "str | None", "bool", "int | None"}
    read = {field.name for field in fields(ConsentEvent) if field.type not in plain}
    assert read == {*rows._EVENT_FIELDS, "proof"}
    assert {field.name for field in fields(Proof) if field.type not in plain} == {*rows._PROOF_READERS}
    assert set(rows._PROOF_READERS) == {"shown_at", *PROOF_WORDS}


@pytest.mark.parametrize(
    "body",
    ["{", '{"event_id":"e"}', '{"type":"consent_sung"}', '{"at":"yesterday"}', '{"mood":"good"}', "[]", "1"],
)
def test_a_damaged_event_is_named_as_damage(body: str) -> None:
    with pytest.raises(StateError) as caught:
        rows.consent_events([body])
    assert caught.value.reason == "LOG_INCONSISTENT"
