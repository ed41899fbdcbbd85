"""The end of a session on the sender's side: the run record that both sign."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.agreement.signature import verify_record
from gateway.errors import HostileInput, Misuse, StateError
from gateway.flow.ports import House
from gateway.flow.ports.peer import Closing
from gateway.flow.runstate import RunState, check_age
from gateway.flow.sessions import ended, opening_of, own_session
from gateway.flow.threads import in_thread
from gateway.flow.transcript import agreement_key, done_mark, is_whole, session_transcript
from gateway.psi.record import Opening
from gateway.psi.run import RunHalf, run_record, sender_run_half_of
from gateway.route.audit import AuditEvent
from gateway.route.job import Side
from gateway.route.party import Partner
from gateway.route.session import AggregateStage, Session, SessionState, StageSize
from gateway.tlog.run_leaf import run_payload

WAIT_S = 1.0


async def state_run(house: House, session: Session, half: bytes) -> Closing:
    """Answer R's half: check its transcript against ours, destroy our key, sign the full record.

    Raises:
        HostileInput: DIGEST_MISMATCH when the two sides saw different bytes.
        StateError: STAGE_ORDER while a stage is not complete.
    """
    theirs = RunHalf.parse(half, session.session_id)
    if session.run_record:
        return _stored(house, session, theirs)
    check_counts(theirs, sum(opening_of(session).receiver.rows))
    await _check_age(house, session)
    opening = opening_of(session)
    ours = await in_thread(_own_half, house, session, opening)
    check_transcripts(ours, theirs)
    parties = {"receiver": session.partner, "sender": house.custody.party}
    record = run_record(opening, theirs, ours, parties)
    signature = house.custody.sign_record("run", record)
    async with house.store.begin() as tx:
        await tx.sessions.update(
            session.session_id,
            {
                "run_record": record,
                "run_signatures": ((house.custody.party, signature),),
                "state": SessionState.CLOSING,
            },
        )
        await tx.audit.append([key_destroyed(house, session, ours)])
    house.bells.ring("audit")
    return Closing(record, signature)


async def until_whole(house: House, partner: Partner, session_id: str) -> None:
    """Wait for our worker to check and keep what R pushed last; R's own stages are its duty.

    Raises:
        StateError: STAGE_ORDER when a stage was not moved whole, or the session ends meanwhile.
    """
    while True:
        session = await own_session(house, partner, session_id, Side.SENDER)
        if session.run_record:
            return
        if session.state.final:
            raise ended(session)
        if not session.opening:
            raise StateError("STAGE_ORDER", "closing: stage 0 is not complete; finish it first")
        opening = opening_of(session)
        missing = await in_thread(missing_stage, house, session, opening)
        if missing is None:
            return
        pushed = missing.from_receiver and await in_thread(
            is_whole, house, session.job_id, session_id, missing, opening
        )
        if not pushed:
            act = "push" if missing.from_receiver else "pull"
            raise StateError("STAGE_ORDER", f"closing: stage {int(missing.stage)} is not complete; {act} it first")
        await house.bells.wait(session_id, WAIT_S)


def missing_stage(house: House, session: Session, opening: Opening) -> StageSize | None:
    """Return the first stage that is not whole and checked. Blocks."""
    for size in opening.stages:
        marked = house.spool.read_sealed(session.job_id, done_mark(size.stage)) is not None
        if not marked and not (size.streamed and is_whole(house, session.job_id, session.session_id, size, opening)):
            return size
    return None


async def _check_age(house: House, session: Session) -> None:
    """Sign nothing that rests on late drops older than the agreed consent age: the session is refused then."""
    state = await in_thread(RunState.load, house, session.job_id)
    async with house.store.read() as tx:
        agreement = (await tx.agreements.get(session.offer.agreement_id)).agreement
    check_age(state, agreement, house.clock.now())


def check_transcripts(ours: RunHalf, theirs: RunHalf) -> None:
    """Refuse to sign when the two sides did not see the same bytes."""
    if ours.transcript != theirs.transcript:
        raise HostileInput(
            "DIGEST_MISMATCH",
            "closing: the two sides' transcripts differ, so something changed on the way; run the job again",
        )


def check_counts(half: RunHalf, rows: int) -> None:
    """Refuse to sign counts that do not add up to the opening record's rows."""
    if half.tokenised + half.replaced != rows or half.late_drops > rows:
        raise HostileInput("BAD_SHAPE", "closing: the other side's counts do not add up to its rows")


