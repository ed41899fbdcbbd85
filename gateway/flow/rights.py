"""Rights requests (PIPL 44 to 50): taken in, decided, carried out in time, each step on record.

A deletion, a restriction or the closure of an account bars uses from the moment it is accepted, dated back to its
receipt; a deletion also opens the task to delete, which must be done before the request is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from consent.errors import FieldError, TransitionError
from consent.event import Actor, ConsentEvent, EventType
from consent.request import EVENTS, Requester, RequestKind, RequestState, RightsRequest, advance
from consent.workday import due_after
from gateway.errors import RequestError, StateError
from gateway.flow.access import require
from gateway.flow.act import put_on_file
from gateway.flow.consent import person_ref
from gateway.flow.deletion import held, open_tasks, planned, task_id_of
from gateway.flow.ports import House, Transaction
from gateway.flow.registry import reading
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.canonical import time_text
from gateway.tlog.leaf import LeafType


async def open_request(
    house: House,
    caller: Caller,
    request_id: str,
    subject_type: str,
    subject: str,
    kind: RequestKind,
    requester: Requester,
    channel: str,
    received_at: datetime | None = None,
    purpose: str = "",
    recipient: str = "",
    categories: Sequence[str] = (),
) -> RightsRequest:
    """Take a request in; the same id again returns the stored one.

    Args:
        house: ports.
        caller: a compliance officer.
        request_id: a UUID made by the caller.
        subject_type: type label of the raw value.
        subject: the raw value of the person whom it concerns.
        kind: what is asked for.
        requester: who asks.
        channel: how it came in.
        received_at: when, not in the future; None is now.
        purpose: scope of a deletion or restriction; "" is any.
        recipient: scope; "" is any.
        categories: scope; empty is any.

    Raises:
        RequestError: BAD_FIELD.
        StateError: REVISION_CONFLICT when the id stands for another request.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    now = house.clock.now()
    received = now if received_at is None else received_at
    if received > now:
        raise RequestError("BAD_FIELD", "field receive_time lies in the future")
    with reading():
        request = RightsRequest(
            id=request_id,
            subject=person_ref(house, subject_type, subject),
            kind=kind,
            requester=requester,
            channel=channel,
            purpose=purpose or None,
            recipient=recipient or None,
            categories=tuple(categories),
            received_at=received,
            due_at=due_after(received, house.limits.deadline_days, house.limits.holidays),
        )
    async with house.store.begin() as tx:
        stored = await tx.requests.create(request)
        if _asked(stored) != _asked(request):
            raise StateError("REVISION_CONFLICT", "this id asked for something else before; use a new one")
        if stored == request:
            await tx.audit.append([_event(stored, caller, now)])
    house.bells.ring("audit")
    return stored


async def list_requests(
    house: House, caller: Caller, done: bool, after: tuple[datetime, str] | None, limit: int
) -> list[RightsRequest]:
    """Return requests by due time; with `done` those done too."""
    require(caller, Role.COMPLIANCE_OFFICER)
    async with house.store.read() as tx:
        return await tx.requests.list(not done, after, limit)


async def advance_request(
    house: House, caller: Caller, request_id: str, to: RequestState, reason: str = ""
) -> RightsRequest:
    """Move a request on; a move that was made before changes nothing.

    Raises:
        RequestError: BAD_FIELD for a refusal without its reason.
        StateError: NOT_FOUND; STAGE_ORDER when that state does not follow, or the deletion is not done.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    async with house.store.begin() as tx:
        now = house.clock.now()
        stored = await tx.requests.get(request_id)
        try:
            request = advance(stored, to, now, reason)
        except TransitionError as error:
            raise StateError("STAGE_ORDER", f"the request is {stored.state}: {to} does not follow") from error
        except FieldError as error:
            raise RequestError("BAD_FIELD", f"field {error.message}") from error
        if request is stored:
            return stored
        if to is RequestState.ACCEPTED and request.kind in EVENTS:
            await _bar(tx, house, request, now)
        if to is RequestState.DONE and stored.state is RequestState.ACCEPTED:
            await _check_deleted(tx, request, now)
        if to is RequestState.DONE and stored.state is RequestState.ACCEPTED and request.kind is RequestKind.CORRECTION:
            # What partners hold is what was wrong: released runs take the rows out (flow/reach).
            await tx.consents.wake([request.subject])
        await tx.requests.update(request)
        await tx.audit.append([_event(request, caller, now)])
    house.bells.ring("audit")
    return request


def event_id_of(request_id: str) -> str:
    """Return the id of the consent event that a request puts on file."""
    return f"request-{request_id}"


async def _bar(tx: Transaction, house: House, request: RightsRequest, now: datetime) -> None:
    """Put the event on file that bars uses, and open the deletion where it asks for one."""
    scope: dict[str, object] = {}
    if request.kind is not RequestKind.CLOSURE:
        scope = {"purpose": request.purpose, "recipient": request.recipient, "categories": request.categories}
    event = ConsentEvent(
        event_id=event_id_of(request.id),
        type=EVENTS[request.kind],
        at=request.received_at,
        recorded_at=now,
        subject=request.subject,
        handler=house.custody.party,
        by=Actor.GUARDIAN if request.requester is Requester.GUARDIAN else Actor.SUBJECT,
        **scope,  # type: ignore[arg-type]
    )
    await put_on_file(tx, house, event)
    task = planned(event)
    if task is not None:
        await tx.deletions.plan([task])
        await open_tasks(tx, house, [task], now)


async def _check_deleted(tx: Transaction, request: RightsRequest, now: datetime) -> None:
    if EVENTS.get(request.kind) not in (EventType.DELETION, EventType.CLOSURE):
        return
    task = await tx.deletions.get(task_id_of(event_id_of(request.id)))
    if task.done_at is None and not held(task, now):
        raise StateError("STAGE_ORDER", f"deletion task {task.task_id} of this request is open; complete it first")


def _asked(request: RightsRequest) -> tuple[object, ...]:
    return (
        request.subject, request.kind, request.requester, request.channel, request.purpose, request.recipient,
        request.categories,
    )  # fmt: skip


def _event(request: RightsRequest, caller: Caller, now: datetime) -> AuditEvent:
    payload: dict[str, object] = {
        "id": request.id,
        "kind": request.kind.value,
        "requester": request.requester.value,
        "state": request.state.value,
        "received_at": time_text(request.received_at),
        "due_at": time_text(request.due_at),
        "by": caller.subject,
    }
    if request.reason:
        payload["reason"] = request.reason
    return AuditEvent(LeafType.RIGHTS_REQUEST, now, request.subject, payload)
