"""Sessions as both sides look them up, read them and end them."""

from __future__ import annotations

from gateway.errors import Misuse, StateError
from gateway.flow.ports import House
from gateway.psi.record import Opening, opening_of_record
from gateway.route.audit import AuditEvent
from gateway.route.job import Failure, Side
from gateway.route.party import Partner
from gateway.route.session import Session, SessionState
from gateway.tlog.leaf import LeafType


async def own_session(house: House, partner: Partner, session_id: str, side: Side) -> Session:
    """Return a session of this partner; another's session does not exist for it."""
    async with house.store.read() as tx:
        session = await tx.sessions.get(session_id)
    if session.partner != partner.card.party or session.side is not side:
        raise StateError("NOT_FOUND", "no such session")
    if not session.state.final and session.expires_at <= house.clock.now():
        raise StateError("STAGE_ORDER", "the session reached its agreed maximum life; open a new one")
    return session


def ended(session: Session) -> StateError:
    """Return the error for a call on a session that is over."""
    why = f": {session.failure.reason}" if session.failure else ""
    return StateError("STAGE_ORDER", f"the session is {session.state.value}{why}; open a new one")


def opening_of(session: Session) -> Opening:
    """Read the sizes out of a session's full opening record, which we built or rebuilt ourselves."""
    if not session.opening:
        raise Misuse("the session has no opening record yet")
    return opening_of_record(session.opening, session.session_id)


async def fail_session(
    house: House,
    session: Session,
    failure: Failure,
    where: str,
    kind: LeafType = LeafType.HOSTILE_INPUT,
    state: SessionState = SessionState.ABORTED,
) -> None:
    """End a session, with an audit entry naming place and reason; one that is over stays as it is."""
    async with house.store.begin() as tx:
        current = await tx.sessions.get(session.session_id)
        if current.state.final:
            return
        await tx.sessions.update(session.session_id, {"state": state, "failure": failure})
        await tx.audit.append(
            [
                AuditEvent(
                    kind,
                    house.clock.now(),
                    "",
                    {
                        "session": session.session_id,
                        "side": session.side.value,
                        "partner": session.partner,
                        "where": where,
                        "reason": failure.reason,
                    },
                )
            ]
        )
    house.bells.ring(session.session_id)
    house.bells.ring("audit")
