"""Laws of the consent rule, over random tales of one person.

Every example is a seed from which a few dozen tales are told: a failing seed tells the same tales again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.evaluate import Decision, History, Question, Use, may_use, plain_floor, project, standing
from consent.event import Actor, ConsentEvent, EventType, Mode
from consent.history import known
from consent.reason import REASONS, ReasonCode
from consent.record import FOREVER, State, records
from consent.registry import Registry
from tests.property.consent_tales import AGAINST, ANYTHING, QUIET, Teller
from tests.unit.consent.scene import day, world

E = EventType
FEW = settings(max_examples=20)
SEEDS = st.integers(0, 2**32 - 1)
TALES = 30


def tellers(seed: int) -> Iterator[Teller]:
    return (Teller(seed * TALES + number) for number in range(TALES))


def judge(events, use: Use, at: float, registry: Registry, known_at: float | None = None) -> Decision:
    question = Question("ann", use, day(at), day(at if known_at is None else known_at))
    return may_use(question, History("ann", tuple(events)), registry)


def test_the_tales_reach_nearly_every_answer():
    """Otherwise the laws below would hold of nothing."""
    told: Counter[str] = Counter()
    for teller in (Teller(seed) for seed in range(3000)):
        tale = teller.tale()
        told[judge(tale, teller.use(tale), teller.time(14), teller.registry(), 20).reason_code] += 1
    assert set(ReasonCode) - set(told) == {
        "OK_ACTION",
        "OK_OTHER_BASIS",
        "OK_ANONYMOUS",
        "BASIS_NOT_EXTENDING",
        "PIA_MISSING",
        "CROSS_BORDER_BLOCKED",
        "IDENTITY_CONFLICT",
        "SERVICE_REFUSAL_BARRED",
        "REPROMPT_BARRED",
    }
    assert told["OK_CONSENT"] > 200


@FEW
@given(SEEDS)
def test_an_answer_cites_only_what_its_code_may(seed):
    for teller in tellers(seed):
        tale = teller.tale()
        decision = judge(tale, teller.use(tale), teller.time(), teller.registry(), teller.time())
        reason = REASONS[ReasonCode(decision.reason_code)]
        assert decision.allowed is reason.allowed
        assert set(decision.articles) <= reason.may_cite
        assert decision.articles


@FEW
@given(SEEDS)
def test_what_is_no_consent_never_widens(seed):
    """A ticked box, a clerk's entry or a claim without proof allows nothing, on whatever basis."""
    for teller in tellers(seed):
        tale, registry, at = teller.tale(), teller.registry(), teller.time()
        faults = {"mode": Mode.PRETICKED}, {"by": Actor.STAFF}, {"evidence": False}
        void = replace(teller.grant(), **teller.one_of(faults))
        use = replace(teller.use((*tale, void)), basis=teller.one_of(("consent", "contract", "contract")))
        if use.basis != "consent":
            use = replace(use, purpose="delivery", category="phone", recipient=teller.one_of((None, "platform")))
            asked = tuple(replace(item, purpose="delivery", categories=("phone",)) for item in void.items)
            void = replace(void, items=asked)
        if not judge(tale, use, at, registry).allowed:
            assert not judge((*tale, void), use, at, registry).allowed


@FEW
@given(SEEDS)
def test_protective_acts_never_widen(seed):
    """Whatever a person says no to, nothing becomes allowed by it.

    Mere storage is apart: under a statutory duty to keep, a deletion request turns what was
    not allowed as a use into storage that is (PIPL 47(2)). No tale has that method.
    """
    for teller in tellers(seed):
        tale, act = teller.tale(), teller.act(AGAINST)
        use, at, known_at, registry = teller.use(tale), teller.time(), teller.time(15), teller.registry()
        if judge([*tale, act], use, at, registry, known_at).allowed:
            assert judge(tale, use, at, registry, known_at).allowed


@FEW
@given(SEEDS)
def test_an_answer_as_known_then_is_reproducible(seed):
    """What is recorded after the time of knowledge changes no answer."""
    for teller in tellers(seed):
        tale, at, known_at, registry = teller.tale(), teller.time(), teller.time(), teller.registry()
        later = [event for event in (*teller.tale(), *teller.tale()) if event.recorded_at > day(known_at)]
        use = teller.use((*tale, *later))
        before = judge(tale, use, at, registry, known_at)
        assert judge([*later, *tale], use, at, registry, known_at) == before


@FEW
@given(SEEDS)
def test_order_of_ingestion_is_irrelevant(seed):
    for teller in tellers(seed):
        tale, registry = teller.tale(), teller.registry()
        turned = tuple(teller.random.sample(tale, len(tale)))
        use, at = teller.use(tale), teller.time(14)
        assert judge(turned, use, at, registry) == judge(tale, use, at, registry)
        assert project(History("ann", turned), registry) == project(History("ann", tale), registry)
        assert records(History("ann", turned)) == records(History("ann", tale))


