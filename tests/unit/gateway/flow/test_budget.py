"""What a run will cost each side, and who may look at a ledger. Whole runs: tests/contract/test_aggregate_budget.py."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.errors import AccessError, RequestError, StateError
from gateway.flow import agreement as agreements
from gateway.flow.budget import get_budget, planned
from gateway.flow.ports import Charge
from gateway.route.agreement import Noise
from gateway.route.caller import Caller
from gateway.route.job import Side
from tests.unit.gateway.disclosure.runs import job_of, terms_of
from tests.unit.gateway.flow.houses import (
    ADMIN,
    CDP,
    NOW,
    OFFICER,
    Neighbours,
    build_friends,
    copy_built,
    draft,
    open_house,
)

COLUMNS = ("spend", "visit", "age", "channel")


def steps(side: Side, result_to: tuple[str, ...], columns: tuple[str, ...], noise: Noise, segments: int = 3):  # type: ignore[no-untyped-def]
    job = job_of(terms_of(noise), columns, side, result_to)
    return [(one.step, one.epsilon, one.cells) for one in planned(job, segments)]


@pytest.mark.parametrize(
    ("result_to", "receiver", "sender"),
    [
        (("r",), ["receiver"], ["count", "values"]),
        (("s",), ["receiver", "values"], ["count"]),
        (("r", "s"), ["receiver", "values"], ["count", "values"]),
    ],
)
def test_whoever_adds_the_noise_of_the_values_pays_for_them(
    result_to: tuple[str, ...], receiver: list[str], sender: list[str]
) -> None:
    for side, expected in ((Side.RECEIVER, receiver), (Side.SENDER, sender)):
        found = steps(side, result_to, COLUMNS, Noise.LAPLACE)
        assert [step for step, *_ in found] == expected
        # spend: sum 1, squares 2; visit 1; age 3; channel 1, however many words it has.
        assert dict((step, epsilon) for step, epsilon, _ in found).get("values", Decimal(8)) == 8
        assert {cells for *_, cells in found} == {0}
        # Segments compose in parallel: their number is no factor.
        assert found == steps(side, result_to, COLUMNS, Noise.LAPLACE, segments=1)


def test_exact_figures_are_counted_instead() -> None:
    assert steps(Side.SENDER, ("r",), ("spend", "channel"), Noise.NONE) == [
        ("count", Decimal(0), 3),
        ("values", Decimal(0), 3 * 4),
    ]
    assert steps(Side.RECEIVER, ("r",), ("spend",), Noise.NONE) == [("receiver", Decimal(0), 3)]
    assert steps(Side.RECEIVER, ("r",), (), Noise.NONE) == []
    assert steps(Side.RECEIVER, ("s",), (), Noise.NONE) == [("receiver", Decimal(0), 3)]


async def test_a_ledger_is_shown_by_agreement_to_who_has_a_role_and_slides(tmp_path: Path) -> None:
    await copy_built("friends", build_friends, tmp_path)
    cable = Neighbours()
    async with (
        open_house(tmp_path / "platform", "platform", neighbours=cable),
        open_house(tmp_path / "retailer", "retailer", neighbours=cable) as house,
    ):
        statistics, plain = str(uuid.uuid4()), str(uuid.uuid4())
        directions = [
            {"operation": "OVERLAP", "receiver": "retailer", "sender": "platform"},
            {"operation": "AGGREGATE", "receiver": "retailer", "sender": "platform", "columns": ["recency"]},
        ]
        columns = draft()["columns"][:1]
        terms = {"measures": [{"column": "recency", "epsilon": ["sum"]}], "epsilon_cap": "7", "period_days": 10}
        for name, changes in (
            (statistics, {"directions": directions, "aggregate": terms, "columns": columns}),
            (plain, {}),
        ):
            await agreements.propose(house, ADMIN, draft(id=name, **changes), str(uuid.uuid4()))
        common = {"session_id": "ab" * 32, "agreement_id": statistics, "dataset": "members", "cells": 2}
        charged = (("platform", "1", 11), ("platform", "2", 10), ("platform", "3", 1), ("other", "4", 1))
        async with house.store.begin() as tx:
            for partner, job, days in charged:
                await tx.budget.lock(partner)
                at = NOW - timedelta(days=days)
                cost = {"epsilon": Decimal("1.5"), "delta": Decimal("0.000001")}
                await tx.budget.charge(Charge(job_id=job, partner=partner, step="count", at=at, **common, **cost))  # type: ignore[arg-type]
        for caller in (ADMIN, OFFICER, CDP):
            report = await get_budget(house, caller, statistics)
            # The charge of ten days ago is the last one within; the one before it still stands in the list.
            assert [report.spent.epsilon, report.spent.delta, report.spent.cells] == [3, Decimal("0.000002"), 4]
            assert [charge.job_id for charge in report.charges] == ["3", "2", "1"]
            assert report.terms.epsilon_cap == 7
        with pytest.raises(AccessError) as caught:
            await get_budget(house, Caller("nobody", frozenset()), statistics)
        assert caught.value.reason == "ROLE_MISSING"
        with pytest.raises(RequestError) as refused:
            await get_budget(house, ADMIN, plain)
        assert refused.value.reason == "BAD_FIELD"
        with pytest.raises(StateError) as unknown:
            await get_budget(house, ADMIN, str(uuid.uuid4()))
        assert unknown.value.reason == "NOT_FOUND"
