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

class Purpose(_message.Message):
    __slots__ = ("name", "text", "automated", "personalised_marketing", "owner", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    AUTOMATED_FIELD_NUMBER: _ClassVar[int]
    PERSONALISED_MARKETING_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    automated: bool
    personalised_marketing: bool
    owner: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., automated: _Optional[bool] = ..., personalised_marketing: _Optional[bool] = ..., owner: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Category(_message.Message):
    __slots__ = ("name", "text", "sensitive", "written", "anonymous_if_group", "base", "create_time", "derived_from")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SENSITIVE_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    ANONYMOUS_IF_GROUP_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DERIVED_FROM_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    sensitive: bool
    written: bool
    anonymous_if_group: bool
    base: str
    create_time: _timestamp_pb2.Timestamp
    derived_from: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., sensitive: _Optional[bool] = ..., written: _Optional[bool] = ..., anonymous_if_group: _Optional[bool] = ..., base: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., derived_from: _Optional[_Iterable[str]] = ...) -> None: ...

class Method(_message.Message):
    __slots__ = ("method", "publishes", "stores_only")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PUBLISHES_FIELD_NUMBER: _ClassVar[int]
    STORES_ONLY_FIELD_NUMBER: _ClassVar[int]
    method: str
    publishes: bool
    stores_only: bool
    def __init__(self, method: _Optional[str] = ..., publishes: _Optional[bool] = ..., stores_only: _Optional[bool] = ...) -> None: ...

