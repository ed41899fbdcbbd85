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
    AGGREGATE = "AGGREGATE"
    OVERLAP = "OVERLAP"

    @property
    def grouped(self) -> bool:
        """Whether the run yields statistics per segment, and no rows."""
        return self in (Operation.AGGREGATE, Operation.OVERLAP)


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
    """One operation with its roles: the receiver initiates (and holds the segments of AGGREGATE).

    Attributes:
        result_to: parties that learn the result, the receiver first; of MATCH and ENRICH the sender may learn the
            matches.
    """

    operation: Operation
    receiver: str
    sender: str
    columns: tuple[str, ...]
    result_to: tuple[str, ...]

    @property
    def to_sender(self) -> bool:
        """Whether the sender learns the result, alone or besides the receiver."""
        return self.sender in self.result_to


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


class Noise(StrEnum):
    """Whether a figure is protected by noise; NONE is an explicit value that both sign."""

    LAPLACE = "LAPLACE"
    NONE = "NONE"


class Padding(StrEnum):
    """Whether lists of MATCH and ENRICH are filled up with rows that stand for nobody."""

    NONE = "NONE"
    POWER_OF_TWO = "POWER_OF_TWO"


class LateWithdrawals(StrEnum):
    """What becomes of a run when customers of the receiver withdrew after its cut."""

    STAND = "STAND"
    ABANDON = "ABANDON"


class Statistic(StrEnum):
    """What is computed of a column under encryption; everything else is derived from these."""

    SUM = "sum"
    SUM_OF_SQUARES = "sum_of_squares"
    PRESENT = "present"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Measure:
    """How a column enters an AGGREGATE.

    Attributes:
        column: name of an agreed column.
        values: SHARE only: the words counted one by one, 1 to 64; other words count as none of them.
        step: sums are rounded to a multiple of it, at least 10^-scale; 1 for SHARE.
        epsilon: each statistic with its privacy loss per run; 0 where noise is NONE. A number may have
            SUM, SUM_OF_SQUARES and PRESENT (the column may then be empty), a band or category SHARE.
    """

    column: str
    values: tuple[str, ...]
    step: Decimal
    epsilon: tuple[tuple[Statistic, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Scheme:
    """The homomorphic encryption of a run: "paillier", bits of n, "exact" or "short_exponent"."""

    name: str
    key_bits: int
    mode: str


@dataclass(frozen=True, slots=True)
class AggregateTerms:
    """What both sign about statistics.

    Attributes:
        segments: most segments of a run, G.
        minimum_cohort: fewest people behind a released cell, and behind its complement.
        count_step: released counts are rounded to a multiple of it.
        dummies: LAPLACE: counts are hidden behind dummies and the receiver's noise; NONE: exact counts.
        noise: LAPLACE: every sum is noisy; NONE: exact sums.
        epsilon_count: loss of the sender's people by the counts of one run; 0 without dummies.
        t: half the dummies per segment; 0 without dummies.
        epsilon_receiver: loss of the receiver's people by what the sender sees of the counts; 0 without dummies.
        delta: failure mass of the counts of one run; 0 without dummies.
        epsilon_cap: most loss towards one partner in any `period_days`, and delta_cap likewise.
        cells_per_period: most cells released in any `period_days` where something is exact.
        late_withdrawals: whether a run stands when the receiver's customers withdrew after its cut.
    """

    segments: int
    minimum_cohort: int
    count_step: int
    dummies: Noise
    noise: Noise
    epsilon_count: Decimal
    t: int
    epsilon_receiver: Decimal
    delta: Decimal
    epsilon_cap: Decimal
    delta_cap: Decimal
    period_days: int
    cells_per_period: int
    late_withdrawals: LateWithdrawals
    scheme: Scheme
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    r"""A validated agreement document.

    Attributes:
        agreement_id: uuid.
        hash: SHA-256("assent agreement v1\n" || document).
        document: the RFC 8785 bytes that both sign.
        match_keys: names in agreed order, e.g. ("phone.e164",).
        match_key_categories: the category the gate asks for, per match key.
        padding: of MATCH and ENRICH: POWER_OF_TWO hides either list's size within a factor of two.
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
    aggregate: AggregateTerms | None
    padding: Padding
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
    """Our copy of an agreement: the document and the signatures we hold.

    Attributes:
        agreement: the document.
        state: in force once both signatures are held.
        signatures: (party, signature) pairs.
        revision: 1, 2, ...
        in_force_at: when we held both; None before, and of copies from before this was noted.
    """

    agreement: Agreement
    state: AgreementState
    signatures: tuple[tuple[str, bytes], ...]
    revision: int
    in_force_at: datetime | None = None


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
        segment_column: column whose values name the segments; receiver of AGGREGATE and OVERLAP only, else "".
        minimum_cohort: our own rule where it is stricter than the agreement's; 0 = the agreement's.
    """

    agreement_id: str
    dataset: str
    subject_column: str
    subject_type: str
    match_key_columns: tuple[tuple[str, str], ...]
    value_columns: tuple[tuple[str, str], ...]
    segment_column: str = ""
    minimum_cohort: int = 0
