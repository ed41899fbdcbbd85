from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

import pytest

from gateway.errors import Misuse, StateError
from gateway.flow.ports.store import BudgetStore, Charge, Spent
from gateway.store import SqlStore
from tests.contract.given import DAY, NOW, SECOND

CHARGE = Charge(
    job_id="job-1",
    session_id="5e" * 32,
    agreement_id="agreement-1",
    partner="platform",
    dataset="crm",
    step="count",
    epsilon=Decimal("1.000001"),
    delta=Decimal("0.000001000000000003"),
    cells=40,
    at=NOW,
)
NOTHING = Spent(Decimal(0), Decimal(0), 0)


async def _spend(store: SqlStore, *charges: Charge) -> None:
    async with store.begin() as tx:
        for charge in charges:
            await tx.budget.lock(charge.partner)
            await tx.budget.charge(charge)


async def _spent(store: SqlStore, partner: str = "platform", days: int = 30) -> Spent:
    async with store.read() as tx:
        return await tx.budget.spent(partner, NOW - days * DAY)


async def test_a_charge_comes_back_as_it_was(store: SqlStore) -> None:
    values = replace(CHARGE, step="values", epsilon=Decimal("2.5"), delta=Decimal(0), cells=0)
    await _spend(store, CHARGE, values)
    async with store.read() as tx:
        budget: BudgetStore = tx.budget
        assert await budget.charged("job-1", "count") == CHARGE
        assert await budget.charged("job-1", "values") == values
        assert await budget.charged("job-1", "receiver") is None
        assert await budget.charged("job-2", "count") is None


async def test_a_ledger_is_one_partner_s_over_all_agreements_and_data_sets(store: SqlStore) -> None:
    assert await _spent(store) == NOTHING
    await _spend(
        store,
        CHARGE,
        replace(CHARGE, job_id="job-2", agreement_id="agreement-2", epsilon=Decimal("0.25"), cells=2),
        replace(CHARGE, job_id="job-3", partner="bank", epsilon=Decimal(8)),
        replace(CHARGE, job_id="job-4", dataset="visits", epsilon=Decimal(9), delta=Decimal(0), cells=0),
    )
    assert await _spent(store) == Spent(Decimal("10.250001"), Decimal("0.000002000000000006"), 42)
    assert (await _spent(store, partner="bank")).epsilon == 8
    assert await _spent(store, partner="Platform") == NOTHING


async def test_the_window_slides_and_its_edge_is_inside(store: SqlStore) -> None:
    ages = (0 * DAY, 30 * DAY, 30 * DAY + SECOND / 1_000_000, 90 * DAY, -DAY)
    await _spend(
        store,
        *(replace(CHARGE, job_id=f"job-{number}", cells=10**number, at=NOW - age) for number, age in enumerate(ages)),
    )
    assert (await _spent(store, days=30)).cells == 10_011  # what a clock put ahead of us counts too
    assert (await _spent(store, days=31)).cells == 10_111
    assert (await _spent(store, days=90)).cells == 11_111
    assert (await _spent(store, days=0)).cells == 10_001


async def test_a_step_is_charged_once_whatever_the_second_charge_says(store: SqlStore, other: SqlStore) -> None:
    await _spend(store, CHARGE)
    for again in (CHARGE, replace(CHARGE, epsilon=Decimal(0)), replace(CHARGE, partner="bank")):
        with pytest.raises(StateError) as caught:
            await _spend(other, again)
        assert caught.value.reason == "REVISION_CONFLICT"
    async with other.read() as tx:
        assert await tx.budget.charged("job-1", "count") == CHARGE
        assert await tx.budget.list("bank") == []
    assert (await _spent(store)).epsilon == CHARGE.epsilon


async def test_a_charge_goes_with_its_transaction(store: SqlStore) -> None:
    with pytest.raises(LookupError):
        async with store.begin() as tx:
            await tx.budget.lock("platform")
            await tx.budget.charge(CHARGE)
            raise LookupError
    assert await _spent(store) == NOTHING
    await _spend(store, CHARGE)
    assert (await _spent(store)).cells == 40


