"""The ledger of privacy loss: what was spent towards each partner. Append-only."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import func, select

from gateway.errors import Misuse, StateError
from gateway.flow.ports.store import Charge, Spent
from gateway.store.connection import AnyRow, StoreConnection
from gateway.store.schema_limits import budget_charges, budget_ledgers

EPSILON_DIGITS = 6
DELTA_DIGITS = 18
# Deltas are added in two halves: eighteen digits leave a 64-bit sum no room above nine.
_HALF = 10**9
_MAX = 2**63 - 1


class SqlBudgetStore:
    """The ledgers inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection
        self._locked: set[str] = set()

    async def lock(self, partner: str) -> None:
        """Serialise chargers of one ledger until the transaction ends, so that nobody spends what another spends."""
        await self._connection.insert_rows(budget_ledgers, [{"partner": partner}], skip_known=True)
        if self._connection.postgresql:  # SQLite's writers are alone anyway
            query = select(budget_ledgers.c.partner).where(budget_ledgers.c.partner == partner).with_for_update()
            await self._connection.execute(query)
        self._locked.add(partner)

    async def spent(self, partner: str, since: datetime) -> Spent:
        """Sum the charges at or after `since`."""
        table = budget_charges.c
        query = select(
            func.coalesce(func.sum(table.epsilon), 0),
            func.coalesce(func.sum(table.delta // _HALF), 0),
            func.coalesce(func.sum(table.delta % _HALF), 0),
            func.coalesce(func.sum(table.cells), 0),
        ).where(table.partner == partner, table.at >= since)
        ((epsilon, upper, lower, cells),) = await self._connection.rows(query)
        delta = int(upper) * _HALF + int(lower)
        return Spent(_from_units(int(epsilon), EPSILON_DIGITS), _from_units(delta, DELTA_DIGITS), int(cells))

    async def charged(self, job_id: str, step: str) -> Charge | None:
        """Return the charge of a job's step, or None."""
        table = budget_charges.c
        row = await self._connection.row(select(budget_charges).where(table.job_id == job_id, table.step == step))
        return None if row is None else _charge(row)

    async def charge(self, charge: Charge) -> None:
        """Append a charge to a ledger that this transaction has locked.

        Raises:
            StateError: REVISION_CONFLICT when the job's step was charged before.
            Misuse: without the lock, or for an amount that is negative or has too many digits.
        """
        if charge.partner not in self._locked:
            raise Misuse("a privacy budget is locked before it is charged")
        values = {
            "job_id": charge.job_id,
            "step": charge.step,
            "session_id": charge.session_id,
            "agreement_id": charge.agreement_id,
            "partner": charge.partner,
            "dataset": charge.dataset,
            "epsilon": _to_units(charge.epsilon, EPSILON_DIGITS),
            "delta": _to_units(charge.delta, DELTA_DIGITS),
            "cells": _to_units(Decimal(charge.cells), 0),
            "at": charge.at,
        }
        insert = self._connection.insert(budget_charges).values(values).on_conflict_do_nothing()
        taken = await self._connection.scalar(insert.returning(budget_charges.c.job_id))
        if taken is None:
            raise StateError("REVISION_CONFLICT", "this step of the job was charged before; read its charge")

    async def list(self, partner: str, limit: int = 1000) -> list[Charge]:
        """Return the newest charges of a ledger, newest first."""
        table = budget_charges.c
        query = select(budget_charges).where(table.partner == partner)
        query = query.order_by(table.at.desc(), table.job_id.desc(), table.step.desc()).limit(limit)
        return [_charge(row) for row in await self._connection.rows(query)]


def _charge(row: AnyRow) -> Charge:
    return Charge(
        job_id=row.job_id,
        session_id=row.session_id,
        agreement_id=row.agreement_id,
        partner=row.partner,
        dataset=row.dataset,
        step=row.step,
        epsilon=_from_units(row.epsilon, EPSILON_DIGITS),
        delta=_from_units(row.delta, DELTA_DIGITS),
        cells=row.cells,
        at=row.at,
    )


def _to_units(amount: Decimal, digits: int) -> int:
    """Count units of 10^-digits, exactly: a rounded loss would be a loss that nobody counts."""
    units = Fraction(amount) * 10**digits if amount.is_finite() else Fraction(-1)
    if units.denominator != 1 or not 0 <= units <= _MAX:
        raise Misuse(f"a charge is a number from 0 with at most {digits} digits after the point")
    return units.numerator


def _from_units(units: int, digits: int) -> Decimal:
    return Decimal(f"{units}E-{digits}")
