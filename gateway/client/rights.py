"""Rights: what became of customers in released runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.client.connection import Connection
from gateway.client.record import PAGE_SIZE, bare, named, new_request_id, pages, required_time, time_of
from gateway.errors import HostileInput, RequestError
from gateway.v1 import rights_pb2, rights_pb2_grpc

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Removal:
    """A row of a released run that consent does not cover any more.

    Attributes:
        reason_code: e.g. "CONSENT_WITHDRAWN".
        timing: "AFTER", "LATE_KNOWN" or "VIOLATION", against the judgement that let the row leave.
        happened_at: when the act behind it happened, or was recorded if it is dated ahead: what protects counts early.
        recorded_at: when the gateway came to know of it.
        channel: where it happened.
        removed_at: when the row was off the disk.
        notice_id: the notice to the partner; "" when it holds nothing of the row.
    """

    job_id: str
    reason_code: str
    timing: str
    happened_at: datetime | None
    recorded_at: datetime | None
    channel: str
    decided_at: datetime
    removed_at: datetime | None
    notice_id: str

    @property
    def delay(self) -> timedelta | None:
        """How long the act took to be known; none where it is dated ahead."""
        return None if self.happened_at is None or self.recorded_at is None else self.recorded_at - self.happened_at


@dataclass(frozen=True, slots=True)
class PartnerNotice:
    """A notice between us and a partner.

    Attributes:
        ours: we told the partner.
        kind: "TOMBSTONE", "SUSPEND", "RESUME" or "INCIDENT".
        rows: rows named.
        state: "DUE", "LATE" or "DONE".
    """

    notice_id: str
    ours: bool
    partner: str
    kind: str
    job_id: str
    rows: int
    state: str
    made_at: datetime
    due_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunTrace:
    """What one run did with one customer.

    Attributes:
        presence: "HELD", "REMOVED", "LEFT_OUT", "ELIGIBLE", "NOT_RELEASED" or "ERASED".
        judged_at: when consent was judged for what left.
        reason_code: the rule's answer then, as known then; "" when nothing was released.
        received: what the partner received.
        left_open: of "ELIGIBLE", everything that may be behind it, such as "NOT_MATCHED"; one alone is certain.
    """

    job_id: str
    session_id: str
    partner: str
    operation: str
    side: str
    purpose: str
    presence: str
    judged_at: datetime | None
    reason_code: str
    articles: tuple[str, ...]
    consent_id: str
    received: tuple[str, ...]
    removal: Removal | None
    notice: PartnerNotice | None
    left_open: tuple[str, ...] = ()


class AsyncRights:
    """Calls of RightsService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = rights_pb2_grpc.RightsServiceStub(connection.channel)

    async def trace(self, subject: str, *, subject_type: str = "customer") -> AsyncIterator[RunTrace]:
        """Yield what runs did with a customer, the newest first; every call is on record."""

        async def fetch(token: str) -> tuple[list[RunTrace], str]:
            request = rights_pb2.TraceSubjectRequest(
                subject=subject, subject_type=subject_type, page_size=PAGE_SIZE, page_token=token
            )
            answer = await self._connection.call(self._stub.TraceSubject, request)
            return [_trace(run) for run in answer.runs], answer.next_page_token

        async for run in pages(fetch):
            yield run

    async def removals(self, timing: str = "") -> AsyncIterator[Removal]:
        """Yield rows that were taken out of released runs, newest first.

        Args:
            timing: only "AFTER", "LATE_KNOWN" or "VIOLATION".
        """
        if timing not in ("", "AFTER", "LATE_KNOWN", "VIOLATION"):
            raise RequestError("BAD_FIELD", "field timing must be AFTER, LATE_KNOWN or VIOLATION")
        wanted = f"TIMING_{timing or 'UNSPECIFIED'}"

        async def fetch(token: str) -> tuple[list[Removal], str]:
            request = rights_pb2.ListRemovalsRequest(timing=wanted, page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListRemovals, request)
            return [_removal(removal) for removal in answer.removals], answer.next_page_token

        async for removal in pages(fetch):
            yield removal

    async def notices(self) -> AsyncIterator[PartnerNotice]:
        """Yield notices to and from partners, newest first."""

        async def fetch(token: str) -> tuple[list[PartnerNotice], str]:
            request = rights_pb2.ListPartnerNoticesRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListPartnerNotices, request)
            return [_notice(notice) for notice in answer.notices], answer.next_page_token

        async for notice in pages(fetch):
            yield notice

    async def notify(self, job_id: str, kind: str, request_id: str | None = None) -> PartnerNotice:
        """Tell the partner of a run "INCIDENT", "SUSPEND" or "RESUME"."""
        if kind not in ("INCIDENT", "SUSPEND", "RESUME"):
            raise RequestError("BAD_FIELD", "field kind must be INCIDENT, SUSPEND or RESUME")
        request = rights_pb2.NotifyPartnerRequest(
            job=named("jobs", job_id),
            kind=f"NOTICE_KIND_{kind}",
            request_id=request_id or new_request_id(),
        )
        return _notice(await self._connection.call(self._stub.NotifyPartner, request))

    async def affected(self, job_ids: Sequence[str]) -> pa.Table:
        """Return who was in runs: {customer, job, run, partner, evidence}; every read is on record."""
        import pyarrow as pa  # a third of a second to load: only for those who need it
        import pyarrow.ipc

        request = rights_pb2.ReadAffectedRequest(jobs=[named("jobs", job_id) for job_id in job_ids])
        pieces: list[bytes] = []
        async with aclosing(self._connection.download(self._stub.ReadAffected, request)) as answers:
            async for answer in answers:
                pieces.append(answer.arrow_stream)
        try:
            with pa.ipc.open_stream(b"".join(pieces)) as reader:
                return reader.read_all()
        except (pa.ArrowInvalid, OSError) as error:
            raise HostileInput("BAD_SHAPE", "the gateway's answer is no Arrow stream; upgrade the client") from error