@pytest.mark.parametrize("first", [True, False], ids=["a new ledger", "a used ledger"])
async def test_nobody_spends_what_another_spends(store: SqlStore, other: SqlStore, first: bool) -> None:
    """Twelve runs, two gateways, room for five: each looks at the rest under the lock, then takes from it."""
    cap = Decimal(5)
    if not first:
        await _spend(store, replace(CHARGE, job_id="before", epsilon=Decimal(0), cells=0))

    async def run(where: SqlStore, number: int) -> bool:
        async with where.begin() as tx:
            await tx.budget.lock("platform")
            rest = cap - (await tx.budget.spent("platform", NOW - DAY)).epsilon
            await asyncio.sleep(0.005)
            if rest < 1:
                return False
            await tx.budget.charge(replace(CHARGE, job_id=f"job-{number}", epsilon=Decimal(1)))
            return True

    async with asyncio.timeout(60):
        taken = await asyncio.gather(*(run((store, other)[number % 2], number) for number in range(12)))
    assert sum(taken) == 5
    assert (await _spent(store)).epsilon == cap


@pytest.mark.parametrize("store_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
async def test_one_ledger_does_not_wait_for_another(store: SqlStore, other: SqlStore) -> None:
    async with asyncio.timeout(20), store.begin() as tx:
        await tx.budget.lock("platform")
        await _spend(other, replace(CHARGE, partner="bank"))
        await tx.budget.charge(replace(CHARGE, job_id="job-2"))
    async with store.read() as tx:
        assert len(await tx.budget.list("platform")) == len(await tx.budget.list("bank")) == 1


async def test_charges_are_listed_newest_first(store: SqlStore) -> None:
    charges = [replace(CHARGE, job_id=f"job-{number}", at=NOW - number * SECOND) for number in range(5)]
    same_time = [replace(charges[2], step=step) for step in ("receiver", "values")]
    await _spend(store, *charges[::-1], *same_time, replace(CHARGE, job_id="elsewhere", partner="bank"))
    async with store.read() as tx:
        listed = await tx.budget.list("platform")
        assert listed == [charges[0], charges[1], same_time[1], same_time[0], charges[2], charges[3], charges[4]]
        assert await tx.budget.list("platform", limit=2) == charges[:2]


async def test_decimals_are_added_exactly_whatever_the_caller_s_precision(store: SqlStore) -> None:
    """Ten deltas of almost one pass what 64 bits hold; a float or a context of few digits would lose the last digit."""
    many = [
        replace(CHARGE, job_id=f"job-{number}", epsilon=Decimal("9.999999"), delta=1 - Decimal("1e-18"))
        for number in range(20)
    ]
    with localcontext() as context:
        context.prec = 5
        await _spend(store, *many)
        spent = await _spent(store)
        async with store.read() as tx:
            assert await tx.budget.charged("job-3", "count") == many[3]
    assert spent == Spent(Decimal("199.999980"), 20 - Decimal("20e-18"), 800)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epsilon": Decimal("0.0000001")},
        {"epsilon": Decimal("-1")},
        {"epsilon": Decimal("NaN")},
        {"epsilon": Decimal("Infinity")},
        {"epsilon": Decimal(10**13)},
        {"delta": Decimal("1e-19")},
        {"delta": Decimal("-1e-18")},
        {"delta": Decimal(10)},
        {"cells": -1},
    ],
    ids=str,
)
async def test_an_amount_that_cannot_be_kept_exactly_is_a_bug(store: SqlStore, wrong: dict[str, Any]) -> None:
    with pytest.raises(Misuse):
        await _spend(store, replace(CHARGE, **wrong))
    assert await _spent(store) == NOTHING


async def test_trailing_zeros_are_no_digits(store: SqlStore) -> None:
    await _spend(store, replace(CHARGE, epsilon=Decimal("1.5000000000"), delta=Decimal("0E-30")))
    assert await _spent(store) == Spent(Decimal("1.5"), Decimal(0), 40)


async def test_a_ledger_is_locked_before_it_is_charged(store: SqlStore) -> None:
    await _spend(store, CHARGE)
    with pytest.raises(Misuse, match="locked"):
        async with store.begin() as tx:
            await tx.budget.lock("bank")
            await tx.budget.charge(replace(CHARGE, job_id="job-2"))
