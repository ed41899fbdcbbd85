"""JobService: create, look, watch, cancel, read the result."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.flow import job as flow
from gateway.flow.ports import House
from gateway.flow.preflight.plan import plan_job
from gateway.flow.report import job_report
from gateway.route.job import Job
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.job import control_segment_from_proto, job_request_from_proto, job_to_proto
from gateway.rpc.convert.name import id_of
from gateway.rpc.convert.page import Place, page_of, page_size, timed_place_of
from gateway.rpc.convert.plan import plan_request_from_proto, plan_to_proto
from gateway.rpc.convert.report import report_to_proto
from gateway.rpc.convert.result import arrow_pieces
from gateway.rpc.door import Context, closing, stream, unary
from gateway.v1 import job_pb2, job_pb2_grpc, plan_pb2, report_pb2

_LISTING = "jobs"


class JobServicer(job_pb2_grpc.JobServiceServicer):
    """Serves `gateway.flow.job`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def CreateJob(self, request: job_pb2.CreateJobRequest, context: Context) -> job_pb2.Job:
        """Queue a job."""
        caller = current_caller()
        asked = job_request_from_proto(request, caller.subject)
        return job_to_proto(await flow.create_job(self._house, caller, asked))

    @unary
    async def GetJob(self, request: job_pb2.GetJobRequest, context: Context) -> job_pb2.Job:
        """Return a job."""
        return job_to_proto(await flow.get_job(self._house, current_caller(), id_of(request.name, "jobs")))

    @unary
    async def ListJobs(self, request: job_pb2.ListJobsRequest, context: Context) -> job_pb2.ListJobsResponse:
        """List jobs, newest first."""
        size = page_size(request.page_size)
        after = timed_place_of(request.page_token, _LISTING)
        jobs = await flow.list_jobs(self._house, current_caller(), after, size + 1)
        page, token = page_of(jobs, size, _LISTING, _place, job_to_proto)
        return job_pb2.ListJobsResponse(jobs=page, next_page_token=token)

    @unary
    async def CancelJob(self, request: job_pb2.CancelJobRequest, context: Context) -> job_pb2.Job:
        """Ask for a job's end."""
        return job_to_proto(await flow.cancel_job(self._house, current_caller(), id_of(request.name, "jobs")))

    @unary
    async def PlanJob(self, request: job_pb2.PlanJobRequest, context: Context) -> plan_pb2.JobPlan:
        """Say whether a job would run, and what it would take."""
        caller = current_caller()
        asked, partner_rows = plan_request_from_proto(request, caller.subject)
        return plan_to_proto(await plan_job(self._house, caller, asked, partner_rows))

    @unary
    async def GetJobReport(self, request: report_pb2.GetJobReportRequest, context: Context) -> report_pb2.MatchReport:
        """Return what became of our customers in a job."""
        found = await job_report(self._house, current_caller(), id_of(request.name, "jobs"))
        return report_to_proto(found)

    @stream
    async def WatchJob(self, request: job_pb2.WatchJobRequest, context: Context) -> AsyncIterator[job_pb2.Job]:
        """Stream a job's changes until it has ended."""
        job_id = id_of(request.name, "jobs")
        async with closing(flow.watch_job(self._house, current_caller(), job_id)) as jobs:
            async for job in jobs:
                yield job_to_proto(job)

    @stream
    async def ReadResult(
        self, request: job_pb2.ReadResultRequest, context: Context
    ) -> AsyncIterator[job_pb2.ReadResultResponse]:
        """Stream the result as Arrow."""
        job_id, caller = id_of(request.name, "jobs"), current_caller()
        control = control_segment_from_proto(request)
        # A result without rows is a schema only, hence it is asked for first.
        schema = await flow.result_schema(self._house, caller, job_id)
        async with closing(flow.read_result(self._house, caller, job_id, control)) as batches:
            async for piece in arrow_pieces(batches, schema):
                yield job_pb2.ReadResultResponse(arrow_stream=piece)


def _place(job: Job) -> Place:
    return job.created_at.isoformat(), job.job_id