@FEW
@given(SEEDS)
def test_replays_change_nothing(seed):
    """The same events again, recorded later, and the same grants under new event ids."""
    for teller in tellers(seed):
        tale, registry = teller.tale(), teller.registry()
        again = [replace(event, recorded_at=day(15 + teller.time())) for event in tale]
        renamed = [replace(event, event_id=f"re-{event.event_id}") for event in again if event.type is E.GIVEN]
        use, at = teller.use(tale), teller.time(14)
        assert judge([*again, *tale, *renamed], use, at, registry, 99) == judge(tale, use, at, registry, 99)


@FEW
@given(SEEDS)
def test_a_grant_replayed_after_a_withdrawal_does_not_revive(seed):
    for teller in tellers(seed):
        at = day(teller.time())
        old = [replace(grant, handler="shop") for grant in (teller.grant(), teller.grant()) if grant.at <= at]
        no = ConsentEvent(event_id="no", type=E.WITHDRAWN, at=at, recorded_at=at, subject="ann", handler="shop")
        replays = [
            replace(grant, event_id=f"re-{grant.event_id}", at=day(15), recorded_at=day(15 + teller.time()))
            for grant in old
        ]
        use = replace(teller.use(old), handler="shop")
        assert not judge([*replays, no, *old], use, 99, world()).allowed


@FEW
@given(SEEDS)
def test_events_come_back_from_their_mapping(seed):
    for teller in tellers(seed):
        for event in (teller.grant(), teller.act([kind for kind in ANYTHING if kind is not E.USED])):
            misplaced = event.type in (E.COLLECTED, E.STATUTORY_HOLD)
            sound = replace(event, consent_id=None, purpose=None, recipient=None, method=None) if misplaced else event
            guarded = replace(sound, guardian_verified=False) if sound.type is not E.GIVEN else sound
            assert ConsentEvent.from_mapping(guarded.to_mapping()) == guarded


def plain_rows_that_may_be_read(seed: int) -> Iterator[tuple[Decision, str]]:
    """Tell tales, and judge whoever a plain row speaks for.

    Rows are made when the last event is recorded, by what the registry knew by then; the
    question is asked at some later time, with all that the registry has learnt since.
    """
    for teller in tellers(seed):
        registry, now = teller.registry(), day(teller.time(16))
        tale = teller.tale(teller.often(QUIET, ANYTHING, times=4))
        on_file = tuple(event for event in tale if event.recorded_at <= now)
        if not on_file:
            continue
        made_at = max(event.recorded_at for event in on_file)
        then = Registry.of(
            purposes=registry.purposes.values(),
            categories=registry.categories.values(),
            # Who the recipients are may be learnt afterwards: a row never asks.
            parties=teller.one_of([[], [*registry.parties.values()]]),
            notices=[one for one in registry.notices.values() if (one.recorded_at or made_at) <= made_at],
            party_events=[one for one in registry.party_events if one.recorded_at <= made_at],
        )
        history = History("ann", on_file)
        for row in project(history, then):
            use = Use(row.handler, row.recipient, row.purpose, row.category, row.method)
            if (
                row.plain
                and standing(use, now, registry) is None
                and plain_floor(use, now, registry) <= row.effective_from <= now
                and (row.valid_until is None or now < row.valid_until)
            ):
                yield may_use(Question("ann", use, now, now), history, registry), row.state


@settings(max_examples=60)
@given(SEEDS)
def test_a_plain_row_is_a_yes(seed):
    for decision, state in plain_rows_that_may_be_read(seed):
        assert decision.reason_code == "OK_CONSENT"
        assert state in (State.GIVEN, State.RENEWED)


def test_there_are_plain_rows_to_read():
    assert sum(1 for seed in range(40) for _ in plain_rows_that_may_be_read(seed)) > 300


@FEW
@given(SEEDS)
def test_rows_are_unique(seed):
    for teller in tellers(seed):
        rows = project(History("ann", teller.tale()), teller.registry())
        assert len({(row.handler, row.purpose, row.recipient, row.category, row.method) for row in rows}) == len(rows)


@FEW
@given(SEEDS)
def test_records_speak_of_grants_on_file(seed):
    for teller in tellers(seed):
        history = History("ann", teller.tale())
        on_file = {event.consent_id for event in known(history, FOREVER) if event.type is E.GIVEN}
        for record in records(history):
            given_by = {record.consent_id, *record.supersedes} - {None}
            assert given_by <= on_file
            assert bool(given_by) == bool(record.categories)
            assert len(set(record.event_ids)) == len(record.event_ids)
