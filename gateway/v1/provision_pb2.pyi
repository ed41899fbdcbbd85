import datetime

from gateway.v1 import job_pb2 as _job_pb2
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

class OutputClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTPUT_CLASS_UNSPECIFIED: _ClassVar[OutputClass]
    OUTPUT_CLASS_MEMBERSHIP: _ClassVar[OutputClass]
    OUTPUT_CLASS_ATTRIBUTES: _ClassVar[OutputClass]
    OUTPUT_CLASS_STATISTICS: _ClassVar[OutputClass]
OUTPUT_CLASS_UNSPECIFIED: OutputClass
OUTPUT_CLASS_MEMBERSHIP: OutputClass
OUTPUT_CLASS_ATTRIBUTES: OutputClass
OUTPUT_CLASS_STATISTICS: OutputClass

class Provision(_message.Message):
    __slots__ = ("name", "job", "session", "agreement", "side", "operation", "handler", "recipient", "released_to", "purpose", "methods", "categories", "basis", "policy_version", "registry_version", "commitment", "subject_count", "record_count", "start_time", "judge_time", "release_time", "output_class", "minimum_cohort", "result_hash", "signed_by", "impact_assessments", "assess_time", "export_mechanisms", "keep_until_time", "replaced_count")
    NAME_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    RELEASED_TO_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_VERSION_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_COUNT_FIELD_NUMBER: _ClassVar[int]
    RECORD_COUNT_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    JUDGE_TIME_FIELD_NUMBER: _ClassVar[int]
    RELEASE_TIME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_CLASS_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_COHORT_FIELD_NUMBER: _ClassVar[int]
    RESULT_HASH_FIELD_NUMBER: _ClassVar[int]
    SIGNED_BY_FIELD_NUMBER: _ClassVar[int]
    IMPACT_ASSESSMENTS_FIELD_NUMBER: _ClassVar[int]
    ASSESS_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPORT_MECHANISMS_FIELD_NUMBER: _ClassVar[int]
    KEEP_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    REPLACED_COUNT_FIELD_NUMBER: _ClassVar[int]
    name: str
    job: str
    session: str
    agreement: str
    side: _job_pb2.Side
    operation: _job_pb2.Operation
    handler: str
    recipient: str
    released_to: _containers.RepeatedScalarFieldContainer[str]
    purpose: str
    methods: _containers.RepeatedScalarFieldContainer[str]
    categories: _containers.RepeatedScalarFieldContainer[str]
    basis: str
    policy_version: str
    registry_version: str
    commitment: bytes
    subject_count: int
    record_count: int
    start_time: _timestamp_pb2.Timestamp
    judge_time: _timestamp_pb2.Timestamp
    release_time: _timestamp_pb2.Timestamp
    output_class: OutputClass
    minimum_cohort: int
    result_hash: bytes
    signed_by: _containers.RepeatedScalarFieldContainer[str]
    impact_assessments: _containers.RepeatedScalarFieldContainer[str]
    assess_time: _timestamp_pb2.Timestamp
    export_mechanisms: _containers.RepeatedScalarFieldContainer[str]
    keep_until_time: _timestamp_pb2.Timestamp
    replaced_count: int
    def __init__(self, name: _Optional[str] = ..., job: _Optional[str] = ..., session: _Optional[str] = ..., agreement: _Optional[str] = ..., side: _Optional[_Union[_job_pb2.Side, str]] = ..., operation: _Optional[_Union[_job_pb2.Operation, str]] = ..., handler: _Optional[str] = ..., recipient: _Optional[str] = ..., released_to: _Optional[_Iterable[str]] = ..., purpose: _Optional[str] = ..., methods: _Optional[_Iterable[str]] = ..., categories: _Optional[_Iterable[str]] = ..., basis: _Optional[str] = ..., policy_version: _Optional[str] = ..., registry_version: _Optional[str] = ..., commitment: _Optional[bytes] = ..., subject_count: _Optional[int] = ..., record_count: _Optional[int] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., judge_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., release_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., output_class: _Optional[_Union[OutputClass, str]] = ..., minimum_cohort: _Optional[int] = ..., result_hash: _Optional[bytes] = ..., signed_by: _Optional[_Iterable[str]] = ..., impact_assessments: _Optional[_Iterable[str]] = ..., assess_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., export_mechanisms: _Optional[_Iterable[str]] = ..., keep_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., replaced_count: _Optional[int] = ...) -> None: ...

class ListProvisionsRequest(_message.Message):
    __slots__ = ("partner", "purpose", "since_time", "until_time", "page_size", "page_token")
    PARTNER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    partner: str
    purpose: str
    since_time: _timestamp_pb2.Timestamp
    until_time: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, partner: _Optional[str] = ..., purpose: _Optional[str] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListProvisionsResponse(_message.Message):
    __slots__ = ("provisions", "next_page_token")
    PROVISIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    provisions: _containers.RepeatedCompositeFieldContainer[Provision]
    next_page_token: str
    def __init__(self, provisions: _Optional[_Iterable[_Union[Provision, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
