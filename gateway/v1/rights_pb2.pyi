import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Presence(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRESENCE_UNSPECIFIED: _ClassVar[Presence]
    PRESENCE_HELD: _ClassVar[Presence]
    PRESENCE_REMOVED: _ClassVar[Presence]
    PRESENCE_LEFT_OUT: _ClassVar[Presence]
    PRESENCE_ELIGIBLE: _ClassVar[Presence]
    PRESENCE_NOT_RELEASED: _ClassVar[Presence]
    PRESENCE_ERASED: _ClassVar[Presence]

class Timing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TIMING_UNSPECIFIED: _ClassVar[Timing]
    TIMING_AFTER: _ClassVar[Timing]
    TIMING_LATE_KNOWN: _ClassVar[Timing]
    TIMING_VIOLATION: _ClassVar[Timing]

class NoticeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTICE_KIND_UNSPECIFIED: _ClassVar[NoticeKind]
    NOTICE_KIND_TOMBSTONE: _ClassVar[NoticeKind]
    NOTICE_KIND_SUSPEND: _ClassVar[NoticeKind]
    NOTICE_KIND_RESUME: _ClassVar[NoticeKind]
    NOTICE_KIND_INCIDENT: _ClassVar[NoticeKind]

class DeadlineState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEADLINE_STATE_UNSPECIFIED: _ClassVar[DeadlineState]
    DEADLINE_STATE_DUE: _ClassVar[DeadlineState]
    DEADLINE_STATE_LATE: _ClassVar[DeadlineState]
    DEADLINE_STATE_DONE: _ClassVar[DeadlineState]
PRESENCE_UNSPECIFIED: Presence
PRESENCE_HELD: Presence
PRESENCE_REMOVED: Presence
PRESENCE_LEFT_OUT: Presence
PRESENCE_ELIGIBLE: Presence
PRESENCE_NOT_RELEASED: Presence
PRESENCE_ERASED: Presence
TIMING_UNSPECIFIED: Timing
TIMING_AFTER: Timing
TIMING_LATE_KNOWN: Timing
TIMING_VIOLATION: Timing
NOTICE_KIND_UNSPECIFIED: NoticeKind
NOTICE_KIND_TOMBSTONE: NoticeKind
NOTICE_KIND_SUSPEND: NoticeKind
NOTICE_KIND_RESUME: NoticeKind
NOTICE_KIND_INCIDENT: NoticeKind
DEADLINE_STATE_UNSPECIFIED: DeadlineState
DEADLINE_STATE_DUE: DeadlineState
DEADLINE_STATE_LATE: DeadlineState
DEADLINE_STATE_DONE: DeadlineState

class TraceSubjectRequest(_message.Message):
    __slots__ = ("subject_type", "subject", "page_size", "page_token")
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    subject_type: str
    subject: str
    page_size: int
    page_token: str
    def __init__(self, subject_type: _Optional[str] = ..., subject: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class TraceSubjectResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[RunTrace]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[RunTrace, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RunTrace(_message.Message):
    __slots__ = ("job", "session", "partner", "operation", "side", "purpose", "presence", "judge_time", "reason_code", "articles", "consent_id", "received", "removal", "notice", "left_open")
    JOB_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PARTNER_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_FIELD_NUMBER: _ClassVar[int]
    JUDGE_TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    ARTICLES_FIELD_NUMBER: _ClassVar[int]
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    REMOVAL_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    LEFT_OPEN_FIELD_NUMBER: _ClassVar[int]
    job: str
    session: str
    partner: str
    operation: str
    side: str
    purpose: str
    presence: Presence
    judge_time: _timestamp_pb2.Timestamp
    reason_code: str
    articles: _containers.RepeatedScalarFieldContainer[str]
    consent_id: str
    received: _containers.RepeatedScalarFieldContainer[str]
    removal: Removal
    notice: PartnerNotice
    left_open: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, job: _Optional[str] = ..., session: _Optional[str] = ..., partner: _Optional[str] = ..., operation: _Optional[str] = ..., side: _Optional[str] = ..., purpose: _Optional[str] = ..., presence: _Optional[_Union[Presence, str]] = ..., judge_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason_code: _Optional[str] = ..., articles: _Optional[_Iterable[str]] = ..., consent_id: _Optional[str] = ..., received: _Optional[_Iterable[str]] = ..., removal: _Optional[_Union[Removal, _Mapping]] = ..., notice: _Optional[_Union[PartnerNotice, _Mapping]] = ..., left_open: _Optional[_Iterable[str]] = ...) -> None: ...

class Removal(_message.Message):
    __slots__ = ("job", "reason_code", "timing", "happen_time", "record_time", "channel", "decide_time", "remove_time", "notice_id")
    JOB_FIELD_NUMBER: _ClassVar[int]
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    HAPPEN_TIME_FIELD_NUMBER: _ClassVar[int]
    RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    REMOVE_TIME_FIELD_NUMBER: _ClassVar[int]
    NOTICE_ID_FIELD_NUMBER: _ClassVar[int]
    job: str
    reason_code: str
    timing: Timing
    happen_time: _timestamp_pb2.Timestamp
    record_time: _timestamp_pb2.Timestamp
    channel: str
    decide_time: _timestamp_pb2.Timestamp
    remove_time: _timestamp_pb2.Timestamp
    notice_id: str
    def __init__(self, job: _Optional[str] = ..., reason_code: _Optional[str] = ..., timing: _Optional[_Union[Timing, str]] = ..., happen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., channel: _Optional[str] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., remove_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., notice_id: _Optional[str] = ...) -> None: ...

class ListRemovalsRequest(_message.Message):
    __slots__ = ("timing", "page_size", "page_token")
    TIMING_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    timing: Timing
    page_size: int
    page_token: str
    def __init__(self, timing: _Optional[_Union[Timing, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRemovalsResponse(_message.Message):
    __slots__ = ("removals", "next_page_token")
    REMOVALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    removals: _containers.RepeatedCompositeFieldContainer[Removal]
    next_page_token: str
    def __init__(self, removals: _Optional[_Iterable[_Union[Removal, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PartnerNotice(_message.Message):
    __slots__ = ("notice_id", "ours", "partner", "kind", "job", "rows", "state", "make_time", "due_time", "done_time")
    NOTICE_ID_FIELD_NUMBER: _ClassVar[int]
    OURS_FIELD_NUMBER: _ClassVar[int]
    PARTNER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MAKE_TIME_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    DONE_TIME_FIELD_NUMBER: _ClassVar[int]
    notice_id: str
    ours: bool
    partner: str
    kind: NoticeKind
    job: str
    rows: int
    state: DeadlineState
    make_time: _timestamp_pb2.Timestamp
    due_time: _timestamp_pb2.Timestamp
    done_time: _timestamp_pb2.Timestamp
    def __init__(self, notice_id: _Optional[str] = ..., ours: _Optional[bool] = ..., partner: _Optional[str] = ..., kind: _Optional[_Union[NoticeKind, str]] = ..., job: _Optional[str] = ..., rows: _Optional[int] = ..., state: _Optional[_Union[DeadlineState, str]] = ..., make_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., done_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListPartnerNoticesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPartnerNoticesResponse(_message.Message):
    __slots__ = ("notices", "next_page_token")
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    notices: _containers.RepeatedCompositeFieldContainer[PartnerNotice]
    next_page_token: str
    def __init__(self, notices: _Optional[_Iterable[_Union[PartnerNotice, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class NotifyPartnerRequest(_message.Message):
    __slots__ = ("job", "kind", "request_id")
    JOB_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    job: str
    kind: NoticeKind
    request_id: str
    def __init__(self, job: _Optional[str] = ..., kind: _Optional[_Union[NoticeKind, str]] = ..., request_id: _Optional[str] = ...) -> None: ...

class ReadAffectedRequest(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, jobs: _Optional[_Iterable[str]] = ...) -> None: ...

class ReadAffectedResponse(_message.Message):
    __slots__ = ("arrow_stream",)
    ARROW_STREAM_FIELD_NUMBER: _ClassVar[int]
    arrow_stream: bytes
    def __init__(self, arrow_stream: _Optional[bytes] = ...) -> None: ...
