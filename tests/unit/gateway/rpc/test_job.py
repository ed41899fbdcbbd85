"""What the servicers hand to the routes of results and budgets, and what they make of the answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any, cast

import pyarrow as pa
import pyarrow.ipc
import pytest

from gateway.flow.budget import BudgetReport
from gateway.flow.job import RESULT_SCHEMA
from gateway.flow.ports import House, Spent
from gateway.route.caller import Caller, Role
from gateway.rpc import agreement as agreement_door
from gateway.rpc import auth
from gateway.rpc import job as job_door
from gateway.rpc.door import Context
from gateway.v1 import agreement_pb2, job_pb2
from tests.unit.gateway.cells import SCHEMA, cell, cells
from tests.unit.gateway.rpc.convert.aggregates import TERMS
from tests.unit.gateway.rpc.convert.messages import OTHER_UUID, UUID
from tests.unit.gateway.rpc.test_door import CALL, Aborted

HOUSE = cast(House, object())
CALLER = Caller("analyst", frozenset({Role.CDP_JOB}))


@pytest.fixture(autouse=True)
def caller() -> Iterator[None]:
    token = auth._caller.set(CALLER)
    yield
    auth._caller.reset(token)


class Routes:
    """Stands for `gateway.flow.job`: one result, and what was asked of it."""

    def __init__(self, schema: pa.Schema, table: pa.Table) -> None:
        self.schema, self.table = schema, table
        self.asked: list[tuple[Any, ...]] = []

    async def result_schema(self, *given: Any) -> pa.Schema:
        self.asked.append(given)
        return self.schema

    async def read_result(self, *given: Any) -> AsyncIterator[pa.RecordBatch]:
        self.asked.append(given)
        for batch in self.table.to_batches():
            yield batch


async def _read(routes: Routes, monkeypatch: pytest.MonkeyPatch, **request: str) -> pa.Table:
    monkeypatch.setattr(job_door, "flow", routes)
    asked = job_pb2.ReadResultRequest(name=f"jobs/{UUID}", **request)  # type: ignore[arg-type]
    answers = job_door.JobServicer(HOUSE).ReadResult(asked, cast(Context, CALL))
    return pa.ipc.open_stream(b"".join([answer.arrow_stream async for answer in answers])).read_all()


async def test_cells_are_streamed_with_their_own_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    table = cells(cell(value="1203"), cell(suppressed="BELOW_MINIMUM"))
    routes = Routes(SCHEMA, table)
    assert (await _read(routes, monkeypatch, control_segment=" No E-Mail ")).equals(table)
    assert routes.asked == [(HOUSE, CALLER, UUID), (HOUSE, CALLER, UUID, "No E-Mail")]


async def test_a_result_without_rows_is_a_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    for schema in (SCHEMA, RESULT_SCHEMA):
        routes = Routes(schema, schema.empty_table())
        assert (await _read(routes, monkeypatch)).schema == schema
        assert routes.asked[-1] == (HOUSE, CALLER, UUID, "")


async def test_a_control_too_long_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = Routes(SCHEMA, cells())
    with pytest.raises(Aborted):
        await _read(routes, monkeypatch, control_segment="x" * 201)
    assert not routes.asked


async def test_a_budget_is_that_of_the_named_agreement(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    async def get_budget(*given: Any) -> BudgetReport:
        asked.append(given)
        return BudgetReport(TERMS, Spent(Decimal("1.5"), Decimal(0), 3), [])

    monkeypatch.setattr(agreement_door, "get_budget", get_budget)
    door = agreement_door.AgreementServicer(HOUSE)
    request = agreement_pb2.GetBudgetRequest(name=f"agreements/{OTHER_UUID}")
    found = await door.GetBudget(request, cast(Context, CALL))
    assert (found.spent_epsilon, found.epsilon_cap, found.cells, list(found.charges)) == ("1.5", "20", 3, [])
    assert asked == [(HOUSE, CALLER, OTHER_UUID)]
    with pytest.raises(Aborted):
        await door.GetBudget(agreement_pb2.GetBudgetRequest(name="jobs/x"), cast(Context, CALL))
