"""Tasks, warnings, deletions and rights requests over a real socket, by client and by command."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.client import AsyncClient
from gateway.engine import Scheduler, SchedulerLimits
from gateway.errors import AccessError, RequestError, StateError
from gateway.flow.schedule import TASKS
from gateway.route.caller import Role
from tests.e2e.tenant_port.tenant import CUSTOMERS, NOW, Tenant

UUID = "7f1c2c1e-6f0e-4d2a-9a53-0f5d0f6a2b11"


async def _scheduled(tenant: Tenant) -> None:
    """Let the scheduler run every task that is due."""
    async with tenant.house.store.read() as tx:
        before = {row.name: row.fence for row in await tx.tasks.list()}
    work = asyncio.create_task(Scheduler(tenant.house, "test", SchedulerLimits(look_s=0.05)).work())
    try:
        for _ in range(200):
            await asyncio.sleep(0.05)
            async with tenant.house.store.read() as tx:
                rows = await tx.tasks.list()
            if len(rows) == len(TASKS) and all(row.fence > before.get(row.name, 0) and row.outcome for row in rows):
                return
        raise AssertionError("the tasks were not run")
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_tasks_show_their_last_and_next_run(tenant: Tenant, client: AsyncClient) -> None:
    assert [task async for task in client.tasks.list()] == []
    await _scheduled(tenant)
    tasks = {task.name: task async for task in client.tasks.list()}
    names = {"expire-consents", "expire-sessions", "open-deletions", "purge-decisions", "purge-sketches"}
    names |= {"settle-projection", "run-schedules", "compare-checkpoints", "number-memberships@spool-1"}
    names |= {"destroy-evidence"}
    assert set(tasks) == {*names, "reach-runs@spool-1", "sweep-results@spool-1", "warn-of-ends"}
    assert {task.outcome for task in tasks.values()} == {"DONE"}
    assert tasks["expire-consents"].counts == {"by_time": 0, "by_use": 0}
    assert tasks["expire-consents"].next_run == NOW + timedelta(minutes=10)
    assert tasks["expire-consents"].last_end == NOW


async def test_warnings_of_the_own_certificate(tenant: Tenant, client: AsyncClient) -> None:
    end = tenant.keys.certificate_end()
    tenant.clock.at = end - timedelta(days=5)
    await _scheduled(tenant)
    async with tenant.client() as later:  # tokens end, too
        (warning,) = [warning async for warning in later.tasks.warnings()]
        assert (warning.kind, warning.item, warning.days, warning.ends_at) == ("OWN_CERTIFICATE", "retailer", 7, end)


async def test_a_request_from_its_receipt_to_its_deletion(tenant: Tenant, client: AsyncClient) -> None:
    made = await client.requests.open(CUSTOMERS[0], "deletion", channel="app", request_id=UUID)
    again = await client.requests.open(CUSTOMERS[0], "DELETION", channel="app", request_id=UUID)
    assert made == again
    assert (made.id, made.kind, made.requester, made.state) == (UUID, "DELETION", "SUBJECT", "RECEIVED")
    assert CUSTOMERS[0] not in str(made)
    other = await client.requests.open(CUSTOMERS[1], "access", channel="letter", received_at=NOW - timedelta(days=9))
    assert [item.id async for item in client.requests.list()] == [other.id, UUID], "by due time"
    for state in ("identity_verified", "accepted"):
        moved = await client.requests.advance(UUID, state)
    assert moved.decided_at == NOW
    (deletion,) = [deletion async for deletion in client.tasks.deletions()]
    assert (deletion.cause, deletion.state, deletion.subject) == ("DELETION_REQUESTED", "OPEN", made.subject)
    for step in (client.requests.advance(UUID, "done"), client.requests.erase(UUID)):
        with pytest.raises(StateError) as early:
            await step
        assert early.value.reason == "STAGE_ORDER"
    assert (await client.tasks.complete_deletion(deletion.id)).state == "DONE"
    assert (await client.requests.advance(UUID, "done")).done_at == NOW
    assert [item.id async for item in client.requests.list()] == [other.id]
    assert [item.id async for item in client.requests.list(done=True)] == [other.id, UUID]
    assert [deletion async for deletion in client.tasks.deletions()] == []
    erased = await client.requests.erase(UUID)
    assert (erased.erased_at, erased.events, erased.links, erased.removals) == (NOW, 1, 0, 0)
    assert erased.payloads > 3
    assert (len(erased.evidence_hold), erased.keep_until) == (36, NOW.replace(year=NOW.year + 3))
    repeated = await client.requests.erase(UUID)
    assert (repeated.payloads, repeated.evidence_hold, repeated.keep_until) == (0, "", None)
    assert made.subject not in [item.subject async for item in client.requests.list(done=True)]


async def test_wrong_words_and_missing_roles(tenant: Tenant, client: AsyncClient) -> None:
    with pytest.raises(RequestError, match="kind"):
        await client.requests.open("x", "forgetting", channel="app")
    with pytest.raises(RequestError, match="deletionTasks"):
        await client.tasks.complete_deletion("1")
    with pytest.raises(RequestError, match="rightsRequests"):
        await client.requests.advance("1", "done")
    with pytest.raises(RequestError, match="channel"):
        await client.requests.open("x", "access", channel=" ")
    async with tenant.client(Role.CDP_JOB) as job:
        assert [task async for task in job.tasks.list()] == []
        for call in (job.requests.list(), job.tasks.deletions()):
            with pytest.raises(AccessError):
                await anext(call)
        with pytest.raises(AccessError):
            await job.requests.erase(UUID)


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
        return json.loads(done.stdout)

    await _scheduled(tenant)
    assert len(await run("task", "list")) == len(TASKS)
    assert await run("warnings", "list") == []
    (made,) = await run("request", "open", CUSTOMERS[0], "closure", "--channel", "app")
    assert made["due_at"].startswith("2026-12-11T16:00")
    for state in ("identity_verified", "accepted"):
        (made,) = await run("request", "advance", made["id"], state)
    assert made["state"] == "ACCEPTED"
    (deletion,) = await run("deletion", "list")
    assert deletion["cause"] == "ACCOUNT_CLOSED"
    assert (await run("deletion", "done", deletion["id"]))[0]["state"] == "DONE"
    await run("request", "advance", made["id"], "done")
    assert await run("request", "list") == []
    assert len(await run("request", "list", "--done")) == 1
    (erased,) = await run("request", "erase", made["id"])
    assert (erased["events"], len(erased["evidence_hold"]), erased["keep_until"][:10]) == (1, 36, "2029-11-20")