def _trace(message: rights_pb2.RunTrace) -> RunTrace:
    return RunTrace(
        job_id=bare(message.job),
        session_id=bare(message.session),
        partner=bare(message.partner),
        operation=message.operation,
        side=message.side,
        purpose=bare(message.purpose),
        presence=rights_pb2.Presence.Name(message.presence).removeprefix("PRESENCE_"),
        judged_at=time_of(message, "judge_time"),
        reason_code=message.reason_code,
        articles=tuple(message.articles),
        consent_id=message.consent_id,
        received=tuple(message.received),
        removal=_removal(message.removal) if message.HasField("removal") else None,
        notice=_notice(message.notice) if message.HasField("notice") else None,
        left_open=tuple(message.left_open),
    )


def _removal(message: rights_pb2.Removal) -> Removal:
    return Removal(
        job_id=bare(message.job),
        reason_code=message.reason_code,
        timing=rights_pb2.Timing.Name(message.timing).removeprefix("TIMING_"),
        happened_at=time_of(message, "happen_time"),
        recorded_at=time_of(message, "record_time"),
        channel=message.channel,
        decided_at=required_time(message, "decide_time"),
        removed_at=time_of(message, "remove_time"),
        notice_id=message.notice_id,
    )


def _notice(message: rights_pb2.PartnerNotice) -> PartnerNotice:
    return PartnerNotice(
        notice_id=message.notice_id,
        ours=message.ours,
        partner=bare(message.partner),
        kind=rights_pb2.NoticeKind.Name(message.kind).removeprefix("NOTICE_KIND_"),
        job_id=bare(message.job),
        rows=message.rows,
        state=rights_pb2.DeadlineState.Name(message.state).removeprefix("DEADLINE_STATE_"),
        made_at=required_time(message, "make_time"),
        due_at=required_time(message, "due_time"),
        done_at=time_of(message, "done_time"),
    )