class BasisRule(_message.Message):
    __slots__ = ("name", "version", "basis", "purpose", "recipients", "own_use", "categories", "owner", "evidence", "valid_from_time", "valid_until_time", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENTS_FIELD_NUMBER: _ClassVar[int]
    OWN_USE_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    basis: str
    purpose: str
    recipients: _containers.RepeatedScalarFieldContainer[str]
    own_use: bool
    categories: _containers.RepeatedScalarFieldContainer[str]
    owner: str
    evidence: str
    valid_from_time: _timestamp_pb2.Timestamp
    valid_until_time: _timestamp_pb2.Timestamp
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., basis: _Optional[str] = ..., purpose: _Optional[str] = ..., recipients: _Optional[_Iterable[str]] = ..., own_use: _Optional[bool] = ..., categories: _Optional[_Iterable[str]] = ..., owner: _Optional[str] = ..., evidence: _Optional[str] = ..., valid_from_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ImpactAssessment(_message.Message):
    __slots__ = ("name", "approve_time", "purposes", "recipients", "own_use", "methods", "covers_sensitive", "approver", "next_review_time", "create_time", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    APPROVE_TIME_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    RECIPIENTS_FIELD_NUMBER: _ClassVar[int]
    OWN_USE_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    COVERS_SENSITIVE_FIELD_NUMBER: _ClassVar[int]
    APPROVER_FIELD_NUMBER: _ClassVar[int]
    NEXT_REVIEW_TIME_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    approve_time: _timestamp_pb2.Timestamp
    purposes: _containers.RepeatedScalarFieldContainer[str]
    recipients: _containers.RepeatedScalarFieldContainer[str]
    own_use: bool
    methods: _containers.RepeatedScalarFieldContainer[str]
    covers_sensitive: bool
    approver: str
    next_review_time: _timestamp_pb2.Timestamp
    create_time: _timestamp_pb2.Timestamp
    version: int
    def __init__(self, name: _Optional[str] = ..., approve_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., purposes: _Optional[_Iterable[str]] = ..., recipients: _Optional[_Iterable[str]] = ..., own_use: _Optional[bool] = ..., methods: _Optional[_Iterable[str]] = ..., covers_sensitive: _Optional[bool] = ..., approver: _Optional[str] = ..., next_review_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...

class Invitation(_message.Message):
    __slots__ = ("card_file", "fingerprint")
    CARD_FILE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    card_file: bytes
    fingerprint: str
    def __init__(self, card_file: _Optional[bytes] = ..., fingerprint: _Optional[str] = ...) -> None: ...

class Partner(_message.Message):
    __slots__ = ("name", "legal_name", "contact", "country", "endpoint", "target_name", "agreement_key", "log_vkey", "pins", "fingerprint", "issue_time", "accept_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEGAL_NAME_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    TARGET_NAME_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_KEY_FIELD_NUMBER: _ClassVar[int]
    LOG_VKEY_FIELD_NUMBER: _ClassVar[int]
    PINS_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    ISSUE_TIME_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    legal_name: str
    contact: str
    country: str
    endpoint: str
    target_name: str
    agreement_key: bytes
    log_vkey: str
    pins: _containers.RepeatedScalarFieldContainer[str]
    fingerprint: str
    issue_time: _timestamp_pb2.Timestamp
    accept_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., legal_name: _Optional[str] = ..., contact: _Optional[str] = ..., country: _Optional[str] = ..., endpoint: _Optional[str] = ..., target_name: _Optional[str] = ..., agreement_key: _Optional[bytes] = ..., log_vkey: _Optional[str] = ..., pins: _Optional[_Iterable[str]] = ..., fingerprint: _Optional[str] = ..., issue_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., accept_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreatePurposeRequest(_message.Message):
    __slots__ = ("purpose", "request_id")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    purpose: Purpose
    request_id: str
    def __init__(self, purpose: _Optional[_Union[Purpose, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class CreateCategoryRequest(_message.Message):
    __slots__ = ("category", "request_id")
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    category: Category
    request_id: str
    def __init__(self, category: _Optional[_Union[Category, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class CreateImpactAssessmentRequest(_message.Message):
    __slots__ = ("impact_assessment", "request_id")
    IMPACT_ASSESSMENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    impact_assessment: ImpactAssessment
    request_id: str
    def __init__(self, impact_assessment: _Optional[_Union[ImpactAssessment, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class ListPurposesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPurposesResponse(_message.Message):
    __slots__ = ("purposes", "next_page_token")
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    purposes: _containers.RepeatedCompositeFieldContainer[Purpose]
    next_page_token: str
    def __init__(self, purposes: _Optional[_Iterable[_Union[Purpose, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListCategoriesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCategoriesResponse(_message.Message):
    __slots__ = ("categories", "next_page_token")
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    categories: _containers.RepeatedCompositeFieldContainer[Category]
    next_page_token: str
    def __init__(self, categories: _Optional[_Iterable[_Union[Category, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListImpactAssessmentsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListImpactAssessmentsResponse(_message.Message):
    __slots__ = ("impact_assessments", "next_page_token")
    IMPACT_ASSESSMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    impact_assessments: _containers.RepeatedCompositeFieldContainer[ImpactAssessment]
    next_page_token: str
    def __init__(self, impact_assessments: _Optional[_Iterable[_Union[ImpactAssessment, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetInvitationRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AcceptPartnerRequest(_message.Message):
    __slots__ = ("card_file", "fingerprint")
    CARD_FILE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    card_file: bytes
    fingerprint: str
    def __init__(self, card_file: _Optional[bytes] = ..., fingerprint: _Optional[str] = ...) -> None: ...

class ListPartnersRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPartnersResponse(_message.Message):
    __slots__ = ("partners", "next_page_token")
    PARTNERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    partners: _containers.RepeatedCompositeFieldContainer[Partner]
    next_page_token: str
    def __init__(self, partners: _Optional[_Iterable[_Union[Partner, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateBasisRuleRequest(_message.Message):
    __slots__ = ("basis_rule", "request_id")
    BASIS_RULE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    basis_rule: BasisRule
    request_id: str
    def __init__(self, basis_rule: _Optional[_Union[BasisRule, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class ListBasisRulesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListBasisRulesResponse(_message.Message):
    __slots__ = ("basis_rules", "next_page_token")
    BASIS_RULES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    basis_rules: _containers.RepeatedCompositeFieldContainer[BasisRule]
    next_page_token: str
    def __init__(self, basis_rules: _Optional[_Iterable[_Union[BasisRule, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListMethodsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListMethodsResponse(_message.Message):
    __slots__ = ("methods", "next_page_token")
    METHODS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    methods: _containers.RepeatedCompositeFieldContainer[Method]
    next_page_token: str
    def __init__(self, methods: _Optional[_Iterable[_Union[Method, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
