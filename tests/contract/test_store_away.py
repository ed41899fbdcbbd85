"""A run outlives its database's absence, and says whose absence it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import StateError
from gateway.flow import run as route
from gateway.flow.ports import Store, Transaction
from gateway.route.agreement import Operation
from gateway.route.audit import AuditEvent
from gateway.route.job import JobState
from tests.twin import close_all, make_twin


class Outages:
    """A store that is away for some transactions in the middle of a run."""

    def __init__(self, store: Store, away: range) -> None:
        self._store = store
        self._away = away
        self.calls = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        async with self._reached(self._store.begin()) as tx:
            yield tx

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        async with self._reached(self._store.read()) as tx:
            yield tx

    async def append(self, events: Sequence[AuditEvent]) -> None:
        async with self.begin() as tx:
            await tx.audit.append(events)

    async def close(self) -> None:
        await self._store.close()

    @asynccontextmanager
    async def _reached(self, opened: AbstractAsyncContextManager[Transaction]) -> AsyncIterator[Transaction]:
        self.calls += 1
        if self.calls in self._away:
            raise StateError("STORE_UNAVAILABLE", "the store's database cannot be reached")
        async with opened as tx:
            yield tx


@pytest.mark.parametrize("first", [8, 14, 20])
async def test_a_run_goes_on_when_the_database_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    monkeypatch.setattr(route, "RETRY_S", (0.01,))
    twin = await make_twin(tmp_path)
    try:
        job = await twin.create(Operation.MATCH)
        house = twin.retailer.house
        store = Outages(house.store, range(first, first + 4))
        twin.retailer.house = replace(house, store=store)
        await twin.settle()
        done = await twin.retailer.job(job.job_id)
        assert store.calls > first + 4, "the outage came during the run"
        assert done.state is JobState.SUCCEEDED, done.failure
    finally:
        await close_all()
