import datetime

from gateway.v1 import consent_pb2 as _consent_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LinkOptions(_message.Message):
    __slots__ = ("source", "subject_type")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    source: str
    subject_type: str
    def __init__(self, source: _Optional[str] = ..., subject_type: _Optional[str] = ...) -> None: ...

class LinkRow(_message.Message):
    __slots__ = ("row", "id", "subject")
    ROW_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    row: int
    id: str
    subject: str
    def __init__(self, row: _Optional[int] = ..., id: _Optional[str] = ..., subject: _Optional[str] = ...) -> None: ...

class LinkBatch(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[LinkRow]
    def __init__(self, rows: _Optional[_Iterable[_Union[LinkRow, _Mapping]]] = ...) -> None: ...

class ImportLinksRequest(_message.Message):
    __slots__ = ("options", "batch")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    options: LinkOptions
    batch: LinkBatch
    def __init__(self, options: _Optional[_Union[LinkOptions, _Mapping]] = ..., batch: _Optional[_Union[LinkBatch, _Mapping]] = ...) -> None: ...

class ImportLinksResponse(_message.Message):
    __slots__ = ("version", "linked", "moved", "known", "rejected_count", "rejected")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LINKED_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    REJECTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    version: int
    linked: int
    moved: int
    known: int
    rejected_count: int
    rejected: _containers.RepeatedCompositeFieldContainer[_consent_pb2.RowError]
    def __init__(self, version: _Optional[int] = ..., linked: _Optional[int] = ..., moved: _Optional[int] = ..., known: _Optional[int] = ..., rejected_count: _Optional[int] = ..., rejected: _Optional[_Iterable[_Union[_consent_pb2.RowError, _Mapping]]] = ...) -> None: ...

class IdentityLink(_message.Message):
    __slots__ = ("source", "link_ref", "subject_ref", "version", "ended_version", "link_time")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LINK_REF_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_REF_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ENDED_VERSION_FIELD_NUMBER: _ClassVar[int]
    LINK_TIME_FIELD_NUMBER: _ClassVar[int]
    source: str
    link_ref: str
    subject_ref: str
    version: int
    ended_version: int
    link_time: _timestamp_pb2.Timestamp
    def __init__(self, source: _Optional[str] = ..., link_ref: _Optional[str] = ..., subject_ref: _Optional[str] = ..., version: _Optional[int] = ..., ended_version: _Optional[int] = ..., link_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListLinksRequest(_message.Message):
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

class ListLinksResponse(_message.Message):
    __slots__ = ("links", "next_page_token")
    LINKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    links: _containers.RepeatedCompositeFieldContainer[IdentityLink]
    next_page_token: str
    def __init__(self, links: _Optional[_Iterable[_Union[IdentityLink, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UnlinkIdRequest(_message.Message):
    __slots__ = ("source", "id")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    source: str
    id: str
    def __init__(self, source: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class UnlinkIdResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: int
    def __init__(self, version: _Optional[int] = ...) -> None: ...
