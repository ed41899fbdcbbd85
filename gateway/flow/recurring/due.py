"""What becomes of due times: which of them run, which stand for others, which are left out, and what is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.route.job import Job, JobState
from gateway.route.schedule import ENDINGS, Missed, Overlap, RunState, Schedule, ScheduledRun

ON_TIME = timedelta(minutes=5)
"""A due time that a server comes to this much later is not missed: servers restart, and are busy."""
MOST_WAITING = 31
"""Runs of one schedule that may wait for an earlier one."""
LONGEST_BACKOFF = timedelta(days=1)


def runs_of(
    schedule: Schedule, newest: Sequence[datetime], count: int, waiting: int, now: datetime
) -> list[ScheduledRun]:
    """Decide what becomes of what is due.

    Args:
        schedule: whose.
        newest: due times that no run stands for, ascending, as many as may run.
        count: how many there are in all.
        waiting: earlier runs that are not over.
        now: not before any of them.
    """
    policy, last = schedule.policy, newest[-1]
    run = _new(schedule, last, count - 1, now)
    if policy.missed is Missed.RUN_ALL:
        found = [_new(schedule, due, 0, now) for due in newest]
        found[0] = replace(found[0], missed=count - len(newest))
    elif policy.missed is Missed.SKIP and now - last > ON_TIME:
        found = [left_out(run, "MISSED", now)]
    else:
        found = [run]
    runs: list[ScheduledRun] = []
    for run in found:
        if run.ended_at is None and policy.overlap is Overlap.SKIP and waiting:
            run = left_out(run, "OVERLAP", now)
        elif run.ended_at is None and waiting >= MOST_WAITING:
            run = left_out(run, "QUEUE_FULL", now)
        waiting += run.ended_at is None
        runs.append(run)
    return runs


def _new(schedule: Schedule, due_at: datetime, missed: int, now: datetime) -> ScheduledRun:
    return ScheduledRun(schedule.uid, due_at, RunState.WAITING, 0, missed, "", "", now, None)


def left_out(run: ScheduledRun, reason: str, now: datetime) -> ScheduledRun:
    """Return a run that never begins."""
    return replace(run, state=RunState.SKIPPED, reason=reason, ended_at=now)


def after_job(schedule: Schedule, run: ScheduledRun, job: Job, now: datetime) -> ScheduledRun:
    """Decide what becomes of a run whose job has ended: its result is delivered, it is tried again, or it is over.

    A refusal is an answer, and who cancelled a job wants it not: neither is tried again.
    """
    if job.state is JobState.SUCCEEDED and schedule.terms.sink:
        return replace(run, state=RunState.DELIVERING, reason="")
    reason = job.refusal.reason_code if job.refusal else job.failure.reason if job.failure else ""
    policy = schedule.policy
    if job.state is JobState.FAILED and run.attempt <= policy.retries and reason in policy.retry_on:
        later = now + backoff(policy.backoff_s, run.attempt)
        return replace(run, state=RunState.WAITING, reason=reason, not_before=later)
    return replace(run, state=ENDINGS[job.state], reason=reason, ended_at=now)


def backoff(first_s: int, attempt: int) -> timedelta:
    """Return how long to wait after an attempt.

    Args:
        first_s: seconds after the first.
        attempt: its number, 1 or more.
    """
    return min(timedelta(seconds=first_s << min(attempt - 1, 20)), LONGEST_BACKOFF)
