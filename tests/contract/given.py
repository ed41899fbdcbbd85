"""Values to store. Every field is set to something of its own, so that a swapped or lost one shows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from consent.evaluate import Use
from consent.event import Actor, ConsentEvent, ConsentItem, EventType, Form, Mode
from consent.projection import ProjectionRow
from gateway.flow.ports.store import RegistryItem
from gateway.route.agreement import (
    Agreement,
    AgreementBinding,
    AgreementCopy,
    AgreementParty,
    AgreementState,
    Caps,
    Column,
    ColumnType,
    Direction,
    Operation,
    Padding,
)
from gateway.route.audit import AuditEvent
from gateway.route.job import Failure, Job, JobRequest, JobState, Refusal, Side, WaitingFor
from gateway.route.party import PartyCard, SignedCard
from gateway.route.session import Session, SessionOffer, SessionState
from gateway.store import SqlTransaction

NOW = datetime(2026, 11, 21, 8, 30, 15, 123457, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
_LETTERS = str.maketrans("0123456789", "abcdefghij")
USE = Use(handler="retailer", recipient="platform", purpose="enrich", category="phone", method="psi_hash")


def ref(number: int) -> str:
    """A subject_ref: 26 characters of base32."""
    return f"{number:026d}".translate(_LETTERS)


def event(subject: str, event_id: str, type: EventType = EventType.GIVEN, **fields: object) -> ConsentEvent:
    common: dict[str, object] = {
        "event_id": event_id,
        "type": type,
        "at": NOW - DAY,
        "recorded_at": NOW,
        "subject": subject,
        "handler": "retailer",
    }
    if type is EventType.GIVEN:
        common |= {
            "consent_id": f"consent-{event_id}",
            "by": Actor.SUBJECT,
            "mode": Mode.EXPLICIT,
            "evidence": True,
            "notice": "share@1",
            "valid_until": NOW + 30 * DAY,
            "items": (ConsentItem("enrich", ("phone", "segment"), ("psi_hash",), ("platform",), Form.SEPARATE),),
        }
    return ConsentEvent(**(common | fields))  # type: ignore[arg-type]


def hashed(event: ConsentEvent) -> tuple[ConsentEvent, str]:
    return event, hashlib.sha256(repr(event.content()).encode()).hexdigest()


def row(subject: str, consent_id: str = "consent-1", **fields: object) -> ProjectionRow:
    made = ProjectionRow(
        subject=subject,
        handler="retailer",
        purpose="enrich",
        recipient="platform",
        category="phone",
        method="psi_hash",
        state="ConsentGiven",
        form="separate",
        effective_from=NOW - DAY,
        valid_until=NOW + 30 * DAY,
        notice="share@1",
        consent_id=consent_id,
        plain=True,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def audit_event(
    key: str = "e1", type: str = "consent_event", subject_ref: str = "", payload: Mapping[str, object] | None = None
) -> AuditEvent:
    return AuditEvent(type, NOW, subject_ref, {"event_id": key} if payload is None else payload)


def registry_item(item_id: str = "enrich", version: int = 1, state: str = "active", **body: object) -> RegistryItem:
    return RegistryItem("purpose", item_id, version, state, body or {"id": item_id, "text": "补充客户资料"}, NOW)


def signed_card(party: str = "platform") -> SignedCard:
    card = PartyCard(
        party=party,
        legal_name="某某信息技术有限公司",
        contact="privacy@platform.example",
        country="CN",
        endpoint="127.0.0.1:7444",
        target_name="gateway.platform.example",
        agreement_key=bytes(range(32)),
        log_vkey="platform+12345678+AQ==",
        pins=("ab" * 32, "cd" * 32),
        trust=("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",),
        issued_at=NOW - DAY,
    )
    return SignedCard(card, b'{"card":1}', bytes(range(64)), "1234-5678")


def agreement(agreement_id: str = "6d0e8a0e-0000-4000-8000-000000000001") -> Agreement:
    document = f'{{"id":"{agreement_id}"}}'.encode()
    return Agreement(
        agreement_id=agreement_id,
        hash=hashlib.sha256(b"assent agreement v1\n" + document).digest(),
        document=document,
        parties=(
            AgreementParty("retailer", "零售有限公司", bytes(32), "gateway", "pia-1"),
            AgreementParty("platform", "平台有限公司", bytes([1] * 32), "gateway", "pia-2"),
        ),
        purposes=("enrich", "measure"),
        directions=(
            Direction(Operation.MATCH, "retailer", "platform", (), ("retailer",)),
            Direction(Operation.ENRICH, "retailer", "platform", ("recency", "channel"), ("retailer",)),
        ),
        suite="ristretto255-SHA512",
        match_keys=("phone.e164",),
        match_key_categories=("phone",),
        columns=(
            Column("recency", "activity", ColumnType.NUMBER, Decimal("0.00"), Decimal("12.50"), 2, 0),
            Column("channel", "activity", ColumnType.CATEGORY, None, None, 0, 16),
        ),
        aggregate=None,
        caps=Caps(100_000, 200_000, 24),
        consent_age_s=900,
        session_life_s=604_800,
        retention_days=180,
        valid_from=NOW - DAY,
        valid_until=NOW + 365 * DAY,
        legal_text_hash="ef" * 32,
        padding=Padding.NONE,
        sandbox=True,
    )


def agreement_copy(agreement_id: str = "6d0e8a0e-0000-4000-8000-000000000001", revision: int = 1) -> AgreementCopy:
    signatures = (("retailer", bytes(64)), ("platform", bytes([2] * 64)))
    if revision == 1:
        return AgreementCopy(agreement(agreement_id), AgreementState.PROPOSED, signatures[:1], 1)
    return AgreementCopy(agreement(agreement_id), AgreementState.IN_FORCE, signatures, revision)


def binding(agreement_id: str = "6d0e8a0e-0000-4000-8000-000000000001") -> AgreementBinding:
    return AgreementBinding(
        agreement_id, "customers", "customer_id", "customer", (("phone.e164", "mobile"),), (("channel", "kanal"),)
    )


def job(number: int = 1, **fields: object) -> Job:
    made = Job(
        job_id=f"job-{number:04d}",
        side=Side.RECEIVER,
        partner="platform",
        request=JobRequest(
            f"request-{number}", "agreement-1", Operation.ENRICH, "enrich", ("recency", "channel"), "cdp-1"
        ),
        state=JobState.QUEUED,
        waiting_for=WaitingFor.NONE,
        stage=0,
        seq=-1,
        rows_done=0,
        rows_total=0,
        session_id="",
        refusal=None,
        failure=None,
        report={},
        cancel_requested=False,
        attempt=0,
        fence=0,
        lease_owner="",
        lease_until=None,
        spool_id="spool-1",
        created_at=NOW + number * SECOND,
        updated_at=NOW + number * SECOND,
        finished_at=None,
        revision=1,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def worn_job() -> Job:
    """A job in which no field has its first value."""
    return job(
        7,
        side=Side.SENDER,
        state=JobState.FAILED,
        waiting_for=WaitingFor.PEER,
        stage=3,
        seq=41,
        rows_done=2**40,
        rows_total=2**41,
        session_id="ab" * 32,
        refusal=Refusal("RATE_EXCEEDED", "no more runs today"),
        failure=Failure("DISK_FULL", "free space"),
        report={"left_out": {"NO_CONSENT": 3}, "matched": 12, "names": ["a", "b"]},
        cancel_requested=True,
        attempt=2,
        fence=5,
        lease_owner="worker-1",
        lease_until=NOW + 60 * SECOND,
        finished_at=NOW + DAY,
        revision=9,
    )


def session(session_id: str = "ab" * 32, nonce: bytes = bytes([7] * 32), **fields: object) -> Session:
    made = Session(
        session_id=session_id,
        job_id="job-0001",
        side=Side.SENDER,
        partner="platform",
        state=SessionState.OPEN,
        offer=SessionOffer(
            agreement_id="agreement-1",
            agreement_hash=bytes([9] * 32),
            operation=Operation.MATCH,
            suite="ristretto255-SHA512",
            match_keys=("phone.e164",),
            purpose="enrich",
            columns=(),
            declared_rows=20_000,
            capabilities=("late-drops",),
            nonce=nonce,
        ),
        sender_nonce=bytes([8] * 32),
        acceptance=b'{"a":1}',
        acceptance_signature=bytes([3] * 64),
        requested_stage=1,
        opening=b"",
        opening_signatures=(),
        run_record=b"",
        run_signatures=(),
        failure=None,
        opened_at=NOW,
        expires_at=NOW + 7 * DAY,
        revision=1,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


async def everything(tx: SqlTransaction, name: str = "e1") -> None:
    """Write one change of each kind that has an entry in the log, about subject 1."""
    subject = ref(1)
    await tx.registry.put(registry_item(name))
    await tx.consents.append([hashed(event(subject, name))], {subject: [row(subject)]})
    await tx.jobs.create(job())
    await tx.sessions.create(session())
    await tx.audit.append([audit_event(name, subject_ref=subject)])
