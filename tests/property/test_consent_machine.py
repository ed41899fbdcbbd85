"""The laws of consent over random histories that grow step by step, as a gateway meets them.

Two people, one shop. Every step records something now, by a clock that only goes forward; what is recorded may
have happened earlier, or claim to happen later. After every step the laws are asked again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from consent.evaluate import Decision, History, Question, Use, may_use, plain_floor, project, standing
from consent.event import Actor, ConsentEvent, ConsentItem, EventType, Form, Mode
from consent.party import PartyEvent, PartyEventType
from consent.record import TRANSITIONS, State, records
from tests.unit.consent.scene import START, notice, world

E, P = EventType, PartyEventType

PEOPLE = st.sampled_from(("ann", "ann", "ann", "bob"))
LAG = st.sampled_from(
    [timedelta(0)] * 4 + [timedelta(days=1), timedelta(days=20), timedelta(minutes=-4), -timedelta(1)]
)
"""How long ago an act happened; below zero its clock runs ahead."""

USES = (
    Use("shop", "platform", "enrichment", "phone", "psi_hash"),
    Use("shop", "platform", "enrichment", "location", "psi_hash"),
    Use("shop", "platform", "marketing", "phone", "psi_hash"),
    Use("shop", "heir", "enrichment", "phone", "psi_hash"),
    Use("shop", None, "enrichment", "phone", "psi_hash"),
    Use("shop", "cloud", "enrichment", "phone", "psi_hash"),
)
SCOPES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"purpose": "enrichment"},
    {"purpose": "marketing"},
    {"recipient": "platform"},
    {"categories": ("phone",)},
    {"categories": ("location",)},
    {"method": "plaintext_api"},
)
PROTECTIVE = (
    *(E.REFUSED, E.WITHDRAWN, E.REVOKED, E.OPT_OUT) * 3,
    *(E.DELETION, E.RESTRICTION, E.CLOSURE, E.DECEASED),
)
ALLOWED_BY_CONSENT = ("OK_CONSENT",)


class Gateway(RuleBasedStateMachine):
    """What a gateway has on file, and what it has answered."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.count = 0
        self.files: dict[str, list[ConsentEvent]] = {"ann": [], "bob": []}
        self.notices: list[Any] = []
        self.happened: list[PartyEvent] = []
        self.registry = world()
        self.merged = False
        self.withdrawn_at: dict[str, datetime] = {}  # everything, and no act since
        self.answered: list[tuple[Question, Decision]] = []

    # ---- what is on file

    def history(self, person: str, files: dict[str, list[ConsentEvent]] | None = None) -> History:
        files = self.files if files is None else files
        others = [other for other in files if other != person]
        linked = tuple(History(other, tuple(files[other])) for other in others)
        return History(person, tuple(files[person]), linked)

    def alone(self, person: str) -> History:
        """The person as if nobody had ever been merged."""
        parted = (E.MERGED, E.UNMERGED)
        return History(person, tuple(event for event in self.files[person] if event.type not in parted))

    def judge(self, person: str, use: Use, at: Any = None, history: History | None = None) -> Decision:
        question = Question(person, use, at or self.now, self.now)
        return may_use(question, history or self.history(person), self.registry)

    def allowed(self) -> set[tuple[str, Use, int]]:
        """All that is allowed to somebody now, and was some days ago by what is known now."""
        return {
            (person, use, days)
            for person in self.files
            for use in USES
            for days in (0, 1, 15)
            if self.judge(person, use, self.now - timedelta(days=days)).allowed
        }

    def record(self, person: str, kind: EventType, lag: timedelta = timedelta(0), **more: Any) -> ConsentEvent:
        self.tick()
        event = ConsentEvent(
            event_id=f"e{self.count}", type=kind, at=self.now - lag, recorded_at=self.now, subject=person, **more
        )
        self.files[person].append(event)
        return event

    def acted(self, person: str, act: ConsentEvent) -> None:
        """A yes from before the withdrawal changes nothing, however late it arrives."""
        if person in self.withdrawn_at and act.at > self.withdrawn_at[person]:
            del self.withdrawn_at[person]

    def tick(self, step: timedelta = timedelta(seconds=1)) -> None:
        self.now += step
        self.count += 1

    # ---- what happens

    @initialize(person=PEOPLE)
    def somebody_agreed_before(self, person) -> None:
        self.agrees(person, timedelta(0))

    @rule(person=PEOPLE, lag=LAG)
    def agrees(self, person, lag) -> None:
        """A sound yes to the first and the third use."""
        items = [
            ConsentItem(USES[place].purpose, ("phone",), ("psi_hash",), ("platform",), Form.SEPARATE)
            for place in (0, 2)
        ]
        act = self.record(
            person,
            E.GIVEN,
            lag,
            handler="shop",
            consent_id=f"c{self.count}",
            notice="SENSITIVE@1",
            by=Actor.SUBJECT,
            mode=Mode.EXPLICIT,
            evidence=True,
            items=tuple(items),
        )
        self.acted(person, act)

    @rule(
        person=PEOPLE,
        lag=LAG,
        purpose=st.sampled_from(["enrichment", "enrichment", "marketing"]),
        categories=st.sampled_from([("phone",), ("phone", "location")]),
        recipients=st.sampled_from([("platform",), ("platform",), ("heir",), ()]),
        form=st.sampled_from([Form.SEPARATE] * 4 + [Form.GENERAL]),
        shown=st.sampled_from(["SENSITIVE@1", "SENSITIVE@1", "N@1", "SENSITIVE@2"]),
        mode=st.sampled_from([Mode.EXPLICIT] * 5 + [Mode.BUNDLED]),
        by=st.sampled_from([Actor.SUBJECT] * 4 + [Actor.GUARDIAN, Actor.STAFF]),
        evidence=st.sampled_from([True] * 5 + [False]),
        days=st.sampled_from([None, None, 3, 40]),
        max_uses=st.sampled_from([None] * 4 + [1]),
    )
    def says_yes(
        self, person, lag, purpose, categories, recipients, form, shown, mode, by, evidence, days, max_uses
    ) -> None:
        item = ConsentItem(purpose, categories, ("psi_hash",), recipients, form)
        act = self.record(
            person,
            E.GIVEN,
            lag,
            handler="shop",
            consent_id=f"c{self.count}",
            notice=shown,
            by=by,
            guardian_verified=by is Actor.GUARDIAN,
            mode=mode,
            evidence=evidence,
            valid_until=None if days is None else self.now + timedelta(days=days),
            max_uses=max_uses,
            items=(item,),
        )
        self.acted(person, act)

    @rule(person=PEOPLE, lag=LAG, kind=st.sampled_from(PROTECTIVE), scope=st.sampled_from(SCOPES))
    def says_no(self, person, lag, kind, scope) -> None:
        """Protective acts never widen: what is denied stays denied, now and for the past."""
        self.tick()
        before = self.allowed()
        self.now -= timedelta(seconds=1)
        bare = kind in (E.CLOSURE, E.DECEASED)
        self.record(person, kind, lag, handler=None if kind is E.DECEASED else "shop", **({} if bare else scope))
        assert self.allowed() <= before

    @rule(person=PEOPLE)
    def withdraws_everything(self, person) -> None:
        self.withdrawn_at[person] = self.record(person, E.WITHDRAWN, handler="shop").at

    @rule(person=PEOPLE, choice=st.randoms(use_true_random=False), renamed=st.booleans())
    def something_comes_again(self, person, choice, renamed) -> None:
        """A retry: the very event, or the consent under a new event id, dated now."""
        if not self.files[person]:
            return
        event = choice.choice(self.files[person])
        self.tick()
        again = replace(event, recorded_at=self.now)
        if renamed and event.type is E.GIVEN:
            again = replace(again, event_id=f"e{self.count}", at=self.now)
        before = self.allowed()
        self.files[person].append(again)
        assert self.allowed() == before

    @rule(person=PEOPLE, scope=st.sampled_from(SCOPES), by_name=st.booleans(), choice=st.randoms(use_true_random=False))
    def is_found_void(self, person, scope, by_name, choice) -> None:
        """Invalidity reaches back to the first moment of what it concerns."""
        grants = [event.consent_id for event in self.files[person] if event.type is E.GIVEN]
        named = choice.choice(grants) if by_name and grants else None
        void = self.record(person, E.INVALIDATED, handler="shop", consent_id=named, **({} if named else scope))
        given = {event.consent_id: event for event in self.files[person] if event.type is E.GIVEN}
        for use in USES:
            for days in (0, 1, 5, 30):
                decision = self.judge(person, use, self.now - timedelta(days=days), self.alone(person))
                if decision.reason_code not in ALLOWED_BY_CONSENT:
                    continue
                if named is not None:
                    assert decision.consent_id != named
                elif scope in ({}, {"purpose": use.purpose}, {"recipient": use.recipient}):
                    assert given[decision.consent_id].at > void.at

    @rule(
        person=PEOPLE,
        kind=st.sampled_from(
            [E.BIRTHDATE, E.INTEGRITY_ALERT, *[E.INTEGRITY_CLEARED] * 3, E.COLLECTED, *[E.OPT_IN] * 2, E.REQUESTED]
        ),
        year=st.sampled_from([1990, 1990, 2012, 2015]),
        days=st.sampled_from([-1, 4, 40, 400]),
    )
    def something_else_is_recorded(self, person, kind, year, days) -> None:
        more: dict[str, Any] = {}
        if kind is E.BIRTHDATE:
            more["birthdate"] = date(year, 1, 5)
        if kind is E.COLLECTED:
            more["retention_until"] = self.now + timedelta(days=days)
        if kind is E.REQUESTED:
            more["handler"] = "shop"
        self.record(person, kind, **more)

    @rule(person=PEOPLE, choice=st.randoms(use_true_random=False))
    def a_consent_is_used(self, person, choice) -> None:
        grants = [event.consent_id for event in self.files[person] if event.type is E.GIVEN]
        if grants:
            self.record(person, E.USED, consent_id=choice.choice(grants))

    @rule()
    def ann_and_bob_are_merged_or_parted(self) -> None:
        self.merged = not self.merged
        self.tick()
        event = ConsentEvent(
            event_id=f"e{self.count}",
            type=E.MERGED if self.merged else E.UNMERGED,
            at=self.now,
            recorded_at=self.now,
            subject="ann",
            subjects=("ann", "bob"),
        )
        for person in self.files:
            self.files[person].append(replace(event, subject=person))

    @rule(version=st.just(2), days=st.integers(0, 10), material=st.sampled_from([(), ("enrichment",), ("marketing",)]))
    def a_notice_is_published(self, version, days, material) -> None:
        if self.notices:
            return
        self.tick()
        self.notices.append(
            notice(
                "SENSITIVE",
                version,
                necessity="need",
                impact="impact",
                published_at=self.now,
                effective_at=self.now + timedelta(days=days),
                recorded_at=self.now,
                material_for=material,
            )
        )
        self.registry = world(more_notices=self.notices, party_events=self.happened)

    @rule(
        kind=st.sampled_from([P.SUSPENDED, *[P.REINSTATED] * 3, P.SCOPE_CHANGED, P.SUCCEEDED]),
        lag=LAG,
        notified=st.booleans(),
    )
    def something_happens_to_the_platform(self, kind, lag, notified) -> None:
        self.tick()
        heir = "heir" if kind is P.SUCCEEDED else None
        told = notified and kind is P.SUCCEEDED
        self.happened.append(PartyEvent(kind, self.now - lag, self.now, "platform", to=heir, notified=told))
        self.registry = world(more_notices=self.notices, party_events=self.happened)

    @rule(days=st.sampled_from([1, 5, 30]))
    def time_passes(self, days) -> None:
        self.tick(timedelta(days=days))

    @rule(person=PEOPLE, use=st.sampled_from(USES), days=st.sampled_from([0, 0, 1, 10]))
    def somebody_asks(self, person, use, days) -> None:
        question = Question(person, use, self.now - timedelta(days=days), self.now)
        self.answered.append((question, may_use(question, self.history(person), self.registry)))
        self.tick()  # what is recorded from now on was not known then

    # ---- what holds after every step

    @invariant()
    def an_answer_stays_what_it_was(self) -> None:
        for question, answer in self.answered[-12:]:
            assert may_use(question, self.history(question.subject), self.registry) == answer

    @invariant()
    def the_order_on_file_does_not_matter(self) -> None:
        turned = {person: events[::-1] for person, events in self.files.items()}
        for person in self.files:
            assert records(self.history(person, turned)) == records(self.history(person))
            for use in USES[:3]:
                assert self.judge(person, use, history=self.history(person, turned)) == self.judge(person, use)

    @invariant()
    def a_withdrawal_holds_until_a_new_act(self) -> None:
        for person in self.withdrawn_at:
            assert not any(self.judge(person, use).reason_code in ALLOWED_BY_CONSENT for use in USES)

    @invariant()
    def merged_people_are_allowed_only_what_all_are(self) -> None:
        for use in USES:
            alone = {person: self.judge(person, use, history=self.alone(person)).allowed for person in self.files}
            for person in self.files:
                assert self.judge(person, use).allowed is (all(alone.values()) if self.merged else alone[person])

    @invariant()
    def a_plain_row_is_a_yes(self) -> None:
        for person in self.files:
            for row in project(self.alone(person), self.registry):
                use = Use(row.handler, row.recipient, row.purpose, row.category, row.method)
                until = row.valid_until
                if (
                    row.plain
                    and standing(use, self.now, self.registry) is None
                    and plain_floor(use, self.now, self.registry) <= row.effective_from <= self.now
                    and (until is None or self.now < until)
                ):
                    assert self.judge(person, use, history=self.alone(person)).reason_code == "OK_CONSENT"

    @invariant()
    def records_stand_where_the_rule_leads(self) -> None:
        """A state is reached by an allowed move of its last event, and an ended consent is not valid again."""
        for person, events in self.files.items():
            kinds = {event.event_id: event.type for event in events}
            reachable = {to: {kind for (_, kind), end in TRANSITIONS.items() if end is to} for to in State}
            reachable[State.GIVEN].add(E.GIVEN)
            reachable[State.INVALIDATED].add(E.GIVEN)  # an act that is no consent
            reachable[State.REQUESTED].add(E.REQUESTED)
            reachable[State.REFUSED].add(E.REFUSED)
            reachable[State.EXPIRED].add(E.USED)
            partial = {E.WITHDRAWN, E.REFUSED}
            doubt = {E.INTEGRITY_ALERT, E.INTEGRITY_CLEARED}
            for record in records(self.history(person)):
                moved = [kinds[event_id] for event_id in record.event_ids if kinds[event_id] not in doubt]
                assert moved[-1] in reachable[record.state] | partial
                if moved[-1] in partial and record.state in (State.GIVEN, State.RENEWED):
                    assert record.undone  # a part was taken out, and a part is left
                    assert len(record.undone) < len(record.categories) * len(record.methods)
                assert record.consent_id not in record.supersedes


Gateway.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestGateway = Gateway.TestCase
