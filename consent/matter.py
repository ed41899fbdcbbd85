"""The matter before the rule: one use of one person's information at one moment, and what was known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from consent.event import ConsentEvent, EventType
from consent.history import History, birthdate, is_child, known
from consent.mechanism import Exported
from consent.party import Party, PartyEventType
from consent.purpose import Category, Method
from consent.question import Question, Use
from consent.registry import Registry

NOBODY_KNOWS = Exported()


@dataclass(frozen=True, slots=True)
class Matter:
    """Everything that the personal steps of the rule look at.

    Attributes:
        use: the intended use, as asked.
        at: the moment asked about.
        as_known_at: what was recorded by then counts.
        registry: the snapshot to judge by.
        category: the category to judge; the base of an aggregate.
        method: the method.
        party: the recipient as registered; None of own use, or when it is not registered.
        events: known events of the person, each act once.
        born: day of birth, or None when unknown.
        child: under fourteen at the moment asked about.
        predecessors: whom the recipient stands for beside itself, after mergers.
        exported: how many people were exported this year, as far as known.
    """

    use: Use
    at: datetime
    as_known_at: datetime
    registry: Registry
    category: Category
    method: Method
    party: Party | None
    events: Sequence[ConsentEvent]
    born: date | None
    child: bool
    predecessors: tuple[Predecessor, ...]
    exported: Exported = NOBODY_KNOWS

    @classmethod
    def of(cls, question: Question, history: History, registry: Registry) -> Matter:
        """Gather the matter of a question about a use that is registered in all its parts."""
        use, at, by = question.use, question.at, question.as_known_at
        events = known(history, by)
        born = birthdate(events)
        return cls(
            use=use,
            at=at,
            as_known_at=by,
            registry=registry,
            category=registry.judged(use.category),
            method=registry.methods[use.method],
            party=None if use.recipient is None else registry.party(use.recipient, by),
            events=events,
            born=born,
            child=is_child(born, at, registry.policy),
            predecessors=predecessors(use.recipient, at, by, registry),
            exported=question.exported,
        )

    @property
    def provision(self) -> bool:
        """Whether another handler receives it (提供, PIPL 23)."""
        return self.use.recipient is not None and not (self.party is not None and self.party.entrusted)

    @property
    def abroad(self) -> bool:
        """Whether it leaves the country (PIPL 38)."""
        return self.party is not None and self.party.abroad

    @property
    def sensitive(self) -> bool:
        """Whether it is sensitive: by category, or because the person is a child (PIPL 28)."""
        return self.category.sensitive or self.child

    @property
    def separate_for(self) -> tuple[int, ...]:
        """The articles that ask for separate consent here: to provide, publish, be sensitive, export."""
        articles: tuple[int, ...] = (23,) if self.provision else ()
        articles += (25,) if self.method.publishes else ()
        articles += (29,) if self.sensitive else ()
        articles += (39,) if self.abroad else ()
        return articles

    @property
    def contents_needed(self) -> frozenset[int]:
        """The articles whose contents the notice must have shown here."""
        articles = {17, 23} if self.provision else {17}
        if self.sensitive:
            articles.add(30)
        if self.abroad:
            articles.add(39)
        return frozenset(articles)

    @property
    def names(self) -> frozenset[str]:
        """The recipient and all whom it stands for."""
        if self.use.recipient is None:
            return frozenset()
        return frozenset({self.use.recipient, *(before.party for before in self.predecessors)})

    @property
    def grants(self) -> list[ConsentEvent]:
        """The grants to this handler that are in effect."""
        given = self.of_type(EventType.GIVEN)
        return [event for event in given if event.later <= self.at and event.handler == self.use.handler]

    def of_type(self, kind: EventType) -> list[ConsentEvent]:
        """Return the known events of a type."""
        return [event for event in self.events if event.type is kind]

    def touches(self, event: ConsentEvent, names: frozenset[str]) -> bool:
        """Return whether the use lies in an event's scope; what the event leaves open is any.

        Args:
            event: a withdrawal, refusal, restriction...
            names: the parties that count as the recipient.
        """
        return (
            (event.purpose is None or event.purpose == self.use.purpose)
            and (event.recipient is None or event.recipient in names)
            and (not event.categories or self.category.id in event.categories or self.use.category in event.categories)
            and (event.method is None or event.method == self.use.method)
        )

    def said(self, kind: EventType) -> bool:
        """Return whether an act of a type, in effect by now, concerns this use."""
        return any(event.earlier <= self.at and self.concerns(event) for event in self.of_type(kind))

    def concerns(self, event: ConsentEvent) -> bool:
        """Return whether an event was said to this handler, or to every one, about this use."""
        return event.handler in (None, self.use.handler) and self.touches(event, self.names)


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A party whose business passed to the recipient (PIPL 22).

    Attributes:
        party: the predecessor.
        notified: people were told at every step from it to the recipient.
        until: consents given to it after this moment do not pass on.
        between: the predecessor and all between it and the recipient, the recipient included.
    """

    party: str
    notified: bool
    until: datetime
    between: frozenset[str]


def predecessors(
    recipient: str | None, at: datetime, as_known_at: datetime, registry: Registry
) -> tuple[Predecessor, ...]:
    """Return whom a recipient stands for at a time, nearest first.

    A succession allows something, so that it counts from the later of its clocks.
    """
    if recipient is None or not registry.party_events:
        return ()
    passed = [
        event
        for event in registry.party_events
        if event.type is PartyEventType.SUCCEEDED and event.later <= at and event.recorded_at <= as_known_at
    ]
    found: dict[str, Predecessor] = {}
    heirs = [Predecessor(recipient, True, at, frozenset({recipient}))]
    while heirs:
        heir = heirs.pop(0)
        for party in sorted({event.party for event in passed if event.to == heir.party}):
            steps = [event for event in passed if event.party == party and event.to == heir.party]
            if party == recipient or party in found:
                continue
            found[party] = Predecessor(
                party=party,
                notified=heir.notified and any(step.notified for step in steps),
                until=min(heir.until, max(step.later for step in steps)),
                between=heir.between | {party},
            )
            heirs.append(found[party])
    return tuple(found.values())
