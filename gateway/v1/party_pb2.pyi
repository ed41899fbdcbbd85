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

class PartyRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PARTY_ROLE_UNSPECIFIED: _ClassVar[PartyRole]
    PARTY_ROLE_HANDLER: _ClassVar[PartyRole]
    PARTY_ROLE_JOINT: _ClassVar[PartyRole]
    PARTY_ROLE_ENTRUSTED: _ClassVar[PartyRole]
    PARTY_ROLE_FOREIGN_AUTHORITY: _ClassVar[PartyRole]

class ContractType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTRACT_TYPE_UNSPECIFIED: _ClassVar[ContractType]
    CONTRACT_TYPE_PROVISION: _ClassVar[ContractType]
    CONTRACT_TYPE_ENTRUSTMENT: _ClassVar[ContractType]
    CONTRACT_TYPE_JOINT: _ClassVar[ContractType]

class PartyEventType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PARTY_EVENT_TYPE_UNSPECIFIED: _ClassVar[PartyEventType]
    PARTY_EVENT_TYPE_SUSPENDED: _ClassVar[PartyEventType]
    PARTY_EVENT_TYPE_REINSTATED: _ClassVar[PartyEventType]
    PARTY_EVENT_TYPE_SUCCEEDED: _ClassVar[PartyEventType]
    PARTY_EVENT_TYPE_SCOPE_CHANGED: _ClassVar[PartyEventType]
    PARTY_EVENT_TYPE_AUTHORITY_APPROVAL: _ClassVar[PartyEventType]
    PARTY_EVENT_TYPE_INSPECTED: _ClassVar[PartyEventType]
    PARTY_EVENT_TYPE_DELETION_CERTIFIED: _ClassVar[PartyEventType]

class ExportMechanismType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPORT_MECHANISM_TYPE_UNSPECIFIED: _ClassVar[ExportMechanismType]
    EXPORT_MECHANISM_TYPE_STANDARD_CONTRACT: _ClassVar[ExportMechanismType]
    EXPORT_MECHANISM_TYPE_CERTIFICATION: _ClassVar[ExportMechanismType]
    EXPORT_MECHANISM_TYPE_SECURITY_ASSESSMENT: _ClassVar[ExportMechanismType]
    EXPORT_MECHANISM_TYPE_EXEMPT_SMALL_VOLUME: _ClassVar[ExportMechanismType]
PARTY_ROLE_UNSPECIFIED: PartyRole
PARTY_ROLE_HANDLER: PartyRole
PARTY_ROLE_JOINT: PartyRole
PARTY_ROLE_ENTRUSTED: PartyRole
PARTY_ROLE_FOREIGN_AUTHORITY: PartyRole
CONTRACT_TYPE_UNSPECIFIED: ContractType
CONTRACT_TYPE_PROVISION: ContractType
CONTRACT_TYPE_ENTRUSTMENT: ContractType
CONTRACT_TYPE_JOINT: ContractType
PARTY_EVENT_TYPE_UNSPECIFIED: PartyEventType
PARTY_EVENT_TYPE_SUSPENDED: PartyEventType
PARTY_EVENT_TYPE_REINSTATED: PartyEventType
PARTY_EVENT_TYPE_SUCCEEDED: PartyEventType
PARTY_EVENT_TYPE_SCOPE_CHANGED: PartyEventType
PARTY_EVENT_TYPE_AUTHORITY_APPROVAL: PartyEventType
PARTY_EVENT_TYPE_INSPECTED: PartyEventType
PARTY_EVENT_TYPE_DELETION_CERTIFIED: PartyEventType
EXPORT_MECHANISM_TYPE_UNSPECIFIED: ExportMechanismType
EXPORT_MECHANISM_TYPE_STANDARD_CONTRACT: ExportMechanismType
EXPORT_MECHANISM_TYPE_CERTIFICATION: ExportMechanismType
EXPORT_MECHANISM_TYPE_SECURITY_ASSESSMENT: ExportMechanismType
EXPORT_MECHANISM_TYPE_EXEMPT_SMALL_VOLUME: ExportMechanismType

class PartyContract(_message.Message):
    __slots__ = ("contract_id", "type", "valid_from_time", "valid_until_time", "purposes", "methods", "categories", "security_duties", "supervision", "return_or_deletion", "rights_routing", "incident_duties")
    CONTRACT_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    SECURITY_DUTIES_FIELD_NUMBER: _ClassVar[int]
    SUPERVISION_FIELD_NUMBER: _ClassVar[int]
    RETURN_OR_DELETION_FIELD_NUMBER: _ClassVar[int]
    RIGHTS_ROUTING_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_DUTIES_FIELD_NUMBER: _ClassVar[int]
    contract_id: str
    type: ContractType
    valid_from_time: _timestamp_pb2.Timestamp
    valid_until_time: _timestamp_pb2.Timestamp
    purposes: _containers.RepeatedScalarFieldContainer[str]
    methods: _containers.RepeatedScalarFieldContainer[str]
    categories: _containers.RepeatedScalarFieldContainer[str]
    security_duties: str
    supervision: str
    return_or_deletion: str
    rights_routing: str
    incident_duties: str
    def __init__(self, contract_id: _Optional[str] = ..., type: _Optional[_Union[ContractType, str]] = ..., valid_from_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., purposes: _Optional[_Iterable[str]] = ..., methods: _Optional[_Iterable[str]] = ..., categories: _Optional[_Iterable[str]] = ..., security_duties: _Optional[str] = ..., supervision: _Optional[str] = ..., return_or_deletion: _Optional[str] = ..., rights_routing: _Optional[str] = ..., incident_duties: _Optional[str] = ...) -> None: ...

