"""What the partner's gateway may ask of us as sender: open, push, pull, close.

A servicer only checks, spools and serves; the leased worker (`send.py`) computes.
Every answer is given from durable state, so that a call may be repeated.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from weakref import WeakValueDictionary

from gateway.errors import AssentError, HostileInput, StateError
from gateway.flow.authorize import authorize_sender
from gateway.flow.closing import countersign_run, state_run, until_whole
from gateway.flow.ends import REFUSAL_CODES, RunRefused
from gateway.flow.job import created_event, new_job
from gateway.flow.ports import House, StageFile
from gateway.flow.ports.peer import Acceptance, Closing
from gateway.flow.sessions import ended, fail_session, opening_of, own_session
from gateway.flow.threads import in_thread
from gateway.flow.transcript import (
    COUNTERSIGNATURE,
    FULL_OPENING,
    RECEIVER_HALF,
    done_mark,
    is_done,
    is_whole,
    look,
    stage_file,
    wire_chunk,
    wire_digest,
)
from gateway.psi.check import check_chunk
from gateway.psi.record import Opening, acceptance_record
from gateway.psi.suite import chunk_count, chunk_rows
from gateway.psi.transcript import session_id as make_session_id
from gateway.route.audit import AuditEvent
from gateway.route.job import Failure, JobRequest, Refusal, Side
from gateway.route.party import Partner
from gateway.route.session import (
    Chunk,
    Session,
    SessionOffer,
    SessionState,
    SessionStatus,
    Stage,
    StageSize,
    StageStatus,
)
from gateway.tlog.leaf import LeafType

WAIT_S = 1.0
MAX_OPENING_BYTES = 16 * 1024

_writers: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
_without_room: set[str] = set()  # sessions whose last chunk found the disk full


async def open_session(house: House, partner: Partner, offer: SessionOffer) -> Acceptance | Refusal:
    """Answer an offer: a signed acceptance and a queued job, or a refusal; each on record."""
    now = house.clock.now()
    async with house.store.begin() as tx:
        known = await tx.sessions.by_nonce(partner.card.party, offer.nonce)
        if known is not None:
            return _acceptance(known)
        job_id = str(uuid.uuid4())
        authorized = await authorize_sender(house, tx, partner, offer, job_id, begun=False)
        if isinstance(authorized, Refusal):
            await tx.audit.append([_refused(partner, offer, authorized, house)])
            answer: Acceptance | Refusal = authorized
        else:
            sender_nonce = secrets.token_bytes(32)
            session_id = make_session_id(
                offer.agreement_hash, offer.nonce, sender_nonce, partner.card.party, house.custody.party
            )
            expires_at = now + timedelta(seconds=authorized.agreement.session_life_s)
            record = acceptance_record(
                offer, session_id, sender_nonce, partner.card.party, house.custody.party, expires_at
            )
            session = Session(
                session_id=session_id.hex(),
                job_id=job_id,
                side=Side.SENDER,
                partner=partner.card.party,
                state=SessionState.OPEN,
                offer=offer,
                sender_nonce=sender_nonce,
                acceptance=record,
                acceptance_signature=house.custody.sign_record("acceptance", record),
                requested_stage=0,
                opening=b"",
                opening_signatures=(),
                run_record=b"",
                run_signatures=(),
                failure=None,
                opened_at=now,
                expires_at=expires_at,
                revision=1,
            )
            request = JobRequest(
                request_id=str(uuid.uuid4()),
                agreement_id=offer.agreement_id,
                operation=offer.operation,
                purpose=offer.purpose,
                columns=offer.columns,
                requested_by=partner.card.party,
            )
            # The session id stands on the job from the start, so that a worker finds the session.
            queued = replace(
                new_job(house, job_id, Side.SENDER, partner.card.party, request, now), session_id=session.session_id
            )
            job = await tx.jobs.create(queued)
            await tx.sessions.create(session)
            await tx.audit.append([created_event(job, now), opened_event(session, house)])
            answer = _acceptance(session)
    house.bells.ring("jobs")
    house.bells.ring("audit")
    return answer


def opened_event(session: Session, house: House) -> AuditEvent:
    """Make the audit entry of an opened session, alike on both sides."""
    return AuditEvent(
        type="session_opened",
        time=house.clock.now(),
        subject_ref="",
        payload={
            "session": session.session_id,
            "side": session.side.value,
            "partner": session.partner,
            "acceptance": hashlib.sha256(session.acceptance).hexdigest(),
        },
    )


def _refused(partner: Partner, offer: SessionOffer, refusal: Refusal, house: House) -> AuditEvent:
    return AuditEvent(
        type="session_ended",
        time=house.clock.now(),
        subject_ref="",
        payload={
            "side": Side.SENDER.value,
            "partner": partner.card.party,
            "agreement": offer.agreement_id,
            "operation": offer.operation.value,
            "refusal": refusal.reason_code,
        },
    )


def _acceptance(session: Session) -> Acceptance:
    return Acceptance(
        session_id=session.session_id,
        sender_nonce=session.sender_nonce,
        record=session.acceptance,
        signature=session.acceptance_signature,
    )


async def receive_chunk(house: House, partner: Partner, chunk: Chunk) -> int:
    """Make one pushed chunk durable; the same chunk again is confirmed again.

    Returns:
        The last durable seq of its stage.

    Raises:
        HostileInput: altered replay, gap, bad digest or shape; all but a gap end the session.
        StateError: STAGE_ORDER when the stage may not move yet.
    """
    session = await own_session(house, partner, chunk.session_id, Side.SENDER)
    if chunk.stage != Stage.OPENING:
        session = await _active(house, partner, session)
    if session.state.final:
        raise ended(session)
    lock = _writers.setdefault(chunk.session_id, asyncio.Lock())
    async with lock:
        try:
            last = await in_thread(_keep, house, session, chunk)
            _without_room.discard(chunk.session_id)
            return last
        except (HostileInput, StateError) as error:
            # Who ends a session drops its spool, where every chunk then looks like a gap: the worker may have done so
            # between our look and our writing.
            session = await own_session(house, partner, chunk.session_id, Side.SENDER)
            if session.state.final:
                _without_room.discard(chunk.session_id)
                raise ended(session) from error
            if error.reason == "DISK_FULL":
                _without_room.add(chunk.session_id)
            if isinstance(error, HostileInput) and error.reason != "SEQUENCE_GAP":
                await fail_session(
                    house,
                    session,
                    Failure(error.reason, error.message),
                    f"stage {int(chunk.stage)}, chunk {chunk.seq}",
                    LeafType.REPLAY_REFUSED if isinstance(error, AlteredReplay) else LeafType.HOSTILE_INPUT,
                )
            raise
        finally:
            house.bells.ring(session.session_id)


def has_room(session_id: str) -> bool:
    """Return whether the last chunk that the partner sent to this process found room on the disk."""
    return session_id not in _without_room


async def _active(house: House, partner: Partner, session: Session) -> Session:
    """Return the session once the worker has taken the countersignature that was spooled for it."""
    while session.state is SessionState.OPEN:
        if await in_thread(house.spool.read_sealed, session.job_id, COUNTERSIGNATURE) is None:
            raise StateError("STAGE_ORDER", "the opening record is not countersigned; finish stage 0 first")
        await house.bells.wait(session.session_id, WAIT_S)
        session = await own_session(house, partner, session.session_id, Side.SENDER)
    if session.state.final and session.state is not SessionState.CLOSED:
        raise ended(session)
    return session


def _keep(house: House, session: Session, chunk: Chunk) -> int:
    if chunk.stage == Stage.OPENING:
        return _receive_opening(house, session, chunk)
    opening = opening_of(session)
    size = opening.stage(chunk.stage)
    if not size.from_receiver:
        raise StateError("STAGE_ORDER", f"stage {chunk.stage} is the sender's; pull it")
    _check_earlier(house, session, size, opening)
    return _spool(house, session, chunk, size, opening)


class AlteredReplay(HostileInput):
    """A chunk that came before, with other bytes now."""


def _receive_opening(house: House, session: Session, chunk: Chunk) -> int:
    if chunk.seq not in (0, 1):
        raise HostileInput("SEQUENCE_GAP", "stage 0 OPENING has two chunks of the receiver")
    if hashlib.sha256(chunk.bytes).digest() != chunk.sha256:
        raise HostileInput("DIGEST_MISMATCH", f"stage 0 OPENING, chunk {chunk.seq}: not the stated SHA-256")
    if not 0 < len(chunk.bytes) <= MAX_OPENING_BYTES:
        raise HostileInput("BAD_SHAPE", f"stage 0 OPENING, chunk {chunk.seq}: 1 to {MAX_OPENING_BYTES} bytes allowed")
    if chunk.seq == 1 and house.spool.read_sealed(session.job_id, FULL_OPENING) is None:
        raise StateError("STAGE_ORDER", "stage 0 OPENING: pull the sender's half before countersigning")
    name = (RECEIVER_HALF, COUNTERSIGNATURE)[chunk.seq]
    known = house.spool.read_sealed(session.job_id, name)
    if known is None:
        house.spool.write_sealed(session.job_id, name, chunk.bytes)
    elif known != chunk.bytes:
        raise _altered(chunk)
    return chunk.seq


def _spool(house: House, session: Session, chunk: Chunk, size: StageSize, opening: Opening) -> int:
    file = stage_file(house, session.job_id, session.session_id, chunk.stage, opening)
    durable = file.chunks()
    if chunk.seq < durable:
        if wire_digest(file, size, chunk.seq) != chunk.sha256 or hashlib.sha256(chunk.bytes).digest() != chunk.sha256:
            raise _altered(chunk)
        return durable - 1
    if chunk.seq > durable:
        raise HostileInput(
            "SEQUENCE_GAP", f"stage {int(chunk.stage)}: chunk {chunk.seq} came, {durable} is next; ask GetSession"
        )
    check_chunk(chunk, size.record_size, chunk_rows(size.rows, size.record_size, chunk.seq))
    return file.append(chunk.bytes, chunk.seq, None if size.sealed else chunk.sha256)


def _altered(chunk: Chunk) -> AlteredReplay:
    return AlteredReplay(
        "DIGEST_MISMATCH",
        f"stage {int(chunk.stage)}, chunk {chunk.seq} came before with other bytes; the session is over",
    )


async def serve_stage(
    house: House, partner: Partner, session_id: str, stage: int, from_seq: int
) -> AsyncGenerator[Chunk, None]:
    """Yield chunks of a sender's stage from `from_seq`, waiting for those not computed yet.

    Raises:
        StateError: STAGE_ORDER while an earlier stage is incomplete, or when the session is over.
    """
    try:
        async with aclosing(_serve(house, partner, session_id, stage, from_seq)) as chunks:
            async for chunk in chunks:
                yield chunk
    except StateError as error:
        # The worker may have ended the session and dropped its spools meanwhile: that is the better answer.
        session = await own_session(house, partner, session_id, Side.SENDER)
        if session.state.final and session.state is not SessionState.CLOSED:
            raise ended(session) from error
        raise


async def _serve(
    house: House, partner: Partner, session_id: str, stage: int, from_seq: int
) -> AsyncGenerator[Chunk, None]:
    session = await own_session(house, partner, session_id, Side.SENDER)
    if session.state.final:
        raise ended(session)
    if stage == Stage.OPENING:
        yield await _full_opening(house, partner, session)
        return
    session = await _active(house, partner, session)
    opening = opening_of(session)
    size = opening.stage(stage)
    if size.from_receiver:
        raise StateError("STAGE_ORDER", f"stage {stage} is the receiver's; push it")
    await in_thread(_check_earlier, house, session, size, opening)
    if stage > session.requested_stage:
        async with house.store.begin() as tx:
            await tx.sessions.update(session_id, {"requested_stage": int(stage)})
        house.bells.ring(session_id)
    seq = from_seq
    while True:
        file, durable, complete = await in_thread(_servable, house, session, size, opening)
        while file is not None and seq < durable:
            yield await in_thread(wire_chunk, file, size, session_id, seq)
            seq += 1
        if complete:
            return
        await house.bells.wait(session_id, WAIT_S)
        session = await own_session(house, partner, session_id, Side.SENDER)
        if session.state.final:
            raise ended(session)


def _check_earlier(house: House, session: Session, size: StageSize, opening: Opening) -> None:
    """A stage may move only when all earlier ones are complete. Blocks."""
    for earlier in opening.stages:
        if earlier.stage >= size.stage:
            return
        if not is_whole(house, session.job_id, session.session_id, earlier, opening):
            act = "push the rest" if earlier.from_receiver else "pull it"
            raise StateError("STAGE_ORDER", f"stage {int(earlier.stage)} is not complete; {act} first")


def _servable(house: House, session: Session, size: StageSize, opening: Opening) -> tuple[StageFile | None, int, bool]:
    """Return the stage, how many of its chunks may leave now, and whether no more will come. Blocks."""
    file = look(house, session.job_id, session.session_id, size.stage, opening)
    if file is None:
        return None, 0, size.streamed and size.rows == 0 and _checked(house, session, size, opening)
    if not size.streamed:
        # Built whole before a byte of it is served.
        done = is_done(house, session.job_id, size.stage, file)
        return file, (file.chunks() if done else 0), done
    if not _checked(house, session, size, opening):
        return file, 0, False
    durable = file.chunks()
    return file, durable, durable == chunk_count(size.rows, size.record_size)


def _checked(house: House, session: Session, size: StageSize, opening: Opening) -> bool:
    """Not a byte leaves before all that R sent so far was checked, repeats and all. Blocks."""
    return all(
        house.spool.read_sealed(session.job_id, done_mark(earlier.stage)) is not None
        for earlier in opening.stages
        if earlier.from_receiver and earlier.stage < size.stage
    )


async def _full_opening(house: House, partner: Partner, session: Session) -> Chunk:
    while True:
        content = await in_thread(house.spool.read_sealed, session.job_id, FULL_OPENING)
        if content is not None:
            return Chunk(session.session_id, int(Stage.OPENING), 0, hashlib.sha256(content).digest(), content)
        await house.bells.wait(session.session_id, WAIT_S)
        session = await own_session(house, partner, session.session_id, Side.SENDER)
        if session.state.final:
            raise ended(session)


async def session_status(house: House, partner: Partner, session_id: str) -> SessionStatus:
    """Tell how far each stage is durable here."""
    session = await own_session(house, partner, session_id, Side.SENDER)
    stages = await in_thread(_stages, house, session)
    return SessionStatus(session_id, session.state, stages, session.failure)


def _stages(house: House, session: Session) -> tuple[StageStatus, ...]:
    names = (RECEIVER_HALF, COUNTERSIGNATURE)
    if session.state.final:
        return ()
    last = max((seq for seq, name in enumerate(names) if house.spool.read_sealed(session.job_id, name)), default=-1)
    found = [StageStatus(int(Stage.OPENING), last, 0, last == 1)]
    if session.opening:
        opening = opening_of(session)
        for size in opening.stages:
            file = look(house, session.job_id, session.session_id, size.stage, opening)
            rows, chunks = (file.rows(), file.chunks()) if file is not None else (0, 0)
            whole = is_whole(house, session.job_id, session.session_id, size, opening)
            found.append(StageStatus(int(size.stage), chunks - 1, rows, whole))
    return tuple(found)


async def close_session(
    house: House, partner: Partner, session_id: str, half: bytes, record: bytes, signature: bytes
) -> Closing:
    """Exchange the run record: answer R's half with the full record, then take R's signature.

    Raises:
        HostileInput: the halves disagree about what crossed the wire, or the signature is bad.
        StateError: STAGE_ORDER before LATE_DROPS is complete.
    """
    if max(len(half), len(record)) > MAX_OPENING_BYTES:
        raise HostileInput("BAD_SHAPE", f"closing: a record has at most {MAX_OPENING_BYTES} bytes")
    await until_whole(house, partner, session_id)
    lock = _writers.setdefault(session_id, asyncio.Lock())
    async with lock:
        session = await own_session(house, partner, session_id, Side.SENDER)
        if session.state.final and session.state is not SessionState.CLOSED:
            raise ended(session)
        try:
            if record:
                return await countersign_run(house, session, record, signature)
            return await state_run(house, session, half)
        except HostileInput as error:
            await fail_session(house, session, Failure(error.reason, error.message), "closing")
            raise
        except RunRefused as end:
            failure = Failure(end.refusal.reason_code, end.refusal.message)
            await fail_session(house, session, failure, "closing", LeafType.SESSION_ENDED, SessionState.REFUSED)
            raise ended(await own_session(house, partner, session_id, Side.SENDER)) from end
        finally:
            house.bells.ring(session_id)


async def abort_session(house: House, partner: Partner, session_id: str, reason: str) -> None:
    """End a session at the partner's word; a finished one stays as it is."""
    session = await own_session(house, partner, session_id, Side.SENDER)
    if session.state.final:
        return
    known = REFUSAL_CODES.union(*(family.reasons for family in AssentError.__subclasses__()))
    code = reason if reason in known else "CANCELLED"
    failure = Failure(code, f"the receiver ended the session ({code})")
    await fail_session(house, session, failure, "told by the receiver", LeafType.SESSION_ENDED)
