from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from consent.evaluate import Use, standing
from gateway.errors import AccessError, RequestError, StateError
from gateway.flow.agreement import accept, propose
from gateway.flow.ports import House, RegistryItem
from gateway.flow.registry import create_assessment, create_category, create_purpose, list_items, load_registry
from gateway.route.caller import Caller
from tests.unit.gateway.flow.houses import (
    ADMIN,
    CDP,
    NOW,
    OFFICER,
    Neighbours,
    assessment,
    befriend,
    draft,
    entries_of,
    furnish,
    open_house,
)

Create = Callable[[House, Caller, Mapping[str, object]], Awaitable[RegistryItem]]

PURPOSE = {"id": "profile_enrichment", "text": "画像补充", "automated": True}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, "retailer") as opened:
        yield opened


async def test_an_item_is_stored_once_and_logged_by_its_hash(house: House) -> None:
    item = await create_purpose(house, ADMIN, PURPOSE)
    assert await create_purpose(house, ADMIN, dict(reversed(PURPOSE.items()))) == item
    assert await list_items(house, CDP, "purpose") == [item]
    ((kind, payload),) = await entries_of(house)
    assert kind == "registry_changed"
    assert payload is not None
    logged = json.loads(payload)
    assert (logged["kind"], logged["id"], logged["version"], logged["by"]) == ("purpose", PURPOSE["id"], 1, "admin")
    assert len(logged["hash"]) == 64


async def test_an_id_never_changes_its_meaning(house: House) -> None:
    await create_purpose(house, ADMIN, PURPOSE)
    with pytest.raises(StateError) as caught:
        await create_purpose(house, ADMIN, PURPOSE | {"automated": False})
    assert caught.value.reason == "REVISION_CONFLICT"
    await create_category(house, ADMIN, {"id": "phone_hash"})
    with pytest.raises(StateError):
        await create_category(house, ADMIN, {"id": "phone_hash", "sensitive": True})


async def test_an_assessment_repeated_later_is_still_the_same(house: House) -> None:
    await create_purpose(house, ADMIN, PURPOSE)
    first = await create_assessment(house, ADMIN, assessment("platform"))
    assert first.body["recorded_at"] == "2026-11-20T08:30:00Z"
    house.clock.advance(hours=1)  # type: ignore[attr-defined]
    assert await create_assessment(house, ADMIN, assessment("platform")) == first
    with pytest.raises(StateError, match="newest version of this assessment is 1"):
        await create_assessment(house, ADMIN, assessment("platform", recipients=["other"]), version=3)


async def test_an_assessment_ends_by_its_next_version(house: House) -> None:
    await create_purpose(house, ADMIN, PURPOSE)
    first = await create_assessment(house, ADMIN, assessment("platform"))
    house.clock.advance(hours=1)  # type: ignore[attr-defined]
    ended = assessment("platform", next_review=house.clock.now().isoformat())
    second = await create_assessment(house, ADMIN, ended)
    assert (first.version, second.version) == (1, 2)
    assert await create_assessment(house, ADMIN, ended, version=2) == second
    async with house.store.read() as tx:
        registry = await load_registry(tx, house)
    assert [one.version for one in registry.assessments] == [1, 2]
    question = Use("retailer", "platform", "profile_enrichment", "phone_hash", "psi_hash")
    assert [one.version for one in registry.assessed(house.clock.now(), NOW)] == [1], "as known before"
    assert [one.version for one in registry.assessed(NOW, house.clock.now())] == [1], "of a time before"
    assert registry.assessed(house.clock.now(), house.clock.now()) == []
    assert standing(question, house.clock.now(), registry) is not None
    assert [kind for kind, _ in await entries_of(house)] == ["registry_changed"] * 3


@pytest.mark.parametrize("create", [create_purpose, create_category, create_assessment])
async def test_only_an_administrator_registers(house: House, create: Create) -> None:
    for caller in (CDP, OFFICER):
        with pytest.raises(AccessError):
            await create(house, caller, PURPOSE)


@pytest.mark.parametrize(
    ("create", "body", "named"),
    [
        (create_purpose, {}, "id"),
        (create_purpose, {"id": ""}, "id"),
        (create_purpose, {"id": "with space"}, "id"),
        (create_purpose, {"id": "x" * 201}, "id"),
        (create_purpose, {"id": "a", "more": 1}, "more"),
        (create_purpose, {"id": "a", "automated": "yes"}, "automated"),
        (create_purpose, {"id": "a", "text": "\ud800"}, "Unicode"),
        (create_category, {"id": "a", "base": "unknown", "anonymous_if_group": True}, "base"),
        (create_category, {"id": "a", "anonymous_if_group": True}, "base"),
        (create_assessment, assessment("platform"), "purposes"),
        (create_assessment, assessment("platform", methods=["telepathy"]), "methods"),
        (create_assessment, assessment("platform", approved_at="2026-10-01"), "approved_at"),
        (create_assessment, assessment("platform", recorded_at="2020-01-01T00:00:00Z"), "recorded_at"),
    ],
)
async def test_a_bad_body_is_refused_by_its_field(
    house: House, create: Create, body: dict[str, Any], named: str
) -> None:
    with pytest.raises(RequestError, match=named):
        await create(house, ADMIN, body)
    assert await entries_of(house) == []


async def test_items_are_listed_page_by_page(house: House) -> None:
    for name in ("c", "a", "b"):
        await create_category(house, ADMIN, {"id": name})
    first = await list_items(house, CDP, "category", limit=2)
    assert [item.item_id for item in first] == ["a", "b"]
    rest = await list_items(house, CDP, "category", ("b", 1), 2)
    assert [item.item_id for item in rest] == ["c"]
    with pytest.raises(RequestError, match="kind"):
        await list_items(house, CDP, "telepathy")


async def test_the_registry_grows_a_contract_with_the_agreement(tmp_path: Path) -> None:
    neighbours = Neighbours()
    async with (
        open_house(tmp_path / "retailer", "retailer", neighbours=neighbours) as retailer,
        open_house(tmp_path / "platform", "platform", neighbours=neighbours) as platform,
    ):
        await befriend(retailer, platform)
        await furnish(retailer, "platform")
        await furnish(platform, "retailer")
        use = Use("retailer", "platform", "profile_enrichment", "phone_hash", "psi_hash")
        async with retailer.store.read() as tx:
            registry = await load_registry(tx, retailer)
            assert await load_registry(tx, retailer) is registry  # kept
        before = standing(use, NOW, registry)
        assert before is not None
        assert before.reason_code == "RECIPIENT_BLOCKED"
        proposed = await propose(retailer, ADMIN, draft(), "5f0c2f1e-2c4f-4f0a-8d0c-9a1b2c3d4e5f")
        await accept(platform, ADMIN, proposed.agreement.agreement_id, "")
        async with retailer.store.read() as tx:
            registry = await load_registry(tx, retailer)
        assert standing(use, NOW, registry) is None
        assert standing(use, proposed.agreement.valid_until, registry) is not None
        assert registry.parties["retailer"].legal_name == "retailer 有限公司"
        (contract,) = registry.parties["platform"].contracts
        assert contract.purposes == {"profile_enrichment"}


async def test_a_change_is_seen_at_once(house: House) -> None:
    async with house.store.read() as tx:
        assert not (await load_registry(tx, house)).purposes
    await create_purpose(house, ADMIN, PURPOSE)
    async with house.store.read() as tx:
        assert set((await load_registry(tx, house)).purposes) == {"profile_enrichment"}
