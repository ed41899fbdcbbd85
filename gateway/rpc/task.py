"""TaskService: what time brings about, and rights requests."""

from __future__ import annotations

from typing import Any

from gateway.flow import deletion, ending, erasure, rights, schedule
from gateway.flow.ports import House
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.consent import subject_from_proto
from gateway.rpc.convert.field import choice, request_id, text_or_empty, time_to_proto
from gateway.rpc.convert.page import page_of, page_size, timed_place_of
from gateway.rpc.convert.task import (
    STATES,
    asked_from_proto,
    deletion_id,
    deletion_to_proto,
    request_to_proto,
    rights_request_id,
    task_to_proto,
    warning_to_proto,
)
from gateway.rpc.door import Context, unary
from gateway.v1 import task_pb2, task_pb2_grpc

_WARNINGS, _DELETIONS, _REQUESTS = "warnings", "deletions", "rightsRequests"


class TaskServicer(task_pb2_grpc.TaskServiceServicer):
    """Serves `gateway.flow.schedule`, `ending`, `deletion`, `rights` and `erasure`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def ListTasks(self, request: task_pb2.ListTasksRequest, context: Context) -> task_pb2.ListTasksResponse:
        """List all tasks."""
        rows = await schedule.list_tasks(self._house, current_caller())
        return task_pb2.ListTasksResponse(tasks=[task_to_proto(row) for row in rows])

    @unary
    async def ListWarnings(
        self, request: task_pb2.ListWarningsRequest, context: Context
    ) -> task_pb2.ListWarningsResponse:
        """List warnings by their end."""
        size = page_size(request.page_size)
        after = timed_place_of(request.page_token, _WARNINGS, 2)
        items = await ending.list_warnings(self._house, current_caller(), request.past, after, size + 1)
        page, token = page_of(
            items,
            size,
            _WARNINGS,
            lambda item: (item.ends_at.isoformat(), item.kind.value, item.item_id),
            warning_to_proto,
        )
        return task_pb2.ListWarningsResponse(warnings=page, next_page_token=token)

    @unary
    async def ListDeletions(
        self, request: task_pb2.ListDeletionsRequest, context: Context
    ) -> task_pb2.ListDeletionsResponse:
        """List deletion tasks by due time."""
        size, now = page_size(request.page_size), self._house.clock.now()
        after = timed_place_of(request.page_token, _DELETIONS)
        items = await deletion.list_deletions(self._house, current_caller(), request.done, after, size + 1)
        page, token = page_of(
            items,
            size,
            _DELETIONS,
            lambda item: (str(item.due_at), item.task_id),
            lambda item: deletion_to_proto(item, now),
        )
        return task_pb2.ListDeletionsResponse(deletions=page, next_page_token=token)

    @unary
    async def CompleteDeletion(
        self, request: task_pb2.CompleteDeletionRequest, context: Context
    ) -> task_pb2.DeletionTask:
        """Note that a deletion is done."""
        task = await deletion.complete_deletion(self._house, current_caller(), deletion_id(request.name))
        return deletion_to_proto(task, self._house.clock.now())

    @unary
    async def CreateRightsRequest(
        self, request: task_pb2.CreateRightsRequestRequest, context: Context
    ) -> task_pb2.RightsRequest:
        """Take a request in."""
        asked: dict[str, Any] = asked_from_proto(request)
        subject_type, subject = subject_from_proto(request)
        made = await rights.open_request(
            self._house, current_caller(), request_id(request.request_id), subject_type, subject, **asked
        )
        return request_to_proto(made)

    @unary
    async def ListRightsRequests(
        self, request: task_pb2.ListRightsRequestsRequest, context: Context
    ) -> task_pb2.ListRightsRequestsResponse:
        """List requests by due time."""
        size = page_size(request.page_size)
        after = timed_place_of(request.page_token, _REQUESTS)
        items = await rights.list_requests(self._house, current_caller(), request.done, after, size + 1)
        page, token = page_of(items, size, _REQUESTS, lambda item: (item.due_at.isoformat(), item.id), request_to_proto)
        return task_pb2.ListRightsRequestsResponse(rights_requests=page, next_page_token=token)

    @unary
    async def AdvanceRightsRequest(
        self, request: task_pb2.AdvanceRightsRequestRequest, context: Context
    ) -> task_pb2.RightsRequest:
        """Move a request on."""
        to = choice(request.state, STATES, "state")
        reason = text_or_empty(request.reason, "reason")
        moved = await rights.advance_request(self._house, current_caller(), rights_request_id(request.name), to, reason)
        return request_to_proto(moved)

    @unary
    async def EraseSubject(
        self, request: task_pb2.EraseSubjectRequest, context: Context
    ) -> task_pb2.EraseSubjectResponse:
        """Erase the customer of a request."""
        at, erased = await erasure.erase_person(self._house, current_caller(), rights_request_id(request.name))
        return task_pb2.EraseSubjectResponse(
            erase_time=time_to_proto(at),
            events=erased.events,
            links=erased.links,
            removals=erased.removals,
            payloads=erased.payloads,
            evidence_hold=erased.hold,
            keep_until_time=None if erased.keep_until is None else time_to_proto(erased.keep_until),
        )
