import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from gateway.v1 import plan_pb2 as _plan_pb2
from gateway.v1 import report_pb2 as _report_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Operation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATION_UNSPECIFIED: _ClassVar[Operation]
    OPERATION_MATCH: _ClassVar[Operation]
    OPERATION_ENRICH: _ClassVar[Operation]
    OPERATION_AGGREGATE: _ClassVar[Operation]
    OPERATION_OVERLAP: _ClassVar[Operation]

class Side(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIDE_UNSPECIFIED: _ClassVar[Side]
    SIDE_RECEIVER: _ClassVar[Side]
    SIDE_SENDER: _ClassVar[Side]

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_QUEUED: _ClassVar[JobState]
    JOB_STATE_AUTHORIZING: _ClassVar[JobState]
    JOB_STATE_JUDGING: _ClassVar[JobState]
    JOB_STATE_EXCHANGING: _ClassVar[JobState]
    JOB_STATE_REJUDGING: _ClassVar[JobState]
    JOB_STATE_RELEASING: _ClassVar[JobState]
    JOB_STATE_CANCELLING: _ClassVar[JobState]
    JOB_STATE_SUCCEEDED: _ClassVar[JobState]
    JOB_STATE_REFUSED: _ClassVar[JobState]
    JOB_STATE_FAILED: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]

class WaitingFor(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WAITING_FOR_UNSPECIFIED: _ClassVar[WaitingFor]
    WAITING_FOR_NONE: _ClassVar[WaitingFor]
    WAITING_FOR_PEER: _ClassVar[WaitingFor]
    WAITING_FOR_APPROVAL: _ClassVar[WaitingFor]
    WAITING_FOR_DISK: _ClassVar[WaitingFor]
OPERATION_UNSPECIFIED: Operation
OPERATION_MATCH: Operation
OPERATION_ENRICH: Operation
OPERATION_AGGREGATE: Operation
OPERATION_OVERLAP: Operation
SIDE_UNSPECIFIED: Side
SIDE_RECEIVER: Side
SIDE_SENDER: Side
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_QUEUED: JobState
JOB_STATE_AUTHORIZING: JobState
JOB_STATE_JUDGING: JobState
JOB_STATE_EXCHANGING: JobState
JOB_STATE_REJUDGING: JobState
JOB_STATE_RELEASING: JobState
JOB_STATE_CANCELLING: JobState
JOB_STATE_SUCCEEDED: JobState
JOB_STATE_REFUSED: JobState
JOB_STATE_FAILED: JobState
JOB_STATE_CANCELLED: JobState
WAITING_FOR_UNSPECIFIED: WaitingFor
WAITING_FOR_NONE: WaitingFor
WAITING_FOR_PEER: WaitingFor
WAITING_FOR_APPROVAL: WaitingFor
WAITING_FOR_DISK: WaitingFor

class Job(_message.Message):
    __slots__ = ("name", "agreement", "operation", "purpose", "columns", "state", "waiting_for", "stage", "seq", "rows_done", "rows_total", "side", "partner", "session", "refusal", "failure", "report", "requested_by", "create_time", "update_time", "finish_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    ROWS_DONE_FIELD_NUMBER: _ClassVar[int]
    ROWS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    PARTNER_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    FINISH_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    agreement: str
    operation: Operation
    purpose: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    state: JobState
    waiting_for: WaitingFor
    stage: int
    seq: int
    rows_done: int
    rows_total: int
    side: Side
    partner: str
    session: str
    refusal: Refusal
    failure: Failure
    report: JobReport
    requested_by: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    finish_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., agreement: _Optional[str] = ..., operation: _Optional[_Union[Operation, str]] = ..., purpose: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., state: _Optional[_Union[JobState, str]] = ..., waiting_for: _Optional[_Union[WaitingFor, str]] = ..., stage: _Optional[int] = ..., seq: _Optional[int] = ..., rows_done: _Optional[int] = ..., rows_total: _Optional[int] = ..., side: _Optional[_Union[Side, str]] = ..., partner: _Optional[str] = ..., session: _Optional[str] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., report: _Optional[_Union[JobReport, _Mapping]] = ..., requested_by: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finish_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reason_code", "message")
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason_code: str
    message: str
    def __init__(self, reason_code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("reason", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class JobReport(_message.Message):
    __slots__ = ("counts", "facts")
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedCompositeFieldContainer[Count]
    facts: _containers.RepeatedCompositeFieldContainer[Fact]
    def __init__(self, counts: _Optional[_Iterable[_Union[Count, _Mapping]]] = ..., facts: _Optional[_Iterable[_Union[Fact, _Mapping]]] = ...) -> None: ...

class Count(_message.Message):
    __slots__ = ("group", "reason", "count", "first_rows")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROWS_FIELD_NUMBER: _ClassVar[int]
    group: str
    reason: str
    count: int
    first_rows: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, group: _Optional[str] = ..., reason: _Optional[str] = ..., count: _Optional[int] = ..., first_rows: _Optional[_Iterable[int]] = ...) -> None: ...

class Fact(_message.Message):
    __slots__ = ("name", "text")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class CreateJobRequest(_message.Message):
    __slots__ = ("job", "request_id")
    JOB_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    job: Job
    request_id: str
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class PlanJobRequest(_message.Message):
    __slots__ = ("job", "partner_rows")
    JOB_FIELD_NUMBER: _ClassVar[int]
    PARTNER_ROWS_FIELD_NUMBER: _ClassVar[int]
    job: Job
    partner_rows: int
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ..., partner_rows: _Optional[int] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs", "next_page_token")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    next_page_token: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class WatchJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ReadResultRequest(_message.Message):
    __slots__ = ("name", "control_segment")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTROL_SEGMENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    control_segment: str
    def __init__(self, name: _Optional[str] = ..., control_segment: _Optional[str] = ...) -> None: ...

class ReadResultResponse(_message.Message):
    __slots__ = ("arrow_stream",)
    ARROW_STREAM_FIELD_NUMBER: _ClassVar[int]
    arrow_stream: bytes
    def __init__(self, arrow_stream: _Optional[bytes] = ...) -> None: ...
