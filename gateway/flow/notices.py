"""Notices between partners after a run: made, delivered or collected, carried out, acknowledged.

A notice names rows by (run, row token), never a person, and gives no reason. Ours stand in the store until the
partner's signed acknowledgement is there: we deliver them, and the partner may collect them, so that everything works
when only one side can dial. An acknowledgement never tells whether a named row was held.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime

from gateway.agreement.notice import (
    ACKNOWLEDGEMENT,
    NOTICE,
    acknowledged_notice,
    acknowledgement_record,
    check_acknowledgement,
    notice_record,
    parse_notice,
)
from gateway.agreement.signature import verify_record
from gateway.errors import AssentError, HostileInput, StateError
from gateway.flow.ports import House, Transaction
from gateway.flow.sinks.removal import note_tokens, settle_job
from gateway.route.audit import AuditEvent
from gateway.route.job import Job
from gateway.route.notice import NoticeKind, PeerNotice, ReleasedRun, Signed, StoredNotice
from gateway.route.party import Partner
from gateway.tlog.leaf import LeafType

TOGETHER = 8


async def make_notice(
    tx: Transaction,
    house: House,
    run: ReleasedRun,
    kind: NoticeKind,
    tokens: Sequence[bytes],
    since: datetime,
    now: datetime,
    notice_id: str = "",
    by: str = "",
) -> StoredNotice:
    """Put a notice to the run's partner into the outbox, in the transaction of what it follows from.

    Args:
        tx: for writing.
        house: ports.
        run: ours.
        kind: what to tell.
        tokens: rows of a tombstone, ascending.
        since: when the deadline begins.
        now: of the notice.
        notice_id: uuid; made anew when left out.
        by: who asked for it; nobody did where it follows from a person's act.
    """
    notice = PeerNotice(
        notice_id=notice_id or str(uuid.uuid4()),
        kind=kind,
        sender=house.custody.party,
        recipient=run.partner,
        agreement_id=run.agreement_id,
        session_id=run.session_id,
        tokens=tuple(tokens),
        at=now,
    )
    stored = StoredNotice(
        notice_id=notice.notice_id,
        partner=run.partner,
        ours=True,
        kind=kind,
        agreement_id=run.agreement_id,
        session_id=run.session_id,
        job_id=run.job_id,
        rows=len(tokens),
        record=notice_record(notice),
        signature=b"",
        made_at=now,
        due_at=since + house.limits.notice_deadline,
    )
    await tx.notices.put(stored)
    await tx.audit.append([_event(LeafType.NOTICE_SENT, stored, now, by=by)])
    return stored


# ---- as the one who dials --------------------------------------------------------------------------------------------


async def exchange_notices(house: House, troubles: list[AssentError]) -> None:
    """Deliver what waits for partners, and collect and carry out what waits at them.

    A partner that does not answer is left for the next time; other troubles are added to `troubles`.
    """
    async with house.store.read() as tx:
        partners = await tx.partners.list()

    async def with_partner(partner: Partner) -> None:
        for step in (_deliver, _collect):
            try:
                await step(house, partner)
            except StateError as error:
                if error.reason == "PEER_UNAVAILABLE":
                    return
                troubles.append(error)
            except AssentError as error:
                troubles.append(error)

    await asyncio.gather(*(with_partner(partner) for partner in partners))


async def _deliver(house: House, partner: Partner) -> None:
    """Hand over our notices, the oldest first; one that the partner cannot carry out does not hold up the others."""
    refused: AssentError | None = None
    after: tuple[datetime, str] | None = None
    while True:
        async with house.store.read() as tx:
            waiting = await tx.notices.waiting(partner.card.party, TOGETHER, after)
        for notice in waiting:
            try:
                answer = await house.peer.deliver_notice(partner.card, _signed(house, notice))
                await take_acknowledgement(house, partner, answer, notice.notice_id)
            except AssentError as error:
                refused = _passed_over(refused, error)
        if len(waiting) < TOGETHER:
            break
        after = waiting[-1].made_at, waiting[-1].notice_id
    if refused is not None:
        raise refused


async def _collect(house: House, partner: Partner) -> None:
    """Fetch the partner's notices, carry them out, acknowledge them."""
    refused: AssentError | None = None
    after = ""
    while True:
        collected = await house.peer.collect_notices(partner.card, TOGETHER, after)
        for notice in collected:
            try:
                acknowledgement = await receive_notice(house, partner, notice)
                await house.peer.acknowledge_notice(partner.card, acknowledgement)
            except AssentError as error:
                refused = _passed_over(refused, error)
        if len(collected) < TOGETHER:
            break
        after = parse_notice(collected[-1].record).notice_id
    if refused is not None:
        raise refused


