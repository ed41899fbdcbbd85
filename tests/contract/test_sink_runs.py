"""Results in sinks: delivered by schedules, and taken out again when consent ends on either side."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet
import pytest

from gateway.disclosure import CELLS
from gateway.errors import RequestError, StateError
from gateway.flow.deletion import list_deletions, open_deletions
from gateway.flow.evidence import BY
from gateway.flow.reach import reach
from gateway.flow.recurring import asked as schedules
from gateway.flow.recurring.round import run_schedules
from gateway.flow.sinks.asked import deliver_result, forget_sink, list_deliveries, new_delivery
from gateway.flow.sinks.deliver import deliver_results
from gateway.flow.sinks.removal import settle_removals
from gateway.flow.sinks.rows import sink_rows
from gateway.route.agreement import Operation
from gateway.route.delivery import Delivery, DeliveryState, SinkMode, Withdrawn
from gateway.route.job import Job
from gateway.route.notice import NoticeState
from gateway.route.schedule import Missed, Overlap, RunState, SchedulePolicy, ScheduleTerms
from gateway.settings import SinkSettings
from gateway.sink import Sinks
from tests.contract import given
from tests.contract.rows import rows_twin
from tests.contract.test_reach import SHARED, leaves, notices, released, withdraw
from tests.table_datasets import TableDatasets
from tests.twin import EVERYBODY, PURPOSE, Twin, close_all

TERMS = ("tier", "spend")
POLICY = SchedulePolicy(1, 60, schedules.RETRIED, Missed.RUN_ONCE, 1, Overlap.SKIP)


BOTH = ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.thorough])]


@pytest.fixture
async def twin(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Twin]:
    """The retailer, whose sinks these are, stands on SQLite unless a test says otherwise."""
    stands_on = getattr(request, "param", "sqlite")
    url = None if stands_on == "sqlite" else str(request.getfixturevalue("postgres_url"))
    made = await rows_twin(tmp_path, urls=(url, None))
    declare(made)
    yield made
    await close_all()


def declare(twin: Twin, **fields: Any) -> None:
    path = twin.retailer.home / "crm.parquet"
    twin.retailer.sinks["crm"] = SinkSettings(format="parquet", path=path, **fields)


def rows(twin: Twin) -> list[dict[str, Any]]:
    found = pyarrow.parquet.read_table(twin.retailer.home / "crm.parquet").to_pylist()
    return sorted(found, key=lambda row: row["customer"] or "")


def customers(twin: Twin) -> set[str]:
    return {row["customer"] for row in rows(twin)}


async def deliver(twin: Twin, job: Job) -> Delivery:
    house = twin.retailer.house
    asked = await deliver_result(house, EVERYBODY, str(uuid.uuid4()), "crm", job.job_id)
    await deliver_results(house)
    return await delivery(twin, asked.delivery_id)


async def owed(twin: Twin, subject_ref: str) -> bool:
    async with twin.retailer.house.store.read() as tx:
        return await tx.erasure.owed(subject_ref, twin.clock.now())


async def delivery(twin: Twin, delivery_id: str) -> Delivery:
    async with twin.retailer.house.store.read() as tx:
        return await tx.deliveries.get(delivery_id)


@pytest.mark.parametrize("twin", BOTH, indirect=True)
async def test_a_schedule_fills_a_sink_and_withdrawals_empty_it(twin: Twin) -> None:
    retailer, platform = twin.retailer, twin.platform
    terms = ScheduleTerms(twin.agreement_id, Operation.ENRICH, PURPOSE, TERMS, "0 * * * *", "Asia/Shanghai", "crm")
    await schedules.create_schedule(retailer.house, EVERYBODY, "hourly", str(uuid.uuid4()), terms, POLICY)
    twin.clock.at += timedelta(hours=1)
    await run_schedules(retailer.house)
    await twin.settle()
    await run_schedules(retailer.house)
    (run,) = await schedules.list_runs(retailer.house, EVERYBODY, "hourly", None, 10)
    assert run.state is RunState.DELIVERING
    await deliver_results(retailer.house)
    await run_schedules(retailer.house)
    (run,) = await schedules.list_runs(retailer.house, EVERYBODY, "hourly", None, 10)
    assert run.state is RunState.SUCCEEDED
    found = rows(twin)
    assert {row["customer"] for row in found} == SHARED
    assert [row["spend"] for row in found] == [Decimal(number) for number in range(20, 40)]
    assert [row["tier"] for row in found] == [("gold", "silver", None)[number % 3] for number in range(20, 40)]
    job = await retailer.job(run.job_id)
    assert {row["run"] for row in found} == {job.session_id}
    (leaf,) = await leaves(retailer, "sink_delivered")
    assert (leaf["rows"], leaf["by"], leaf["job"]) == (20, "test", run.job_id)

    # Our own customer: the duty to delete is done when the sink's row is gone, not before.
    await withdraw(retailer, "A000030")
    await open_deletions(retailer.house)
    await reach(retailer.house)
    (task,) = await list_deletions(retailer.house, EVERYBODY, True, None, 10)
    assert (task.done_at, "A000030" in customers(twin)) == (None, True)
    assert await owed(twin, task.subject_ref), "nobody is erased while a sink has the row"
    await deliver_results(retailer.house)
    assert customers(twin) == SHARED - {"A000030"}
    assert not await owed(twin, task.subject_ref)
    await reach(retailer.house)
    (task,) = await list_deletions(retailer.house, EVERYBODY, True, None, 10)
    (evidence,) = task.evidence
    assert (task.done_by, [one.sink for one in evidence.sinks]) == (BY, ["crm"])
    assert evidence.sinks[0].removed_at > evidence.removed_at
    (done,) = await leaves(retailer, "deletion_done")
    assert list(done["evidence"][0]["sinks"]) == ["crm"]
    assert [one["sink"] for one in await leaves(retailer, "sink_row_removed")] == ["crm"]

    # The partner's customer: we sign for the row once the sink has it no more.
    away = retailer.sinks.pop("crm")
    await withdraw(platform, "B000025")
    with pytest.raises(StateError, match="sink crm is not declared"):
        await reach(platform.house)
    (notice,) = await notices(platform)
    assert notice.state(twin.clock.now()) is NoticeState.DUE
    retailer.sinks["crm"] = away
    await reach(platform.house)
    (notice,) = await notices(platform)
    assert notice.state(twin.clock.now()) is NoticeState.DONE
    assert customers(twin) == SHARED - {"A000030", "A000025"}

    # What was agreed of keeping holds for the sink too.
    twin.clock.at += timedelta(days=200)
    assert await deliver_results(retailer.house) == {"delivered": 0, "removed": 0, "emptied": 1}
    assert rows(twin) == []
    (emptied,) = await list_deliveries(retailer.house, EVERYBODY, "crm", None, 10)
    assert emptied.state is DeliveryState.EMPTIED
    assert [leaf["rows"] for leaf in await leaves(retailer, "sink_emptied")] == [18]
    assert await deliver_results(retailer.house) == {"delivered": 0, "removed": 0, "emptied": 0}


@pytest.mark.parametrize("twin", BOTH, indirect=True)
async def test_a_withdrawal_during_a_delivery_leaves_no_row(twin: Twin) -> None:
    job = await released(twin)
    refs = {row["customer"]: row["subject"] for row in await delivered_rows(twin, job)}
    reference = refs.__getitem__

    class Slow(Sinks):
        async def store(self, name: str, key: str, schema: Any, batches: AsyncIterator[Any]) -> int:
            async def read() -> AsyncIterator[Any]:
                async for batch in batches:
                    yield batch
                # All rows are read, none is in its place: now somebody withdraws, and the sweep comes by.
                await withdraw(twin.retailer, "A000033")
                await reach(twin.retailer.house)
                assert await deliver_results_of_another(twin) == 0
                # Of another nothing is noted for this delivery: it was asked for between the note and the deletion.
                await twin.retailer.house.results.delete_subjects(job.job_id, [reference("A000034")])

            return await super().store(name, key, schema, read())

    twin.retailer.house = replace(twin.retailer.house, sinks=Slow(lambda: twin.retailer.sinks))
    done = await deliver(twin, job)
    assert (done.state, done.rows) == (DeliveryState.DELIVERED, 20)
    assert customers(twin) == SHARED - {"A000033", "A000034"}

    # A server that went away in the middle of the commit, and had kept it after all.
    class Unsure(Sinks):
        async def store(self, name: str, key: str, schema: Any, batches: AsyncIterator[Any]) -> int:
            await super().store(name, key, schema, batches)
            raise StateError("STORE_UNAVAILABLE", "sink crm: its database does not answer")

    house = replace(twin.retailer.house, sinks=Unsure(lambda: twin.retailer.sinks))
    async with house.store.begin() as tx:
        await tx.deliveries.create(new_delivery("unsure", "crm", job.job_id, 0, 60, "test", house.clock.now()))
    await deliver_results(house)
    unsure = await delivery(twin, "unsure")
    assert (unsure.state, unsure.ended_at) == (DeliveryState.FAILED, None)
    await withdraw(twin.retailer, "A000035")
    await reach(house)
    await deliver_results(house)
    assert customers(twin) == SHARED - {f"A00003{digit}" for digit in "345"}


async def delivered_rows(twin: Twin, job: Job) -> list[dict[str, Any]]:
    await deliver(twin, job)
    return rows(twin)


async def deliver_results_of_another(twin: Twin) -> int:
    """What another server would take out of sinks meanwhile."""
    return await settle_removals(twin.retailer.house, [])


async def test_results_replace_or_join_each_other_and_tombstones_say_who_left(twin: Twin) -> None:
    retailer = twin.retailer
    declare(twin, mode=SinkMode.UPSERT, withdrawn=Withdrawn.TOMBSTONE)
    first = await deliver(twin, await released(twin))
    await withdraw(retailer, "A000030")
    second = await deliver(twin, await released(twin))
    # The withdrawal came before the second run, so that she stands there from the first one only.
    assert (second.rows, len(rows(twin))) == (19, 20)
    await reach(retailer.house)
    await deliver_results(retailer.house)
    (stone,) = [row for row in rows(twin) if row["withdrawn_at"] is not None]
    assert stone == dict.fromkeys(stone) | {key: stone[key] for key in ("subject", "run", "withdrawn_at")}
    assert stone["run"] == (await retailer.job(first.job_id)).session_id
    # A sink that is replaced holds nothing of the results before.
    declare(twin)
    third = await deliver(twin, await retailer.job(second.job_id))
    assert len(rows(twin)) == 19
    states = {one.delivery_id: one.state for one in await list_deliveries(retailer.house, EVERYBODY, "", None, 10)}
    assert states == {
        first.delivery_id: DeliveryState.REPLACED,
        second.delivery_id: DeliveryState.REPLACED,
        third.delivery_id: DeliveryState.DELIVERED,
    }
    # Asked again under the same id, nothing happens again; the job's own id is asked for by nobody else.
    again = await deliver_result(retailer.house, EVERYBODY, third.delivery_id, "crm", third.job_id)
    assert again == third
    with pytest.raises(StateError, match="asked for something else"):
        await deliver_result(retailer.house, EVERYBODY, third.delivery_id, "crm", first.job_id)


async def test_a_sink_that_is_away_is_tried_again_and_given_up(twin: Twin) -> None:
    retailer = twin.retailer
    job = await released(twin)
    folder = retailer.home / "later"
    retailer.sinks["crm"] = SinkSettings(format="parquet", path=folder / "crm.parquet")
    waiting = await deliver(twin, job)
    assert waiting.failure is not None
    assert (waiting.state, waiting.attempt, waiting.failure.reason) == (DeliveryState.WAITING, 1, "NOT_FOUND")
    waits: list[datetime] = [waiting.not_before]
    await deliver_results(retailer.house)
    assert (await delivery(twin, waiting.delivery_id)).attempt == 1, "not before its back-off is over"
    for _ in range(2):
        twin.clock.at = waits[-1]
        await deliver_results(retailer.house)
        waits.append((await delivery(twin, waiting.delivery_id)).not_before)
    assert round((waits[2] - waits[1]) / (waits[1] - waits[0])) == 2
    folder.mkdir()
    twin.clock.at = waits[-1]
    await deliver_results(retailer.house)
    done = await delivery(twin, waiting.delivery_id)
    assert (done.state, done.attempt, done.failure) == (DeliveryState.DELIVERED, 4, None)
    # Columns that do not fit do not mend themselves.
    pyarrow.parquet.write_table(pyarrow.table({"owner": ["us"]}), folder / "theirs.parquet")
    own = retailer.sinks["crm"]
    retailer.sinks["crm"] = own.model_copy(update={"path": folder / "theirs.parquet", "mode": SinkMode.UPSERT})
    failed = await deliver(twin, job)
    assert failed.failure is not None
    assert (failed.state, failed.attempt, failed.failure.reason) == (DeliveryState.FAILED, 1, "MISSING_COLUMN")
    retailer.sinks["crm"] = own
    with pytest.raises(StateError, match="not declared"):
        await deliver_result(retailer.house, EVERYBODY, str(uuid.uuid4()), "other", job.job_id)
    # One that is not declared any more cannot be emptied: what must go from it is owed until a person says it is gone.
    await withdraw(retailer, "A000030")
    await reach(retailer.house)
    with pytest.raises(StateError, match="is declared"):
        await forget_sink(retailer.house, EVERYBODY, "crm")
    del retailer.sinks["crm"]
    with pytest.raises(StateError, match="not declared"):
        await deliver_results(retailer.house)
    assert await forget_sink(retailer.house, EVERYBODY, "crm") == 1
    assert await deliver_results(retailer.house) == {"delivered": 0, "removed": 1, "emptied": 0}
    assert (await delivery(twin, done.delivery_id)).state is DeliveryState.EMPTIED


def opened(monkeypatch: pytest.MonkeyPatch, job: Job, table: pyarrow.Table) -> None:
    """Let the result of any job be a table."""

    class Stored:
        schema = table.schema
        batches = staticmethod(lambda: iter(table.to_batches()))

    async def open_released(*_: object) -> Any:
        return job, given.binding(), Stored()

    monkeypatch.setattr("gateway.flow.sinks.rows.open_released", open_released)


async def test_statistics_are_rows_of_their_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cells = pyarrow.table({"segment": ["a", None], "statistic": ["count", "count"], "value": ["7", "9"]})
    for field in CELLS:
        if field.name not in cells.column_names:
            cells = cells.append_column(field, pyarrow.nulls(2, field.type))
    job = given.job(request=replace(given.job().request, operation=Operation.OVERLAP), session_id="ab" * 32)
    opened(monkeypatch, job, cells.select(CELLS.names).cast(CELLS))
    path = tmp_path / "cells.parquet"
    sinks = Sinks(lambda: {"cells": SinkSettings(format="parquet", path=path, mode=SinkMode.UPSERT)})
    house: Any = SimpleNamespace(sinks=sinks)
    found = await sink_rows(house, job.job_id, Withdrawn.TOMBSTONE)
    for _ in range(2):
        assert await sinks.store("cells", found.key, found.schema, found.batches()) == 2
    there = pyarrow.parquet.read_table(path)
    assert there.column_names == ["partner", "run", "agreement", *CELLS.names]
    assert there.column("value").to_pylist() == ["7", "9"]
    assert set(there.column("run").to_pylist()) == {"ab" * 32}


async def test_an_agreed_column_that_sinks_have_too_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ["subject_ref", "row_token", "consent_id"]
    house: Any = SimpleNamespace(datasets=TableDatasets())
    for name in ("run", "part", "customer", "withdrawn_at"):
        opened(monkeypatch, given.job(), pyarrow.table({column: pyarrow.array(["x"]) for column in [*own, name]}))
        with pytest.raises(RequestError, match=f"the agreed column {name} is called"):
            await sink_rows(house, "job", Withdrawn.TOMBSTONE)
