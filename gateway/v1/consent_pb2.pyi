import datetime

from gateway.v1 import eligible_pb2 as _eligible_pb2
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

class ConsentEventType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_EVENT_TYPE_UNSPECIFIED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_CONSENT_REQUESTED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_CONSENT_DEFERRED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_CONSENT_GIVEN: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_CONSENT_REFUSED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_CONSENT_WITHDRAWN: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_CONSENT_INVALIDATED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_CONSENT_REVOKED_BY_HANDLER: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_CONSENT_USED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_BIRTHDATE_RECORDED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_SUBJECT_DECEASED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_IDENTITY_MERGED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_IDENTITY_UNMERGED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_COLLECTED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_STATUTORY_HOLD: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_DELETION_REQUESTED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_RESTRICTION_REQUESTED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_ACCOUNT_CLOSED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_PERSONALISATION_OPT_OUT: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_PERSONALISATION_OPT_IN: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_PUBLIC_INFO_REFUSED: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_INTEGRITY_ALERT: _ClassVar[ConsentEventType]
    CONSENT_EVENT_TYPE_INTEGRITY_CLEARED: _ClassVar[ConsentEventType]

class ConsentActor(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_ACTOR_UNSPECIFIED: _ClassVar[ConsentActor]
    CONSENT_ACTOR_SUBJECT: _ClassVar[ConsentActor]
    CONSENT_ACTOR_GUARDIAN: _ClassVar[ConsentActor]
    CONSENT_ACTOR_STAFF: _ClassVar[ConsentActor]

class ConsentMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_MODE_UNSPECIFIED: _ClassVar[ConsentMode]
    CONSENT_MODE_EXPLICIT: _ClassVar[ConsentMode]
    CONSENT_MODE_PRETICKED: _ClassVar[ConsentMode]
    CONSENT_MODE_BUNDLED: _ClassVar[ConsentMode]
    CONSENT_MODE_IMPLIED: _ClassVar[ConsentMode]
    CONSENT_MODE_COERCED: _ClassVar[ConsentMode]
    CONSENT_MODE_MISLED: _ClassVar[ConsentMode]

class ConsentForm(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_FORM_UNSPECIFIED: _ClassVar[ConsentForm]
    CONSENT_FORM_GENERAL: _ClassVar[ConsentForm]
    CONSENT_FORM_SEPARATE: _ClassVar[ConsentForm]
    CONSENT_FORM_WRITTEN: _ClassVar[ConsentForm]

class ConsentAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_ACTION_UNSPECIFIED: _ClassVar[ConsentAction]
    CONSENT_ACTION_TAP: _ClassVar[ConsentAction]
    CONSENT_ACTION_TICK: _ClassVar[ConsentAction]
    CONSENT_ACTION_E_SIGN: _ClassVar[ConsentAction]
    CONSENT_ACTION_VOICE: _ClassVar[ConsentAction]
    CONSENT_ACTION_PAPER: _ClassVar[ConsentAction]

class QuestionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUESTION_KIND_UNSPECIFIED: _ClassVar[QuestionKind]
    QUESTION_KIND_USE: _ClassVar[QuestionKind]
    QUESTION_KIND_PROMPT: _ClassVar[QuestionKind]
    QUESTION_KIND_REFUSE_SERVICE: _ClassVar[QuestionKind]

class ConsentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_STATE_UNSPECIFIED: _ClassVar[ConsentState]
    CONSENT_STATE_CONSENT_GIVEN: _ClassVar[ConsentState]
    CONSENT_STATE_RENEWED_CONSENT_GIVEN: _ClassVar[ConsentState]
    CONSENT_STATE_CONSENT_UNKNOWN: _ClassVar[ConsentState]
    CONSENT_STATE_CONSENT_REQUESTED: _ClassVar[ConsentState]
    CONSENT_STATE_CONSENT_REQUEST_DEFERRED: _ClassVar[ConsentState]
    CONSENT_STATE_CONSENT_REFUSED: _ClassVar[ConsentState]
    CONSENT_STATE_CONSENT_WITHDRAWN: _ClassVar[ConsentState]
    CONSENT_STATE_CONSENT_REVOKED: _ClassVar[ConsentState]
    CONSENT_STATE_CONSENT_EXPIRED: _ClassVar[ConsentState]
    CONSENT_STATE_CONSENT_INVALIDATED: _ClassVar[ConsentState]
CONSENT_EVENT_TYPE_UNSPECIFIED: ConsentEventType
CONSENT_EVENT_TYPE_CONSENT_REQUESTED: ConsentEventType
CONSENT_EVENT_TYPE_CONSENT_DEFERRED: ConsentEventType
CONSENT_EVENT_TYPE_CONSENT_GIVEN: ConsentEventType
CONSENT_EVENT_TYPE_CONSENT_REFUSED: ConsentEventType
CONSENT_EVENT_TYPE_CONSENT_WITHDRAWN: ConsentEventType
CONSENT_EVENT_TYPE_CONSENT_INVALIDATED: ConsentEventType
CONSENT_EVENT_TYPE_CONSENT_REVOKED_BY_HANDLER: ConsentEventType
CONSENT_EVENT_TYPE_CONSENT_USED: ConsentEventType
CONSENT_EVENT_TYPE_BIRTHDATE_RECORDED: ConsentEventType
CONSENT_EVENT_TYPE_SUBJECT_DECEASED: ConsentEventType
CONSENT_EVENT_TYPE_IDENTITY_MERGED: ConsentEventType
CONSENT_EVENT_TYPE_IDENTITY_UNMERGED: ConsentEventType
CONSENT_EVENT_TYPE_COLLECTED: ConsentEventType
CONSENT_EVENT_TYPE_STATUTORY_HOLD: ConsentEventType
CONSENT_EVENT_TYPE_DELETION_REQUESTED: ConsentEventType
CONSENT_EVENT_TYPE_RESTRICTION_REQUESTED: ConsentEventType
CONSENT_EVENT_TYPE_ACCOUNT_CLOSED: ConsentEventType
CONSENT_EVENT_TYPE_PERSONALISATION_OPT_OUT: ConsentEventType
CONSENT_EVENT_TYPE_PERSONALISATION_OPT_IN: ConsentEventType
CONSENT_EVENT_TYPE_PUBLIC_INFO_REFUSED: ConsentEventType
CONSENT_EVENT_TYPE_INTEGRITY_ALERT: ConsentEventType
CONSENT_EVENT_TYPE_INTEGRITY_CLEARED: ConsentEventType
CONSENT_ACTOR_UNSPECIFIED: ConsentActor
CONSENT_ACTOR_SUBJECT: ConsentActor
CONSENT_ACTOR_GUARDIAN: ConsentActor
CONSENT_ACTOR_STAFF: ConsentActor
CONSENT_MODE_UNSPECIFIED: ConsentMode
CONSENT_MODE_EXPLICIT: ConsentMode
CONSENT_MODE_PRETICKED: ConsentMode
CONSENT_MODE_BUNDLED: ConsentMode
CONSENT_MODE_IMPLIED: ConsentMode
CONSENT_MODE_COERCED: ConsentMode
CONSENT_MODE_MISLED: ConsentMode
CONSENT_FORM_UNSPECIFIED: ConsentForm
CONSENT_FORM_GENERAL: ConsentForm
CONSENT_FORM_SEPARATE: ConsentForm
CONSENT_FORM_WRITTEN: ConsentForm
CONSENT_ACTION_UNSPECIFIED: ConsentAction
CONSENT_ACTION_TAP: ConsentAction
CONSENT_ACTION_TICK: ConsentAction
CONSENT_ACTION_E_SIGN: ConsentAction
CONSENT_ACTION_VOICE: ConsentAction
CONSENT_ACTION_PAPER: ConsentAction
QUESTION_KIND_UNSPECIFIED: QuestionKind
QUESTION_KIND_USE: QuestionKind
QUESTION_KIND_PROMPT: QuestionKind
QUESTION_KIND_REFUSE_SERVICE: QuestionKind
CONSENT_STATE_UNSPECIFIED: ConsentState
CONSENT_STATE_CONSENT_GIVEN: ConsentState
CONSENT_STATE_RENEWED_CONSENT_GIVEN: ConsentState
CONSENT_STATE_CONSENT_UNKNOWN: ConsentState
CONSENT_STATE_CONSENT_REQUESTED: ConsentState
CONSENT_STATE_CONSENT_REQUEST_DEFERRED: ConsentState
CONSENT_STATE_CONSENT_REFUSED: ConsentState
CONSENT_STATE_CONSENT_WITHDRAWN: ConsentState
CONSENT_STATE_CONSENT_REVOKED: ConsentState
CONSENT_STATE_CONSENT_EXPIRED: ConsentState
CONSENT_STATE_CONSENT_INVALIDATED: ConsentState

class ConsentEvent(_message.Message):
    __slots__ = ("event_id", "type", "act_time", "subject", "handler", "consent_id", "notice", "by", "guardian_verified", "mode", "evidence", "channel", "valid_until_time", "max_uses", "items", "purpose", "recipient", "categories", "method", "birthdate", "retention_until_time", "until_time", "subjects", "action", "evidence_ref", "evidence_hash", "scan_hash", "witness", "place", "ui_version", "screen_id", "bundle_id", "app_version", "language", "device_ref", "ip_prefix", "shown_time", "dwell_ms", "identity_assurance", "age_band", "age_assurance", "guardian_relation", "guardian_proof_ref", "notice_mode", "default_state", "steps_count", "time_source")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ACT_TIME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    GUARDIAN_VERIFIED_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    MAX_USES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    BIRTHDATE_FIELD_NUMBER: _ClassVar[int]
    RETENTION_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_REF_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_HASH_FIELD_NUMBER: _ClassVar[int]
    SCAN_HASH_FIELD_NUMBER: _ClassVar[int]
    WITNESS_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    UI_VERSION_FIELD_NUMBER: _ClassVar[int]
    SCREEN_ID_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_ID_FIELD_NUMBER: _ClassVar[int]
    APP_VERSION_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_REF_FIELD_NUMBER: _ClassVar[int]
    IP_PREFIX_FIELD_NUMBER: _ClassVar[int]
    SHOWN_TIME_FIELD_NUMBER: _ClassVar[int]
    DWELL_MS_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_ASSURANCE_FIELD_NUMBER: _ClassVar[int]
    AGE_BAND_FIELD_NUMBER: _ClassVar[int]
    AGE_ASSURANCE_FIELD_NUMBER: _ClassVar[int]
    GUARDIAN_RELATION_FIELD_NUMBER: _ClassVar[int]
    GUARDIAN_PROOF_REF_FIELD_NUMBER: _ClassVar[int]
    NOTICE_MODE_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_STATE_FIELD_NUMBER: _ClassVar[int]
    STEPS_COUNT_FIELD_NUMBER: _ClassVar[int]
    TIME_SOURCE_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    type: ConsentEventType
    act_time: _timestamp_pb2.Timestamp
    subject: str
    handler: str
    consent_id: str
    notice: str
    by: ConsentActor
    guardian_verified: bool
    mode: ConsentMode
    evidence: bool
    channel: str
    valid_until_time: _timestamp_pb2.Timestamp
    max_uses: int
    items: _containers.RepeatedCompositeFieldContainer[ConsentItem]
    purpose: str
    recipient: str
    categories: _containers.RepeatedScalarFieldContainer[str]
    method: str
    birthdate: str
    retention_until_time: _timestamp_pb2.Timestamp
    until_time: _timestamp_pb2.Timestamp
    subjects: _containers.RepeatedScalarFieldContainer[str]
    action: ConsentAction
    evidence_ref: str
    evidence_hash: str
    scan_hash: str
    witness: str
    place: str
    ui_version: str
    screen_id: str
    bundle_id: str
    app_version: str
    language: str
    device_ref: str
    ip_prefix: str
    shown_time: _timestamp_pb2.Timestamp
    dwell_ms: int
    identity_assurance: str
    age_band: str
    age_assurance: str
    guardian_relation: str
    guardian_proof_ref: str
    notice_mode: str
    default_state: str
    steps_count: int
    time_source: str
    def __init__(self, event_id: _Optional[str] = ..., type: _Optional[_Union[ConsentEventType, str]] = ..., act_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., subject: _Optional[str] = ..., handler: _Optional[str] = ..., consent_id: _Optional[str] = ..., notice: _Optional[str] = ..., by: _Optional[_Union[ConsentActor, str]] = ..., guardian_verified: _Optional[bool] = ..., mode: _Optional[_Union[ConsentMode, str]] = ..., evidence: _Optional[bool] = ..., channel: _Optional[str] = ..., valid_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., max_uses: _Optional[int] = ..., items: _Optional[_Iterable[_Union[ConsentItem, _Mapping]]] = ..., purpose: _Optional[str] = ..., recipient: _Optional[str] = ..., categories: _Optional[_Iterable[str]] = ..., method: _Optional[str] = ..., birthdate: _Optional[str] = ..., retention_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., subjects: _Optional[_Iterable[str]] = ..., action: _Optional[_Union[ConsentAction, str]] = ..., evidence_ref: _Optional[str] = ..., evidence_hash: _Optional[str] = ..., scan_hash: _Optional[str] = ..., witness: _Optional[str] = ..., place: _Optional[str] = ..., ui_version: _Optional[str] = ..., screen_id: _Optional[str] = ..., bundle_id: _Optional[str] = ..., app_version: _Optional[str] = ..., language: _Optional[str] = ..., device_ref: _Optional[str] = ..., ip_prefix: _Optional[str] = ..., shown_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., dwell_ms: _Optional[int] = ..., identity_assurance: _Optional[str] = ..., age_band: _Optional[str] = ..., age_assurance: _Optional[str] = ..., guardian_relation: _Optional[str] = ..., guardian_proof_ref: _Optional[str] = ..., notice_mode: _Optional[str] = ..., default_state: _Optional[str] = ..., steps_count: _Optional[int] = ..., time_source: _Optional[str] = ...) -> None: ...

class ConsentItem(_message.Message):
    __slots__ = ("purpose", "categories", "methods", "recipients", "form")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    RECIPIENTS_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    purpose: str
    categories: _containers.RepeatedScalarFieldContainer[str]
    methods: _containers.RepeatedScalarFieldContainer[str]
    recipients: _containers.RepeatedScalarFieldContainer[str]
    form: ConsentForm
    def __init__(self, purpose: _Optional[str] = ..., categories: _Optional[_Iterable[str]] = ..., methods: _Optional[_Iterable[str]] = ..., recipients: _Optional[_Iterable[str]] = ..., form: _Optional[_Union[ConsentForm, str]] = ...) -> None: ...

class ImportOptions(_message.Message):
    __slots__ = ("subject_type", "all_or_nothing", "validate_only")
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    ALL_OR_NOTHING_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    subject_type: str
    all_or_nothing: bool
    validate_only: bool
    def __init__(self, subject_type: _Optional[str] = ..., all_or_nothing: _Optional[bool] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ConsentEventRow(_message.Message):
    __slots__ = ("row", "event")
    ROW_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    row: int
    event: ConsentEvent
    def __init__(self, row: _Optional[int] = ..., event: _Optional[_Union[ConsentEvent, _Mapping]] = ...) -> None: ...

class ConsentEventGroup(_message.Message):
    __slots__ = ("wording", "rows", "event_ids", "subjects", "act_micros", "consent_ids", "valid_until_micros", "evidence_refs", "evidence_hashes", "scan_hashes", "device_refs", "ip_prefixes", "shown_micros", "dwell_ms")
    WORDING_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    ACT_MICROS_FIELD_NUMBER: _ClassVar[int]
    CONSENT_IDS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_MICROS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_REFS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_HASHES_FIELD_NUMBER: _ClassVar[int]
    SCAN_HASHES_FIELD_NUMBER: _ClassVar[int]
    DEVICE_REFS_FIELD_NUMBER: _ClassVar[int]
    IP_PREFIXES_FIELD_NUMBER: _ClassVar[int]
    SHOWN_MICROS_FIELD_NUMBER: _ClassVar[int]
    DWELL_MS_FIELD_NUMBER: _ClassVar[int]
    wording: ConsentEvent
    rows: _containers.RepeatedScalarFieldContainer[int]
    event_ids: _containers.RepeatedScalarFieldContainer[str]
    subjects: _containers.RepeatedScalarFieldContainer[str]
    act_micros: _containers.RepeatedScalarFieldContainer[int]
    consent_ids: _containers.RepeatedScalarFieldContainer[str]
    valid_until_micros: _containers.RepeatedScalarFieldContainer[int]
    evidence_refs: _containers.RepeatedScalarFieldContainer[str]
    evidence_hashes: _containers.RepeatedScalarFieldContainer[str]
    scan_hashes: _containers.RepeatedScalarFieldContainer[str]
    device_refs: _containers.RepeatedScalarFieldContainer[str]
    ip_prefixes: _containers.RepeatedScalarFieldContainer[str]
    shown_micros: _containers.RepeatedScalarFieldContainer[int]
    dwell_ms: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, wording: _Optional[_Union[ConsentEvent, _Mapping]] = ..., rows: _Optional[_Iterable[int]] = ..., event_ids: _Optional[_Iterable[str]] = ..., subjects: _Optional[_Iterable[str]] = ..., act_micros: _Optional[_Iterable[int]] = ..., consent_ids: _Optional[_Iterable[str]] = ..., valid_until_micros: _Optional[_Iterable[int]] = ..., evidence_refs: _Optional[_Iterable[str]] = ..., evidence_hashes: _Optional[_Iterable[str]] = ..., scan_hashes: _Optional[_Iterable[str]] = ..., device_refs: _Optional[_Iterable[str]] = ..., ip_prefixes: _Optional[_Iterable[str]] = ..., shown_micros: _Optional[_Iterable[int]] = ..., dwell_ms: _Optional[_Iterable[int]] = ...) -> None: ...

class ConsentEventBatch(_message.Message):
    __slots__ = ("rows", "groups")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[ConsentEventRow]
    groups: _containers.RepeatedCompositeFieldContainer[ConsentEventGroup]
    def __init__(self, rows: _Optional[_Iterable[_Union[ConsentEventRow, _Mapping]]] = ..., groups: _Optional[_Iterable[_Union[ConsentEventGroup, _Mapping]]] = ...) -> None: ...

class ImportEventsRequest(_message.Message):
    __slots__ = ("options", "batch")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    options: ImportOptions
    batch: ConsentEventBatch
    def __init__(self, options: _Optional[_Union[ImportOptions, _Mapping]] = ..., batch: _Optional[_Union[ConsentEventBatch, _Mapping]] = ...) -> None: ...

class ImportEventsResponse(_message.Message):
    __slots__ = ("accepted", "replayed", "rejected_count", "rejected", "warned_count", "warned")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    WARNED_COUNT_FIELD_NUMBER: _ClassVar[int]
    WARNED_FIELD_NUMBER: _ClassVar[int]
    accepted: int
    replayed: int
    rejected_count: int
    rejected: _containers.RepeatedCompositeFieldContainer[RowError]
    warned_count: int
    warned: _containers.RepeatedCompositeFieldContainer[RowError]
    def __init__(self, accepted: _Optional[int] = ..., replayed: _Optional[int] = ..., rejected_count: _Optional[int] = ..., rejected: _Optional[_Iterable[_Union[RowError, _Mapping]]] = ..., warned_count: _Optional[int] = ..., warned: _Optional[_Iterable[_Union[RowError, _Mapping]]] = ...) -> None: ...

class ImportProgress(_message.Message):
    __slots__ = ("settled_row", "accepted", "replayed", "rejected", "ended", "warned")
    SETTLED_ROW_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    WARNED_FIELD_NUMBER: _ClassVar[int]
    settled_row: int
    accepted: int
    replayed: int
    rejected: _containers.RepeatedCompositeFieldContainer[RowError]
    ended: bool
    warned: _containers.RepeatedCompositeFieldContainer[RowError]
    def __init__(self, settled_row: _Optional[int] = ..., accepted: _Optional[int] = ..., replayed: _Optional[int] = ..., rejected: _Optional[_Iterable[_Union[RowError, _Mapping]]] = ..., ended: _Optional[bool] = ..., warned: _Optional[_Iterable[_Union[RowError, _Mapping]]] = ...) -> None: ...

class RowError(_message.Message):
    __slots__ = ("row", "field", "reason")
    ROW_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    row: int
    field: str
    reason: str
    def __init__(self, row: _Optional[int] = ..., field: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class EvaluateConsentRequest(_message.Message):
    __slots__ = ("subject_type", "subject", "purpose", "category", "method", "recipient", "handler", "at_time", "as_known_time", "kind", "basis", "group_size", "linkable", "exported_this_year", "sensitive_exported_this_year", "necessary_for_service")
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    AT_TIME_FIELD_NUMBER: _ClassVar[int]
    AS_KNOWN_TIME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    GROUP_SIZE_FIELD_NUMBER: _ClassVar[int]
    LINKABLE_FIELD_NUMBER: _ClassVar[int]
    EXPORTED_THIS_YEAR_FIELD_NUMBER: _ClassVar[int]
    SENSITIVE_EXPORTED_THIS_YEAR_FIELD_NUMBER: _ClassVar[int]
    NECESSARY_FOR_SERVICE_FIELD_NUMBER: _ClassVar[int]
    subject_type: str
    subject: str
    purpose: str
    category: str
    method: str
    recipient: str
    handler: str
    at_time: _timestamp_pb2.Timestamp
    as_known_time: _timestamp_pb2.Timestamp
    kind: QuestionKind
    basis: str
    group_size: int
    linkable: bool
    exported_this_year: int
    sensitive_exported_this_year: int
    necessary_for_service: bool
    def __init__(self, subject_type: _Optional[str] = ..., subject: _Optional[str] = ..., purpose: _Optional[str] = ..., category: _Optional[str] = ..., method: _Optional[str] = ..., recipient: _Optional[str] = ..., handler: _Optional[str] = ..., at_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., as_known_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[_Union[QuestionKind, str]] = ..., basis: _Optional[str] = ..., group_size: _Optional[int] = ..., linkable: _Optional[bool] = ..., exported_this_year: _Optional[int] = ..., sensitive_exported_this_year: _Optional[int] = ..., necessary_for_service: _Optional[bool] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("allowed", "reason_code", "articles", "consent_id", "notice", "decide_time", "as_known_time", "meaning", "repair", "decision_id", "consent_item_no", "notice_hash", "impact_assessment", "contract_id", "export_mechanism", "basis_rule", "policy_version", "registry_version", "expire_time")
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    ARTICLES_FIELD_NUMBER: _ClassVar[int]
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    AS_KNOWN_TIME_FIELD_NUMBER: _ClassVar[int]
    MEANING_FIELD_NUMBER: _ClassVar[int]
    REPAIR_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    CONSENT_ITEM_NO_FIELD_NUMBER: _ClassVar[int]
    NOTICE_HASH_FIELD_NUMBER: _ClassVar[int]
    IMPACT_ASSESSMENT_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPORT_MECHANISM_FIELD_NUMBER: _ClassVar[int]
    BASIS_RULE_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    allowed: bool
    reason_code: str
    articles: _containers.RepeatedScalarFieldContainer[str]
    consent_id: str
    notice: str
    decide_time: _timestamp_pb2.Timestamp
    as_known_time: _timestamp_pb2.Timestamp
    meaning: str
    repair: str
    decision_id: str
    consent_item_no: int
    notice_hash: str
    impact_assessment: str
    contract_id: str
    export_mechanism: str
    basis_rule: str
    policy_version: str
    registry_version: str
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, allowed: _Optional[bool] = ..., reason_code: _Optional[str] = ..., articles: _Optional[_Iterable[str]] = ..., consent_id: _Optional[str] = ..., notice: _Optional[str] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., as_known_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., meaning: _Optional[str] = ..., repair: _Optional[str] = ..., decision_id: _Optional[str] = ..., consent_item_no: _Optional[int] = ..., notice_hash: _Optional[str] = ..., impact_assessment: _Optional[str] = ..., contract_id: _Optional[str] = ..., export_mechanism: _Optional[str] = ..., basis_rule: _Optional[str] = ..., policy_version: _Optional[str] = ..., registry_version: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Consent(_message.Message):
    __slots__ = ("name", "state", "handler", "purpose", "recipient", "categories", "methods", "withdrawn_parts", "form", "supersedes", "notice", "effective_time", "valid_until_time", "max_uses", "uses", "event_ids", "indicated_time", "indicated_by", "channel", "kept_until_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_PARTS_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDES_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    MAX_USES_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    INDICATED_TIME_FIELD_NUMBER: _ClassVar[int]
    INDICATED_BY_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    KEPT_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: ConsentState
    handler: str
    purpose: str
    recipient: str
    categories: _containers.RepeatedScalarFieldContainer[str]
    methods: _containers.RepeatedScalarFieldContainer[str]
    withdrawn_parts: _containers.RepeatedCompositeFieldContainer[ConsentPart]
    form: ConsentForm
    supersedes: _containers.RepeatedScalarFieldContainer[str]
    notice: str
    effective_time: _timestamp_pb2.Timestamp
    valid_until_time: _timestamp_pb2.Timestamp
    max_uses: int
    uses: int
    event_ids: _containers.RepeatedScalarFieldContainer[str]
    indicated_time: _timestamp_pb2.Timestamp
    indicated_by: ConsentActor
    channel: str
    kept_until_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[ConsentState, str]] = ..., handler: _Optional[str] = ..., purpose: _Optional[str] = ..., recipient: _Optional[str] = ..., categories: _Optional[_Iterable[str]] = ..., methods: _Optional[_Iterable[str]] = ..., withdrawn_parts: _Optional[_Iterable[_Union[ConsentPart, _Mapping]]] = ..., form: _Optional[_Union[ConsentForm, str]] = ..., supersedes: _Optional[_Iterable[str]] = ..., notice: _Optional[str] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., max_uses: _Optional[int] = ..., uses: _Optional[int] = ..., event_ids: _Optional[_Iterable[str]] = ..., indicated_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., indicated_by: _Optional[_Union[ConsentActor, str]] = ..., channel: _Optional[str] = ..., kept_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ConsentPart(_message.Message):
    __slots__ = ("category", "method")
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    category: str
    method: str
    def __init__(self, category: _Optional[str] = ..., method: _Optional[str] = ...) -> None: ...

class ListConsentsRequest(_message.Message):
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

class ListConsentsResponse(_message.Message):
    __slots__ = ("consents", "next_page_token")
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    consents: _containers.RepeatedCompositeFieldContainer[Consent]
    next_page_token: str
    def __init__(self, consents: _Optional[_Iterable[_Union[Consent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
