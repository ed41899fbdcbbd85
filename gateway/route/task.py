"""What the passing of time brings about: tasks that come round, deletions that fall due, ends that draw near."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task that comes round, as the servers on one database share it.

    Attributes:
        name: of the task; one about files names their spool behind "@".
        not_before: when it is due next.
        lease_owner: the server that runs it now; "" is none.
        lease_until: end of that lease.
        fence: grows with every lease.
        started_at: beginning of the last run; None before the first.
        ended_at: end of the last run that came to one.
        outcome: "DONE" or the reason of the error of that run; "" before the first.
        report: what that run counted.
    """

    name: str
    not_before: datetime
    lease_owner: str
    lease_until: datetime | None
    fence: int
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str
    report: Mapping[str, int]


class DeletionCause(StrEnum):
    """Why personal information must be deleted on our own motion (PIPL 47).

    OPTED_OUT is about what was obtained for the purposes of personalised marketing, the tags of a profile, and about
    nothing else (PIPL 24, NDSR 42).
    """

    CONSENT_WITHDRAWN = "consent_withdrawn"
    PURPOSE_DONE = "purpose_done"
    UNLAWFUL = "unlawful"
    DELETION_REQUESTED = "deletion_requested"
    ACCOUNT_CLOSED = "account_closed"
    RETENTION_OVER = "retention_over"
    OPTED_OUT = "opted_out"


@dataclass(frozen=True, slots=True)
class SinkEvidence:
    """That a row of a run is gone from a sink, and since when."""

    sink: str
    removed_at: datetime


@dataclass(frozen=True, slots=True)
class DeletionEvidence:
    """What became of the row of one released run that a deletion task covers.

    Attributes:
        job_id: of the run.
        removed_at: when the row was off our disk.
        notice_id: by which the partner was told; "" when it held nothing of the row.
        acknowledged_at: when the partner's signed acknowledgement came; None when there was nothing to acknowledge.
        sinks: from which the row is gone, where the result had been put into some.
    """

    job_id: str
    removed_at: datetime
    notice_id: str
    acknowledged_at: datetime | None
    sinks: tuple[SinkEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class DeletionTask:
    """Something about one person that must go.

    Attributes:
        task_id: 32 hex digits, made of the event that caused it: one event, one task.
        subject_ref: whose.
        why: the cause.
        event_id: the consent event that caused it.
        purpose: what it is limited to; "" is everything, of OPTED_OUT every purpose of personalised marketing.
        recipient: what it is limited to; "" is everybody.
        categories: what it is limited to; empty is all.
        opens_at: when the duty begins.
        opened_at: when it was opened; None while it lies ahead.
        due_at: first moment at which it is late; None while it lies ahead.
        held_until: until then the law demands keeping: storage only (PIPL 47(2)); None is no hold.
        done_at: when it was done.
        done_by: who said so.
        evidence: what became of the rows of released runs, where the gateway itself saw to it.
    """

    task_id: str
    subject_ref: str
    why: DeletionCause
    event_id: str
    purpose: str
    recipient: str
    categories: tuple[str, ...]
    opens_at: datetime
    opened_at: datetime | None = None
    due_at: datetime | None = None
    held_until: datetime | None = None
    done_at: datetime | None = None
    done_by: str = ""
    evidence: tuple[DeletionEvidence, ...] = ()


class EndingKind(StrEnum):
    """What ends on a day that is known before."""

    ASSESSMENT = "assessment"
    AGREEMENT = "agreement"
    CONTRACT = "contract"
    EXPORT_MECHANISM = "export_mechanism"
    OWN_CERTIFICATE = "own_certificate"
    PARTNER_CERTIFICATE = "partner_certificate"
    DELETION = "deletion"


@dataclass(frozen=True, slots=True)
class EndWarning:
    """Something ends soon.

    Attributes:
        kind: of what.
        item_id: of which: an assessment, an agreement, a party; of deletions the last day on which they are in time.
        ends_at: first moment at which it holds no more.
        days: the warning's distance from the end: 30, 7 or 1; of deletions 0 when it has passed.
        raised_at: when it was raised.
    """

    kind: EndingKind
    item_id: str
    ends_at: datetime
    days: int
    raised_at: datetime