class Party(_message.Message):
    __slots__ = ("name", "legal_name", "contact", "role", "country", "processing_country", "contracts", "sub_processor_of", "sub_processing_approved", "restricted", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEGAL_NAME_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_COUNTRY_FIELD_NUMBER: _ClassVar[int]
    CONTRACTS_FIELD_NUMBER: _ClassVar[int]
    SUB_PROCESSOR_OF_FIELD_NUMBER: _ClassVar[int]
    SUB_PROCESSING_APPROVED_FIELD_NUMBER: _ClassVar[int]
    RESTRICTED_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    legal_name: str
    contact: str
    role: PartyRole
    country: str
    processing_country: str
    contracts: _containers.RepeatedCompositeFieldContainer[PartyContract]
    sub_processor_of: str
    sub_processing_approved: bool
    restricted: bool
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., legal_name: _Optional[str] = ..., contact: _Optional[str] = ..., role: _Optional[_Union[PartyRole, str]] = ..., country: _Optional[str] = ..., processing_country: _Optional[str] = ..., contracts: _Optional[_Iterable[_Union[PartyContract, _Mapping]]] = ..., sub_processor_of: _Optional[str] = ..., sub_processing_approved: _Optional[bool] = ..., restricted: _Optional[bool] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreatePartyRequest(_message.Message):
    __slots__ = ("party_id", "version", "party", "request_id")
    PARTY_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PARTY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    party_id: str
    version: int
    party: Party
    request_id: str
    def __init__(self, party_id: _Optional[str] = ..., version: _Optional[int] = ..., party: _Optional[_Union[Party, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class GetPartyRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class PartyEvent(_message.Message):
    __slots__ = ("name", "type", "act_time", "party", "successor", "notified", "notice", "purposes", "methods", "until_time", "evidence", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ACT_TIME_FIELD_NUMBER: _ClassVar[int]
    PARTY_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    NOTIFIED_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: PartyEventType
    act_time: _timestamp_pb2.Timestamp
    party: str
    successor: str
    notified: bool
    notice: str
    purposes: _containers.RepeatedScalarFieldContainer[str]
    methods: _containers.RepeatedScalarFieldContainer[str]
    until_time: _timestamp_pb2.Timestamp
    evidence: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[PartyEventType, str]] = ..., act_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., party: _Optional[str] = ..., successor: _Optional[str] = ..., notified: _Optional[bool] = ..., notice: _Optional[str] = ..., purposes: _Optional[_Iterable[str]] = ..., methods: _Optional[_Iterable[str]] = ..., until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., evidence: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreatePartyEventRequest(_message.Message):
    __slots__ = ("party_event", "request_id")
    PARTY_EVENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    party_event: PartyEvent
    request_id: str
    def __init__(self, party_event: _Optional[_Union[PartyEvent, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class ExportMechanism(_message.Message):
    __slots__ = ("name", "version", "party", "type", "reference", "valid_from_time", "valid_until_time", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PARTY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    party: str
    type: ExportMechanismType
    reference: str
    valid_from_time: _timestamp_pb2.Timestamp
    valid_until_time: _timestamp_pb2.Timestamp
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., party: _Optional[str] = ..., type: _Optional[_Union[ExportMechanismType, str]] = ..., reference: _Optional[str] = ..., valid_from_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateExportMechanismRequest(_message.Message):
    __slots__ = ("export_mechanism", "request_id")
    EXPORT_MECHANISM_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    export_mechanism: ExportMechanism
    request_id: str
    def __init__(self, export_mechanism: _Optional[_Union[ExportMechanism, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class ExportCounter(_message.Message):
    __slots__ = ("year", "party", "sensitive", "people", "line", "warning", "update_time")
    YEAR_FIELD_NUMBER: _ClassVar[int]
    PARTY_FIELD_NUMBER: _ClassVar[int]
    SENSITIVE_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    year: int
    party: str
    sensitive: bool
    people: int
    line: int
    warning: bool
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, year: _Optional[int] = ..., party: _Optional[str] = ..., sensitive: _Optional[bool] = ..., people: _Optional[int] = ..., line: _Optional[int] = ..., warning: _Optional[bool] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListPartiesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPartiesResponse(_message.Message):
    __slots__ = ("parties", "next_page_token")
    PARTIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parties: _containers.RepeatedCompositeFieldContainer[Party]
    next_page_token: str
    def __init__(self, parties: _Optional[_Iterable[_Union[Party, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListPartyEventsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPartyEventsResponse(_message.Message):
    __slots__ = ("party_events", "next_page_token")
    PARTY_EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    party_events: _containers.RepeatedCompositeFieldContainer[PartyEvent]
    next_page_token: str
    def __init__(self, party_events: _Optional[_Iterable[_Union[PartyEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListExportMechanismsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListExportMechanismsResponse(_message.Message):
    __slots__ = ("export_mechanisms", "next_page_token")
    EXPORT_MECHANISMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    export_mechanisms: _containers.RepeatedCompositeFieldContainer[ExportMechanism]
    next_page_token: str
    def __init__(self, export_mechanisms: _Optional[_Iterable[_Union[ExportMechanism, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListExportCountersRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "year")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    year: int
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., year: _Optional[int] = ...) -> None: ...

class ListExportCountersResponse(_message.Message):
    __slots__ = ("export_counters", "next_page_token")
    EXPORT_COUNTERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    export_counters: _containers.RepeatedCompositeFieldContainer[ExportCounter]
    next_page_token: str
    def __init__(self, export_counters: _Optional[_Iterable[_Union[ExportCounter, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
