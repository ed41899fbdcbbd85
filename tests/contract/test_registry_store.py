from __future__ import annotations

import asyncio
from dataclasses import replace
from types import MappingProxyType

import pytest

from gateway.errors import StateError
from gateway.store import SqlStore
from tests.contract import given


async def test_an_item_comes_back_as_it_was_put(store: SqlStore) -> None:
    item = given.registry_item(
        body="x", frozen=MappingProxyType({"k": (1, 2)}), nested={"b": [1, True, None, "长"], "a": ""}
    )
    async with store.begin() as tx:
        await tx.registry.put(item)
        await tx.registry.put(item)  # the same again is no other body
    stored = replace(item, body={**item.body, "frozen": {"k": [1, 2]}})
    async with store.read() as tx:
        assert await tx.registry.get("purpose", "enrich") == stored
        assert await tx.registry.get("purpose", "enrich", 1) == stored


async def test_version_zero_is_the_latest(store: SqlStore) -> None:
    async with store.begin() as tx:
        for version in (1, 2, 10):
            await tx.registry.put(given.registry_item(version=version, text=str(version)))
        assert (await tx.registry.get("purpose", "enrich")).version == 10
        assert (await tx.registry.get("purpose", "enrich", 2)).body == {"text": "2"}


@pytest.mark.parametrize(
    ("kind", "item_id", "version"), [("purpose", "other", 0), ("notice", "enrich", 0), ("purpose", "enrich", 2)]
)
async def test_what_is_not_there_is_not_found(store: SqlStore, kind: str, item_id: str, version: int) -> None:
    async with store.begin() as tx:
        await tx.registry.put(given.registry_item())
        with pytest.raises(StateError) as caught:
            await tx.registry.get(kind, item_id, version)
    assert caught.value.reason == "NOT_FOUND"


async def test_items_are_listed_by_id_and_version_page_by_page(store: SqlStore) -> None:
    # By their bytes: upper case first, a hyphen before letters, whatever the locale says.
    names = ["Z-last", "a-b", "a.b", "ab", "b", "中"]
    async with store.begin() as tx:
        for name in reversed(names):
            for version in (2, 1):
                await tx.registry.put(given.registry_item(name, version))
    async with store.read() as tx:
        whole = await tx.registry.list("purpose")
        pages, after = [], ("", 0)
        while page := await tx.registry.list("purpose", after, 5):
            pages += page
            after = (page[-1].item_id, page[-1].version)
    assert [(item.item_id, item.version) for item in whole] == [(name, version) for name in names for version in (1, 2)]
    assert pages == whole


async def test_every_put_raises_the_revision_and_a_rolled_back_one_does_not(store: SqlStore) -> None:
    async with store.begin() as tx:
        assert await tx.registry.revision() == 0
        await tx.registry.put(given.registry_item())
        await tx.registry.put(given.registry_item())
        assert await tx.registry.revision() == 2
    with pytest.raises(LookupError):
        async with store.begin() as tx:
            await tx.registry.put(given.registry_item(version=2))
            raise LookupError
    async with store.read() as tx:
        assert await tx.registry.revision() == 2


async def test_a_draft_may_change_and_an_active_item_may_not(store: SqlStore) -> None:
    draft = given.registry_item(state="draft", text="one")
    active = replace(draft, state="active", body={"text": "two"})
    async with store.begin() as tx:
        await tx.registry.put(draft)
        await tx.registry.put(active)
        await tx.registry.put(active)
        with pytest.raises(StateError) as caught:
            await tx.registry.put(replace(active, body={"text": "three"}))
        assert await tx.registry.get("purpose", "enrich") == active
    assert caught.value.reason == "REVISION_CONFLICT"


async def test_of_two_who_create_one_id_differently_only_the_first_succeeds(store: SqlStore, other: SqlStore) -> None:
    async def create(where: SqlStore, text: str) -> None:
        async with where.begin() as tx:
            await tx.registry.put(given.registry_item(text=text))
            await asyncio.sleep(0.05)

    ends = await asyncio.gather(create(store, "one"), create(other, "two"), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "StateError"]
    async with store.read() as tx:
        assert await tx.registry.revision() == 1
