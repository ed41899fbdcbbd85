"""Rows of the projection from before they said a plain no are made to say it, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select, update

from consent.evaluate import Use
from gateway.flow import party
from gateway.flow.eligible import eligible
from gateway.flow.ports import House
from gateway.flow.projecting import TASK, settle_projection
from gateway.store.schema import consent_projection
from tests.contract.timed import DAY, act, given, ref, take, timed_house
from tests.unit.gateway.flow.houses import ADMIN, NOW, OFFICER, StoppedClock

OWN = Use("retailer", None, "profile_enrichment", "phone_hash", "psi_hash")


@pytest.fixture
async def house(tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr("gateway.store.use_groups.MAX_GROUPS", 0)  # rows of that time have one use each
    async with timed_house(tmp_path / "one", store_url, StoppedClock(NOW)) as opened:
        entity = {
            "id": "platform",
            "role": "handler",
            "country": "CN",
            "legal_name": "平台",
            "contact": "dpo@p.example",
        }
        await party.create_party(opened, ADMIN, entity)
        async with opened.store.begin() as tx:
            await tx.tasks.ensure([TASK], NOW)
        shared = given(0)["items"][0] | {"recipients": ["platform"]}
        await take(
            opened,
            given(1, items=[shared]),
            given(2, items=[shared]),
            act(2, "consent_withdrawn"),
            given(3, NOW + 9 * DAY, items=[shared]),
            given(4, mode="preticked", items=[shared]),
            given(5, items=[shared]),
            act(5, "birthdate_recorded", birthdate="2014-01-01"),
            given(6, items=[shared], max_uses=1),
            act(6, "consent_refused", NOW),
        )
        yield opened


async def rows(house: House) -> dict[tuple[int, str], Any]:
    table = consent_projection.c
    async with house.store.read() as tx:
        found = await cast(Any, tx)._connection.rows(
            select(table.use_id, table.subject_ref, table.plain, table.consent_id, table.closed_from)
        )
    return {(row.use_id, row.subject_ref): tuple(row) for row in found}


async def forget(house: House) -> None:
    async with house.store.begin() as tx:
        await cast(Any, tx)._connection.execute(update(consent_projection).values(closed_from=None))


async def test_what_was_lost_is_said_again_as_it_was(house: House) -> None:
    before = await rows(house)
    closed = {key[1] for key, row in before.items() if row[-1] is not None}
    assert closed == {ref(house, number) for number in (2, 3, 4, 6)}
    who = [batch async for batch in eligible(house, OFFICER, OWN)]
    await forget(house)
    assert await settle_projection(house) == {"rows": sum(row[-1] is not None for row in before.values())}
    assert await rows(house) == before
    assert [batch async for batch in eligible(house, OFFICER, OWN)] == who


async def test_it_is_done_once_for_a_database(house: House) -> None:
    assert await settle_projection(house) == {"rows": 0}
    await forget(house)
    assert await settle_projection(house) == {"rows": 0}


async def test_it_goes_on_in_pieces(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.flow.projecting.BATCH", 2)
    before = await rows(house)
    await forget(house)
    assert (await settle_projection(house))["rows"]
    assert await rows(house) == before
