"""One member of a released run before the rule: must the row go, and since when did we know?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from consent.evaluate import Decision, History, Question, Use, may_use
from consent.event import ConsentEvent
from consent.reason import ReasonCode
from consent.registry import Registry
from gateway.route.notice import ReleasedRun, Removal, Timing

STALE = ReasonCode.RECONSENT_REQUIRED
"""A stale consent bars new use until it is renewed; nobody took it back, and what was released under it stays."""


def removal_of(
    run: ReleasedRun,
    ref: str,
    token: bytes,
    history: History,
    gates: Sequence[Use],
    column_gates: Sequence[Use],
    registry: Registry,
    now: datetime,
) -> Removal | None:
    """Judge one member anew; None when the row may stay.

    What concerns nobody in particular (an agreement that ended, an assessment that ran out) is left out: it stops new
    runs, and says nothing of this person.

    Args:
        run: the released run.
        ref: subject_ref of the member.
        token: name of the row; empty where rows have none.
        history: of the member, with those of merged people.
        gates: uses of which each must allow.
        column_gates: uses of columns; one counts when it allowed at the run's judgement, as known then, for else the
            column was left empty.
        registry: of the same snapshot.
        now: of the decision.
    """
    events = sorted(_events(history), key=lambda event: (event.recorded_at, event.at, event.event_id))
    # Another server's clock may be ahead of ours: what it recorded counts all the same.
    moment = max([now, *(event.recorded_at for event in events)])

    def ask(use: Use, at: datetime, by: datetime) -> Decision:
        question = Question(subject=ref, use=use, at=at, as_known_at=by)
        return may_use(question, history, registry, person_only=True)

    def allowed(use: Use, at: datetime, by: datetime) -> bool:
        decision = ask(use, at, by)
        return decision.allowed or decision.reason_code == STALE

    judged_at = run.judged_at
    lost = next((use for use in gates if not allowed(use, moment, moment)), None) or next(
        (use for use in column_gates if not allowed(use, moment, moment) and allowed(use, judged_at, judged_at)), None
    )
    if lost is None:
        return None
    timing = Timing.AFTER
    if not allowed(lost, judged_at, moment):
        timing = Timing.LATE_KNOWN if allowed(lost, judged_at, judged_at) else Timing.VIOLATION
    at = moment if timing is Timing.AFTER else judged_at
    since = [event for event in events if event.recorded_at > judged_at or timing is Timing.VIOLATION]
    act = None
    if timing is Timing.VIOLATION or allowed(lost, at, judged_at):
        # The first act that we could not know of before and that makes it a no.
        act = next((event for event in since if not allowed(lost, at, event.recorded_at)), None)
        if act is not None:
            together = [event for event in since if event.recorded_at == act.recorded_at and event.earlier <= at]
            act = max(together or [act], key=lambda event: event.at)
    return Removal(
        job_id=run.job_id,
        subject_ref=ref,
        token=token,
        reason_code=ask(lost, moment, moment).reason_code,
        timing=timing,
        # An act that is dated ahead counts, and is known, from its recording: it took no time to reach us.
        happened_at=None if act is None else act.earlier,
        recorded_at=None if act is None else act.recorded_at,
        channel="" if act is None or act.channel is None else act.channel,
        decided_at=now,
    )


def _events(history: History) -> list[ConsentEvent]:
    """Return the events of a member and of everybody merged with it."""
    return [*history.events, *(event for other in history.linked for event in other.events)]
