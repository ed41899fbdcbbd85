"""A job from the request to its end: durable, leased, resumable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consent.evaluate import Use
from gateway.route.agreement import Agreement, AgreementBinding, Direction, Operation
from gateway.route.party import Partner


class Side(StrEnum):
    """Receiver (R: initiates, learns) or sender (S: answers)."""

    RECEIVER = "RECEIVER"
    SENDER = "SENDER"


class JobState(StrEnum):
    """States of contracts.md; the last four are final."""

    QUEUED = "QUEUED"
    AUTHORIZING = "AUTHORIZING"
    JUDGING = "JUDGING"
    EXCHANGING = "EXCHANGING"
    REJUDGING = "REJUDGING"
    RELEASING = "RELEASING"
    CANCELLING = "CANCELLING"
    SUCCEEDED = "SUCCEEDED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self in FINAL_STATES


FINAL_STATES = frozenset({JobState.SUCCEEDED, JobState.REFUSED, JobState.FAILED, JobState.CANCELLED})


class WaitingFor(StrEnum):
    """Why an unfinished job stands still."""

    NONE = "NONE"
    PEER = "PEER"
    APPROVAL = "APPROVAL"
    DISK = "DISK"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a CDP job asks for. Requests never carry paths.

    Attributes:
        request_id: uuid; the same id never runs twice.
        agreement_id: uuid of an agreement in force.
        operation: MATCH, ENRICH, AGGREGATE or OVERLAP.
        purpose: one of the agreement's purposes.
        columns: agreed columns wanted, one to three (ENRICH), one or more (AGGREGATE); else empty.
        requested_by: subject of the caller's token.
    """

    request_id: str
    agreement_id: str
    operation: Operation
    purpose: str
    columns: tuple[str, ...]
    requested_by: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that says no: partner-visible code and one sentence."""

    reason_code: str
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """How a job failed: reason of `gateway.errors` and its message."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Job:
    """One side's durable record of a run.

    Attributes:
        job_id: uuid, local to this gateway.
        session_id: hex of the shared session id, once opened.
        stage: stage number while EXCHANGING, else 0.
        seq: last durable chunk of that stage, -1 when none.
        fence: grows with every lease; every commit checks it.
        spool_id: only servers with this spool may lease the job.
        report: counts for people (tokenised, left out per reason, matched, ...).
    """

    job_id: str
    side: Side
    partner: str
    request: JobRequest
    state: JobState
    waiting_for: WaitingFor
    stage: int
    seq: int
    rows_done: int
    rows_total: int
    session_id: str
    refusal: Refusal | None
    failure: Failure | None
    report: Mapping[str, object]
    cancel_requested: bool
    attempt: int
    fence: int
    lease_owner: str
    lease_until: datetime | None
    spool_id: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    revision: int


@dataclass(frozen=True, slots=True)
class AuthorizedJob:
    """A job that the agreement in force allows. Made by flow/authorize only.

    Attributes:
        gates: the Uses that must all allow a customer before it is tokenised at all.
        column_gates: ENRICH: per asked column, the Use that decides whether its value may leave (sender only).
    """

    job_id: str
    side: Side
    own_party: str
    partner: Partner
    agreement: Agreement
    direction: Direction
    operation: Operation
    purpose: str
    columns: tuple[str, ...]
    binding: AgreementBinding
    gates: tuple[Use, ...]
    column_gates: tuple[tuple[str, Use], ...]
