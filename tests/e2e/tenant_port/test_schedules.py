"""Schedules and sinks over a real socket, by client and by command."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.client import AsyncClient, SchedulePolicy
from gateway.errors import AccessError, RequestError, StateError
from gateway.flow.recurring.round import run_schedules
from gateway.route.caller import Role
from gateway.route.delivery import DeliveryState, SinkMode, Withdrawn
from gateway.route.job import JobState
from gateway.settings import SinkSettings
from gateway.sink import Sinks
from tests.contract import given
from tests.e2e.tenant_port.tenant import NOW, Tenant, open_tenant

AGREEMENT = given.agreement_copy().agreement.agreement_id
UUID = "7f1c2c1e-6f0e-4d2a-9a53-0f5d0f6a2b11"


@pytest.fixture
async def tenant(tmp_path: Path) -> Any:
    """With an agreement, and a sink whose file is never touched."""
    declared = {"crm": SinkSettings(format="csv", path=tmp_path / "crm.csv", mode=SinkMode.UPSERT)}
    async with open_tenant(tmp_path) as opened:
        async with opened.house.store.begin() as tx:
            await tx.agreements.put(given.agreement_copy())
        house = replace(opened.house, sinks=Sinks(lambda: declared))
        opened.house = house
        await opened.restart()
        yield opened


async def test_a_schedule_from_its_making_to_its_end(tenant: Tenant, client: AsyncClient) -> None:
    policy = SchedulePolicy(2, timedelta(minutes=1), ("SOURCE_CHANGED",), "RUN_ALL", 3, "QUEUE")
    clock = {"cron": "0 2 * * *", "time_zone": "Asia/Shanghai"}
    asked: Any = {**clock, "sink": "crm", "policy": policy, "request_id": UUID}
    made = await client.schedules.create("nightly", AGREEMENT, "MATCH", "enrich", **asked)
    assert made == await client.schedules.create("nightly", AGREEMENT, "MATCH", "enrich", **asked)
    assert (made.name, made.policy, made.sink, made.created_by) == ("nightly", policy, "crm", "somebody")
    assert made.next_due is not None
    assert (made.next_due - NOW) < timedelta(days=1)
    plain = await client.schedules.create("plain", AGREEMENT, "MATCH", "enrich", **clock)
    assert plain.policy == SchedulePolicy(0, timedelta(minutes=5), tuple(sorted(plain.policy.retry_reasons)))
    assert "DISK_FULL" in plain.policy.retry_reasons
    assert [schedule.name async for schedule in client.schedules.list()] == ["nightly", "plain"]
    tenant.clock.at = made.next_due
    await run_schedules(tenant.house)
    (run,) = [run async for run in client.schedules.runs("nightly")]
    assert (run.due_at, run.state, run.attempt, run.ended_at) == (made.next_due, "RUNNING", 1, None)
    assert (await client.jobs.get(run.job_id)).requested_by == "somebody"
    async with tenant.client(Role.COMPLIANCE_OFFICER) as officer:
        paused = await officer.schedules.pause("nightly")
        assert (paused.next_due, paused.revision) == (None, 2)
        for call in (officer.schedules.resume("nightly"), officer.schedules.delete("nightly")):
            with pytest.raises(AccessError):
                await call
    assert (await client.schedules.resume("nightly")).next_due == made.next_due + timedelta(days=1)
    await client.schedules.delete("nightly")
    with pytest.raises(StateError, match="no such schedule"):
        await client.schedules.get("nightly")
    for wrong in ({"missed": "SOMETIMES"}, {"overlap": "PUSH"}):
        with pytest.raises(RequestError, match="must be one of"):
            await client.schedules.create("x", AGREEMENT, "MATCH", "p", **clock, policy=SchedulePolicy(**wrong))  # type: ignore[arg-type]
    with pytest.raises(RequestError, match=r"schedule\.operation"):
        await client.schedules.create("x", AGREEMENT, "GUESS", "p", **clock)


async def test_commands(tenant: Tenant, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(tenant.ca)
    (tmp_path / "token").write_text(tenant.token())
    options = [
        "--target",
        tenant.target,
        "--ca-file",
        str(tmp_path / "ca.pem"),
        "--token-file",
        str(tmp_path / "token"),
    ]

    async def run(*words: str) -> Any:
        done = await asyncio.to_thread(CliRunner().invoke, app, [*options, "--output", "json", *words])
        assert done.exit_code == 0, (words, done.output, done.exception)
        return json.loads(done.stdout) if done.stdout else None

    words = [
        "--agreement",
        AGREEMENT,
        "--purpose",
        "enrich",
        "--cron",
        "0 * * * *",
        "--time-zone",
        "UTC",
        "--sink",
        "crm",
    ]
    made = await run("schedule", "create", "hourly", "match", *words, "--retries", "3", "--missed", "skip")
    assert (made["retries"], made["backoff_s"], made["missed"], made["overlap"]) == (3, 300, "SKIP", "SKIP")
    assert (await run("schedule", "list"))[0]["cron"] == "0 * * * *"
    assert (await run("schedule", "pause", "hourly"))["next_due"] == "paused"
    assert (await run("schedule", "resume", "hourly"))["revision"] == 3
    assert (await run("schedule", "describe", "hourly"))["sink"] == "crm"
    tenant.clock.advance(minutes=30)
    await run_schedules(tenant.house)
    (done,) = await run("schedule", "runs", "hourly")
    assert (done["state"], done["missed"]) == ("RUNNING", 0)
    assert await run("schedule", "delete", "hourly") is None

    (sink,) = await run("sink", "list")
    assert sink == {"name": "crm", "format": "csv", "mode": "UPSERT", "withdrawn": Withdrawn.DELETE.name}
    assert await run("sink", "describe", "crm") == sink
    early = await asyncio.to_thread(CliRunner().invoke, app, [*options, "sink", "deliver", "crm", done["job"]])
    assert early.exit_code == 1
    await tenant.change(done["job"], state=JobState.SUCCEEDED, finished_at=NOW)
    delivery = await run("sink", "deliver", "crm", done["job"], "--request-id", UUID)
    assert (delivery["delivery"], delivery["state"], delivery["attempt"]) == (UUID, DeliveryState.WAITING.name, 0)
    assert [one["delivery"] for one in await run("sink", "deliveries")] == [UUID]
    assert await run("sink", "deliveries", "other") == []
    assert await run("sink", "refresh", "crm") is None
