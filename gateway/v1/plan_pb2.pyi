from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_OK: _ClassVar[Verdict]
    VERDICT_WARNING: _ClassVar[Verdict]
    VERDICT_NO: _ClassVar[Verdict]
VERDICT_UNSPECIFIED: Verdict
VERDICT_OK: Verdict
VERDICT_WARNING: Verdict
VERDICT_NO: Verdict

class JobPlan(_message.Message):
    __slots__ = ("checks", "forecast", "calibration")
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    FORECAST_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    checks: _containers.RepeatedCompositeFieldContainer[PlanCheck]
    forecast: Forecast
    calibration: Calibration
    def __init__(self, checks: _Optional[_Iterable[_Union[PlanCheck, _Mapping]]] = ..., forecast: _Optional[_Union[Forecast, _Mapping]] = ..., calibration: _Optional[_Union[Calibration, _Mapping]] = ...) -> None: ...

class PlanCheck(_message.Message):
    __slots__ = ("name", "verdict", "reason_code", "text")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    verdict: Verdict
    reason_code: str
    text: str
    def __init__(self, name: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., reason_code: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Forecast(_message.Message):
    __slots__ = ("own_rows", "own_rows_from", "own_records", "partner_records", "partner_records_from", "wall_s", "cpu_s", "partner_cpu_s", "wire_bytes", "table_bytes", "spool_bytes", "memory_bytes", "shared_machine", "shares")
    OWN_ROWS_FIELD_NUMBER: _ClassVar[int]
    OWN_ROWS_FROM_FIELD_NUMBER: _ClassVar[int]
    OWN_RECORDS_FIELD_NUMBER: _ClassVar[int]
    PARTNER_RECORDS_FIELD_NUMBER: _ClassVar[int]
    PARTNER_RECORDS_FROM_FIELD_NUMBER: _ClassVar[int]
    WALL_S_FIELD_NUMBER: _ClassVar[int]
    CPU_S_FIELD_NUMBER: _ClassVar[int]
    PARTNER_CPU_S_FIELD_NUMBER: _ClassVar[int]
    WIRE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TABLE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SPOOL_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHARED_MACHINE_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    own_rows: int
    own_rows_from: str
    own_records: int
    partner_records: int
    partner_records_from: str
    wall_s: float
    cpu_s: float
    partner_cpu_s: float
    wire_bytes: int
    table_bytes: int
    spool_bytes: int
    memory_bytes: int
    shared_machine: bool
    shares: _containers.RepeatedCompositeFieldContainer[Share]
    def __init__(self, own_rows: _Optional[int] = ..., own_rows_from: _Optional[str] = ..., own_records: _Optional[int] = ..., partner_records: _Optional[int] = ..., partner_records_from: _Optional[str] = ..., wall_s: _Optional[float] = ..., cpu_s: _Optional[float] = ..., partner_cpu_s: _Optional[float] = ..., wire_bytes: _Optional[int] = ..., table_bytes: _Optional[int] = ..., spool_bytes: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., shared_machine: _Optional[bool] = ..., shares: _Optional[_Iterable[_Union[Share, _Mapping]]] = ...) -> None: ...

class Share(_message.Message):
    __slots__ = ("name", "cpu_s")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CPU_S_FIELD_NUMBER: _ClassVar[int]
    name: str
    cpu_s: float
    def __init__(self, name: _Optional[str] = ..., cpu_s: _Optional[float] = ...) -> None: ...

class Calibration(_message.Message):
    __slots__ = ("isa", "threads", "blind_per_cpu_s", "evaluate_per_cpu_s", "read_per_cpu_s", "gate_per_cpu_s", "slowness", "crowding", "seconds", "sampled_rows")
    ISA_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    BLIND_PER_CPU_S_FIELD_NUMBER: _ClassVar[int]
    EVALUATE_PER_CPU_S_FIELD_NUMBER: _ClassVar[int]
    READ_PER_CPU_S_FIELD_NUMBER: _ClassVar[int]
    GATE_PER_CPU_S_FIELD_NUMBER: _ClassVar[int]
    SLOWNESS_FIELD_NUMBER: _ClassVar[int]
    CROWDING_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_ROWS_FIELD_NUMBER: _ClassVar[int]
    isa: str
    threads: int
    blind_per_cpu_s: float
    evaluate_per_cpu_s: float
    read_per_cpu_s: float
    gate_per_cpu_s: float
    slowness: float
    crowding: float
    seconds: float
    sampled_rows: int
    def __init__(self, isa: _Optional[str] = ..., threads: _Optional[int] = ..., blind_per_cpu_s: _Optional[float] = ..., evaluate_per_cpu_s: _Optional[float] = ..., read_per_cpu_s: _Optional[float] = ..., gate_per_cpu_s: _Optional[float] = ..., slowness: _Optional[float] = ..., crowding: _Optional[float] = ..., seconds: _Optional[float] = ..., sampled_rows: _Optional[int] = ...) -> None: ...
