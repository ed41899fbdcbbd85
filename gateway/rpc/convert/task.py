"""Tasks, warnings, deletions and rights requests, from and to messages."""

from __future__ import annotations

import re
from datetime import datetime

from consent.request import Requester, RequestKind, RequestState, RightsRequest
from gateway.flow.deletion import held
from gateway.route.task import DeletionTask, EndingKind, EndWarning, TaskRow
from gateway.rpc.convert.field import choice, refuse, some, text, time_or_none, time_to_proto
from gateway.rpc.convert.name import id_of, name_of
from gateway.v1 import task_pb2

MAX_CHANNEL = 200  # characters
MAX_CATEGORIES = 256

KINDS = {task_pb2.RightsRequestKind.Value(f"RIGHTS_REQUEST_KIND_{kind.name}"): kind for kind in RequestKind}
REQUESTERS = {task_pb2.Requester.Value(f"REQUESTER_{one.name}"): one for one in Requester}
STATES = {task_pb2.RightsRequestState.Value(f"RIGHTS_REQUEST_STATE_{state.name}"): state for state in RequestState}
_COLLECTIONS = {
    EndingKind.ASSESSMENT: "impactAssessments",
    EndingKind.AGREEMENT: "agreements",
    EndingKind.DELETION: "days",
}
_DELETION = re.compile(r"deletionTasks/([0-9a-f]{32})")
_REQUEST = re.compile(r"rightsRequests/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


def task_to_proto(row: TaskRow) -> task_pb2.Task:
    """Write a task that comes round."""
    return task_pb2.Task(
        name=name_of("tasks", row.name),
        start_time=time_to_proto(row.started_at),
        end_time=time_to_proto(row.ended_at),
        outcome=row.outcome,
        counts=row.report,
        next_time=time_to_proto(row.not_before),
        running_on=row.lease_owner,
    )


def warning_to_proto(warning: EndWarning) -> task_pb2.EndWarning:
    """Write a warning."""
    return task_pb2.EndWarning(
        kind=f"ENDING_KIND_{warning.kind.name}",
        item=name_of(_COLLECTIONS.get(warning.kind, "parties"), warning.item_id),
        end_time=time_to_proto(warning.ends_at),
        days=warning.days,
        raise_time=time_to_proto(warning.raised_at),
    )


def deletion_to_proto(task: DeletionTask, now: datetime) -> task_pb2.DeletionTask:
    """Write a deletion task as it stands at a time."""
    state = task_pb2.DELETION_STATE_OPEN
    if task.done_at is not None:
        state = task_pb2.DELETION_STATE_DONE
    elif held(task, now):
        state = task_pb2.DELETION_STATE_HELD
    return task_pb2.DeletionTask(
        name=name_of("deletionTasks", task.task_id),
        subject=name_of("subjects", task.subject_ref),
        cause=f"DELETION_CAUSE_{task.why.name}",
        event_id=task.event_id,
        purpose=name_of("purposes", task.purpose),
        recipient=name_of("parties", task.recipient),
        categories=[name_of("categories", category) for category in task.categories],
        state=state,
        open_time=time_to_proto(task.opened_at),
        due_time=time_to_proto(task.due_at),
        hold_end_time=time_to_proto(task.held_until),
        done_time=time_to_proto(task.done_at),
        done_by=task.done_by,
        evidence=[
            task_pb2.DeletionEvidence(
                job=name_of("jobs", one.job_id),
                remove_time=time_to_proto(one.removed_at),
                notice=one.notice_id,
                acknowledge_time=time_to_proto(one.acknowledged_at),
                sinks=[
                    task_pb2.SinkEvidence(sink=name_of("sinks", row.sink), remove_time=time_to_proto(row.removed_at))
                    for row in one.sinks
                ],
            )
            for one in task.evidence
        ],
    )


def deletion_id(name: str) -> str:
    """Return the id in a name like "deletionTasks/<32 hex digits>".

    Raises:
        RequestError: BAD_FIELD.
    """
    match = _DELETION.fullmatch(name)
    if match is None:
        refuse("name", 'must be a name like "deletionTasks/<32 hex digits>"')
    return match[1]


def rights_request_id(name: str) -> str:
    """Return the id in a name like "rightsRequests/<uuid>".

    Raises:
        RequestError: BAD_FIELD.
    """
    match = _REQUEST.fullmatch(name)
    if match is None:
        refuse("name", 'must be a name like "rightsRequests/<uuid>"')
    return match[1]


def asked_from_proto(message: task_pb2.CreateRightsRequestRequest) -> dict[str, object]:
    """Parse what is asked into the arguments of `gateway.flow.rights.open_request`.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not message.HasField("rights_request"):
        refuse("rights_request", "is required")
    asked, path = message.rights_request, "rights_request"
    listed = some(asked.categories, f"{path}.categories", least=0, most=MAX_CATEGORIES)
    categories = [id_of(name, "categories", f"{path}.categories[{row}]") for row, name in enumerate(listed)]
    return {
        "kind": choice(asked.kind, KINDS, f"{path}.kind"),
        "requester": choice(asked.requester, REQUESTERS, f"{path}.requester"),
        "channel": text(asked.channel, f"{path}.channel", longest=MAX_CHANNEL),
        "received_at": time_or_none(asked, "receive_time", f"{path}.receive_time"),
        "purpose": id_of(asked.purpose, "purposes", f"{path}.purpose") if asked.purpose else "",
        "recipient": id_of(asked.recipient, "parties", f"{path}.recipient") if asked.recipient else "",
        "categories": categories,
    }


def request_to_proto(request: RightsRequest) -> task_pb2.RightsRequest:
    """Write a rights request."""
    return task_pb2.RightsRequest(
        name=name_of("rightsRequests", request.id),
        subject=name_of("subjects", request.subject),
        kind=f"RIGHTS_REQUEST_KIND_{request.kind.name}",
        requester=f"REQUESTER_{request.requester.name}",
        channel=request.channel,
        purpose=name_of("purposes", request.purpose or ""),
        recipient=name_of("parties", request.recipient or ""),
        categories=[name_of("categories", category) for category in request.categories],
        receive_time=time_to_proto(request.received_at),
        state=f"RIGHTS_REQUEST_STATE_{request.state.name}",
        reason=request.reason,
        due_time=time_to_proto(request.due_at),
        verify_time=time_to_proto(request.verified_at),
        decide_time=time_to_proto(request.decided_at),
        done_time=time_to_proto(request.done_at),
    )
