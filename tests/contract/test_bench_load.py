"""The loader of `bench/cohort.py` writes what imports of the same acts write, row for row, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Boolean, Column, ColumnElement, Integer, Text, cast, select

from bench.cohorts.load import load
from bench.cohorts.stories import SUBJECT_TYPE, WAVES, Asked, customer, stories, story_of
from gateway import kernel
from gateway.flow.consent import import_events
from gateway.flow.notice import create_notice, publish_notice
from gateway.flow.party import create_party
from gateway.flow.ports import House
from gateway.flow.registry import create_purpose, load_registry
from gateway.route.subject_ref import as_texts
from gateway.store import SqlStore, open_store
from gateway.store.schema import (
    consent_events,
    consent_projection,
    consent_use_groups,
    consent_use_sets,
    consent_uses,
    counters,
    subjects,
)
from tests.unit.gateway.flow.houses import ADMIN, CDP, NOW, OFFICER, StoppedClock, furnish, notice, open_house

PEOPLE = 1000
TABLES = (subjects, consent_events, consent_uses, consent_use_groups, consent_use_sets, consent_projection)


def waves(house: House, asked: Asked) -> list[list[tuple[int, dict[str, Any]]]]:
    """The acts of everybody, numbered as the loader numbers people: in order of their references."""
    names = [customer(number) for number in range(PEOPLE)]
    key = house.custody.subject_key()
    refs = as_texts(kernel.subject_refs(key, SUBJECT_TYPE, pa.array(names, pa.string()), 1)).to_pylist()
    said: list[list[tuple[int, dict[str, Any]]]] = [[] for _ in range(WAVES)]
    for rank, number in enumerate(sorted(range(PEOPLE), key=lambda place: refs[place])):
        for wave, act in enumerate(stories(asked, f"{rank:08d}")[story_of(number)]):
            said[wave].append((rank + 1, {**act, "subject": names[number]}))
    return said


def as_text(column: Column[Any]) -> ColumnElement[str]:
    return cast(cast(column, Integer) if isinstance(column.type, Boolean) else column, Text)


async def rows_of(store: SqlStore) -> dict[str, list[tuple[Any, ...]]]:
    async with store.read() as tx:
        # As the database holds it: JSON to the letter, times as numbers; the log is left out.
        columns = {table.name: [as_text(one) for one in table.c if one.name != "entry"] for table in TABLES}
        found = {name: await tx._connection.rows(select(*of_table)) for name, of_table in columns.items()}
        found["counters"] = await tx._connection.rows(select(counters).where(counters.c.name == "changes"))
    return {name: sorted(tuple(row) for row in of_table) for name, of_table in found.items()}


async def in_one(rows: Sequence[tuple[int, dict[str, Any]]]) -> AsyncIterator[Sequence[tuple[int, dict[str, Any]]]]:
    yield rows


async def test_rows_are_those_of_an_import(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = StoppedClock()
    (tmp_path / "home").mkdir()
    async with open_house(tmp_path / "home", "retailer", clock) as house:
        await furnish(house, "platform")
        await create_purpose(house, ADMIN, {"id": "campaign_measurement"})
        party = {
            "id": "platform",
            "legal_name": "平台",
            "contact": "dpo@platform.example",
            "role": "handler",
            "country": "CN",
        }
        await create_party(house, ADMIN, party)
        await create_notice(house, OFFICER, notice("platform"))
        await publish_notice(house, OFFICER, "sharing", 1)
        asked = Asked(
            "retailer",
            "platform",
            "profile_enrichment",
            "campaign_measurement",
            ("phone_hash", "purchase_history"),
            "sharing@1",
            NOW,
        )
        clock.advance(days=10)
        recorded = []
        for wave in waves(house, asked):
            recorded.append(clock.now())
            report = await import_events(house, CDP, SUBJECT_TYPE, in_one(wave), False)
            assert (report.accepted, report.rejected) == (len(wave), ())
            clock.advance(days=1)
        imported = await rows_of(house.store)
        async with house.store.read() as tx:
            registry = await load_registry(tx, house)
        key = house.custody.subject_key()
    await (await open_store(store_url)).close()
    assert load(store_url, key, registry, asked, PEOPLE, recorded) == len(imported["consent_events"]) == 2500
    loaded = await open_store(store_url)
    try:
        for name, rows in (await rows_of(loaded)).items():
            for one, other in zip(rows, imported[name], strict=True):
                assert one == other
    finally:
        await loaded.close()
