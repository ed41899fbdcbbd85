"""A member of a released run before the rule: which act took the consent, when it counted and when it was known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from consent.evaluate import History
from consent.event import ConsentEvent, EventType
from gateway.flow.removal import removal_of
from gateway.route.job import Side
from gateway.route.notice import ReleasedRun, Removal, Timing
from tests.unit.consent.scene import REGISTRY, USE, day, event, gives, withdraws

RUN = ReleasedRun("job", "session", "agreement", "platform", Side.SENDER, day(10), day(10), None, 1, 0)


def removal(*events: ConsentEvent) -> Removal:
    found = removal_of(RUN, "ann", b"", History("ann", events), [USE], [], REGISTRY, day(30))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("at", "recorded", "timing", "happened"),
    [
        (12, 12, Timing.AFTER, 12),
        (9, 12, Timing.LATE_KNOWN, 9),
        (12, 9, Timing.VIOLATION, 9),
        (40, 12, Timing.AFTER, 12),
        (40, 9, Timing.VIOLATION, 9),
        (400, 10, Timing.VIOLATION, 10),
    ],
)
def test_an_act_counts_from_the_earlier_of_its_clocks_and_never_took_less_than_no_time(
    at: float, recorded: float, timing: Timing, happened: float
) -> None:
    found = removal(gives(1), withdraws(at, recorded))
    assert (found.reason_code, found.timing) == ("CONSENT_WITHDRAWN", timing)
    assert (found.happened_at, found.recorded_at) == (day(happened), day(recorded))


def test_a_consent_that_is_void_from_a_day_to_come_is_known_late_with_no_delay() -> None:
    """What is void was void all along: it reaches back to the run, however its act is dated."""
    grant = gives(1)
    void = event(EventType.INVALIDATED, 40, 12, handler="shop", consent_id=grant.consent_id)
    found = removal(grant, void)
    assert (found.reason_code, found.timing) == ("CONSENT_INVALID", Timing.LATE_KNOWN)
    assert found.happened_at is not None and found.recorded_at is not None
    assert found.recorded_at - found.happened_at == timedelta(0)


def test_of_acts_recorded_together_the_one_that_counts_last_is_named_also_if_it_is_dated_ahead() -> None:
    asked = event(EventType.REQUESTED, 11, 12, handler="shop")
    found = removal(gives(1), asked, withdraws(40, 12, channel="paper"))
    assert (found.channel, found.happened_at, found.recorded_at) == ("paper", day(12), day(12))
