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

class AgreementState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AGREEMENT_STATE_UNSPECIFIED: _ClassVar[AgreementState]
    AGREEMENT_STATE_PROPOSED: _ClassVar[AgreementState]
    AGREEMENT_STATE_IN_FORCE: _ClassVar[AgreementState]

class ColumnType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COLUMN_TYPE_UNSPECIFIED: _ClassVar[ColumnType]
    COLUMN_TYPE_NUMBER: _ClassVar[ColumnType]
    COLUMN_TYPE_BAND: _ClassVar[ColumnType]
    COLUMN_TYPE_CATEGORY: _ClassVar[ColumnType]
AGREEMENT_STATE_UNSPECIFIED: AgreementState
AGREEMENT_STATE_PROPOSED: AgreementState
AGREEMENT_STATE_IN_FORCE: AgreementState
COLUMN_TYPE_UNSPECIFIED: ColumnType
COLUMN_TYPE_NUMBER: ColumnType
COLUMN_TYPE_BAND: ColumnType
COLUMN_TYPE_CATEGORY: ColumnType

class Agreement(_message.Message):
    __slots__ = ("name", "hash", "state", "document", "signatures", "parties", "purposes", "directions", "columns", "valid_from_time", "valid_until_time", "sandbox")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    PARTIES_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    DIRECTIONS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    SANDBOX_FIELD_NUMBER: _ClassVar[int]
    name: str
    hash: bytes
    state: AgreementState
    document: bytes
    signatures: _containers.RepeatedCompositeFieldContainer[AgreementSignature]
    parties: _containers.RepeatedScalarFieldContainer[str]
    purposes: _containers.RepeatedScalarFieldContainer[str]
    directions: _containers.RepeatedCompositeFieldContainer[AgreementDirection]
    columns: _containers.RepeatedCompositeFieldContainer[AgreementColumn]
    valid_from_time: _timestamp_pb2.Timestamp
    valid_until_time: _timestamp_pb2.Timestamp
    sandbox: bool
    def __init__(self, name: _Optional[str] = ..., hash: _Optional[bytes] = ..., state: _Optional[_Union[AgreementState, str]] = ..., document: _Optional[bytes] = ..., signatures: _Optional[_Iterable[_Union[AgreementSignature, _Mapping]]] = ..., parties: _Optional[_Iterable[str]] = ..., purposes: _Optional[_Iterable[str]] = ..., directions: _Optional[_Iterable[_Union[AgreementDirection, _Mapping]]] = ..., columns: _Optional[_Iterable[_Union[AgreementColumn, _Mapping]]] = ..., valid_from_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sandbox: _Optional[bool] = ...) -> None: ...

class AgreementSignature(_message.Message):
    __slots__ = ("party", "signature")
    PARTY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    party: str
    signature: bytes
    def __init__(self, party: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class AgreementDirection(_message.Message):
    __slots__ = ("operation", "receiver", "sender", "columns")
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    operation: _job_pb2.Operation
    receiver: str
    sender: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, operation: _Optional[_Union[_job_pb2.Operation, str]] = ..., receiver: _Optional[str] = ..., sender: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ...) -> None: ...

class AgreementColumn(_message.Message):
    __slots__ = ("name", "category", "type", "scale")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    name: str
    category: str
    type: ColumnType
    scale: int
    def __init__(self, name: _Optional[str] = ..., category: _Optional[str] = ..., type: _Optional[_Union[ColumnType, str]] = ..., scale: _Optional[int] = ...) -> None: ...

class AgreementBinding(_message.Message):
    __slots__ = ("name", "dataset", "subject_column", "subject_type", "match_key_columns", "value_columns")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_COLUMN_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    MATCH_KEY_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    VALUE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    name: str
    dataset: str
    subject_column: str
    subject_type: str
    match_key_columns: _containers.RepeatedCompositeFieldContainer[MatchKeyColumn]
    value_columns: _containers.RepeatedCompositeFieldContainer[ValueColumn]
    def __init__(self, name: _Optional[str] = ..., dataset: _Optional[str] = ..., subject_column: _Optional[str] = ..., subject_type: _Optional[str] = ..., match_key_columns: _Optional[_Iterable[_Union[MatchKeyColumn, _Mapping]]] = ..., value_columns: _Optional[_Iterable[_Union[ValueColumn, _Mapping]]] = ...) -> None: ...

class MatchKeyColumn(_message.Message):
    __slots__ = ("match_key", "column")
    MATCH_KEY_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    match_key: str
    column: str
    def __init__(self, match_key: _Optional[str] = ..., column: _Optional[str] = ...) -> None: ...

class ValueColumn(_message.Message):
    __slots__ = ("agreed_column", "column")
    AGREED_COLUMN_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    agreed_column: str
    column: str
    def __init__(self, agreed_column: _Optional[str] = ..., column: _Optional[str] = ...) -> None: ...

class ProposeAgreementRequest(_message.Message):
    __slots__ = ("document", "request_id")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    document: bytes
    request_id: str
    def __init__(self, document: _Optional[bytes] = ..., request_id: _Optional[str] = ...) -> None: ...

class AcceptAgreementRequest(_message.Message):
    __slots__ = ("name", "expected_hash")
    NAME_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_HASH_FIELD_NUMBER: _ClassVar[int]
    name: str
    expected_hash: bytes
    def __init__(self, name: _Optional[str] = ..., expected_hash: _Optional[bytes] = ...) -> None: ...

class BindAgreementRequest(_message.Message):
    __slots__ = ("binding",)
    BINDING_FIELD_NUMBER: _ClassVar[int]
    binding: AgreementBinding
    def __init__(self, binding: _Optional[_Union[AgreementBinding, _Mapping]] = ...) -> None: ...

class GetAgreementRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListAgreementsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAgreementsResponse(_message.Message):
    __slots__ = ("agreements", "next_page_token")
    AGREEMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    agreements: _containers.RepeatedCompositeFieldContainer[Agreement]
    next_page_token: str
    def __init__(self, agreements: _Optional[_Iterable[_Union[Agreement, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