def key_destroyed(house: House, session: Session, half: RunHalf) -> AuditEvent:
    """Make the audit entry of a destroyed scalar."""
    return AuditEvent(
        "key_destroyed",
        house.clock.now(),
        "",
        {
            "session": session.session_id,
            "side": session.side.value,
            "at": half.to_mapping()["keys_destroyed_at"],
        },
    )


def run_events(
    house: House, session: Session, record: bytes, signatures: Sequence[tuple[str, bytes]]
) -> list[AuditEvent]:
    """Make the two entries by which each log holds both signatures under one record."""
    now = house.clock.now()
    return [
        AuditEvent(
            "run_record" if party == house.custody.party else "run_signature",
            now,
            "",
            run_payload(session.session_id, record, party, signature),
        )
        for party, signature in signatures
    ]


async def countersign_run(house: House, session: Session, record: bytes, signature: bytes) -> Closing:
    """Take R's signature under the record that we made; the session is then closed."""
    if not session.run_record:
        raise StateError("STAGE_ORDER", "closing: send your half of the run record first")
    if record != session.run_record:
        raise HostileInput("DIGEST_MISMATCH", "closing: the countersigned run record is not the one we signed")
    own = dict(session.run_signatures)[house.custody.party]
    if session.state is not SessionState.CLOSED:
        async with house.store.begin() as tx:
            agreement = (await tx.agreements.get(session.offer.agreement_id)).agreement
            verify_record(agreement_key(agreement, session.partner), "run", record, signature, session.partner)
            signatures = ((house.custody.party, own), (session.partner, signature))
            await tx.sessions.update(session.session_id, {"run_signatures": signatures, "state": SessionState.CLOSED})
            await tx.audit.append(run_events(house, session, record, signatures))
        house.bells.ring("audit")
    return Closing(record, own)


def _own_half(house: House, session: Session, opening: Opening) -> RunHalf:
    """State our side and destroy the scalar: from here on nothing can be evaluated. Blocks."""
    state = RunState.load(house, session.job_id)
    if state is None or state.cut_at is None:
        raise Misuse("a session at its end has no cut")
    if state.destroyed_at is None:
        state = state.destroy_keys(house.clock.now())
        state.save(house, session.job_id)
    if state.destroyed_at is None or state.cut_at is None:
        raise Misuse("the destruction of the scalar was not noted")
    return RunHalf(
        session_id=session.session_id,
        transcript=session_transcript(house, session.job_id, session.session_id, opening),
        cut_at=state.cut_at,
        tokenised=sum(opening.sender.rows) - len(state.replaced),
        replaced=len(state.replaced),
        late_drops=state.late_drops,
        keys_destroyed_at=state.destroyed_at,
        withheld=state.withheld if counts_are_told(opening) else None,
    )


def counts_are_told(opening: Opening) -> bool:
    """Whether S sees the noisy counts, so that what the rules suppress by them is no news."""
    return any(size.stage is AggregateStage.MASKED for size in opening.stages)


def _stored(house: House, session: Session, theirs: RunHalf) -> Closing:
    """Answer a repeated first call; another half than before is no repetition."""
    ours = sender_run_half_of(session.run_record, session.session_id)
    parties = {"receiver": session.partner, "sender": house.custody.party}
    if run_record(opening_of(session), theirs, ours, parties) != session.run_record:
        raise HostileInput("DIGEST_MISMATCH", "closing: the half of the run record differs from the one sent before")
    return Closing(session.run_record, dict(session.run_signatures)[house.custody.party])
