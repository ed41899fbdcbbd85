import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReadEligibleRequest(_message.Message):
    __slots__ = ("purpose", "category", "method", "recipient", "handler", "at_time")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    AT_TIME_FIELD_NUMBER: _ClassVar[int]
    purpose: str
    category: str
    method: str
    recipient: str
    handler: str
    at_time: _timestamp_pb2.Timestamp
    def __init__(self, purpose: _Optional[str] = ..., category: _Optional[str] = ..., method: _Optional[str] = ..., recipient: _Optional[str] = ..., handler: _Optional[str] = ..., at_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReadEligibleResponse(_message.Message):
    __slots__ = ("record_batch",)
    RECORD_BATCH_FIELD_NUMBER: _ClassVar[int]
    record_batch: bytes
    def __init__(self, record_batch: _Optional[bytes] = ...) -> None: ...

class ReadCoverageRequest(_message.Message):
    __slots__ = ("purpose", "category", "method", "recipient", "handler", "at_time")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    AT_TIME_FIELD_NUMBER: _ClassVar[int]
    purpose: str
    category: str
    method: str
    recipient: str
    handler: str
    at_time: _timestamp_pb2.Timestamp
    def __init__(self, purpose: _Optional[str] = ..., category: _Optional[str] = ..., method: _Optional[str] = ..., recipient: _Optional[str] = ..., handler: _Optional[str] = ..., at_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DenialCount(_message.Message):
    __slots__ = ("reason_code", "subjects", "repair")
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    REPAIR_FIELD_NUMBER: _ClassVar[int]
    reason_code: str
    subjects: int
    repair: str
    def __init__(self, reason_code: _Optional[str] = ..., subjects: _Optional[int] = ..., repair: _Optional[str] = ...) -> None: ...

class ReadCoverageResponse(_message.Message):
    __slots__ = ("category", "method", "decide_time", "subjects", "eligible", "denials", "gain", "barred")
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    ELIGIBLE_FIELD_NUMBER: _ClassVar[int]
    DENIALS_FIELD_NUMBER: _ClassVar[int]
    GAIN_FIELD_NUMBER: _ClassVar[int]
    BARRED_FIELD_NUMBER: _ClassVar[int]
    category: str
    method: str
    decide_time: _timestamp_pb2.Timestamp
    subjects: int
    eligible: int
    denials: _containers.RepeatedCompositeFieldContainer[DenialCount]
    gain: int
    barred: int
    def __init__(self, category: _Optional[str] = ..., method: _Optional[str] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., subjects: _Optional[int] = ..., eligible: _Optional[int] = ..., denials: _Optional[_Iterable[_Union[DenialCount, _Mapping]]] = ..., gain: _Optional[int] = ..., barred: _Optional[int] = ...) -> None: ...
