"""What is kept for a time and then destroyed, whether or not anybody asks for it again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from gateway.agreement.aggregate import MAX_PERIOD_DAYS
from gateway.flow.ports import House, Transaction
from gateway.flow.sessions import fail_session
from gateway.route.agreement import AgreementState
from gateway.route.audit import AuditEvent
from gateway.route.job import Failure
from gateway.route.session import SessionState
from gateway.tlog.leaf import LeafType

PAGE = 100

LEFT_OPEN = timedelta(days=1)
"""How long a session that a partner opened may stay without a countersigned opening record; it holds a job slot."""


async def sweep_results(house: House) -> Mapping[str, int]:
    """Destroy the results and row-token maps, on this server's disk, of runs whose retention is over.

    The file goes first: who is killed between the two destroys nothing a second time and then notes it.
    """
    count = 0
    while True:
        now = house.clock.now()
        async with house.store.read() as tx:
            over = await tx.runs.over(now, house.spool.spool_id, PAGE)
        for job_id, agreement_id in over:
            await house.results.delete(job_id)
            async with house.store.begin() as tx:
                if not await tx.runs.destroyed(job_id, now):
                    continue
                payload = {"job": job_id, "agreement": agreement_id, "why": "retention_over"}
                await tx.audit.append([AuditEvent(LeafType.RESULT_DELETED, now, "", payload)])
            count += 1
        if over:
            house.bells.ring("audit")
        if len(over) < PAGE:
            return {"destroyed": count}


async def purge_sketches(house: House) -> Mapping[str, int]:
    """Destroy sketches of inputs that no run looks at any more.

    A run looks back `period_days` of its own agreement, at what was kept under any agreement with the partner: the
    longest of them counts; where none is in force, the longest that there can be.
    """
    count = 0
    async with house.store.read() as tx:
        partners = await tx.sketches.partners()
        days = {partner: await _longest_period(tx, partner) for partner in partners}
    for partner in partners:
        now = house.clock.now()
        async with house.store.begin() as tx:
            gone = await tx.sketches.purge(partner, now - timedelta(days=days[partner]))
            if gone:
                payload = {"partner": partner, "sketches": gone, "period_days": days[partner]}
                await tx.audit.append([AuditEvent(LeafType.SKETCHES_PURGED, now, "", payload)])
        if gone:
            house.bells.ring("audit")
        count += gone
    return {"purged": count}


async def _longest_period(tx: Transaction, partner: str) -> int:
    longest, after = 0, ""
    while page := await tx.agreements.list(after):
        for copy in page:
            terms = copy.agreement.aggregate
            with_partner = partner in {party.party for party in copy.agreement.parties}
            if terms is not None and with_partner and copy.state is AgreementState.IN_FORCE:
                longest = max(longest, terms.period_days)
        after = page[-1].agreement.agreement_id
    return longest or MAX_PERIOD_DAYS


async def expire_sessions(house: House) -> Mapping[str, int]:
    """End sessions past their agreed life, and those that a partner opened and left open for a day."""
    count = 0
    while True:
        now = house.clock.now()
        async with house.store.read() as tx:
            overdue = await tx.sessions.overdue(now, now - LEFT_OPEN, PAGE)
        for session in overdue:
            if session.expires_at <= now:
                message = "the session reached its agreed maximum life; start a new job"
            else:
                message = "the session was opened and not begun for a day; start a new job"
            failure = Failure("STAGE_ORDER", message)
            await fail_session(house, session, failure, "scheduler", LeafType.SESSION_ENDED, SessionState.EXPIRED)
            house.bells.ring(session.job_id)
        count += len(overdue)
        if len(overdue) < PAGE:
            return {"expired": count}
