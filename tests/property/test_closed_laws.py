"""Who is plainly not allowed a use: the laws of closed rows, and of having no row at all, over random tales."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.ending import NEVER_BEGAN
from consent.evaluate import History, ProjectionRow, Question, Use, may_use, plain_floor, project, standing
from consent.event import ConsentEvent
from consent.reach import Reach, reach
from consent.registry import Registry
from tests.property.consent_tales import ANYTHING, QUIET, Teller
from tests.unit.consent.scene import day, gives, item, withdraws, world

TALES = 40
SHARP = timedelta(microseconds=1)


def _times(tale: tuple[ConsentEvent, ...], row: ProjectionRow | None) -> list[datetime]:
    """Around everything that happens: an answer that is wrong is wrong at a border first."""
    borders = {event.at for event in tale} | {event.recorded_at for event in tale}
    borders |= {event.valid_until for event in tale if event.valid_until is not None}
    if row is not None:
        borders |= {row.effective_from} | {row.closed_from} - {None, NEVER_BEGAN}
    return sorted({moment + step for moment in borders for step in (-SHARP, timedelta(), SHARP)} | {day(30)})


def _row_of(use: Use, rows: tuple[ProjectionRow, ...]) -> ProjectionRow | None:
    asked = use.handler, use.purpose, use.recipient, use.category, use.method
    found = [row for row in rows if (row.handler, row.purpose, row.recipient, row.category, row.method) == asked]
    return found[0] if found else None


def _word(
    row: ProjectionRow | None, use: Use, at: datetime, registry: Registry, rows: tuple[ProjectionRow, ...]
) -> str:
    """What the projection says by itself, as the store reads it."""
    bears = reach(use, at, registry)
    floor = plain_floor(use, at, registry)
    if row is not None and row.plain and floor <= row.effective_from <= at and _holds(row, at):
        return "yes"
    if bears is Reach.NAMED:
        if row is None:
            return "no"
        return "no" if row.closed_from is not None and row.closed_from <= at else "ask"
    if bears is Reach.ANY_RECIPIENT:
        spoken = [one for one in rows if replace(use, recipient=one.recipient) == _use(one)]
        return "ask" if spoken else "no"
    return "ask"


def _holds(row: ProjectionRow, at: datetime) -> bool:
    return row.valid_until is None or at < row.valid_until


def _use(row: ProjectionRow) -> Use:
    return Use(row.handler, row.recipient, row.purpose, row.category, row.method)


def _check(seed: int, seen: Counter[str]) -> None:
    for number in range(TALES):
        teller = Teller(seed * TALES + number)
        later = teller.registry()
        tale = teller.tale(teller.one_of([QUIET, QUIET, ANYTHING]))
        history = History("ann", tale)
        # Made under the registry of its day; asked under one that has learnt more.
        made_under = teller.one_of([later, later, world()])
        rows = project(history, made_under)
        for use in {teller.use(tale), teller.use(tale), *(_use(row) for row in rows)}:
            row = _row_of(use, rows)
            for at in _times(tale, row):
                if standing(use, at, later) is not None:
                    continue
                word = _word(row, use, at, later, rows)
                if word == "no" or (word == "yes" and made_under is later):
                    decision = may_use(Question("ann", use, at, at), history, later)
                    assert decision.allowed is (word == "yes"), (use, at, row, decision)
                seen[word] += 1
                seen["closed"] += word == "no" and row is not None


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_nobody_whom_the_rule_allows_is_plainly_denied(seed: int) -> None:
    _check(seed, Counter())


def test_the_law_holds_of_something() -> None:
    seen: Counter[str] = Counter()
    for seed in range(4):
        _check(seed, seen)
    assert min(seen["yes"], seen["no"], seen["ask"], seen["closed"]) > 100, seen


def test_what_closes_a_row_and_since_when() -> None:
    def rows(*events: ConsentEvent) -> list[tuple[bool, datetime | None]]:
        told = project(History("ann", events), world())
        return [(row.plain, row.closed_from) for row in told if row.recipient == "platform"]

    assert rows(gives(1)) == [(True, None)]
    assert rows(gives(1, valid_until=9)) == [(True, day(9))]
    assert rows(gives(1), withdraws(3)) == [(False, day(3))]
    assert rows(gives(1, valid_until=9), withdraws(3)) == [(False, day(3))]
    # Heard of late: until then the record says yes.
    assert rows(gives(1), withdraws(3, 5)) == [(False, day(5))]
    # Withdrawn, and given again.
    assert rows(gives(1), withdraws(3), gives(4, consent_id="anew")) == [(True, None)]
    # Another consent outlives this one, though it is not plain itself: it is limited.
    limited = gives(0, None, item(methods=("psi_hash",)), consent_id="limited", max_uses=3)
    assert rows(gives(1, valid_until=9), limited) == [(True, None)]
    # A withdrawal of something else closes nothing.
    assert rows(gives(1), withdraws(3, method="he_aggregate")) == [(True, None)]
    # An act that never was a consent.
    assert rows(gives(1, evidence=False)) == [(False, NEVER_BEGAN)]
