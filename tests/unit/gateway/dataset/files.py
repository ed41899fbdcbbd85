"""Data sets of a test: real files, declared, and a binding to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from gateway.dataset import Datasets
from gateway.route.agreement import AgreementBinding, Column, ColumnType

RECENCY = Column("recency", "activity", ColumnType.NUMBER, Decimal("-5"), Decimal("1000.5"), 2, 0)
BAND = Column("band", "value", ColumnType.BAND, None, None, 0, 12)
CHANNEL = Column("channel", "activity", ColumnType.CATEGORY, None, None, 0, 8)


@dataclass(frozen=True)
class Declared:
    format: str
    path: Path | None
    subject_column: str = "customer"
    subject_source: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    identifiers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    encoding: str = ""
    delimiter: str = ""
    partitions: tuple[str, ...] = ()
    table: str = ""
    order_by: tuple[str, ...] = ()

    def address(self) -> str:
        return self.url

    @property
    def parts(self) -> Mapping[str, Declared]:
        return {"": self}


@dataclass(frozen=True)
class Union:
    parts: Mapping[str, Declared]


def bound(subject: str = "customer", match_key: str = "phone.cn11", segment_column: str = "") -> AgreementBinding:
    return AgreementBinding(
        agreement_id="11111111-2222-4333-8444-555555555555",
        dataset="customers",
        subject_column=subject,
        subject_type="customer",
        match_key_columns=((match_key, "phone"),),
        value_columns=(("recency", "r"), ("band", "b"), ("channel", "c")),
        segment_column=segment_column,
    )


def datasets(path: Path, named: int = 20) -> Datasets:
    format_ = "parquet" if path.suffix == ".parquet" else "csv"
    return Datasets(lambda: {"customers": Declared(format_, path)}, named)


def csv_file(folder: Path, content: str | bytes, name: str = "customers.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
