"""Random tales of one person for the laws of consent, told from a seed, with few values so that they meet."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

from consent.evaluate import Use
from consent.event import Actor, ConsentEvent, ConsentItem, EventType, Form, Mode
from consent.party import PartyEvent, PartyEventType
from consent.registry import Registry
from tests.unit.consent.scene import day, notice, world

E = EventType
T = TypeVar("T")

PURPOSES = ["enrichment"] * 4 + ["marketing"]
RECIPIENTS = ["platform"] * 5 + ["heir", "cloud", "singapore"]
CATEGORIES = ["phone"] * 4 + ["location", "purchases", "statistics"]
METHODS = ["psi_hash"] * 5 + ["plaintext_api"]
HANDLERS = ["shop"] * 7 + ["joint"]
NOTICES = ["SENSITIVE@1"] * 4 + ["N@1", "N@1", "EXPORT@1", "OWN@1", "N@2", "N@9"]

AGAINST = [
    E.REFUSED,
    E.WITHDRAWN,
    E.INVALIDATED,
    E.REVOKED,
    E.USED,
    E.DECEASED,
    E.DELETION,
    E.RESTRICTION,
    E.CLOSURE,
    E.OPT_OUT,
    E.INTEGRITY_ALERT,
]
"""What speaks against a use."""

QUIET = [E.REQUESTED, E.DEFERRED, E.REFUSED, E.WITHDRAWN, E.USED]
"""What leaves a tale simple enough for a plain row."""

ANYTHING = [kind for kind in EventType if kind not in (E.GIVEN, E.MERGED, E.UNMERGED)]

_BARE = (E.BIRTHDATE, E.DECEASED, E.INTEGRITY_ALERT, E.INTEGRITY_CLEARED, E.USED)


class Teller:
    """Tells the same tale for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.told = 0

    def one_of(self, values: Sequence[T]) -> T:
        return self.random.choice(values)

    def often(self, usual: T, *others: T, times: int = 6) -> T:
        return self.one_of([usual] * times + list(others))

    def some(self, values: Sequence[str], least: int = 1) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.one_of(values) for _ in range(self.random.randint(least, 2))))

    def time(self, last: int = 12) -> float:
        return self.random.randint(0, last)

    def clocks(self) -> dict[str, Any]:
        at = self.time()
        recorded = at + self.often(0, 0.001, 3, -0.002, -2)
        return {"at": day(at), "recorded_at": day(recorded)}

    def event_id(self) -> str:
        self.told += 1
        return f"e{self.told}"

    def item(self) -> ConsentItem:
        return ConsentItem(
            purpose=self.one_of(PURPOSES),
            categories=self.some(CATEGORIES),
            methods=self.some(METHODS),
            recipients=self.some(RECIPIENTS, least=self.often(1, 0)),
            form=self.often(Form.SEPARATE, Form.GENERAL, Form.WRITTEN),
        )

    def grant(self) -> ConsentEvent:
        ending = self.often(None, self.time())
        return ConsentEvent(
            event_id=self.event_id(),
            type=E.GIVEN,
            subject="ann",
            handler=self.one_of(HANDLERS),
            consent_id=self.one_of(["c1", "c2", f"c-{self.told}", f"c-{self.told}"]),
            notice=self.one_of(NOTICES),
            by=self.often(Actor.SUBJECT, Actor.GUARDIAN, Actor.STAFF, times=18),
            guardian_verified=self.one_of([True, False]),
            mode=self.often(Mode.EXPLICIT, Mode.BUNDLED, times=12),
            evidence=self.often(True, False, times=12),
            valid_until=None if ending is None else day(ending),
            max_uses=self.often(None, 1, 2, times=10),
            items=tuple(self.item() for _ in range(self.random.randint(1, 2))),
            **self.clocks(),
        )

    def act(self, kinds: Sequence[EventType]) -> ConsentEvent:
        """An event other than a grant, with a random scope where it may have one."""
        kind = self.one_of(kinds)
        bare = kind in _BARE
        scoped = not bare and kind is not E.CLOSURE
        consent_id = self.one_of(["c1", "c2"])
        return ConsentEvent(
            event_id=self.event_id(),
            type=kind,
            subject="ann",
            handler=None if bare else self.one_of(HANDLERS),
            consent_id=consent_id if kind is E.USED or (scoped and self.random.random() < 0.2) else None,
            purpose=self.often(None, self.one_of(PURPOSES), times=1) if scoped else None,
            recipient=self.often(None, self.one_of(RECIPIENTS), times=1) if scoped else None,
            categories=self.often((), self.some(CATEGORIES), times=2) if scoped else (),
            method=self.often(None, self.one_of(METHODS), times=4) if scoped else None,
            birthdate=date(2012, 1, self.random.randint(1, 12)) if kind is E.BIRTHDATE else None,
            retention_until=day(self.time(20)) if kind is E.COLLECTED else None,
            until=day(self.time(20)) if kind is E.STATUTORY_HOLD else None,
            **self.clocks(),
        )

    def tale(self, kinds: Sequence[EventType] = ANYTHING) -> tuple[ConsentEvent, ...]:
        """One to three grants and up to two other events, mostly few."""
        grants = [self.grant() for _ in range(self.one_of([0, 1, 1, 1, 1, 2, 2, 3]))]
        acts = [self.act(kinds) for _ in range(self.one_of([0, 0, 1, 1, 2]))]
        events = [*grants, *acts]
        self.random.shuffle(events)
        return tuple(events)

    def use(self, events: Sequence[ConsentEvent] = ()) -> Use:
        """A use, mostly one that somebody spoke of."""
        grants = [event for event in events if event.items]
        if grants and self.random.random() < 0.8:
            grant = self.one_of(grants)
            item = self.one_of(grant.items)
            recipient = self.one_of(item.recipients) if item.recipients else None
            return Use(
                grant.handler or "shop",
                recipient,
                item.purpose,
                self.one_of(item.categories),
                self.one_of(item.methods),
            )
        recipient = self.often(self.one_of(RECIPIENTS), None)
        return Use(
            self.one_of(HANDLERS), recipient, self.one_of(PURPOSES), self.one_of(CATEGORIES), self.one_of(METHODS)
        )

    def registry(self) -> Registry:
        """A registry in which a notice or a recipient may change on some day."""
        notices = []
        for name in self.one_of([[], [], ["N"], ["SENSITIVE"]]):
            at = self.time()
            more = {"necessity": "need", "impact": "impact"} if name == "SENSITIVE" else {}
            notices.append(
                notice(
                    name,
                    2,
                    published_at=day(at),
                    effective_at=day(at + self.often(0, 4, times=2)),
                    recorded_at=day(at + self.often(0, 2, times=2)),
                    material_for=self.some(PURPOSES, least=0),
                    **more,
                )
            )
        happened = []
        for _ in range(self.one_of([0, 0, 1, 2])):
            kind, at = self.one_of([*PartyEventType]), self.time()
            happened.append(
                PartyEvent(
                    kind,
                    day(at),
                    day(at + self.often(0, 2, times=2)),
                    self.one_of(RECIPIENTS),
                    to=self.one_of(RECIPIENTS) if kind is PartyEventType.SUCCEEDED else None,
                    notified=self.one_of([True, False]),
                    purposes=frozenset(self.some(PURPOSES, least=0)),
                )
            )
        return world(more_notices=notices, party_events=happened)
