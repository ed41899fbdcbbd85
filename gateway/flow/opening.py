"""The receiver opens a session and agrees on its opening record (stage 0)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

from gateway.agreement.signature import verify_record
from gateway.errors import HostileInput
from gateway.flow.ends import RunRefused
from gateway.flow.grouping import grouped_of
from gateway.flow.lease import Lease
from gateway.flow.lists import list_count
from gateway.flow.padding import check_padded
from gateway.flow.ports.peer import Acceptance
from gateway.flow.session import opened_event
from gateway.flow.sessions import opening_of
from gateway.flow.threads import in_thread
from gateway.flow.transcript import agreement_key, envelope, open_envelope
from gateway.psi.attributes import plaintext_bytes
from gateway.psi.record import Opening, OpeningHalf, acceptance_record, opening, sender_half_of
from gateway.psi.suite import SUITE
from gateway.psi.transcript import session_id as make_session_id
from gateway.route.agreement import Column
from gateway.route.canonical import parse_canonical, parse_time_text
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob, Refusal, Side
from gateway.route.session import Chunk, Session, SessionOffer, SessionState, Stage


async def open_session(lease: Lease, job: AuthorizedJob, nonce: bytes) -> Session:
    """Open the session of a job, or return the one it opened before.

    Raises:
        RunRefused: the partner says no.
        HostileInput: the acceptance is not of our offer, or not signed by the partner.
    """
    house = lease.house
    if lease.job.session_id:
        async with house.store.read() as tx:
            return await tx.sessions.get(lease.job.session_id)
    offer = SessionOffer(
        agreement_id=job.agreement.agreement_id,
        agreement_hash=job.agreement.hash,
        operation=job.operation,
        suite=SUITE,
        match_keys=job.agreement.match_keys,
        purpose=job.purpose,
        columns=job.columns,
        declared_rows=job.agreement.caps.rows_receiver,
        capabilities=(),
        nonce=nonce,
    )
    answer = await lease.hear(house.peer.open_session(job.partner.card, offer))
    if isinstance(answer, Refusal):
        raise RunRefused(answer)
    session = _session(lease, job, offer, answer)
    event = opened_event(session, house)
    async with house.store.begin() as tx:
        await tx.sessions.create(session)
        changed = await lease.update(tx, event, session_id=session.session_id)
    lease.committed(changed, event)
    return session


def _session(lease: Lease, job: AuthorizedJob, offer: SessionOffer, answer: Acceptance) -> Session:
    """Check the acceptance against our own offer: we rebuild it and compare bytes."""
    house, partner = lease.house, job.partner.card.party
    verify_record(agreement_key(job.agreement, partner), "acceptance", answer.record, answer.signature, partner)
    session_id = make_session_id(job.agreement.hash, offer.nonce, answer.sender_nonce, house.custody.party, partner)
    stated = parse_canonical(answer.record)
    expires_at = parse_time_text(str(stated.get("expires_at")) if isinstance(stated, dict) else "")
    now, life = house.clock.now(), timedelta(seconds=job.agreement.session_life_s)
    # The partner's clock may differ from ours, by less than a day.
    if not now - timedelta(days=1) < expires_at < now + life + timedelta(days=1):
        raise HostileInput("BAD_SHAPE", "the partner states a session life that the agreement does not allow")
    expected = acceptance_record(offer, session_id, answer.sender_nonce, house.custody.party, partner, expires_at)
    if answer.record != expected or answer.session_id != session_id.hex():
        raise HostileInput("BAD_SHAPE", "the partner accepted something else than we offered; ask for its release")
    return Session(
        session_id=session_id.hex(),
        job_id=job.job_id,
        side=Side.RECEIVER,
        partner=partner,
        state=SessionState.OPEN,
        offer=offer,
        sender_nonce=answer.sender_nonce,
        acceptance=answer.record,
        acceptance_signature=answer.signature,
        requested_stage=0,
        opening=b"",
        opening_signatures=(),
        run_record=b"",
        run_signatures=(),
        failure=None,
        opened_at=now,
        expires_at=min(expires_at, now + life),
        revision=1,
    )


async def agree_opening(
    lease: Lease, job: AuthorizedJob, session: Session, cohort: ConsentedCohort, columns: tuple[Column, ...]
) -> Opening:
    """Push our signed half, take the full record, rebuild it, countersign it.

    Raises:
        HostileInput: the full record is not what both halves make.
    """
    house, card = lease.house, job.partner.card
    if session.opening:
        return opening_of(session)
    rows = cohort.segment_rows if job.operation.grouped else cohort.list_rows
    ours = OpeningHalf(session.session_id, rows, cohort.commitment, cohort.judged_at)
    signature = house.custody.sign_record("opening-half", ours.encode())
    await lease.hear(house.peer.push(card, _single(session.session_id, 0, envelope(ours.encode(), signature))))
    full = b""
    pulled = house.peer.pull(card, session.session_id, Stage.OPENING, 0)
    async with aclosing(lease.hear_all(pulled)) as chunks:
        async for chunk in chunks:
            if hashlib.sha256(chunk.bytes).digest() != chunk.sha256 or chunk.seq != 0:
                raise HostileInput("DIGEST_MISMATCH", "stage 0 OPENING: the partner's chunk does not have its SHA-256")
            full = chunk.bytes
    record, their_signature = open_envelope(full, "opening", job.agreement, card.party)
    theirs = sender_half_of(record, session.session_id, job.agreement.caps.rows_sender, list_count(job))
    check_padded(job, Side.SENDER, sum(theirs.rows))
    grouped = await in_thread(grouped_of, job, len(rows), sum(theirs.rows))
    both_learn = job.direction.to_sender and not job.operation.grouped
    sizes = opening(session.acceptance, ours, theirs, plaintext_bytes(columns), grouped, both_learn)
    if sizes.record != record:
        raise HostileInput("BAD_SHAPE", "stage 0 OPENING: the record is not what the two halves make")
    own_signature = house.custody.sign_record("opening", record)
    await lease.hear(house.peer.push(card, _single(session.session_id, 1, envelope(record, own_signature))))
    async with house.store.begin() as tx:
        await tx.sessions.update(
            session.session_id,
            {
                "opening": record,
                "opening_signatures": ((house.custody.party, own_signature), (card.party, their_signature)),
                "state": SessionState.ACTIVE,
            },
        )
    return sizes


async def _single(session_id: str, seq: int, content: bytes) -> AsyncIterator[Chunk]:
    await asyncio.sleep(0)
    yield Chunk(session_id, int(Stage.OPENING), seq, hashlib.sha256(content).digest(), content)
