"""The events of one person, as they were known at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol

from consent.event import Actor, ConsentEvent, EventType, Mode
from consent.policy import Policy


@dataclass(frozen=True, slots=True)
class History:
    """Everything on file about one person; an unknown person has an empty history.

    Attributes:
        subject: pseudonymous reference of the person.
        events: in any order; replays do no harm.
        linked: histories of people whom a merge joined to this one. A member whose history
            is not here counts as somebody who never said anything.
    """

    subject: str
    events: tuple[ConsentEvent, ...]
    linked: tuple[History, ...] = ()


class Timed(Protocol):
    """Whatever happened, with its two clocks."""

    @property
    def at(self) -> datetime:
        """When it happened."""
        ...

    @property
    def earlier(self) -> datetime:
        """When it counts if it protects."""
        ...

    @property
    def later(self) -> datetime:
        """When it counts if it allows."""
        ...


def known(history: History, as_known_at: datetime) -> list[ConsentEvent]:
    """Return what was recorded by a time, in order of recording, each act once.

    A replay, the same event id or the same consent id of a grant again, is dropped: what
    was recorded first stands.
    """
    events = [event for event in history.events if event.recorded_at <= as_known_at]
    if len(events) < 2:
        return events
    events.sort(key=lambda event: (event.recorded_at, event.at, event.event_id))
    acts: set[str] = set()
    grants: set[str | None] = set()
    once: list[ConsentEvent] = []
    for event in events:
        given = event.type is EventType.GIVEN
        if event.event_id in acts or (given and event.consent_id in grants):
            continue
        acts.add(event.event_id)
        if given:
            grants.add(event.consent_id)
        once.append(event)
    return once


def explicit(act: ConsentEvent) -> bool:
    """Return whether an act is an explicit one of the person or the guardian (PIPL 14): nothing else is a consent."""
    return act.mode is Mode.EXPLICIT and act.by in (Actor.SUBJECT, Actor.GUARDIAN)


def stands(bar: Timed, lifts: Iterable[Timed], at: datetime) -> bool:
    """Return whether a protective act is in effect at a time and nothing has lifted it.

    It counts from the earlier of its clocks; what lifts it counts from the later, and only
    if it happened after it: a tie goes to the person.
    """
    return bar.earlier <= at and not any(lift.later <= at and lift.at > bar.at for lift in lifts)


def birthdate(events: Iterable[ConsentEvent]) -> date | None:
    """Return the day of birth recorded last; of two recorded together, the younger.

    Age is a fact about the person, not an act: a correction counts for the past too.
    """
    latest: tuple[datetime, datetime, date] | None = None
    for event in events:
        if event.type is EventType.BIRTHDATE and event.birthdate is not None:
            found = (event.recorded_at, event.at, event.birthdate)
            latest = found if latest is None or found > latest else latest
    return None if latest is None else latest[2]


def is_child(born: date | None, at: datetime, policy: Policy) -> bool:
    """Return whether a person is under fourteen at a time; not if the birthdate is unknown.

    Periods do not count their first day (Civil Code 201), so that the birthday itself still
    belongs to childhood; where a year has no such day, the month's last day ends the period
    (Civil Code 202).
    """
    if born is None:
        return False
    year = born.year + policy.adult_age
    try:
        birthday = born.replace(year=year)
    except ValueError:
        birthday = date(year, 2, 28)  # born on 29 February
    return at < datetime.combine(birthday + timedelta(days=1), time.min, policy.time_zone)


def members(history: History, at: datetime, as_known_at: datetime) -> tuple[History, ...]:
    """Return the histories of everybody merged with this person at a time, this one first."""
    if not history.linked and not any(event.type is EventType.MERGED for event in history.events):
        return (history,)
    on_file = {other.subject: other for other in (*history.linked, history)}
    events = {event.event_id: event for other in on_file.values() for event in known(other, as_known_at)}
    merges = [event for event in events.values() if event.type is EventType.MERGED]
    partings = [event for event in events.values() if event.type is EventType.UNMERGED]
    found, open_ends = {history.subject}, [history.subject]
    while open_ends:
        one = open_ends.pop()
        for merge in merges:
            for other in merge.subjects if one in merge.subjects else ():
                apart = [parting for parting in partings if _parts(parting, one, other)]
                if other not in found and stands(merge, apart, at):
                    found.add(other)
                    open_ends.append(other)
    rest = sorted(found - {history.subject})
    return (history, *(on_file.get(subject) or History(subject, ()) for subject in rest))


def child_among(history: History, at: datetime, as_known_at: datetime, policy: Policy) -> bool:
    """Return whether a person, or anybody merged with them, is under fourteen: all of it is sensitive then."""
    everybody = members(history, at, as_known_at)
    return any(is_child(birthdate(known(one, as_known_at)), at, policy) for one in everybody)


def _parts(parting: ConsentEvent, one: str, other: str) -> bool:
    """A parting of two or more holds between them; one of a single person takes that person out."""
    apart = set(parting.subjects) or {parting.subject}
    return {one, other} <= apart if len(apart) > 1 else bool({one, other} & apart)
