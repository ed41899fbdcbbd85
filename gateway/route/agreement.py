"""The signed agreement of two parties and each side's private binding of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Operation(StrEnum):
    """What one run computes."""

    MATCH = "MATCH"
    ENRICH = "ENRICH"


class ColumnType(StrEnum):
    """How a column's value is encoded in a table row."""

    NUMBER = "number"
    BAND = "band"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class Column:
    """An attribute that the sender may disclose for a matched customer.

    Attributes:
        name: name on the wire and in results, [a-z][a-z0-9_]{0,62}.
        category: id of the personal-information category, asked by the gate.
        type: number, band or category.
        minimum: smallest value (number only).
        maximum: largest value (number only).
        scale: decimal digits kept, 0 to 9 (number only).
        max_bytes: longest UTF-8 value in bytes, 1 to 255 (band and category).
    """

    name: str
    category: str
    type: ColumnType
    minimum: Decimal | None
    maximum: Decimal | None
    scale: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Direction:
    """One operation with its roles: the receiver initiates and learns."""

    operation: Operation
    receiver: str
    sender: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgreementParty:
    """A signatory: how it gates its cohort and which assessment covers it."""

    party: str
    legal_name: str
    agreement_key: bytes
    gate: str
    impact_assessment: str


@dataclass(frozen=True, slots=True)
class Caps:
    """Bounds that both gateways enforce while streaming."""

    rows_receiver: int
    rows_sender: int
    runs_per_day: int


@dataclass(frozen=True, slots=True)
class Agreement:
    r"""A validated agreement document.

    Attributes:
        agreement_id: uuid.
        hash: SHA-256("assent agreement v1\n" || document).
        document: the RFC 8785 bytes that both sign.
        match_keys: names in agreed order, e.g. ("phone.e164",).
        match_key_categories: the category the gate asks for, per match key.
        consent_age_s: longest pause between judging and disclosing, seconds.
        session_life_s: longest life of a session's scalars, seconds.
        retention_days: how long the receiver may keep what it learned.
        sandbox: synthetic data only; results are marked.
    """

    agreement_id: str
    hash: bytes
    document: bytes
    parties: tuple[AgreementParty, ...]
    purposes: tuple[str, ...]
    directions: tuple[Direction, ...]
    suite: str
    match_keys: tuple[str, ...]
    match_key_categories: tuple[str, ...]
    columns: tuple[Column, ...]
    caps: Caps
    consent_age_s: int
    session_life_s: int
    retention_days: int
    valid_from: datetime
    valid_until: datetime
    legal_text_hash: str
    sandbox: bool


class AgreementState(StrEnum):
    """PROPOSED until both signatures are held, then IN_FORCE (validity apart)."""

    PROPOSED = "PROPOSED"
    IN_FORCE = "IN_FORCE"


@dataclass(frozen=True, slots=True)
class AgreementCopy:
    """Our copy of an agreement: the document and the signatures we hold."""

    agreement: Agreement
    state: AgreementState
    signatures: tuple[tuple[str, bytes], ...]
    revision: int


@dataclass(frozen=True, slots=True)
class AgreementBinding:
    """Local and unsigned: which data set answers for an agreement.

    Attributes:
        agreement_id: the agreement bound.
        dataset: name in `[datasets.NAME]`.
        subject_column: column of raw subject values.
        subject_type: type label in subject_ref, e.g. "customer".
        match_key_columns: (match key, column) pairs.
        value_columns: (agreed column, source column) pairs; sender only.
    """

    agreement_id: str
    dataset: str
    subject_column: str
    subject_type: str
    match_key_columns: tuple[tuple[str, str], ...]
    value_columns: tuple[tuple[str, str], ...]
