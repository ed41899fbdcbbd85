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

    @property
    def from_receiver(self) -> bool:
        """Whether R sends this stage (OPENING goes both ways, R first)."""
        return self in (Stage.OPENING, Stage.BLINDED)


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
        requested_stage: highest stage R asked S for (S cuts when it is TABLE).
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
    """A piece of a stage. (session, stage, seq) has one digest for ever."""

    session_id: str
    stage: Stage
    seq: int
    sha256: bytes
    bytes: bytes


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How far a stage is durable here."""

    stage: Stage
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
