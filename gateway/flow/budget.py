"""The privacy budget: what each step of a run costs, charged before the bytes that cost it leave.

One ledger per partner and data set, across agreements: every run releases a count of the same people, so the column
sets of one data set always overlap and their losses add up. Charges are summed over a window that slides; a run that
is aborted stays charged, and one that is resumed is not charged again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.disclosure import Planned, charges
from gateway.errors import RequestError
from gateway.flow.access import require
from gateway.flow.ends import RunRefused
from gateway.flow.lease import Lease
from gateway.flow.ports import Charge, House, Spent, Transaction
from gateway.flow.segment import terms_of
from gateway.route.agreement import AggregateTerms
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
    """Return what was charged towards an agreement's partner for its data set.

    Raises:
        RequestError: BAD_FIELD for an agreement without statistics, or not bound here.
    """
    require(caller, Role.ADMINISTRATOR, Role.COMPLIANCE_OFFICER, Role.CDP_JOB)
    async with house.store.read() as tx:
        agreement = (await tx.agreements.get(agreement_id)).agreement
        binding = await tx.agreements.binding(agreement_id)
        if agreement.aggregate is None or binding is None:
            raise RequestError("BAD_FIELD", "field name: the agreement allows no statistics, or is not bound here")
        partner = next(party.party for party in agreement.parties if party.party != house.custody.party)
        since = house.clock.now() - timedelta(days=agreement.aggregate.period_days)
        spent = await tx.budget.spent(partner, binding.dataset, since)
        return BudgetReport(agreement.aggregate, spent, await tx.budget.list(partner, binding.dataset))


def planned(job: AuthorizedJob, segments: int) -> tuple[Planned, ...]:
    """Return what a run costs our side, step by step."""
    to = job.direction.result_to
    learns = (job.direction.receiver in to, job.direction.sender in to)
    return charges(terms_of(job), job.columns, job.operation, job.side is Side.RECEIVER, learns, segments)


async def affordable(tx: Transaction, job: AuthorizedJob, at: datetime) -> Refusal | None:
    """Refuse a run that the budget cannot bear, before any work is done for it; one segment is the least it needs."""
    terms, spent = terms_of(job), None
    for cost in planned(job, 1):
        spent = spent or await _spent(tx, job, terms, at)
        if not _fits(spent, cost, terms):
            return _exhausted(terms)
        spent = Spent(spent.epsilon + cost.epsilon, spent.delta + cost.delta, spent.cells + cost.cells)
    return None


async def charge(lease: Lease, job: AuthorizedJob, step: str, segments: int) -> None:
    """Charge a step of a run, once, in a transaction of its own: what follows may leave.

    Raises:
        RunRefused: BUDGET_EXHAUSTED; nothing is charged then.
    """
    cost = next((one for one in planned(job, segments) if one.step == step), None)
    if cost is None:
        return
    house, terms, partner, at = lease.house, terms_of(job), job.partner.card.party, lease.house.clock.now()
    async with house.store.begin() as tx:
        await tx.budget.lock(partner, job.binding.dataset)
        if await tx.budget.charged(job.job_id, step) is not None:
            return
        if not _fits(await _spent(tx, job, terms, at), cost, terms):
            raise RunRefused(_exhausted(terms))
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


async def _spent(tx: Transaction, job: AuthorizedJob, terms: AggregateTerms, at: datetime) -> Spent:
    since = at - timedelta(days=terms.period_days)
    return await tx.budget.spent(job.partner.card.party, job.binding.dataset, since)


def _fits(spent: Spent, cost: Planned, terms: AggregateTerms) -> bool:
    return (
        spent.epsilon + cost.epsilon <= terms.epsilon_cap
        and spent.delta + cost.delta <= terms.delta_cap
        and (cost.cells == 0 or spent.cells + cost.cells <= terms.cells_per_period)
    )


def _exhausted(terms: AggregateTerms) -> Refusal:
    return Refusal(
        "BUDGET_EXHAUSTED",
        f"the privacy budget of the last {terms.period_days} days does not bear this run; "
        "read an earlier result again, ask for fewer columns, or wait",
    )


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
