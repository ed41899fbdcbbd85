"""Imports of consent events that come at the same time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from consent.projection import TRUST_ALL
from gateway.errors import RequestError
from gateway.flow.consent import ImportReport, import_events
from gateway.store import SqlStore
from gateway.store.consents import SqlConsentStore
from tests.unit.gateway.flow.houses import CDP
from tests.unit.gateway.flow.shops import (
    ALL,
    USE,
    Shop,
    build_shop,
    consent_entries,
    given,
    open_shop,
    pieces,
    reason,
    shop,
    take,
    withdrawn,
)

__all__ = ["shop"]


async def test_small_imports_that_come_together_share_a_commit_and_each_has_its_own_report(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if one came after the other: what a later one says again is a replay, what it says otherwise is refused."""
    await take(shop.house, [given(99)])  # the registry is known from here on: reading waits for nothing
    begin, begun = SqlStore.begin, list[int]()

    def counted(store: SqlStore) -> Any:
        begun.append(1)
        return begin(store)

    imports = [[given(number)] for number in range(10)]
    imports += [[given(3), withdrawn(0)], [given(4, consent_id="other"), given(10)], [given(11, at="yesterday")]]
    imports += [[withdrawn(12) | {"consent_id": "none"}]]
    with monkeypatch.context() as patch:
        patch.setattr(SqlStore, "begin", counted)
        reports = await asyncio.gather(*(take(shop.house, rows) for rows in imports))
    assert len(begun) <= 2  # the first may be on its way before the others come
    assert [(one.accepted, one.replayed, one.rejected_count, one.warned_count) for one in reports] == [
        *[(1, 0, 0, 0)] * 10,
        (1, 1, 0, 0),
        (1, 0, 1, 0),
        (0, 0, 1, 0),
        (1, 0, 0, 1),
    ]
    assert [error.row for error in reports[11].rejected] == [1]
    assert await reason(shop.house, 9) == "OK_CONSENT" and await reason(shop.house, 0) != "OK_CONSENT"
    assert (await take(shop.house, [row for rows in imports[:10] for row in rows])).replayed == 10


async def test_an_import_that_fails_keeps_no_other_out_of_a_commit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    append = SqlConsentStore.append

    async def refusing(self: Any, events: Any, projection: Any, first: Any = None) -> None:
        if first is not None and "e2" in first.event_ids:
            raise RequestError("BAD_FIELD", "a text does not fit the store")
        await append(self, events, projection, first)

    monkeypatch.setattr(SqlConsentStore, "append", refusing)
    ended = await asyncio.gather(*(take(shop.house, [given(number)]) for number in range(4)), return_exceptions=True)
    assert isinstance(ended.pop(2), RequestError)
    assert [report.accepted for report in ended if isinstance(report, ImportReport)] == [1, 1, 1]
    assert len(await consent_entries(shop.house)) == 3


async def race(shop: Shop) -> None:
    rows = [given(number) for number in range(40)] + [withdrawn(number) for number in range(0, 40, 4)]
    small = shop.cut_to(import_batch=5)
    reports = await asyncio.gather(
        *(import_events(small, CDP, "customer", pieces(rows), whole) for whole in (False, True, False))
    )
    assert sum(report.accepted for report in reports) == 50
    assert sum(report.replayed for report in reports) == 100
    assert len(await consent_entries(shop.house)) == 50
    assert await reason(shop.house, 4) == "CONSENT_WITHDRAWN"
    assert await reason(shop.house, 5) == "OK_CONSENT"
    async with shop.house.store.read() as tx:
        assert len(await tx.consents.plain(USE, TRUST_ALL, shop.house.clock.now(), *ALL)) == 30


async def test_two_imports_of_the_same_rows_store_each_once(shop: Shop) -> None:
    await race(shop)


async def test_two_imports_of_the_same_rows_store_each_once_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    await build_shop(tmp_path, postgres_url)
    async with open_shop(tmp_path, postgres_url) as shop:
        await race(shop)
