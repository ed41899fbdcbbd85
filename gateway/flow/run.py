"""A job from its lease to its end: carries it on, and decides what every ending means."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.errors import AssentError, HostileInput, Misuse, StateError
from gateway.flow.ends import REFUSAL_CODES, PeerEnded, RunRefused, SessionExpired
from gateway.flow.lease import Lease
from gateway.flow.listed import keep_listed
from gateway.flow.membership.keep import keep_membership
from gateway.flow.receive import ReceiverRun
from gateway.flow.receive_rows import RowsReceiver
from gateway.flow.receive_segments import SegmentsReceiver
from gateway.flow.send import SenderRun
from gateway.flow.send_rows import RowsSender
from gateway.flow.send_segments import SegmentsSender
from gateway.flow.sent import keep_sent
from gateway.flow.sessions import fail_session
from gateway.flow.threads import in_thread
from gateway.flow.transcript import done_mark
from gateway.route.audit import AuditEvent
from gateway.route.job import Failure, JobState, Refusal, Side, WaitingFor
from gateway.route.session import SessionState, Stage
from gateway.tlog.leaf import LeafType

RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)


async def run(lease: Lease) -> None:
    """Carry a job to a final state, waiting out a silent partner, a busy store and a full disk.

    Raises:
        StateError: REVISION_CONFLICT when another worker holds the job now.
        Exception: a bug; the job has failed by then.
    """
    attempt = _attempt(lease)
    failures = 0
    while not lease.job.state.final:
        try:
            await attempt.run()
        except RunRefused as end:
            await _refuse(lease, end.refusal)
        except PeerEnded as end:
            await _peer_ended(lease, end)
        except SessionExpired:
            await _expire(lease)
        except StateError as error:
            if error.reason == "STAGE_ORDER" and await _over_at_partner(lease):
                continue
            if error.reason == "REVISION_CONFLICT":
                await lease.confirm()
            waiting = _WAITING.get(error.reason)
            if waiting is None or (error.reason == "REVISION_CONFLICT" and failures >= len(RETRY_S)):
                await _fail(lease, error)
            elif error.reason != "STORE_UNAVAILABLE" and await _expired(lease):
                await _expire(lease)
            else:
                await _wait(lease, waiting, RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
        except AssentError as error:
            await _fail(lease, error)
        except Exception:
            # A bug must end the job, not repeat it; the worker logs what it was.
            await _fail(lease, Misuse("the gateway failed; its operator finds the cause in the log"))
            raise


_WAITING = {
    "PEER_UNAVAILABLE": WaitingFor.PEER,
    "DISK_FULL": WaitingFor.DISK,
    # Nothing can be noted until the database is back; what the job waited for before stands.
    "STORE_UNAVAILABLE": WaitingFor.NONE,
    # The store is busy: somebody else changed what we read; a few tries settle it.
    "REVISION_CONFLICT": WaitingFor.NONE,
}


def _attempt(lease: Lease) -> ReceiverRun[Any] | SenderRun:
    grouped = lease.job.request.operation.grouped
    if lease.job.side is Side.RECEIVER:
        return SegmentsReceiver(lease) if grouped else RowsReceiver(lease)
    return SegmentsSender(lease) if grouped else RowsSender(lease)


async def cancel(lease: Lease) -> None:
    """Carry out the owner's wish to end a job: tell the partner, destroy, mark CANCELLED.

    A run that both sides have signed is finished instead: it cannot be undone any more.
    """
    if lease.job.state.final:
        return
    if lease.job.session_id:
        async with lease.house.store.read() as tx:
            session = await tx.sessions.get(lease.job.session_id)
        if session.state is SessionState.CLOSED:
            await run(lease)
            return
    await lease.enter(JobState.CANCELLING)
    await _end_session(lease, "CANCELLED", f"the {lease.job.side.value.lower()} cancelled the job")
    await _end(lease, JobState.CANCELLED)


async def _over_at_partner(lease: Lease) -> bool:
    """When a call came too late because the partner had ended the session, take its reason over."""
    if lease.job.side is not Side.RECEIVER or not lease.job.session_id:
        return False
    house = lease.house
    async with house.store.read() as tx:
        session = await tx.sessions.get(lease.job.session_id)
        partner = await tx.partners.get(session.partner)
    try:
        status = await house.peer.get_session(partner.card, session.session_id)
    except AssentError:
        return False
    if not status.state.final or status.state is SessionState.CLOSED:
        return False
    failure = status.failure or Failure("STAGE_ORDER", f"the partner's session is {status.state.value}")
    await _end_session(lease, failure.reason, failure.message)
    await _peer_ended(lease, PeerEnded(failure.reason, failure.message))
    return True


async def _wait(lease: Lease, reason: WaitingFor, seconds: float) -> None:
    try:
        await lease.wait_for(reason)
    except StateError as error:
        # A full disk may hold the database too, or it is away: the job then stands still without saying so.
        if error.reason not in ("DISK_FULL", "STORE_UNAVAILABLE"):
            raise
    await asyncio.sleep(seconds)


async def _expired(lease: Lease) -> bool:
    if not lease.job.session_id:
        return False
    async with lease.house.store.read() as tx:
        session = await tx.sessions.get(lease.job.session_id)
    return session.expires_at <= lease.house.clock.now()


async def _expire(lease: Lease) -> None:
    error = StateError("STAGE_ORDER", "the session reached its agreed maximum life; start a new job")
    await _end_session(lease, error.reason, error.message, SessionState.EXPIRED)
    await _end(lease, JobState.FAILED, failure=Failure(error.reason, error.message))


async def _refuse(lease: Lease, refusal: Refusal) -> None:
    await _end_session(lease, refusal.reason_code, refusal.message, SessionState.REFUSED)
    await _end(lease, JobState.REFUSED, refusal=refusal)


async def _peer_ended(lease: Lease, end: PeerEnded) -> None:
    if end.reason in REFUSAL_CODES:
        await _end(lease, JobState.REFUSED, refusal=Refusal(end.reason, end.message))
    elif end.reason == "CANCELLED":
        await _end(lease, JobState.CANCELLED, failure=Failure(end.reason, end.message))
    else:
        await _end(lease, JobState.FAILED, failure=Failure(end.reason, end.message))


async def _fail(lease: Lease, error: AssentError) -> None:
    kind = LeafType.HOSTILE_INPUT if isinstance(error, HostileInput) else LeafType.SESSION_ENDED
    await _end_session(lease, error.reason, _for_partner(lease, error), kind=kind)
    await _end(lease, JobState.FAILED, failure=Failure(error.reason, error.message))


def _for_partner(lease: Lease, error: AssentError) -> str:
    """Say to the partner what concerns it: its own bytes in full, our house's faults by code only."""
    if isinstance(error, HostileInput):
        return error.message
    return f"the {lease.job.side.value.lower()} ended the session ({error.reason})"


