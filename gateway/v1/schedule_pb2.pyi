import datetime

from gateway.v1 import job_pb2 as _job_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MissedRuns(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MISSED_RUNS_UNSPECIFIED: _ClassVar[MissedRuns]
    MISSED_RUNS_RUN_ONCE: _ClassVar[MissedRuns]
    MISSED_RUNS_SKIP: _ClassVar[MissedRuns]
    MISSED_RUNS_RUN_ALL: _ClassVar[MissedRuns]

class Overlap(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OVERLAP_UNSPECIFIED: _ClassVar[Overlap]
    OVERLAP_SKIP: _ClassVar[Overlap]
    OVERLAP_QUEUE: _ClassVar[Overlap]

class ScheduleRunState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCHEDULE_RUN_STATE_UNSPECIFIED: _ClassVar[ScheduleRunState]
    SCHEDULE_RUN_STATE_WAITING: _ClassVar[ScheduleRunState]
    SCHEDULE_RUN_STATE_RUNNING: _ClassVar[ScheduleRunState]
    SCHEDULE_RUN_STATE_DELIVERING: _ClassVar[ScheduleRunState]
    SCHEDULE_RUN_STATE_SUCCEEDED: _ClassVar[ScheduleRunState]
    SCHEDULE_RUN_STATE_REFUSED: _ClassVar[ScheduleRunState]
    SCHEDULE_RUN_STATE_FAILED: _ClassVar[ScheduleRunState]
    SCHEDULE_RUN_STATE_CANCELLED: _ClassVar[ScheduleRunState]
    SCHEDULE_RUN_STATE_SKIPPED: _ClassVar[ScheduleRunState]
MISSED_RUNS_UNSPECIFIED: MissedRuns
MISSED_RUNS_RUN_ONCE: MissedRuns
MISSED_RUNS_SKIP: MissedRuns
MISSED_RUNS_RUN_ALL: MissedRuns
OVERLAP_UNSPECIFIED: Overlap
OVERLAP_SKIP: Overlap
OVERLAP_QUEUE: Overlap
SCHEDULE_RUN_STATE_UNSPECIFIED: ScheduleRunState
SCHEDULE_RUN_STATE_WAITING: ScheduleRunState
SCHEDULE_RUN_STATE_RUNNING: ScheduleRunState
SCHEDULE_RUN_STATE_DELIVERING: ScheduleRunState
SCHEDULE_RUN_STATE_SUCCEEDED: ScheduleRunState
SCHEDULE_RUN_STATE_REFUSED: ScheduleRunState
SCHEDULE_RUN_STATE_FAILED: ScheduleRunState
SCHEDULE_RUN_STATE_CANCELLED: ScheduleRunState
SCHEDULE_RUN_STATE_SKIPPED: ScheduleRunState

class SchedulePolicy(_message.Message):
    __slots__ = ("retries", "backoff", "retry_reasons", "missed_runs", "catch_up", "overlap")
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_FIELD_NUMBER: _ClassVar[int]
    RETRY_REASONS_FIELD_NUMBER: _ClassVar[int]
    MISSED_RUNS_FIELD_NUMBER: _ClassVar[int]
    CATCH_UP_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    retries: int
    backoff: _duration_pb2.Duration
    retry_reasons: _containers.RepeatedScalarFieldContainer[str]
    missed_runs: MissedRuns
    catch_up: int
    overlap: Overlap
    def __init__(self, retries: _Optional[int] = ..., backoff: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry_reasons: _Optional[_Iterable[str]] = ..., missed_runs: _Optional[_Union[MissedRuns, str]] = ..., catch_up: _Optional[int] = ..., overlap: _Optional[_Union[Overlap, str]] = ...) -> None: ...

class Schedule(_message.Message):
    __slots__ = ("name", "agreement", "operation", "purpose", "columns", "cron", "time_zone", "sink", "policy", "paused", "next_time", "created_by", "create_time", "revision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    SINK_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    NEXT_TIME_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    agreement: str
    operation: _job_pb2.Operation
    purpose: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    cron: str
    time_zone: str
    sink: str
    policy: SchedulePolicy
    paused: bool
    next_time: _timestamp_pb2.Timestamp
    created_by: str
    create_time: _timestamp_pb2.Timestamp
    revision: int
    def __init__(self, name: _Optional[str] = ..., agreement: _Optional[str] = ..., operation: _Optional[_Union[_job_pb2.Operation, str]] = ..., purpose: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., cron: _Optional[str] = ..., time_zone: _Optional[str] = ..., sink: _Optional[str] = ..., policy: _Optional[_Union[SchedulePolicy, _Mapping]] = ..., paused: _Optional[bool] = ..., next_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_by: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class CreateScheduleRequest(_message.Message):
    __slots__ = ("schedule", "request_id")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    schedule: Schedule
    request_id: str
    def __init__(self, schedule: _Optional[_Union[Schedule, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class GetScheduleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListSchedulesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSchedulesResponse(_message.Message):
    __slots__ = ("schedules", "next_page_token")
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    schedules: _containers.RepeatedCompositeFieldContainer[Schedule]
    next_page_token: str
    def __init__(self, schedules: _Optional[_Iterable[_Union[Schedule, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PauseScheduleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ResumeScheduleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteScheduleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteScheduleResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ScheduleRun(_message.Message):
    __slots__ = ("due_time", "state", "attempt", "job", "missed", "reason", "next_time", "end_time")
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    NEXT_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    due_time: _timestamp_pb2.Timestamp
    state: ScheduleRunState
    attempt: int
    job: str
    missed: int
    reason: str
    next_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[ScheduleRunState, str]] = ..., attempt: _Optional[int] = ..., job: _Optional[str] = ..., missed: _Optional[int] = ..., reason: _Optional[str] = ..., next_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListScheduleRunsRequest(_message.Message):
    __slots__ = ("name", "page_size", "page_token")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    page_size: int
    page_token: str
    def __init__(self, name: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListScheduleRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[ScheduleRun]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[ScheduleRun, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
