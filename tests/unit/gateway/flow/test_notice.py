from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from consent.notice import Notice
from gateway.errors import AccessError, RequestError, StateError
from gateway.flow.notice import create_notice, get_notice, list_notices, publish_notice
from gateway.flow.ports import House
from gateway.flow.registry import create_category, load_registry
from tests.unit.gateway.flow.houses import (
    ADMIN,
    CDP,
    NOW,
    OFFICER,
    build_friends,
    copy_built,
    entries_of,
    notice,
    open_house,
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    await copy_built("friends", build_friends, tmp_path)
    async with open_house(tmp_path / "retailer", "retailer") as opened:
        yield opened


async def published_entries(house: House) -> list[dict[str, object]]:
    found = await entries_of(house, kinds=lambda kind: kind == "notice_published")
    return [json.loads(payload) for _, payload in found if payload is not None]


async def test_a_complete_draft_is_published_and_logged(house: House) -> None:
    draft = await create_notice(house, OFFICER, notice("platform"))
    assert (draft.version, draft.state) == (1, "draft")
    published = await publish_notice(house, OFFICER, "sharing", 1)
    assert published.state == "published"
    assert await get_notice(house, CDP, "sharing") == published
    read = Notice.from_mapping(published.body)
    assert (read.published_at, read.recorded_at) == (NOW, NOW)
    (logged,) = await published_entries(house)
    assert (logged["notice"], logged["hash"], logged["by"]) == ("sharing@1", read.content_hash(), "officer")


async def test_what_is_missing_is_named(house: House) -> None:
    body = notice("platform", retention="", automated_effect="")
    del body["recipients"][0]["contact"]
    await create_notice(house, OFFICER, {name: entry for name, entry in body.items() if entry})
    with pytest.raises(RequestError) as caught:
        await publish_notice(house, OFFICER, "sharing", 1)
    for name in ("retention", "recipients[0].contact", "automated_effect"):
        assert name in caught.value.message
    assert (await get_notice(house, OFFICER, "sharing")).state == "draft"
    assert await published_entries(house) == []


async def test_an_unregistered_name_bars_publishing_until_it_is_registered(house: House) -> None:
    await create_notice(house, OFFICER, notice("platform", categories=["phone_hash", "location_track"]))
    with pytest.raises(RequestError, match=r"categories\[1\]"):
        await publish_notice(house, OFFICER, "sharing", 1)
    await create_category(house, ADMIN, {"id": "location_track", "sensitive": True})
    with pytest.raises(RequestError, match="necessity"):
        await publish_notice(house, OFFICER, "sharing", 1)


async def test_a_draft_may_be_replaced_and_a_published_version_never(house: House) -> None:
    await create_notice(house, OFFICER, notice("platform", title="first"))
    second = await create_notice(house, OFFICER, notice("platform", title="second"))
    assert second.version == 1
    assert (await list_notices(house, CDP)) == [second]
    await publish_notice(house, OFFICER, "sharing", 1)
    with pytest.raises(StateError) as caught:
        await create_notice(house, OFFICER, notice("platform", title="third", version=1))
    assert caught.value.reason == "REVISION_CONFLICT"
    assert (await create_notice(house, OFFICER, notice("platform", title="second"))).state == "published"


async def test_a_later_version_supersedes(house: House) -> None:
    await create_notice(house, OFFICER, notice("platform"))
    await publish_notice(house, OFFICER, "sharing", 1)
    later = notice("platform", change="新增接收方", material_for=["profile_enrichment"])
    draft = await create_notice(house, OFFICER, later)
    assert draft.version == 2
    async with house.store.read() as tx:
        assert set((await load_registry(tx, house)).notices) == {"sharing@1"}
    house.clock.advance(days=1)  # type: ignore[attr-defined]
    await publish_notice(house, OFFICER, "sharing", 2)
    assert [item.state for item in await list_notices(house, OFFICER)] == ["superseded", "published"]
    async with house.store.read() as tx:
        registry = await load_registry(tx, house)
    assert [version.version for version in registry.versions["sharing"]] == [1, 2]
    with pytest.raises(StateError):
        await publish_notice(house, OFFICER, "sharing", 1)


async def test_publishing_again_changes_nothing_and_another_time_is_refused(house: House) -> None:
    await create_notice(house, OFFICER, notice("platform"))
    first = await publish_notice(house, OFFICER, "sharing", 1, NOW - timedelta(days=300))
    assert await publish_notice(house, OFFICER, "sharing", 1, NOW - timedelta(days=300)) == first
    assert await publish_notice(house, OFFICER, "sharing", 1) == first
    with pytest.raises(StateError) as caught:
        await publish_notice(house, OFFICER, "sharing", 1, NOW - timedelta(days=301))
    assert caught.value.reason == "REVISION_CONFLICT"
    assert len(await published_entries(house)) == 1


async def test_nothing_was_seen_in_the_future(house: House) -> None:
    await create_notice(house, OFFICER, notice("platform"))
    with pytest.raises(RequestError, match="future"):
        await publish_notice(house, OFFICER, "sharing", 1, NOW + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"id": "with@at"}, "id"),
        ({"id": ""}, "id"),
        ({"version": 0}, "version"),
        ({"version": 2}, "version"),
        ({"state": "published"}, "state"),
        ({"published_at": "2026-01-01T00:00:00Z"}, "published_at"),
        ({"surprise": 1}, "surprise"),
        ({"title": "\udc80"}, "Unicode"),
    ],
)
async def test_a_bad_draft_is_refused_by_its_field(house: House, changes: dict[str, object], named: str) -> None:
    with pytest.raises(RequestError, match=named):
        await create_notice(house, OFFICER, notice("platform", **changes))
    assert await list_notices(house, OFFICER) == []


async def test_only_an_officer_drafts_and_publishes(house: House) -> None:
    for caller in (CDP, ADMIN):
        with pytest.raises(AccessError):
            await create_notice(house, caller, notice("platform"))
        with pytest.raises(AccessError):
            await publish_notice(house, caller, "sharing", 1)


async def test_an_unknown_notice_is_not_found(house: House) -> None:
    with pytest.raises(StateError) as caught:
        await publish_notice(house, OFFICER, "sharing", 1)
    assert caught.value.reason == "NOT_FOUND"
