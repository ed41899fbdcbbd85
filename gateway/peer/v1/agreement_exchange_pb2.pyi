from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ProposeAgreementRequest(_message.Message):
    __slots__ = ("document", "signature")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    document: bytes
    signature: bytes
    def __init__(self, document: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class ProposeAgreementResponse(_message.Message):
    __slots__ = ("agreement_hash",)
    AGREEMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    agreement_hash: bytes
    def __init__(self, agreement_hash: _Optional[bytes] = ...) -> None: ...

class CountersignAgreementRequest(_message.Message):
    __slots__ = ("agreement_id", "agreement_hash", "signature")
    AGREEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    agreement_id: str
    agreement_hash: bytes
    signature: bytes
    def __init__(self, agreement_id: _Optional[str] = ..., agreement_hash: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class CountersignAgreementResponse(_message.Message):
    __slots__ = ("agreement_hash",)
    AGREEMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    agreement_hash: bytes
    def __init__(self, agreement_hash: _Optional[bytes] = ...) -> None: ...
