"""ScheduleService: jobs that run again and again."""

from __future__ import annotations

from gateway.flow.ports import House
from gateway.flow.recurring import asked
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.name import id_of
from gateway.rpc.convert.page import page_of, page_size, place_of, timed_place_of
from gateway.rpc.convert.schedule import run_to_proto, schedule_from_proto, schedule_to_proto
from gateway.rpc.door import Context, unary
from gateway.v1 import schedule_pb2, schedule_pb2_grpc

_LISTING, _RUNS = "schedules", "scheduleRuns"


class ScheduleServicer(schedule_pb2_grpc.ScheduleServiceServicer):
    """Serves `gateway.flow.recurring`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def CreateSchedule(
        self, request: schedule_pb2.CreateScheduleRequest, context: Context
    ) -> schedule_pb2.Schedule:
        """Make a schedule."""
        return schedule_to_proto(
            await asked.create_schedule(self._house, current_caller(), *schedule_from_proto(request))
        )

    @unary
    async def GetSchedule(self, request: schedule_pb2.GetScheduleRequest, context: Context) -> schedule_pb2.Schedule:
        """Return a schedule."""
        name = id_of(request.name, _LISTING)
        return schedule_to_proto(await asked.get_schedule(self._house, current_caller(), name))

    @unary
    async def ListSchedules(
        self, request: schedule_pb2.ListSchedulesRequest, context: Context
    ) -> schedule_pb2.ListSchedulesResponse:
        """List schedules by name."""
        size = page_size(request.page_size)
        place = place_of(request.page_token, _LISTING, (str,))
        after = "" if place is None else str(place[0])
        found = await asked.list_schedules(self._house, current_caller(), after, size + 1)
        page, token = page_of(found, size, _LISTING, lambda one: (one.name,), schedule_to_proto)
        return schedule_pb2.ListSchedulesResponse(schedules=page, next_page_token=token)

    @unary
    async def PauseSchedule(
        self, request: schedule_pb2.PauseScheduleRequest, context: Context
    ) -> schedule_pb2.Schedule:
        """Let nothing begin any more."""
        name = id_of(request.name, _LISTING)
        return schedule_to_proto(await asked.pause_schedule(self._house, current_caller(), name))

    @unary
    async def ResumeSchedule(
        self, request: schedule_pb2.ResumeScheduleRequest, context: Context
    ) -> schedule_pb2.Schedule:
        """Let it go on."""
        name = id_of(request.name, _LISTING)
        return schedule_to_proto(await asked.resume_schedule(self._house, current_caller(), name))

    @unary
    async def DeleteSchedule(
        self, request: schedule_pb2.DeleteScheduleRequest, context: Context
    ) -> schedule_pb2.DeleteScheduleResponse:
        """Remove a schedule."""
        await asked.delete_schedule(self._house, current_caller(), id_of(request.name, _LISTING))
        return schedule_pb2.DeleteScheduleResponse()

    @unary
    async def ListScheduleRuns(
        self, request: schedule_pb2.ListScheduleRunsRequest, context: Context
    ) -> schedule_pb2.ListScheduleRunsResponse:
        """List what became of due times."""
        size = page_size(request.page_size)
        place = timed_place_of(request.page_token, _RUNS, 0)
        after = None if place is None else place[0]
        name = id_of(request.name, _LISTING)
        found = await asked.list_runs(self._house, current_caller(), name, after, size + 1)
        page, token = page_of(found, size, _RUNS, lambda run: (run.due_at.isoformat(),), run_to_proto)
        return schedule_pb2.ListScheduleRunsResponse(runs=page, next_page_token=token)