def _passed_over(refused: AssentError | None, error: AssentError) -> AssentError | None:
    """Go on with the next notice, unless the partner does not answer at all.

    That a run is not over yet on the other side is no trouble: the notice waits.
    """
    if error.reason == "PEER_UNAVAILABLE":
        raise error
    return refused if error.reason == "STAGE_ORDER" else error


# ---- as the one who is dialled ---------------------------------------------------------------------------------------


async def receive_notice(house: House, partner: Partner, signed: Signed) -> Signed:
    """Carry out a partner's notice; the same one again gets the same acknowledgement.

    Args:
        house: ports.
        partner: who tells us.
        signed: its notice.

    Returns:
        Our signed acknowledgement; it does not tell whether a row was there.

    Raises:
        HostileInput: BAD_SHAPE or BAD_SIGNATURE; DIGEST_MISMATCH when its id came before with other bytes.
        StateError: NOT_FOUND for a run that is not of this partner; STAGE_ORDER while ours is not over yet, or its
            result is on its way to a sink; as `SinkPort.take_out` while a sink cannot be changed.
    """
    party = partner.card.party
    notice = parse_notice(signed.record)
    if (notice.sender, notice.recipient) != (party, house.custody.party):
        raise HostileInput("BAD_SHAPE", "the notice is not from the partner that sent it, or not to us")
    verify_record(partner.card.agreement_key, NOTICE, signed.record, signed.signature, party)
    now = house.clock.now()
    async with house.store.begin() as tx:
        job = await _job_of(tx, notice, party)
        if job.spool_id != house.spool.spool_id:
            # A server that holds the run's files collects it.
            raise StateError("STAGE_ORDER", "another server of ours holds this run; the notice is collected by it")
        stored = await tx.notices.get(party, False, notice.notice_id)
        if stored is None:
            stored = _taken(house, notice, job, signed, now)
            if await tx.notices.put(stored):
                await tx.audit.append([_event(LeafType.NOTICE_RECEIVED, stored, now)])
    if stored.record != signed.record:
        raise HostileInput(
            "DIGEST_MISMATCH", "a notice of this id came before with other bytes; send it under a new id"
        )
    if stored.done_at is not None:
        return Signed(stored.acknowledgement, stored.acknowledgement_signature)
    house.bells.ring("audit")
    if notice.kind is NoticeKind.TOMBSTONE:
        await note_tokens(house, job.job_id, notice.tokens)
        await house.results.delete_tokens(job.job_id, notice.tokens)
        # We sign for what is gone everywhere: a sink that is away makes the notice wait.
        await settle_job(house, job.job_id)
    return await _carried_out(house, stored)


async def _job_of(tx: Transaction, notice: PeerNotice, party: str) -> Job:
    """Return our job of the run that a notice is about."""
    session = await tx.sessions.get(notice.session_id)
    if session.partner != party or session.offer.agreement_id != notice.agreement_id:
        raise StateError("NOT_FOUND", "there is no such session here; open a new one")
    job = await tx.jobs.get(session.job_id)
    if not job.state.final:
        raise StateError("STAGE_ORDER", "the run is not over here yet; send the notice again later")
    return job


def _taken(house: House, notice: PeerNotice, job: Job, signed: Signed, now: datetime) -> StoredNotice:
    return StoredNotice(
        notice_id=notice.notice_id,
        partner=notice.sender,
        ours=False,
        kind=notice.kind,
        agreement_id=notice.agreement_id,
        session_id=notice.session_id,
        job_id=job.job_id,
        rows=len(notice.tokens),
        record=signed.record,
        signature=signed.signature,
        made_at=now,
        due_at=now + house.limits.notice_deadline,
    )


