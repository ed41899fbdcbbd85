import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import resource_pb2 as _resource_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from gateway.v1 import job_pb2 as _job_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CheckDatasetRequest(_message.Message):
    __slots__ = ("name", "agreement")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    agreement: str
    def __init__(self, name: _Optional[str] = ..., agreement: _Optional[str] = ...) -> None: ...

class CheckDatasetResponse(_message.Message):
    __slots__ = ("rows_read", "step", "check")
    ROWS_READ_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    rows_read: int
    step: str
    check: DatasetCheck
    def __init__(self, rows_read: _Optional[int] = ..., step: _Optional[str] = ..., check: _Optional[_Union[DatasetCheck, _Mapping]] = ...) -> None: ...

class DatasetCheck(_message.Message):
    __slots__ = ("dataset", "agreement", "check_time", "parts", "rows", "subjects", "repeated_rows", "conflicting_subjects", "keys", "columns", "uses", "findings")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    CHECK_TIME_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    REPEATED_ROWS_FIELD_NUMBER: _ClassVar[int]
    CONFLICTING_SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    agreement: str
    check_time: _timestamp_pb2.Timestamp
    parts: _containers.RepeatedCompositeFieldContainer[CheckedPart]
    rows: int
    subjects: int
    repeated_rows: int
    conflicting_subjects: int
    keys: _containers.RepeatedCompositeFieldContainer[CheckedKey]
    columns: _containers.RepeatedCompositeFieldContainer[CheckedColumn]
    uses: _containers.RepeatedCompositeFieldContainer[CheckedUse]
    findings: _containers.RepeatedCompositeFieldContainer[CheckFinding]
    def __init__(self, dataset: _Optional[str] = ..., agreement: _Optional[str] = ..., check_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., parts: _Optional[_Iterable[_Union[CheckedPart, _Mapping]]] = ..., rows: _Optional[int] = ..., subjects: _Optional[int] = ..., repeated_rows: _Optional[int] = ..., conflicting_subjects: _Optional[int] = ..., keys: _Optional[_Iterable[_Union[CheckedKey, _Mapping]]] = ..., columns: _Optional[_Iterable[_Union[CheckedColumn, _Mapping]]] = ..., uses: _Optional[_Iterable[_Union[CheckedUse, _Mapping]]] = ..., findings: _Optional[_Iterable[_Union[CheckFinding, _Mapping]]] = ...) -> None: ...

class CheckedPart(_message.Message):
    __slots__ = ("name", "format", "encoding", "rows", "rejected")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    name: str
    format: str
    encoding: str
    rows: int
    rejected: _containers.RepeatedCompositeFieldContainer[_job_pb2.Count]
    def __init__(self, name: _Optional[str] = ..., format: _Optional[str] = ..., encoding: _Optional[str] = ..., rows: _Optional[int] = ..., rejected: _Optional[_Iterable[_Union[_job_pb2.Count, _Mapping]]] = ...) -> None: ...

class CheckedKey(_message.Message):
    __slots__ = ("match_key", "column", "usable", "values", "shared_values", "sharing_subjects", "forms", "faults")
    MATCH_KEY_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    USABLE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    SHARED_VALUES_FIELD_NUMBER: _ClassVar[int]
    SHARING_SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    FORMS_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    match_key: str
    column: str
    usable: int
    values: int
    shared_values: int
    sharing_subjects: int
    forms: _containers.RepeatedCompositeFieldContainer[_job_pb2.Count]
    faults: _containers.RepeatedCompositeFieldContainer[_job_pb2.Count]
    def __init__(self, match_key: _Optional[str] = ..., column: _Optional[str] = ..., usable: _Optional[int] = ..., values: _Optional[int] = ..., shared_values: _Optional[int] = ..., sharing_subjects: _Optional[int] = ..., forms: _Optional[_Iterable[_Union[_job_pb2.Count, _Mapping]]] = ..., faults: _Optional[_Iterable[_Union[_job_pb2.Count, _Mapping]]] = ...) -> None: ...

class CheckedColumn(_message.Message):
    __slots__ = ("name", "column", "empty", "faults")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    EMPTY_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    column: str
    empty: int
    faults: _containers.RepeatedCompositeFieldContainer[_job_pb2.Count]
    def __init__(self, name: _Optional[str] = ..., column: _Optional[str] = ..., empty: _Optional[int] = ..., faults: _Optional[_Iterable[_Union[_job_pb2.Count, _Mapping]]] = ...) -> None: ...

class CheckedUse(_message.Message):
    __slots__ = ("operation", "side", "purpose", "eligible", "denied")
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    ELIGIBLE_FIELD_NUMBER: _ClassVar[int]
    DENIED_FIELD_NUMBER: _ClassVar[int]
    operation: _job_pb2.Operation
    side: _job_pb2.Side
    purpose: str
    eligible: int
    denied: _containers.RepeatedCompositeFieldContainer[_job_pb2.Count]
    def __init__(self, operation: _Optional[_Union[_job_pb2.Operation, str]] = ..., side: _Optional[_Union[_job_pb2.Side, str]] = ..., purpose: _Optional[str] = ..., eligible: _Optional[int] = ..., denied: _Optional[_Iterable[_Union[_job_pb2.Count, _Mapping]]] = ...) -> None: ...

class CheckFinding(_message.Message):
    __slots__ = ("code", "text")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    code: str
    text: str
    def __init__(self, code: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...
