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

class NoticeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTICE_STATE_UNSPECIFIED: _ClassVar[NoticeState]
    NOTICE_STATE_DRAFT: _ClassVar[NoticeState]
    NOTICE_STATE_PUBLISHED: _ClassVar[NoticeState]
    NOTICE_STATE_SUPERSEDED: _ClassVar[NoticeState]
NOTICE_STATE_UNSPECIFIED: NoticeState
NOTICE_STATE_DRAFT: NoticeState
NOTICE_STATE_PUBLISHED: NoticeState
NOTICE_STATE_SUPERSEDED: NoticeState

class Notice(_message.Message):
    __slots__ = ("name", "language", "title", "text", "handler_name", "handler_contact", "purposes", "categories", "methods", "retention", "after_retention", "rights_channel", "withdrawal_channel", "closure_channel", "recipients", "necessity", "impact", "automated_effect", "publication", "change", "material_for", "effective_time", "state", "publish_time", "record_time", "automated_categories", "publication_place", "publication_period", "children", "children_rules", "guardian_text", "content_hash")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    HANDLER_NAME_FIELD_NUMBER: _ClassVar[int]
    HANDLER_CONTACT_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    RETENTION_FIELD_NUMBER: _ClassVar[int]
    AFTER_RETENTION_FIELD_NUMBER: _ClassVar[int]
    RIGHTS_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWAL_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    CLOSURE_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    RECIPIENTS_FIELD_NUMBER: _ClassVar[int]
    NECESSITY_FIELD_NUMBER: _ClassVar[int]
    IMPACT_FIELD_NUMBER: _ClassVar[int]
    AUTOMATED_EFFECT_FIELD_NUMBER: _ClassVar[int]
    PUBLICATION_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    MATERIAL_FOR_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_TIME_FIELD_NUMBER: _ClassVar[int]
    RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    AUTOMATED_CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    PUBLICATION_PLACE_FIELD_NUMBER: _ClassVar[int]
    PUBLICATION_PERIOD_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_RULES_FIELD_NUMBER: _ClassVar[int]
    GUARDIAN_TEXT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    name: str
    language: str
    title: str
    text: str
    handler_name: str
    handler_contact: str
    purposes: _containers.RepeatedScalarFieldContainer[str]
    categories: _containers.RepeatedScalarFieldContainer[str]
    methods: _containers.RepeatedScalarFieldContainer[str]
    retention: str
    after_retention: str
    rights_channel: str
    withdrawal_channel: str
    closure_channel: str
    recipients: _containers.RepeatedCompositeFieldContainer[NoticeRecipient]
    necessity: str
    impact: str
    automated_effect: str
    publication: str
    change: str
    material_for: _containers.RepeatedScalarFieldContainer[str]
    effective_time: _timestamp_pb2.Timestamp
    state: NoticeState
    publish_time: _timestamp_pb2.Timestamp
    record_time: _timestamp_pb2.Timestamp
    automated_categories: _containers.RepeatedScalarFieldContainer[str]
    publication_place: str
    publication_period: str
    children: bool
    children_rules: str
    guardian_text: str
    content_hash: str
    def __init__(self, name: _Optional[str] = ..., language: _Optional[str] = ..., title: _Optional[str] = ..., text: _Optional[str] = ..., handler_name: _Optional[str] = ..., handler_contact: _Optional[str] = ..., purposes: _Optional[_Iterable[str]] = ..., categories: _Optional[_Iterable[str]] = ..., methods: _Optional[_Iterable[str]] = ..., retention: _Optional[str] = ..., after_retention: _Optional[str] = ..., rights_channel: _Optional[str] = ..., withdrawal_channel: _Optional[str] = ..., closure_channel: _Optional[str] = ..., recipients: _Optional[_Iterable[_Union[NoticeRecipient, _Mapping]]] = ..., necessity: _Optional[str] = ..., impact: _Optional[str] = ..., automated_effect: _Optional[str] = ..., publication: _Optional[str] = ..., change: _Optional[str] = ..., material_for: _Optional[_Iterable[str]] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[NoticeState, str]] = ..., publish_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., automated_categories: _Optional[_Iterable[str]] = ..., publication_place: _Optional[str] = ..., publication_period: _Optional[str] = ..., children: _Optional[bool] = ..., children_rules: _Optional[str] = ..., guardian_text: _Optional[str] = ..., content_hash: _Optional[str] = ...) -> None: ...

class NoticeRecipient(_message.Message):
    __slots__ = ("party", "display_name", "contact", "purposes", "methods", "categories", "rights_channel", "succeeds")
    PARTY_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    RIGHTS_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDS_FIELD_NUMBER: _ClassVar[int]
    party: str
    display_name: str
    contact: str
    purposes: _containers.RepeatedScalarFieldContainer[str]
    methods: _containers.RepeatedScalarFieldContainer[str]
    categories: _containers.RepeatedScalarFieldContainer[str]
    rights_channel: str
    succeeds: str
    def __init__(self, party: _Optional[str] = ..., display_name: _Optional[str] = ..., contact: _Optional[str] = ..., purposes: _Optional[_Iterable[str]] = ..., methods: _Optional[_Iterable[str]] = ..., categories: _Optional[_Iterable[str]] = ..., rights_channel: _Optional[str] = ..., succeeds: _Optional[str] = ...) -> None: ...

class CreateNoticeRequest(_message.Message):
    __slots__ = ("notice_id", "version", "notice", "request_id")
    NOTICE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    notice_id: str
    version: int
    notice: Notice
    request_id: str
    def __init__(self, notice_id: _Optional[str] = ..., version: _Optional[int] = ..., notice: _Optional[_Union[Notice, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class PublishNoticeRequest(_message.Message):
    __slots__ = ("name", "publish_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    publish_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., publish_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetNoticeRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListNoticesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListNoticesResponse(_message.Message):
    __slots__ = ("notices", "next_page_token")
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    notices: _containers.RepeatedCompositeFieldContainer[Notice]
    next_page_token: str
    def __init__(self, notices: _Optional[_Iterable[_Union[Notice, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
