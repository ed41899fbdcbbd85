"""Which due times run, which stand for others, and what is tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.flow.recurring.due import LONGEST_BACKOFF, MOST_WAITING, after_job, backoff, runs_of
from gateway.route.agreement import Operation
from gateway.route.job import Failure, Job, JobState, Refusal
from gateway.route.schedule import (
    Missed,
    Overlap,
    RunState,
    Schedule,
    ScheduledRun,
    SchedulePolicy,
    ScheduleTerms,
)
from tests.contract import given

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
POLICY = SchedulePolicy(2, 60, ("SOURCE_CHANGED",), Missed.RUN_ONCE, 1, Overlap.SKIP)
TERMS = ScheduleTerms("a", Operation.MATCH, "p", (), "0 12 * * *", "UTC", "")
DAILY = Schedule("daily", "uid", TERMS, POLICY, NOON, "cdp", NOON, 1)
DUES = [NOON - timedelta(days=days) for days in (3, 2, 1, 0)]


def planned(now: datetime = NOON, waiting: int = 0, newest: int = 1, **policy: object) -> list[ScheduledRun]:
    schedule = replace(DAILY, policy=replace(POLICY, **policy))  # type: ignore[arg-type]
    return runs_of(schedule, DUES[-newest:], len(DUES), waiting, now)


def test_one_run_stands_for_all_that_was_missed() -> None:
    (run,) = planned(NOON + timedelta(hours=5))
    assert (run.due_at, run.state, run.missed) == (NOON, RunState.WAITING, 3)


@pytest.mark.parametrize(("late", "state"), [(5, RunState.WAITING), (6, RunState.SKIPPED)])
def test_what_was_missed_is_left_out(late: int, state: RunState) -> None:
    (run,) = planned(NOON + timedelta(minutes=late), missed=Missed.SKIP)
    assert (run.due_at, run.state, run.missed) == (NOON, state, 3)
    assert (run.ended_at is None) == (state is RunState.WAITING)


def test_the_newest_run_and_the_oldest_of_them_stands_for_the_others() -> None:
    runs = planned(newest=3, missed=Missed.RUN_ALL, catch_up=3, overlap=Overlap.QUEUE)
    assert [(run.due_at, run.missed) for run in runs] == [(DUES[1], 1), (DUES[2], 0), (DUES[3], 0)]
    assert {run.state for run in runs} == {RunState.WAITING}


def test_a_run_under_way_makes_the_next_one_wait_or_leaves_it_out() -> None:
    (run,) = planned(waiting=1)
    assert (run.state, run.reason, run.ended_at) == (RunState.SKIPPED, "OVERLAP", NOON)
    (run,) = planned(waiting=1, overlap=Overlap.QUEUE)
    assert run.state is RunState.WAITING
    runs = planned(waiting=MOST_WAITING - 1, newest=2, missed=Missed.RUN_ALL, catch_up=2, overlap=Overlap.QUEUE)
    assert [(run.state, run.reason) for run in runs] == [(RunState.WAITING, ""), (RunState.SKIPPED, "QUEUE_FULL")]


def ended(state: JobState, **fields: object) -> Job:
    return given.job(state=state, **fields)


RUN = ScheduledRun("uid", NOON, RunState.RUNNING, 1, 0, "job", "", NOON, None)
CHANGED = ended(JobState.FAILED, failure=Failure("SOURCE_CHANGED", "it changed"))


def test_a_failure_of_the_policy_is_tried_again_later_and_later() -> None:
    again = after_job(DAILY, RUN, CHANGED, NOON)
    assert (again.state, again.not_before, again.reason) == (
        RunState.WAITING,
        NOON + timedelta(minutes=1),
        "SOURCE_CHANGED",
    )
    again = after_job(DAILY, replace(RUN, attempt=2), CHANGED, NOON)
    assert again.not_before == NOON + timedelta(minutes=2)
    last = after_job(DAILY, replace(RUN, attempt=3), CHANGED, NOON)
    assert (last.state, last.ended_at) == (RunState.FAILED, NOON)
    assert backoff(3600, 60) == LONGEST_BACKOFF


@pytest.mark.parametrize(
    ("job", "state", "reason"),
    [
        (ended(JobState.REFUSED, refusal=Refusal("CONSENT_CHANGED", "no")), RunState.REFUSED, "CONSENT_CHANGED"),
        (ended(JobState.CANCELLED), RunState.CANCELLED, ""),
        (ended(JobState.FAILED, failure=Failure("BAD_ROW", "bad")), RunState.FAILED, "BAD_ROW"),
        (ended(JobState.SUCCEEDED), RunState.SUCCEEDED, ""),
    ],
)
def test_other_endings_are_final(job: Job, state: RunState, reason: str) -> None:
    job = replace(
        job,
        refusal=job.refusal if state is RunState.REFUSED else None,
        failure=job.failure if reason == "BAD_ROW" else None,
    )
    run = after_job(DAILY, RUN, job, NOON)
    assert (run.state, run.reason, run.ended_at) == (state, reason, NOON)


def test_a_result_for_a_sink_is_delivered_first() -> None:
    to_sink = replace(DAILY, terms=replace(TERMS, sink="crm"))
    assert after_job(to_sink, RUN, ended(JobState.SUCCEEDED), NOON).state is RunState.DELIVERING
    assert after_job(to_sink, RUN, ended(JobState.REFUSED, refusal=Refusal("X", "no")), NOON).state is RunState.REFUSED
