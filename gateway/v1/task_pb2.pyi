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

class EndingKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENDING_KIND_UNSPECIFIED: _ClassVar[EndingKind]
    ENDING_KIND_ASSESSMENT: _ClassVar[EndingKind]
    ENDING_KIND_AGREEMENT: _ClassVar[EndingKind]
    ENDING_KIND_CONTRACT: _ClassVar[EndingKind]
    ENDING_KIND_EXPORT_MECHANISM: _ClassVar[EndingKind]
    ENDING_KIND_OWN_CERTIFICATE: _ClassVar[EndingKind]
    ENDING_KIND_PARTNER_CERTIFICATE: _ClassVar[EndingKind]
    ENDING_KIND_DELETION: _ClassVar[EndingKind]

class DeletionCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELETION_CAUSE_UNSPECIFIED: _ClassVar[DeletionCause]
    DELETION_CAUSE_CONSENT_WITHDRAWN: _ClassVar[DeletionCause]
    DELETION_CAUSE_PURPOSE_DONE: _ClassVar[DeletionCause]
    DELETION_CAUSE_UNLAWFUL: _ClassVar[DeletionCause]
    DELETION_CAUSE_DELETION_REQUESTED: _ClassVar[DeletionCause]
    DELETION_CAUSE_ACCOUNT_CLOSED: _ClassVar[DeletionCause]
    DELETION_CAUSE_RETENTION_OVER: _ClassVar[DeletionCause]
    DELETION_CAUSE_OPTED_OUT: _ClassVar[DeletionCause]

class DeletionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELETION_STATE_UNSPECIFIED: _ClassVar[DeletionState]
    DELETION_STATE_OPEN: _ClassVar[DeletionState]
    DELETION_STATE_HELD: _ClassVar[DeletionState]
    DELETION_STATE_DONE: _ClassVar[DeletionState]

class RightsRequestKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RIGHTS_REQUEST_KIND_UNSPECIFIED: _ClassVar[RightsRequestKind]
    RIGHTS_REQUEST_KIND_ACCESS: _ClassVar[RightsRequestKind]
    RIGHTS_REQUEST_KIND_COPY: _ClassVar[RightsRequestKind]
    RIGHTS_REQUEST_KIND_TRANSFER: _ClassVar[RightsRequestKind]
    RIGHTS_REQUEST_KIND_CORRECTION: _ClassVar[RightsRequestKind]
    RIGHTS_REQUEST_KIND_DELETION: _ClassVar[RightsRequestKind]
    RIGHTS_REQUEST_KIND_RESTRICTION: _ClassVar[RightsRequestKind]
    RIGHTS_REQUEST_KIND_CLOSURE: _ClassVar[RightsRequestKind]
    RIGHTS_REQUEST_KIND_EXPLANATION: _ClassVar[RightsRequestKind]

