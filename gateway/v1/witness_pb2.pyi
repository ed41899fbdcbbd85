import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetReceiptRequest(_message.Message):
    __slots__ = ("index", "type", "key")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    index: int
    type: str
    key: str
    def __init__(self, index: _Optional[int] = ..., type: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("index", "tree_size", "content", "final", "witnesses")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    WITNESSES_FIELD_NUMBER: _ClassVar[int]
    index: int
    tree_size: int
    content: bytes
    final: bool
    witnesses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, index: _Optional[int] = ..., tree_size: _Optional[int] = ..., content: _Optional[bytes] = ..., final: _Optional[bool] = ..., witnesses: _Optional[_Iterable[str]] = ...) -> None: ...

class GetWitnessesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Witnesses(_message.Message):
    __slots__ = ("witnesses", "logs", "forks")
    WITNESSES_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    FORKS_FIELD_NUMBER: _ClassVar[int]
    witnesses: _containers.RepeatedCompositeFieldContainer[Witness]
    logs: _containers.RepeatedCompositeFieldContainer[WitnessedLog]
    forks: _containers.RepeatedCompositeFieldContainer[LogFork]
    def __init__(self, witnesses: _Optional[_Iterable[_Union[Witness, _Mapping]]] = ..., logs: _Optional[_Iterable[_Union[WitnessedLog, _Mapping]]] = ..., forks: _Optional[_Iterable[_Union[LogFork, _Mapping]]] = ...) -> None: ...

class Witness(_message.Message):
    __slots__ = ("party", "vkey", "tree_size", "cosign_time")
    PARTY_FIELD_NUMBER: _ClassVar[int]
    VKEY_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    COSIGN_TIME_FIELD_NUMBER: _ClassVar[int]
    party: str
    vkey: str
    tree_size: int
    cosign_time: _timestamp_pb2.Timestamp
    def __init__(self, party: _Optional[str] = ..., vkey: _Optional[str] = ..., tree_size: _Optional[int] = ..., cosign_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WitnessedLog(_message.Message):
    __slots__ = ("party", "origin", "tree_size", "note", "cosign_time")
    PARTY_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    COSIGN_TIME_FIELD_NUMBER: _ClassVar[int]
    party: str
    origin: str
    tree_size: int
    note: str
    cosign_time: _timestamp_pb2.Timestamp
    def __init__(self, party: _Optional[str] = ..., origin: _Optional[str] = ..., tree_size: _Optional[int] = ..., note: _Optional[str] = ..., cosign_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LogFork(_message.Message):
    __slots__ = ("party", "origin", "held_note", "shown_note", "reason", "find_time")
    PARTY_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    HELD_NOTE_FIELD_NUMBER: _ClassVar[int]
    SHOWN_NOTE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIND_TIME_FIELD_NUMBER: _ClassVar[int]
    party: str
    origin: str
    held_note: str
    shown_note: str
    reason: str
    find_time: _timestamp_pb2.Timestamp
    def __init__(self, party: _Optional[str] = ..., origin: _Optional[str] = ..., held_note: _Optional[str] = ..., shown_note: _Optional[str] = ..., reason: _Optional[str] = ..., find_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetLogPolicyRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LogPolicy(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    def __init__(self, content: _Optional[bytes] = ...) -> None: ...
