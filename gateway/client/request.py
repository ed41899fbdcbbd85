"""Rights requests (PIPL 44 to 50)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.client.connection import Connection
from gateway.client.record import PAGE_SIZE, bare, named, new_request_id, pages, required_time, stamp, time_of
from gateway.errors import RequestError
from gateway.v1 import task_pb2, task_pb2_grpc


@dataclass(frozen=True, slots=True)
class RightsRequest:
    """What a person asked of us.

    Attributes:
        subject: pseudonymous reference of the person whom it concerns.
        kind: "ACCESS", "COPY", "TRANSFER", "CORRECTION", "DELETION", "RESTRICTION", "CLOSURE" or "EXPLANATION".
        requester: "SUBJECT", "GUARDIAN" or "RELATIVE".
        purpose: what a deletion or restriction is limited to; "" is everything, as for recipient and categories.
        state: "RECEIVED", "IDENTITY_VERIFIED", "ACCEPTED", "REFUSED" or "DONE".
        reason: why it was refused.
        due_at: first moment at which it is late.
    """

    id: str
    subject: str
    kind: str
    requester: str
    channel: str
    purpose: str
    recipient: str
    categories: tuple[str, ...]
    state: str
    reason: str
    received_at: datetime
    due_at: datetime
    verified_at: datetime | None
    decided_at: datetime | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure destroyed; all 0 where the person had been erased before.

    Attributes:
        events: consent events.
        links: of the identity map.
        removals: records of rows that were taken out of released runs.
        payloads: openings of entries of the log.
        evidence_hold: where these lie sealed to two officers; "" where they were destroyed at once.
        keep_until: when that is destroyed, too.
    """

    erased_at: datetime
    events: int
    links: int
    removals: int
    payloads: int
    evidence_hold: str = ""
    keep_until: datetime | None = None


class AsyncRequests:
    """Calls of TaskService about rights requests."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = task_pb2_grpc.TaskServiceStub(connection.channel)

    async def open(
        self,
        subject: str,
        kind: str,
        *,
        channel: str,
        requester: str = "SUBJECT",
        subject_type: str = "customer",
        received_at: datetime | None = None,
        purpose: str = "",
        recipient: str = "",
        categories: Sequence[str] = (),
        request_id: str | None = None,
    ) -> RightsRequest:
        """Take a request in.

        Args:
            subject: the raw customer value.
            kind: what is asked for, e.g. "DELETION".
            channel: how it came in, never who asks.
            requester: who asks.
            subject_type: what a subject is.
            received_at: when it came in; None is now.
            purpose: what a deletion or restriction is limited to; "" is everything.
            recipient: likewise.
            categories: likewise.
            request_id: a UUID, for who repeats a call.
        """
        asked = task_pb2.RightsRequest(
            kind=_word("RIGHTS_REQUEST_KIND_", _KINDS, kind, "kind"),
            requester=_word("REQUESTER_", _REQUESTERS, requester, "requester"),
            channel=channel,
            receive_time=stamp(received_at),
            purpose=named("purposes", purpose),
            recipient=named("parties", recipient),
            categories=[named("categories", category) for category in categories],
        )
        request = task_pb2.CreateRightsRequestRequest(
            request_id=request_id or new_request_id(),
            subject_type=subject_type,
            subject=subject,
            rights_request=asked,
        )
        return _request(await self._connection.call(self._stub.CreateRightsRequest, request))

    async def list(self, done: bool = False) -> AsyncIterator[RightsRequest]:
        """Yield requests by due time; with `done` those done too."""

        async def fetch(token: str) -> tuple[list[RightsRequest], str]:
            request = task_pb2.ListRightsRequestsRequest(done=done, page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListRightsRequests, request)
            return [_request(item) for item in answer.rights_requests], answer.next_page_token

        async for item in pages(fetch):
            yield item

    async def advance(self, request_id: str, state: str, reason: str = "") -> RightsRequest:
        """Move a request on.

        Args:
            request_id: its id.
            state: the next one, e.g. "IDENTITY_VERIFIED".
            reason: of a refusal.

        Raises:
            StateError: STAGE_ORDER for a state that does not follow, or the end of a deletion not carried out.
        """
        request = task_pb2.AdvanceRightsRequestRequest(
            name=named("rightsRequests", request_id),
            state=_word("RIGHTS_REQUEST_STATE_", _STATES, state, "state"),
            reason=reason,
        )
        return _request(await self._connection.call(self._stub.AdvanceRightsRequest, request))

    async def erase(self, request_id: str) -> Erasure:
        """Erase the person of a deletion or closure that is done; who was erased before stays so.

        Raises:
            StateError: STAGE_ORDER while anything is still to be done first.
        """
        request = task_pb2.EraseSubjectRequest(name=named("rightsRequests", request_id))
        found = await self._connection.call(self._stub.EraseSubject, request)
        counts = found.events, found.links, found.removals, found.payloads
        until = time_of(found, "keep_until_time")
        return Erasure(required_time(found, "erase_time"), *counts, found.evidence_hold, until)


_KINDS = ("ACCESS", "COPY", "TRANSFER", "CORRECTION", "DELETION", "RESTRICTION", "CLOSURE", "EXPLANATION")
_REQUESTERS = ("SUBJECT", "GUARDIAN", "RELATIVE")
_STATES = ("IDENTITY_VERIFIED", "ACCEPTED", "REFUSED", "DONE")


def _word(prefix: str, known: tuple[str, ...], word: str, field: str) -> str:
    if word.upper() not in known:
        raise RequestError("BAD_FIELD", f"field {field} must be one of {', '.join(known)}")
    return prefix + word.upper()


def _request(message: task_pb2.RightsRequest) -> RightsRequest:
    return RightsRequest(
        id=bare(message.name),
        subject=bare(message.subject),
        kind=task_pb2.RightsRequestKind.Name(message.kind).removeprefix("RIGHTS_REQUEST_KIND_"),
        requester=task_pb2.Requester.Name(message.requester).removeprefix("REQUESTER_"),
        channel=message.channel,
        purpose=bare(message.purpose),
        recipient=bare(message.recipient),
        categories=tuple(bare(category) for category in message.categories),
        state=task_pb2.RightsRequestState.Name(message.state).removeprefix("RIGHTS_REQUEST_STATE_"),
        reason=message.reason,
        received_at=required_time(message, "receive_time"),
        due_at=required_time(message, "due_time"),
        verified_at=time_of(message, "verify_time"),
        decided_at=time_of(message, "decide_time"),
        done_at=time_of(message, "done_time"),
    )
