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

class GetJobReportRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class MatchReport(_message.Message):
    __slots__ = ("job", "previous_job", "previous_time", "lines")
    JOB_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_JOB_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_TIME_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    job: str
    previous_job: str
    previous_time: _timestamp_pb2.Timestamp
    lines: _containers.RepeatedCompositeFieldContainer[ReportLine]
    def __init__(self, job: _Optional[str] = ..., previous_job: _Optional[str] = ..., previous_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[ReportLine, _Mapping]]] = ...) -> None: ...

class ReportLine(_message.Message):
    __slots__ = ("section", "item", "count", "of", "before", "before_of", "first_rows")
    SECTION_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_OF_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROWS_FIELD_NUMBER: _ClassVar[int]
    section: str
    item: str
    count: int
    of: int
    before: int
    before_of: int
    first_rows: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, section: _Optional[str] = ..., item: _Optional[str] = ..., count: _Optional[int] = ..., of: _Optional[int] = ..., before: _Optional[int] = ..., before_of: _Optional[int] = ..., first_rows: _Optional[_Iterable[int]] = ...) -> None: ...