class Requester(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REQUESTER_UNSPECIFIED: _ClassVar[Requester]
    REQUESTER_SUBJECT: _ClassVar[Requester]
    REQUESTER_GUARDIAN: _ClassVar[Requester]
    REQUESTER_RELATIVE: _ClassVar[Requester]

class RightsRequestState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RIGHTS_REQUEST_STATE_UNSPECIFIED: _ClassVar[RightsRequestState]
    RIGHTS_REQUEST_STATE_RECEIVED: _ClassVar[RightsRequestState]
    RIGHTS_REQUEST_STATE_IDENTITY_VERIFIED: _ClassVar[RightsRequestState]
    RIGHTS_REQUEST_STATE_ACCEPTED: _ClassVar[RightsRequestState]
    RIGHTS_REQUEST_STATE_REFUSED: _ClassVar[RightsRequestState]
    RIGHTS_REQUEST_STATE_DONE: _ClassVar[RightsRequestState]
ENDING_KIND_UNSPECIFIED: EndingKind
ENDING_KIND_ASSESSMENT: EndingKind
ENDING_KIND_AGREEMENT: EndingKind
ENDING_KIND_CONTRACT: EndingKind
ENDING_KIND_EXPORT_MECHANISM: EndingKind
ENDING_KIND_OWN_CERTIFICATE: EndingKind
ENDING_KIND_PARTNER_CERTIFICATE: EndingKind
ENDING_KIND_DELETION: EndingKind
DELETION_CAUSE_UNSPECIFIED: DeletionCause
DELETION_CAUSE_CONSENT_WITHDRAWN: DeletionCause
DELETION_CAUSE_PURPOSE_DONE: DeletionCause
DELETION_CAUSE_UNLAWFUL: DeletionCause
DELETION_CAUSE_DELETION_REQUESTED: DeletionCause
DELETION_CAUSE_ACCOUNT_CLOSED: DeletionCause
DELETION_CAUSE_RETENTION_OVER: DeletionCause
DELETION_CAUSE_OPTED_OUT: DeletionCause
DELETION_STATE_UNSPECIFIED: DeletionState
DELETION_STATE_OPEN: DeletionState
DELETION_STATE_HELD: DeletionState
DELETION_STATE_DONE: DeletionState
RIGHTS_REQUEST_KIND_UNSPECIFIED: RightsRequestKind
RIGHTS_REQUEST_KIND_ACCESS: RightsRequestKind
RIGHTS_REQUEST_KIND_COPY: RightsRequestKind
RIGHTS_REQUEST_KIND_TRANSFER: RightsRequestKind
RIGHTS_REQUEST_KIND_CORRECTION: RightsRequestKind
RIGHTS_REQUEST_KIND_DELETION: RightsRequestKind
RIGHTS_REQUEST_KIND_RESTRICTION: RightsRequestKind
RIGHTS_REQUEST_KIND_CLOSURE: RightsRequestKind
RIGHTS_REQUEST_KIND_EXPLANATION: RightsRequestKind
REQUESTER_UNSPECIFIED: Requester
REQUESTER_SUBJECT: Requester
REQUESTER_GUARDIAN: Requester
REQUESTER_RELATIVE: Requester
RIGHTS_REQUEST_STATE_UNSPECIFIED: RightsRequestState
RIGHTS_REQUEST_STATE_RECEIVED: RightsRequestState
RIGHTS_REQUEST_STATE_IDENTITY_VERIFIED: RightsRequestState
RIGHTS_REQUEST_STATE_ACCEPTED: RightsRequestState
RIGHTS_REQUEST_STATE_REFUSED: RightsRequestState
RIGHTS_REQUEST_STATE_DONE: RightsRequestState

class Task(_message.Message):
    __slots__ = ("name", "start_time", "end_time", "outcome", "counts", "next_time", "running_on")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_TIME_FIELD_NUMBER: _ClassVar[int]
    RUNNING_ON_FIELD_NUMBER: _ClassVar[int]
    name: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    outcome: str
    counts: _containers.ScalarMap[str, int]
    next_time: _timestamp_pb2.Timestamp
    running_on: str
    def __init__(self, name: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., outcome: _Optional[str] = ..., counts: _Optional[_Mapping[str, int]] = ..., next_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., running_on: _Optional[str] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks",)
    TASKS_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    def __init__(self, tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ...) -> None: ...

class EndWarning(_message.Message):
    __slots__ = ("kind", "item", "end_time", "days", "raise_time")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    RAISE_TIME_FIELD_NUMBER: _ClassVar[int]
    kind: EndingKind
    item: str
    end_time: _timestamp_pb2.Timestamp
    days: int
    raise_time: _timestamp_pb2.Timestamp
    def __init__(self, kind: _Optional[_Union[EndingKind, str]] = ..., item: _Optional[str] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., days: _Optional[int] = ..., raise_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListWarningsRequest(_message.Message):
    __slots__ = ("past", "page_size", "page_token")
    PAST_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    past: bool
    page_size: int
    page_token: str
    def __init__(self, past: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWarningsResponse(_message.Message):
    __slots__ = ("warnings", "next_page_token")
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    warnings: _containers.RepeatedCompositeFieldContainer[EndWarning]
    next_page_token: str
    def __init__(self, warnings: _Optional[_Iterable[_Union[EndWarning, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeletionTask(_message.Message):
    __slots__ = ("name", "subject", "cause", "event_id", "purpose", "recipient", "categories", "state", "open_time", "due_time", "hold_end_time", "done_time", "done_by", "evidence")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OPEN_TIME_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    HOLD_END_TIME_FIELD_NUMBER: _ClassVar[int]
    DONE_TIME_FIELD_NUMBER: _ClassVar[int]
    DONE_BY_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    subject: str
    cause: DeletionCause
    event_id: str
    purpose: str
    recipient: str
    categories: _containers.RepeatedScalarFieldContainer[str]
    state: DeletionState
    open_time: _timestamp_pb2.Timestamp
    due_time: _timestamp_pb2.Timestamp
    hold_end_time: _timestamp_pb2.Timestamp
    done_time: _timestamp_pb2.Timestamp
    done_by: str
    evidence: _containers.RepeatedCompositeFieldContainer[DeletionEvidence]
    def __init__(self, name: _Optional[str] = ..., subject: _Optional[str] = ..., cause: _Optional[_Union[DeletionCause, str]] = ..., event_id: _Optional[str] = ..., purpose: _Optional[str] = ..., recipient: _Optional[str] = ..., categories: _Optional[_Iterable[str]] = ..., state: _Optional[_Union[DeletionState, str]] = ..., open_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hold_end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., done_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., done_by: _Optional[str] = ..., evidence: _Optional[_Iterable[_Union[DeletionEvidence, _Mapping]]] = ...) -> None: ...

class DeletionEvidence(_message.Message):
    __slots__ = ("job", "remove_time", "notice", "acknowledge_time", "sinks")
    JOB_FIELD_NUMBER: _ClassVar[int]
    REMOVE_TIME_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGE_TIME_FIELD_NUMBER: _ClassVar[int]
    SINKS_FIELD_NUMBER: _ClassVar[int]
    job: str
    remove_time: _timestamp_pb2.Timestamp
    notice: str
    acknowledge_time: _timestamp_pb2.Timestamp
    sinks: _containers.RepeatedCompositeFieldContainer[SinkEvidence]
    def __init__(self, job: _Optional[str] = ..., remove_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., notice: _Optional[str] = ..., acknowledge_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sinks: _Optional[_Iterable[_Union[SinkEvidence, _Mapping]]] = ...) -> None: ...

class SinkEvidence(_message.Message):
    __slots__ = ("sink", "remove_time")
    SINK_FIELD_NUMBER: _ClassVar[int]
    REMOVE_TIME_FIELD_NUMBER: _ClassVar[int]
    sink: str
    remove_time: _timestamp_pb2.Timestamp
    def __init__(self, sink: _Optional[str] = ..., remove_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListDeletionsRequest(_message.Message):
    __slots__ = ("done", "page_size", "page_token")
    DONE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    done: bool
    page_size: int
    page_token: str
    def __init__(self, done: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDeletionsResponse(_message.Message):
    __slots__ = ("deletions", "next_page_token")
    DELETIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    deletions: _containers.RepeatedCompositeFieldContainer[DeletionTask]
    next_page_token: str
    def __init__(self, deletions: _Optional[_Iterable[_Union[DeletionTask, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CompleteDeletionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RightsRequest(_message.Message):
    __slots__ = ("name", "subject", "kind", "requester", "channel", "purpose", "recipient", "categories", "receive_time", "state", "reason", "due_time", "verify_time", "decide_time", "done_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    VERIFY_TIME_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    DONE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    subject: str
    kind: RightsRequestKind
    requester: Requester
    channel: str
    purpose: str
    recipient: str
    categories: _containers.RepeatedScalarFieldContainer[str]
    receive_time: _timestamp_pb2.Timestamp
    state: RightsRequestState
    reason: str
    due_time: _timestamp_pb2.Timestamp
    verify_time: _timestamp_pb2.Timestamp
    decide_time: _timestamp_pb2.Timestamp
    done_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., subject: _Optional[str] = ..., kind: _Optional[_Union[RightsRequestKind, str]] = ..., requester: _Optional[_Union[Requester, str]] = ..., channel: _Optional[str] = ..., purpose: _Optional[str] = ..., recipient: _Optional[str] = ..., categories: _Optional[_Iterable[str]] = ..., receive_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[RightsRequestState, str]] = ..., reason: _Optional[str] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., verify_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., done_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateRightsRequestRequest(_message.Message):
    __slots__ = ("request_id", "subject_type", "subject", "rights_request")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    RIGHTS_REQUEST_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    subject_type: str
    subject: str
    rights_request: RightsRequest
    def __init__(self, request_id: _Optional[str] = ..., subject_type: _Optional[str] = ..., subject: _Optional[str] = ..., rights_request: _Optional[_Union[RightsRequest, _Mapping]] = ...) -> None: ...

class ListRightsRequestsRequest(_message.Message):
    __slots__ = ("done", "page_size", "page_token")
    DONE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    done: bool
    page_size: int
    page_token: str
    def __init__(self, done: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRightsRequestsResponse(_message.Message):
    __slots__ = ("rights_requests", "next_page_token")
    RIGHTS_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rights_requests: _containers.RepeatedCompositeFieldContainer[RightsRequest]
    next_page_token: str
    def __init__(self, rights_requests: _Optional[_Iterable[_Union[RightsRequest, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AdvanceRightsRequestRequest(_message.Message):
    __slots__ = ("name", "state", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: RightsRequestState
    reason: str
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[RightsRequestState, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class EraseSubjectRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class EraseSubjectResponse(_message.Message):
    __slots__ = ("erase_time", "events", "links", "removals", "payloads", "evidence_hold", "keep_until_time")
    ERASE_TIME_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    REMOVALS_FIELD_NUMBER: _ClassVar[int]
    PAYLOADS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_HOLD_FIELD_NUMBER: _ClassVar[int]
    KEEP_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    erase_time: _timestamp_pb2.Timestamp
    events: int
    links: int
    removals: int
    payloads: int
    evidence_hold: str
    keep_until_time: _timestamp_pb2.Timestamp
    def __init__(self, erase_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., events: _Optional[int] = ..., links: _Optional[int] = ..., removals: _Optional[int] = ..., payloads: _Optional[int] = ..., evidence_hold: _Optional[str] = ..., keep_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
