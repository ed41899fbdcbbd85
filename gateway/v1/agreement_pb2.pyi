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

class Padding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PADDING_UNSPECIFIED: _ClassVar[Padding]
    PADDING_NONE: _ClassVar[Padding]
    PADDING_POWER_OF_TWO: _ClassVar[Padding]

class Noise(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOISE_UNSPECIFIED: _ClassVar[Noise]
    NOISE_LAPLACE: _ClassVar[Noise]
    NOISE_NONE: _ClassVar[Noise]

class LateWithdrawals(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LATE_WITHDRAWALS_UNSPECIFIED: _ClassVar[LateWithdrawals]
    LATE_WITHDRAWALS_STAND: _ClassVar[LateWithdrawals]
    LATE_WITHDRAWALS_ABANDON: _ClassVar[LateWithdrawals]

class Statistic(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATISTIC_UNSPECIFIED: _ClassVar[Statistic]
    STATISTIC_SUM: _ClassVar[Statistic]
    STATISTIC_SUM_OF_SQUARES: _ClassVar[Statistic]
    STATISTIC_PRESENT: _ClassVar[Statistic]
    STATISTIC_SHARE: _ClassVar[Statistic]

class ColumnType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COLUMN_TYPE_UNSPECIFIED: _ClassVar[ColumnType]
    COLUMN_TYPE_NUMBER: _ClassVar[ColumnType]
    COLUMN_TYPE_BAND: _ClassVar[ColumnType]
    COLUMN_TYPE_CATEGORY: _ClassVar[ColumnType]
AGREEMENT_STATE_UNSPECIFIED: AgreementState
AGREEMENT_STATE_PROPOSED: AgreementState
AGREEMENT_STATE_IN_FORCE: AgreementState
PADDING_UNSPECIFIED: Padding
PADDING_NONE: Padding
PADDING_POWER_OF_TWO: Padding
NOISE_UNSPECIFIED: Noise
NOISE_LAPLACE: Noise
NOISE_NONE: Noise
LATE_WITHDRAWALS_UNSPECIFIED: LateWithdrawals
LATE_WITHDRAWALS_STAND: LateWithdrawals
LATE_WITHDRAWALS_ABANDON: LateWithdrawals
STATISTIC_UNSPECIFIED: Statistic
STATISTIC_SUM: Statistic
STATISTIC_SUM_OF_SQUARES: Statistic
STATISTIC_PRESENT: Statistic
STATISTIC_SHARE: Statistic
COLUMN_TYPE_UNSPECIFIED: ColumnType
COLUMN_TYPE_NUMBER: ColumnType
COLUMN_TYPE_BAND: ColumnType
COLUMN_TYPE_CATEGORY: ColumnType

class Agreement(_message.Message):
    __slots__ = ("name", "hash", "state", "document", "signatures", "parties", "purposes", "directions", "columns", "valid_from_time", "valid_until_time", "sandbox", "aggregate", "padding")
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
    AGGREGATE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
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
    aggregate: AggregateTerms
    padding: Padding
    def __init__(self, name: _Optional[str] = ..., hash: _Optional[bytes] = ..., state: _Optional[_Union[AgreementState, str]] = ..., document: _Optional[bytes] = ..., signatures: _Optional[_Iterable[_Union[AgreementSignature, _Mapping]]] = ..., parties: _Optional[_Iterable[str]] = ..., purposes: _Optional[_Iterable[str]] = ..., directions: _Optional[_Iterable[_Union[AgreementDirection, _Mapping]]] = ..., columns: _Optional[_Iterable[_Union[AgreementColumn, _Mapping]]] = ..., valid_from_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sandbox: _Optional[bool] = ..., aggregate: _Optional[_Union[AggregateTerms, _Mapping]] = ..., padding: _Optional[_Union[Padding, str]] = ...) -> None: ...

class AgreementSignature(_message.Message):
    __slots__ = ("party", "signature")
    PARTY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    party: str
    signature: bytes
    def __init__(self, party: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class AgreementDirection(_message.Message):
    __slots__ = ("operation", "receiver", "sender", "columns", "result_to")
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    RESULT_TO_FIELD_NUMBER: _ClassVar[int]
    operation: _job_pb2.Operation
    receiver: str
    sender: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    result_to: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, operation: _Optional[_Union[_job_pb2.Operation, str]] = ..., receiver: _Optional[str] = ..., sender: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., result_to: _Optional[_Iterable[str]] = ...) -> None: ...

class AggregateTerms(_message.Message):
    __slots__ = ("segments", "minimum_cohort", "count_step", "dummies", "noise", "epsilon_count", "t", "epsilon_receiver", "delta", "epsilon_cap", "delta_cap", "period_days", "cells_per_period", "late_withdrawals", "scheme", "measures")
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_COHORT_FIELD_NUMBER: _ClassVar[int]
    COUNT_STEP_FIELD_NUMBER: _ClassVar[int]
    DUMMIES_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    EPSILON_COUNT_FIELD_NUMBER: _ClassVar[int]
    T_FIELD_NUMBER: _ClassVar[int]
    EPSILON_RECEIVER_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    EPSILON_CAP_FIELD_NUMBER: _ClassVar[int]
    DELTA_CAP_FIELD_NUMBER: _ClassVar[int]
    PERIOD_DAYS_FIELD_NUMBER: _ClassVar[int]
    CELLS_PER_PERIOD_FIELD_NUMBER: _ClassVar[int]
    LATE_WITHDRAWALS_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    MEASURES_FIELD_NUMBER: _ClassVar[int]
    segments: int
    minimum_cohort: int
    count_step: int
    dummies: Noise
    noise: Noise
    epsilon_count: str
    t: int
    epsilon_receiver: str
    delta: str
    epsilon_cap: str
    delta_cap: str
    period_days: int
    cells_per_period: int
    late_withdrawals: LateWithdrawals
    scheme: EncryptionScheme
    measures: _containers.RepeatedCompositeFieldContainer[AgreementMeasure]
    def __init__(self, segments: _Optional[int] = ..., minimum_cohort: _Optional[int] = ..., count_step: _Optional[int] = ..., dummies: _Optional[_Union[Noise, str]] = ..., noise: _Optional[_Union[Noise, str]] = ..., epsilon_count: _Optional[str] = ..., t: _Optional[int] = ..., epsilon_receiver: _Optional[str] = ..., delta: _Optional[str] = ..., epsilon_cap: _Optional[str] = ..., delta_cap: _Optional[str] = ..., period_days: _Optional[int] = ..., cells_per_period: _Optional[int] = ..., late_withdrawals: _Optional[_Union[LateWithdrawals, str]] = ..., scheme: _Optional[_Union[EncryptionScheme, _Mapping]] = ..., measures: _Optional[_Iterable[_Union[AgreementMeasure, _Mapping]]] = ...) -> None: ...

class EncryptionScheme(_message.Message):
    __slots__ = ("name", "key_bits", "mode")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEY_BITS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    name: str
    key_bits: int
    mode: str
    def __init__(self, name: _Optional[str] = ..., key_bits: _Optional[int] = ..., mode: _Optional[str] = ...) -> None: ...

class AgreementMeasure(_message.Message):
    __slots__ = ("column", "values", "step", "statistics")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    STATISTICS_FIELD_NUMBER: _ClassVar[int]
    column: str
    values: _containers.RepeatedScalarFieldContainer[str]
    step: str
    statistics: _containers.RepeatedCompositeFieldContainer[StatisticLoss]
    def __init__(self, column: _Optional[str] = ..., values: _Optional[_Iterable[str]] = ..., step: _Optional[str] = ..., statistics: _Optional[_Iterable[_Union[StatisticLoss, _Mapping]]] = ...) -> None: ...

class StatisticLoss(_message.Message):
    __slots__ = ("statistic", "epsilon")
    STATISTIC_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    statistic: Statistic
    epsilon: str
    def __init__(self, statistic: _Optional[_Union[Statistic, str]] = ..., epsilon: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("name", "dataset", "subject_column", "subject_type", "match_key_columns", "value_columns", "segment_column", "minimum_cohort")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_COLUMN_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    MATCH_KEY_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    VALUE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_COLUMN_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_COHORT_FIELD_NUMBER: _ClassVar[int]
    name: str
    dataset: str
    subject_column: str
    subject_type: str
    match_key_columns: _containers.RepeatedCompositeFieldContainer[MatchKeyColumn]
    value_columns: _containers.RepeatedCompositeFieldContainer[ValueColumn]
    segment_column: str
    minimum_cohort: int
    def __init__(self, name: _Optional[str] = ..., dataset: _Optional[str] = ..., subject_column: _Optional[str] = ..., subject_type: _Optional[str] = ..., match_key_columns: _Optional[_Iterable[_Union[MatchKeyColumn, _Mapping]]] = ..., value_columns: _Optional[_Iterable[_Union[ValueColumn, _Mapping]]] = ..., segment_column: _Optional[str] = ..., minimum_cohort: _Optional[int] = ...) -> None: ...

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

class GetBudgetRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class Budget(_message.Message):
    __slots__ = ("spent_epsilon", "epsilon_cap", "spent_delta", "delta_cap", "cells", "cells_per_period", "period_days", "charges")
    SPENT_EPSILON_FIELD_NUMBER: _ClassVar[int]
    EPSILON_CAP_FIELD_NUMBER: _ClassVar[int]
    SPENT_DELTA_FIELD_NUMBER: _ClassVar[int]
    DELTA_CAP_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    CELLS_PER_PERIOD_FIELD_NUMBER: _ClassVar[int]
    PERIOD_DAYS_FIELD_NUMBER: _ClassVar[int]
    CHARGES_FIELD_NUMBER: _ClassVar[int]
    spent_epsilon: str
    epsilon_cap: str
    spent_delta: str
    delta_cap: str
    cells: int
    cells_per_period: int
    period_days: int
    charges: _containers.RepeatedCompositeFieldContainer[BudgetCharge]
    def __init__(self, spent_epsilon: _Optional[str] = ..., epsilon_cap: _Optional[str] = ..., spent_delta: _Optional[str] = ..., delta_cap: _Optional[str] = ..., cells: _Optional[int] = ..., cells_per_period: _Optional[int] = ..., period_days: _Optional[int] = ..., charges: _Optional[_Iterable[_Union[BudgetCharge, _Mapping]]] = ...) -> None: ...

class BudgetCharge(_message.Message):
    __slots__ = ("job", "step", "epsilon", "delta", "cells", "time")
    JOB_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    job: str
    step: str
    epsilon: str
    delta: str
    cells: int
    time: _timestamp_pb2.Timestamp
    def __init__(self, job: _Optional[str] = ..., step: _Optional[str] = ..., epsilon: _Optional[str] = ..., delta: _Optional[str] = ..., cells: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