async def _end_session(
    lease: Lease,
    reason: str,
    message: str,
    state: SessionState = SessionState.ABORTED,
    kind: LeafType = LeafType.SESSION_ENDED,
) -> None:
    """End the job's session on our side and, as receiver, tell the partner."""
    house, session_id = lease.house, lease.job.session_id
    if not session_id:
        return
    async with house.store.read() as tx:
        session = await tx.sessions.get(session_id)
        partner = await tx.partners.get(session.partner)
    if session.state.final:
        return
    await fail_session(house, session, Failure(reason, message), "worker", kind, state)
    if lease.job.side is Side.RECEIVER:
        try:
            await house.peer.abort_session(partner.card, session_id, reason)
        except AssentError:
            # Best effort: an unreachable partner lets the session expire.
            return


async def _end(lease: Lease, state: JobState, refusal: Refusal | None = None, failure: Failure | None = None) -> None:
    """Destroy the run's spools and secrets and put the end on record."""
    house, job_id = lease.house, lease.job.job_id
    if lease.job.side is Side.RECEIVER:
        await house.results.delete(job_id)
    elif await in_thread(house.spool.read_sealed, job_id, done_mark(Stage.TABLE)) is not None:
        # Rows have left: who stood behind them is kept, whatever became of the run; what R named to us is not.
        await house.results.delete(job_id)
        await (keep_listed if lease.job.request.operation.grouped else keep_sent)(lease)
    await keep_membership(lease)
    await in_thread(house.spool.drop, job_id)
    reason = refusal.reason_code if refusal else failure.reason if failure else ""
    event = lease.event(state, reason=reason)
    destroyed = AuditEvent(
        "key_destroyed",
        house.clock.now(),
        "",
        {"job": lease.job.job_id, "session": lease.job.session_id, "side": lease.job.side.value},
    )
    await lease.commit(
        event,
        destroyed,
        state=state,
        waiting_for=WaitingFor.NONE,
        refusal=refusal,
        failure=failure,
        finished_at=house.clock.now(),
    )
