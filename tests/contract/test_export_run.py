"""Runs with a partner that looks in from abroad: counted before anything leaves, refused at the line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from consent.policy import Policy
from gateway.errors import RequestError
from gateway.flow import consent, export, party
from gateway.flow.audit import sequence
from gateway.flow.export import list_counters
from gateway.route.agreement import Operation
from gateway.route.job import JobState
from tests.twin import EVERYBODY, PLATFORM, PURPOSE, RETAILER, START, Twin, close_all, make_twin, withdrawn

YEAR = START.year


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_all()


async def looks_in_from_abroad(twin: Twin, kind: str = "exempt_small_volume") -> None:
    """Each side registers of the other that it handles in Singapore, and by which way it is reached."""
    for side, other in ((twin.retailer, PLATFORM), (twin.platform, RETAILER)):
        house = side.house
        body = {"id": other, "role": "handler", "country": "CN", "processing_country": "SG"}
        await party.create_party(house, EVERYBODY, body)
        mechanism = {
            "id": "way",
            "party": other,
            "type": kind,
            "valid_from": START.isoformat(),
            "valid_until": (START + timedelta(days=300)).isoformat(),
        }
        if kind != "exempt_small_volume":
            mechanism["reference"] = "备案 7"
        await export.create_mechanism(house, EVERYBODY, mechanism)


async def counted(twin: Twin, side: str) -> list[tuple[str, bool, int, int | None, bool]]:
    house = (twin.retailer if side == RETAILER else twin.platform).house
    return [
        (counter.count.recipient, counter.count.sensitive, counter.count.people, counter.line, counter.warning)
        for counter in await list_counters(house, EVERYBODY)
    ]


async def exports_logged(twin: Twin) -> list[dict[str, object]]:
    house = twin.platform.house
    await sequence(house)
    async with house.store.read() as tx:
        entries = [entry async for entry in tx.audit.entries(0, await tx.audit.size())]
    return [json.loads(entry.payload or b"{}") for entry in entries if entry.type == "people_exported"]


def small(twin: Twin, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Let the exemption end at a few people."""
    monkeypatch.setattr("consent.registry.Policy", lambda: replace(Policy(), small_volume_limit=limit))


async def test_at_home_nobody_is_counted(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path)
    assert (await twin.run(Operation.MATCH)).state is JobState.SUCCEEDED
    assert await counted(twin, PLATFORM) == await counted(twin, RETAILER) == []


async def test_both_sides_count_whom_they_let_out_once(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path)
    await looks_in_from_abroad(twin)
    await twin.platform.import_events([withdrawn(PLATFORM, "B000060", START)])
    for _ in range(2):
        job = await twin.run(Operation.MATCH)
        assert job.state is JobState.SUCCEEDED, job.failure or job.refusal
    assert await counted(twin, PLATFORM) == [("", False, 49, 100_000, False), (RETAILER, False, 49, 100_000, False)]
    assert await counted(twin, RETAILER) == [("", False, 40, 100_000, False), (PLATFORM, False, 40, 100_000, False)]
    logged = await exports_logged(twin)
    assert [(entry["recipient"], entry["people_this_year"], entry["warning"]) for entry in logged] == [
        (RETAILER, 49, False)
    ] * 2
    # A decision weighs the counter as it was known.
    assert (await decided(twin)).reason_code == "OK_CONSENT"
    assert (await decided(twin, exported_this_year=100_000)).reason_code == "CROSS_BORDER_BLOCKED"


async def decided(twin: Twin, **given: object):  # type: ignore[no-untyped-def]
    use = consent.Use(PLATFORM, RETAILER, PURPOSE, "phone_hash", "psi_hash")
    circumstances = consent.Circumstances(**given)  # type: ignore[arg-type]
    return await consent.decide(twin.platform.house, EVERYBODY, "customer", "B000030", use, given=circumstances)


async def test_a_run_that_would_reach_the_line_is_refused_and_counts_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(twin := await make_twin(tmp_path), monkeypatch, 50)
    await looks_in_from_abroad(twin)
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.REFUSED
    assert job.refusal is not None and job.refusal.reason_code == "NOT_READY"
    assert await counted(twin, PLATFORM) == []
    assert await exports_logged(twin) == []


async def test_the_house_is_warned_from_four_fifths_of_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(twin := await make_twin(tmp_path), monkeypatch, 51)
    await looks_in_from_abroad(twin)
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.refusal
    assert await counted(twin, PLATFORM) == [("", False, 50, 51, True), (RETAILER, False, 50, 51, True)]
    assert await counted(twin, RETAILER) == [("", False, 40, 51, False), (PLATFORM, False, 40, 51, False)]
    assert (await exports_logged(twin))[0]["warning"] is True


async def test_without_a_way_out_nothing_runs(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path)
    for side, other in ((twin.retailer, PLATFORM), (twin.platform, RETAILER)):
        body = {"id": other, "role": "handler", "country": "SG", "legal_name": "新加坡公司"}
        await party.create_party(side.house, EVERYBODY, body)
    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.REFUSED
    assert (await decided(twin)).reason_code == "CROSS_BORDER_BLOCKED"
    for year in (-1, 1999, 10_000):
        with pytest.raises(RequestError, match="year"):
            await list_counters(twin.platform.house, EVERYBODY, year)
