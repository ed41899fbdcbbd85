"""RightsService: what became of people in released runs."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.flow import affected
from gateway.flow import trace as flow
from gateway.flow.ports import House
from gateway.rpc.auth import current_caller
from gateway.rpc.convert import rights as convert
from gateway.rpc.convert.consent import subject_from_proto
from gateway.rpc.convert.field import request_id
from gateway.rpc.convert.name import id_of
from gateway.rpc.convert.page import page_of, page_size, timed_place_of
from gateway.rpc.convert.result import arrow_pieces
from gateway.rpc.door import Context, closing, stream, unary
from gateway.v1 import rights_pb2, rights_pb2_grpc


class RightsServicer(rights_pb2_grpc.RightsServiceServicer):
    """Serves `gateway.flow.trace` and `gateway.flow.affected`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def TraceSubject(
        self, request: rights_pb2.TraceSubjectRequest, context: Context
    ) -> rights_pb2.TraceSubjectResponse:
        """Say what runs did with a customer."""
        caller, now = current_caller(), self._house.clock.now()
        subject_type, subject = subject_from_proto(request)
        size = page_size(request.page_size)
        after = timed_place_of(request.page_token, "runs")
        traces = await flow.trace_subject(self._house, caller, subject_type, subject, after, size + 1)
        page, token = page_of(
            traces,
            size,
            "runs",
            lambda trace: (trace.job.created_at.isoformat(), trace.job.job_id),
            lambda trace: convert.trace_to_proto(trace, now),
        )
        return rights_pb2.TraceSubjectResponse(runs=page, next_page_token=token)

    @unary
    async def ListRemovals(
        self, request: rights_pb2.ListRemovalsRequest, context: Context
    ) -> rights_pb2.ListRemovalsResponse:
        """List what was taken out."""
        caller, size = current_caller(), page_size(request.page_size)
        timing = convert.timing_from_proto(request)
        after = timed_place_of(request.page_token, "removals", 2)
        found = await flow.list_removals(self._house, caller, timing, after, size + 1)
        page, token = page_of(
            found,
            size,
            "removals",
            lambda removal: (removal.decided_at.isoformat(), removal.job_id, removal.subject_ref),
            convert.removal_to_proto,
        )
        return rights_pb2.ListRemovalsResponse(removals=page, next_page_token=token)

    @unary
    async def ListPartnerNotices(
        self, request: rights_pb2.ListPartnerNoticesRequest, context: Context
    ) -> rights_pb2.ListPartnerNoticesResponse:
        """List notices with their deadlines."""
        caller, size, now = current_caller(), page_size(request.page_size), self._house.clock.now()
        after = timed_place_of(request.page_token, "notices")
        found = await flow.list_partner_notices(self._house, caller, after, size + 1)
        page, token = page_of(
            found,
            size,
            "notices",
            lambda notice: (notice.made_at.isoformat(), notice.notice_id),
            lambda notice: convert.notice_to_proto(notice, now),
        )
        return rights_pb2.ListPartnerNoticesResponse(notices=page, next_page_token=token)

    @unary
    async def NotifyPartner(
        self, request: rights_pb2.NotifyPartnerRequest, context: Context
    ) -> rights_pb2.PartnerNotice:
        """Tell a partner something about a run."""
        caller = current_caller()
        job_id, kind = id_of(request.job, "jobs", "job"), convert.kind_from_proto(request)
        notice_id = request_id(request.request_id)
        told = await flow.notify_partner(self._house, caller, job_id, kind, notice_id)
        return convert.notice_to_proto(told, self._house.clock.now())

    @stream
    async def ReadAffected(
        self, request: rights_pb2.ReadAffectedRequest, context: Context
    ) -> AsyncIterator[rights_pb2.ReadAffectedResponse]:
        """Stream who was in runs."""
        jobs = convert.jobs_from_proto(request)
        async with closing(affected.read_affected(self._house, current_caller(), jobs)) as batches:
            async for piece in arrow_pieces(batches, affected.AFFECTED_SCHEMA):
                yield rights_pb2.ReadAffectedResponse(arrow_stream=piece)