async def _carried_out(house: House, stored: StoredNotice) -> Signed:
    """Sign and keep that a notice was carried out; the first acknowledgement stands."""
    now = house.clock.now()
    record = acknowledgement_record(stored.notice_id, stored.record, house.custody.party, stored.partner, now)
    signed = Signed(record, house.custody.sign_record(ACKNOWLEDGEMENT, record))
    async with house.store.begin() as tx:
        if await tx.notices.acknowledge(stored.partner, False, stored.notice_id, record, signed.signature, now):
            await tx.audit.append([_event(LeafType.NOTICE_ACKNOWLEDGED, stored, now, signed)])
        else:
            first = await tx.notices.get(stored.partner, False, stored.notice_id)
            if first is not None:
                signed = Signed(first.acknowledgement, first.acknowledgement_signature)
    house.bells.ring("audit")
    return signed


async def waiting_notices(house: House, partner: Partner, limit: int, after: str) -> list[Signed]:
    """Return our notices that a partner has not acknowledged, the oldest first, signed.

    Args:
        house: ports.
        partner: who collects.
        limit: most notices; 0 is as many as there may be at once.
        after: id of a notice behind which to begin; "" from the oldest.

    Raises:
        StateError: NOT_FOUND for an id that is none of ours to it.
    """
    party = partner.card.party
    async with house.store.read() as tx:
        place = None
        if after:
            last = await tx.notices.get(party, True, after)
            if last is None:
                raise StateError("NOT_FOUND", "there is no notice to you of this id; collect without it")
            place = last.made_at, last.notice_id
        waiting = await tx.notices.waiting(party, min(limit or TOGETHER, TOGETHER), place)
    return [_signed(house, notice) for notice in waiting]


async def take_acknowledgement(house: House, partner: Partner, signed: Signed, expected: str = "") -> None:
    """Keep a partner's acknowledgement of a notice of ours; the same one again changes nothing.

    Args:
        house: ports.
        partner: who acknowledges.
        signed: the acknowledgement.
        expected: id of the notice that it must be about; "" for any of ours.

    Raises:
        HostileInput: BAD_SHAPE, BAD_SIGNATURE or DIGEST_MISMATCH when it is not that of a notice of ours.
        StateError: NOT_FOUND when we sent no such notice.
    """
    party, notice_id = partner.card.party, acknowledged_notice(signed.record)
    verify_record(partner.card.agreement_key, ACKNOWLEDGEMENT, signed.record, signed.signature, party)
    now = house.clock.now()
    async with house.store.begin() as tx:
        stored = await tx.notices.get(party, True, notice_id)
        if stored is None or expected not in ("", notice_id):
            raise StateError("NOT_FOUND", "the acknowledged notice is none of ours; look at the list of notices")
        check_acknowledgement(signed.record, notice_id, stored.record, party, house.custody.party)
        if await tx.notices.acknowledge(party, True, notice_id, signed.record, signed.signature, now):
            await tx.audit.append([_event(LeafType.NOTICE_ACKNOWLEDGED, stored, now, signed)])
    house.bells.ring("audit")


def _signed(house: House, notice: StoredNotice) -> Signed:
    """Sign a notice of ours with the present key: the partner may hold a later card than when it was made."""
    return Signed(notice.record, house.custody.sign_record(NOTICE, notice.record))


def _event(
    kind: LeafType, notice: StoredNotice, now: datetime, answer: Signed | None = None, by: str = ""
) -> AuditEvent:
    """Make the audit entry of a step of a notice; an acknowledgement is kept whole, as evidence."""
    payload: dict[str, object] = {
        "notice": notice.notice_id,
        "kind": notice.kind.value,
        "ours": notice.ours,
        "partner": notice.partner,
        "session": notice.session_id,
        "job": notice.job_id,
        "rows": notice.rows,
        "digest": hashlib.sha256(notice.record).hexdigest(),
    }
    if by:
        payload["by"] = by
    if answer is not None:
        payload |= {"record": answer.record.decode(), "signature": answer.signature.hex()}
    return AuditEvent(kind, now, "", payload)


async def is_suspended(tx: Transaction, session_id: str) -> bool:
    """Return whether the partner asked last that a run's result be not used."""
    said = [notice for notice in await tx.notices.of_run(session_id) if not notice.ours]
    kinds = [notice.kind for notice in said if notice.kind in (NoticeKind.SUSPEND, NoticeKind.RESUME)]
    return bool(kinds) and kinds[-1] is NoticeKind.SUSPEND
