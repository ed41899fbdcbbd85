"""The privacy budget: what each step of a run costs, charged before the bytes that cost it leave.

One ledger per partner, across agreements and data sets: the same people stand in all of them, and neither a renamed
data set nor a second agreement begins anew. A charge must fit the caps of every agreement with the partner that was
valid in its window. Windows slide; a run that is aborted stays charged, and one that is resumed is not charged again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from gateway.disclosure import Planned, charges
from gateway.errors import RequestError
from gateway.flow.access import require
from gateway.flow.ends import RunRefused
from gateway.flow.lease import Lease
from gateway.flow.ports import Charge, House, Spent, Transaction
from gateway.flow.segment import terms_of
from gateway.route.agreement import AggregateTerms, Agreement, AgreementState
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.job import AuthorizedJob, Refusal, Side
from gateway.tlog.leaf import LeafType


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """A ledger as it stands.

    Attributes:
        terms: the agreement's caps.
        spent: what the present window holds.
        charges: newest first.
    """

    terms: AggregateTerms
    spent: Spent
    charges: list[Charge]


async def get_budget(house: House, caller: Caller, agreement_id: str) -> BudgetReport:
    """Return what was charged towards an agreement's partner.

    Raises:
        RequestError: BAD_FIELD for an agreement without statistics.
    """
    require(caller, Role.ADMINISTRATOR, Role.COMPLIANCE_OFFICER, Role.CDP_JOB)
    async with house.store.read() as tx:
        agreement = (await tx.agreements.get(agreement_id)).agreement
        if agreement.aggregate is None:
            raise RequestError("BAD_FIELD", "field name: the agreement allows no statistics")
        partner = next(party.party for party in agreement.parties if party.party != house.custody.party)
        since = house.clock.now() - timedelta(days=agreement.aggregate.period_days)
        return BudgetReport(agreement.aggregate, await tx.budget.spent(partner, since), await tx.budget.list(partner))


def planned(job: AuthorizedJob, segments: int) -> tuple[Planned, ...]:
    """Return what a run costs our side, step by step."""
    to = job.direction.result_to
    learns = (job.direction.receiver in to, job.direction.sender in to)
    return charges(terms_of(job), job.columns, job.operation, job.side is Side.RECEIVER, learns, segments)


async def affordable(tx: Transaction, job: AuthorizedJob, at: datetime) -> Refusal | None:
    """Refuse a run that the budget cannot bear, before any work is done for it; one segment is the least it needs."""
    epsilon, delta, cells = Decimal(0), Decimal(0), 0
    for cost in planned(job, 1):
        epsilon, delta, cells = epsilon + cost.epsilon, delta + cost.delta, cells + cost.cells
    return await _over(tx, job, Spent(epsilon, delta, cells), at)


async def charge(lease: Lease, job: AuthorizedJob, step: str, segments: int) -> None:
    """Charge a step of a run, once, in a transaction of its own: what follows may leave.

    Raises:
        RunRefused: BUDGET_EXHAUSTED; nothing is charged then.
    """
    cost = next((one for one in planned(job, segments) if one.step == step), None)
    if cost is None:
        return
    house, partner, at = lease.house, job.partner.card.party, lease.house.clock.now()
    async with house.store.begin() as tx:
        await tx.budget.lock(partner)
        if await tx.budget.charged(job.job_id, step) is not None:
            return
        refusal = await _over(tx, job, Spent(cost.epsilon, cost.delta, cost.cells), at)
        if refusal is not None:
            raise RunRefused(refusal)
        entry = Charge(
            job_id=job.job_id,
            session_id=lease.job.session_id,
            agreement_id=job.agreement.agreement_id,
            partner=partner,
            dataset=job.binding.dataset,
            step=step,
            epsilon=cost.epsilon,
            delta=cost.delta,
            cells=cost.cells,
            at=at,
        )
        await tx.budget.charge(entry)
        await tx.audit.append([_event(entry)])
        # The lease must still be ours when the charge becomes true.
        job_now = await lease.update(tx)
    lease.committed(job_now)
    house.bells.ring("audit")


async def _over(tx: Transaction, job: AuthorizedJob, cost: Spent, at: datetime) -> Refusal | None:
    """Refuse what is over the caps of any agreement with this partner that was valid in its own window."""
    partner = job.partner.card.party
    for agreement in await _agreements_with(tx, partner):
        terms = agreement.aggregate
        if terms is None or agreement.valid_until <= (since := at - timedelta(days=terms.period_days)):
            continue
        spent = await tx.budget.spent(partner, since)
        if (
            spent.epsilon + cost.epsilon > terms.epsilon_cap
            or spent.delta + cost.delta > terms.delta_cap
            or (cost.cells and spent.cells + cost.cells > terms.cells_per_period)
        ):
            return Refusal(
                "BUDGET_EXHAUSTED",
                f"the privacy budget of the last {terms.period_days} days does not bear this run; "
                "read an earlier result again, ask for fewer columns, or wait",
            )
    return None


async def _agreements_with(tx: Transaction, partner: str) -> list[Agreement]:
    found: list[Agreement] = []
    after = ""
    while page := await tx.agreements.list(after):
        found += [
            copy.agreement
            for copy in page
            if copy.state is AgreementState.IN_FORCE and partner in {party.party for party in copy.agreement.parties}
        ]
        after = page[-1].agreement.agreement_id
    return found


def _event(entry: Charge) -> AuditEvent:
    return AuditEvent(
        LeafType.BUDGET_CHARGED,
        entry.at,
        "",
        {
            "job": entry.job_id,
            "session": entry.session_id,
            "agreement": entry.agreement_id,
            "partner": entry.partner,
            "step": entry.step,
            "epsilon": format(entry.epsilon, "f"),
            "delta": format(entry.delta, "f"),
            "cells": entry.cells,
        },
    )
