"""A protocol session between two gateways: parameters, stages, records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from gateway.route.agreement import Operation
from gateway.route.job import Failure, Side


class SessionState(StrEnum):
    """States of contracts.md."""

    OPEN = "OPEN"
    ACTIVE = "ACTIVE"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"
    REFUSED = "REFUSED"
    ABORTED = "ABORTED"
    EXPIRED = "EXPIRED"

    @property
    def final(self) -> bool:
        """Whether the session takes no more chunks."""
        return self in (SessionState.CLOSED, SessionState.REFUSED, SessionState.ABORTED, SessionState.EXPIRED)


class Stage(IntEnum):
    """Stages of MATCH and ENRICH; numbers are on the wire."""

    OPENING = 0
    BLINDED = 1
    EVALUATED = 2
    TABLE = 3
    LATE_DROPS = 4
    MATCHED_TAGS = 5


class AggregateStage(IntEnum):
    """Stages of AGGREGATE and OVERLAP; numbers are on the wire."""

    OPENING = 0
    BLINDED = 1
    EVALUATED = 2
    SENDER_ELEMENTS = 3
    CIPHERTEXTS = 4
    LATE_DROPS = 5
    MASKED = 6
    RESULTS = 7
    SHARED_RELEASE = 8


AnyStage = Stage | AggregateStage
LAST_STAGE = max(*Stage, *AggregateStage)


@dataclass(frozen=True, slots=True)
class StageSize:
    """What the opening record fixes of a stage.

    Attributes:
        stage: its number and name.
        from_receiver: whether R pushes it; otherwise R pulls it.
        record_size: bytes of one record.
        rows: records of the whole stage, or the most it may have.
        open_ended: fewer than `rows` are allowed (late drops).
        streamed: served chunk by chunk as it is computed; otherwise only once it is whole.
        sealed: not in clear on disk: it names people's rows, or counts them.
    """

    stage: AnyStage
    from_receiver: bool
    record_size: int
    rows: int
    open_ended: bool = False
    streamed: bool = False
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class SessionOffer:
    """What R asks in OpenSession."""

    agreement_id: str
    agreement_hash: bytes
    operation: Operation
    suite: str
    match_keys: tuple[str, ...]
    purpose: str
    columns: tuple[str, ...]
    declared_rows: int
    capabilities: tuple[str, ...]
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Session:
    """One side's durable record of a session.

    Attributes:
        session_id: 64 hex digits.
        offer: R's request as accepted.
        sender_nonce: S's 32 bytes.
        acceptance: the RFC 8785 record that S signed, with its signature.
        requested_stage: highest stage R asked S for (S cuts when it is stage 3).
        opening: the full opening record (RFC 8785 bytes), once both halves exist.
        opening_signatures: (party, signature) pairs.
        run_record: the full run record (RFC 8785 bytes) at the end.
        run_signatures: (party, signature) pairs.
    """

    session_id: str
    job_id: str
    side: Side
    partner: str
    state: SessionState
    offer: SessionOffer
    sender_nonce: bytes
    acceptance: bytes
    acceptance_signature: bytes
    requested_stage: int
    opening: bytes
    opening_signatures: tuple[tuple[str, bytes], ...]
    run_record: bytes
    run_signatures: tuple[tuple[str, bytes], ...]
    failure: Failure | None
    opened_at: datetime
    expires_at: datetime
    revision: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a stage, by number. (session, stage, seq) has one digest for ever."""

    session_id: str
    stage: int
    seq: int
    sha256: bytes
    bytes: bytes


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How far a stage is durable here."""

    stage: int
    last_seq: int
    rows: int
    complete: bool


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """What GetSession answers."""

    session_id: str
    state: SessionState
    stages: tuple[StageStatus, ...]
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """RFC 8785 bytes with signatures by party."""

    record: bytes
    signatures: Mapping[str, bytes]
