"""What partners tell each other once a run is released, and what we took out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.route.job import Side


class NoticeKind(StrEnum):
    """TOMBSTONE: rows to forget; SUSPEND and RESUME: use of a run's result; INCIDENT: a breach touches the run."""

    TOMBSTONE = "tombstone"
    SUSPEND = "suspend"
    RESUME = "resume"
    INCIDENT = "incident"


class NoticeState(StrEnum):
    """DONE is acknowledged; DUE waits within its deadline, LATE beyond it."""

    DUE = "DUE"
    LATE = "LATE"
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class PeerNotice:
    """One notice between two parties. It names rows of a run, never a person and never a reason.

    Attributes:
        notice_id: uuid, made by the sender.
        kind: what to do.
        sender: party that tells.
        recipient: party that is told.
        agreement_id: uuid of the run's agreement.
        session_id: the run, 64 hex digits.
        tokens: row tokens of that run, ascending; empty unless kind is TOMBSTONE.
        at: when it was made (UTC).
    """

    notice_id: str
    kind: NoticeKind
    sender: str
    recipient: str
    agreement_id: str
    session_id: str
    tokens: tuple[bytes, ...] = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class Signed:
    """RFC 8785 bytes of a notice or an acknowledgement, and the Ed25519 signature of the one who says it."""

    record: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """A notice as we hold it, ours or the partner's.

    Attributes:
        ours: we told the partner; otherwise the partner told us.
        job_id: our job of the run.
        rows: row tokens named.
        signature: the partner's; empty of ours, which is signed with the present key when it leaves.
        due_at: until when it is to be acknowledged.
        done_at: when it was carried out and acknowledged; None while it waits.
        acknowledgement: the signed answer, empty while it waits.
        acknowledgement_signature: of whoever carried it out.
    """

    notice_id: str
    partner: str
    ours: bool
    kind: NoticeKind
    agreement_id: str
    session_id: str
    job_id: str
    rows: int
    record: bytes = field(repr=False)
    signature: bytes
    made_at: datetime
    due_at: datetime
    done_at: datetime | None = None
    acknowledgement: bytes = b""
    acknowledgement_signature: bytes = b""

    def state(self, now: datetime) -> NoticeState:
        """Return how it stands at a time."""
        if self.done_at is not None:
            return NoticeState.DONE
        return NoticeState.DUE if now <= self.due_at else NoticeState.LATE


@dataclass(frozen=True, slots=True)
class ReleasedRun:
    """One side of a run that released or disclosed something.

    Attributes:
        judged_at: when consent was judged for what left: R's last judgement, S's cut; of statistics the cut.
        released_at: when the result was obtained or its rows were kept.
        expires_at: when retention ends.
        rows: released or sent.
        changes: appends of consent events up to this number were looked at since.
        systems: whose ids the people were read by, through the identity map; empty for their own.
        map_version: of the identity map by which they were.
    """

    job_id: str
    session_id: str
    agreement_id: str
    partner: str
    side: Side
    judged_at: datetime
    released_at: datetime
    expires_at: datetime | None
    rows: int
    changes: int
    systems: tuple[str, ...] = ()
    map_version: int = 0


class Timing(StrEnum):
    """How a lost consent relates to the judgement that let the row leave.

    AFTER: it was lost later. LATE_KNOWN: it was lost before, and we came to know later; the row left lawfully as far
    as was known. VIOLATION: it was lost before, and known.
    """

    AFTER = "AFTER"
    LATE_KNOWN = "LATE_KNOWN"
    VIOLATION = "VIOLATION"


@dataclass(frozen=True, slots=True)
class Removal:
    """A row of a released run that consent does not cover any more, or that was never known to be the person's.

    Attributes:
        subject_ref: whose.
        token: the row's name between the two sides; empty for statistics, whose rows have none.
        reason_code: of the decision that ended it, CORRECTED or UNLINKED; for our own people only.
        timing: against the judgement that let it leave.
        happened_at: when the act behind it happened, `recorded_at` of one that is dated ahead; None when no single act
            is behind it.
        recorded_at: when we came to know of it.
        channel: where it happened.
        decided_at: when the sweep found it.
        notice_id: the notice that tells the partner; "" when the partner holds nothing of the row.
        removed_at: when the row was off our disk; None while it is being taken out.
    """

    job_id: str
    subject_ref: str = field(repr=False)
    token: bytes = field(repr=False)
    reason_code: str
    timing: Timing
    happened_at: datetime | None
    recorded_at: datetime | None
    channel: str
    decided_at: datetime
    notice_id: str = ""
    removed_at: datetime | None = None
