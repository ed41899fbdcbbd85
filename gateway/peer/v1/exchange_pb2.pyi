from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OpenSessionRequest(_message.Message):
    __slots__ = ("agreement_id", "agreement_hash", "operation", "suite", "match_keys", "purpose", "columns", "declared_rows", "capabilities", "receiver_nonce")
    AGREEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    SUITE_FIELD_NUMBER: _ClassVar[int]
    MATCH_KEYS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    DECLARED_ROWS_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_NONCE_FIELD_NUMBER: _ClassVar[int]
    agreement_id: str
    agreement_hash: bytes
    operation: str
    suite: str
    match_keys: _containers.RepeatedScalarFieldContainer[str]
    purpose: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    declared_rows: int
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    receiver_nonce: bytes
    def __init__(self, agreement_id: _Optional[str] = ..., agreement_hash: _Optional[bytes] = ..., operation: _Optional[str] = ..., suite: _Optional[str] = ..., match_keys: _Optional[_Iterable[str]] = ..., purpose: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., declared_rows: _Optional[int] = ..., capabilities: _Optional[_Iterable[str]] = ..., receiver_nonce: _Optional[bytes] = ...) -> None: ...

class OpenSessionResponse(_message.Message):
    __slots__ = ("accepted", "refusal")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    accepted: Acceptance
    refusal: Refusal
    def __init__(self, accepted: _Optional[_Union[Acceptance, _Mapping]] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class Acceptance(_message.Message):
    __slots__ = ("session_id", "sender_nonce", "record", "signature")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_NONCE_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    sender_nonce: bytes
    record: bytes
    signature: bytes
    def __init__(self, session_id: _Optional[bytes] = ..., sender_nonce: _Optional[bytes] = ..., record: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reason_code", "message")
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason_code: str
    message: str
    def __init__(self, reason_code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class PushRequest(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: Chunk
    def __init__(self, chunk: _Optional[_Union[Chunk, _Mapping]] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("session_id", "stage", "seq", "sha256", "bytes")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    stage: int
    seq: int
    sha256: bytes
    bytes: bytes
    def __init__(self, session_id: _Optional[bytes] = ..., stage: _Optional[int] = ..., seq: _Optional[int] = ..., sha256: _Optional[bytes] = ..., bytes: _Optional[bytes] = ...) -> None: ...

class PushResponse(_message.Message):
    __slots__ = ("last_seq",)
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    last_seq: int
    def __init__(self, last_seq: _Optional[int] = ...) -> None: ...

class PullRequest(_message.Message):
    __slots__ = ("session_id", "stage", "from_seq")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FROM_SEQ_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    stage: int
    from_seq: int
    def __init__(self, session_id: _Optional[bytes] = ..., stage: _Optional[int] = ..., from_seq: _Optional[int] = ...) -> None: ...

class PullResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: Chunk
    def __init__(self, chunk: _Optional[_Union[Chunk, _Mapping]] = ...) -> None: ...

class GetSessionRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    def __init__(self, session_id: _Optional[bytes] = ...) -> None: ...

class GetSessionResponse(_message.Message):
    __slots__ = ("state", "stages", "failure_reason", "failure_message")
    STATE_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
    FAILURE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    state: str
    stages: _containers.RepeatedCompositeFieldContainer[StageStatus]
    failure_reason: str
    failure_message: str
    def __init__(self, state: _Optional[str] = ..., stages: _Optional[_Iterable[_Union[StageStatus, _Mapping]]] = ..., failure_reason: _Optional[str] = ..., failure_message: _Optional[str] = ...) -> None: ...

class StageStatus(_message.Message):
    __slots__ = ("stage", "last_seq", "rows", "complete")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    stage: int
    last_seq: int
    rows: int
    complete: bool
    def __init__(self, stage: _Optional[int] = ..., last_seq: _Optional[int] = ..., rows: _Optional[int] = ..., complete: _Optional[bool] = ...) -> None: ...

class CloseSessionRequest(_message.Message):
    __slots__ = ("session_id", "half", "record", "signature")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    HALF_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    half: bytes
    record: bytes
    signature: bytes
    def __init__(self, session_id: _Optional[bytes] = ..., half: _Optional[bytes] = ..., record: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class CloseSessionResponse(_message.Message):
    __slots__ = ("record", "signature")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    record: bytes
    signature: bytes
    def __init__(self, record: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class AbortSessionRequest(_message.Message):
    __slots__ = ("session_id", "reason")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    reason: str
    def __init__(self, session_id: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class AbortSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
