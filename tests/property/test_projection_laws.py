"""A row of somebody who acted once may be made of another's act: the law of `Timeline`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.ending import NEVER_BEGAN
from consent.evaluate import History, ProjectionRow, project
from consent.event import ConsentEvent
from consent.projection import Timeline
from consent.registry import Registry
from tests.property.consent_tales import ANYTHING, Teller
from tests.unit.consent.scene import day, gives, notice, world

SEEDS = st.integers(0, 2**32 - 1)
TALES = 30


def _moments(registry: Registry) -> list[datetime]:
    """When things registered begin or change, often those that are not there in every registry."""
    notices = [notice for notice in registry.notices.values() if notice.version > 1]
    times = [time for one in notices for time in (one.recorded_at, one.published_at, one.effective_at)]
    times += [time for event in registry.party_events for time in (event.at, event.recorded_at)]
    return [time for time in times if time is not None] + [registry.notices["N@1"].published_at or day(0)]


def _time(teller: Teller, registry: Registry) -> datetime:
    """A time at, just before or just after something registered, or a day away from it."""
    steps = [timedelta.resolution, registry.policy.clock_tolerance, timedelta(days=1)]
    return teller.one_of(_moments(registry)) + teller.often(timedelta(), *steps, *(-step for step in steps), times=1)


def _said_again(teller: Teller, act: ConsentEvent, registry: Registry) -> ConsentEvent:
    """The same words of somebody else at another time."""
    at = _time(teller, registry)
    tolerance = registry.policy.clock_tolerance
    lags = [timedelta(), timedelta(days=2), -tolerance, -tolerance - timedelta.resolution, -timedelta(days=2)]
    ends = None if act.valid_until is None else _time(teller, registry)
    other = replace(act, event_id="again", subject="bob", at=at, recorded_at=at + teller.one_of(lags), valid_until=ends)
    return other if act.consent_id is None else replace(other, consent_id="of bob")


def _rows(act: ConsentEvent, registry: Registry) -> tuple[ProjectionRow, ...]:
    return project(History(act.subject, (act,)), registry)


def _pairs(seed: int) -> Iterator[tuple[ConsentEvent, ConsentEvent, Registry]]:
    """Yield acts in the same words whose times stand alike."""
    for number in range(TALES):
        teller = Teller(seed * TALES + number)
        registry, act = teller.registry(), teller.often(teller.grant(), teller.act(ANYTHING))
        if act.items and teller.one_of([True, False]):
            act = replace(act, valid_until=_time(teller, registry))
        timeline = Timeline.of(registry)
        said = [act, *(_said_again(teller, act, registry) for _ in range(12))]
        places = [timeline.place(one.at, one.recorded_at, one.valid_until) for one in said]
        for position, one in enumerate(said):
            for other, place in zip(said[:position], places, strict=False):
                if place == places[position]:
                    yield one, other, registry


@settings(max_examples=60)
@given(SEEDS)
def test_the_same_words_at_the_same_place_give_the_same_rows(seed: int) -> None:
    for one, other, registry in _pairs(seed):
        relabelled = tuple(
            replace(
                row,
                subject=one.subject,
                consent_id=one.consent_id or "",
                effective_from=one.later,
                valid_until=one.valid_until,
                closed_from=row.closed_from if row.closed_from in (None, NEVER_BEGAN) else one.valid_until,
            )
            for row in _rows(other, registry)
        )
        assert _rows(one, registry) == relabelled


def test_there_are_acts_alike_and_unlike() -> None:
    """Otherwise the law would hold of nothing: some rows are plain, some are not, and times differ."""
    found = [rows for seed in range(20) for one, other, registry in _pairs(seed) if (rows := _rows(one, registry))]
    assert sum(all(row.plain for row in rows) for rows in found) > 100
    assert sum(not any(row.plain for row in rows) for rows in found) > 100
    assert sum(one.at != other.at for seed in range(20) for one, other, _ in _pairs(seed)) > 200


def test_every_border_of_time_is_seen() -> None:
    """A moment before, at and after each border that a rule asks of are different places."""
    second, at = timedelta(seconds=1), datetime(2026, 5, 1, tzinfo=UTC)
    timeline = Timeline((at,), 5 * second)
    assert len({timeline.place(at + step, at + second, None) for step in (-second, 0 * second, second)}) == 3
    assert len({timeline.place(at - second, at + step, None) for step in (-second, 0 * second, second)}) == 3
    assert len({timeline.place(at - 9 * second, at - 9 * second, at + step) for step in (-second, 0 * second)}) == 1
    assert len({timeline.place(at - second, at, at + step) for step in (-second, second)}) == 2
    assert timeline.place(at + 5 * second, at, None) != timeline.place(at + 6 * second, at, None)


def test_a_notice_that_binds_later_parts_consents_that_end_before_from_those_that_end_after() -> None:
    second_version = notice(version=2, published_at=day(5), effective_at=day(9), material_for=("enrichment",))
    registry = world(more_notices=[second_version])
    timeline = Timeline.of(registry)
    before, after = gives(1, valid_until=9), gives(1, valid_until=10)
    assert [_rows(act, registry)[0].plain for act in (before, after)] == [True, False]
    assert len({timeline.place(act.at, act.recorded_at, act.valid_until) for act in (before, after)}) == 2
