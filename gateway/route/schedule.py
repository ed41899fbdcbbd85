"""A schedule: a job again and again, by the hands of a clock; and what became of each of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from gateway.route.agreement import Operation
from gateway.route.job import JobState


class Missed(StrEnum):
    """What becomes of due times that passed while no server ran: one run for all, none, or a run for each."""

    RUN_ONCE = "RUN_ONCE"
    SKIP = "SKIP"
    RUN_ALL = "RUN_ALL"


class Overlap(StrEnum):
    """What becomes of a due time that comes while an earlier run is not over: it is left out, or waits."""

    SKIP = "SKIP"
    QUEUE = "QUEUE"


@dataclass(frozen=True, slots=True)
class SchedulePolicy:
    """What happens when things do not go by the clock.

    Attributes:
        retries: how often a run is tried again, 0 to 10.
        backoff_s: seconds until the first of them, 1 to 86,400; doubled for each further one, up to a day.
        retry_on: reasons of failures after which it is tried again; never a refusal, never a cancellation.
        missed: due times that passed while no server ran.
        catch_up: RUN_ALL: how many of the newest such due times run, 1 to 31.
        overlap: due times that come while an earlier run is not over.
    """

    retries: int
    backoff_s: int
    retry_on: tuple[str, ...]
    missed: Missed
    catch_up: int
    overlap: Overlap


@dataclass(frozen=True, slots=True)
class ScheduleTerms:
    """What is asked for again and again, and when.

    Attributes:
        columns: agreed columns wanted, as of a job.
        cron: five fields.
        time_zone: IANA name, in whose local time they are read.
        sink: into which each result is put; "" for none.
    """

    agreement_id: str
    operation: Operation
    purpose: str
    columns: tuple[str, ...]
    cron: str
    time_zone: str
    sink: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job that is asked for again and again.

    Attributes:
        name: chosen by its maker.
        uid: uuid, the request_id that made it; another schedule of the same name has another.
        next_at: due time that no run stands for yet; None while it is paused.
        created_by: in whose name its jobs run.
        revision: grows with every change that a person makes.
    """

    name: str
    uid: str
    terms: ScheduleTerms
    policy: SchedulePolicy
    next_at: datetime | None
    created_by: str
    created_at: datetime
    revision: int


class RunState(StrEnum):
    """WAITING for its turn or its next attempt; RUNNING as a job; DELIVERING its result; the others are final."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DELIVERING = "DELIVERING"
    SUCCEEDED = "SUCCEEDED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"


ENDINGS: Mapping[JobState, RunState] = MappingProxyType(
    {
        JobState.SUCCEEDED: RunState.SUCCEEDED,
        JobState.REFUSED: RunState.REFUSED,
        JobState.FAILED: RunState.FAILED,
        JobState.CANCELLED: RunState.CANCELLED,
    }
)
"""What the end of a run's job makes of the run, unless it is tried again or has a result to deliver."""


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """What became of one due time.

    Attributes:
        uid: of the schedule.
        due_at: the due time.
        attempt: jobs so far; each is a judgement of its own.
        missed: due times before it that it stands for, or that were left out with it.
        job_id: of the last attempt; "" before the first.
        reason: why it ended as it did; of a waiting run why it is tried again.
        not_before: when the next attempt may begin.
        ended_at: None while it is not over.
    """

    uid: str
    due_at: datetime
    state: RunState
    attempt: int
    missed: int
    job_id: str
    reason: str
    not_before: datetime
    ended_at: datetime | None
