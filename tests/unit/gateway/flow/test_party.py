"""Parties, what happened to them, mechanisms and basis rules: registered, versioned, audited, and weighed at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consent.evaluate import Use, standing
from consent.party import Role
from gateway.errors import AccessError, RequestError, StateError
from gateway.flow.agreement import accept, propose
from gateway.flow.basis import create_basis_rule
from gateway.flow.export import create_mechanism
from gateway.flow.notice import create_notice, publish_notice
from gateway.flow.party import create_party, create_party_event, get_party
from gateway.flow.ports import House
from gateway.flow.registry import create_category, list_items, list_methods, load_registry
from tests.contract.given import signed_card
from tests.unit.gateway.flow.houses import (
    ADMIN,
    CDP,
    NOW,
    OFFICER,
    Neighbours,
    befriend,
    draft,
    entries_of,
    furnish,
    notice,
    open_house,
)

USE = Use("retailer", "courier", "profile_enrichment", "phone_hash", "psi_hash")


def contract(**changes: Any) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "id": "C-17",
        "type": "provision",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2027-01-01T00:00:00Z",
        "purposes": ["profile_enrichment"],
        "methods": ["psi_hash"],
        "categories": ["phone_hash"],
        "security_duties": "加密存储",
        "supervision": "每年检查",
    }
    return terms | changes


def courier(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": "courier",
        "legal_name": "示例快递有限公司",
        "contact": "dpo@courier.example",
        "role": "handler",
        "country": "CN",
        "contracts": [contract()],
    }
    return body | changes


def suspended(**changes: Any) -> dict[str, Any]:
    body = {"id": "S-1", "type": "recipient_suspended", "at": "2026-11-01T00:00:00Z", "party": "courier"}
    return body | changes


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, "retailer") as opened:
        await furnish(opened, "courier")
        yield opened


async def registry_of(house: House) -> Any:
    async with house.store.read() as tx:
        return await load_registry(tx, house)


def against(registry: Any, use: Use = USE, at: Any = NOW, **known: Any) -> str | None:
    found = standing(use, at, registry, **known)
    return None if found is None else found.reason_code


async def test_a_party_grows_versions_and_none_is_lost(house: House) -> None:
    first = await create_party(house, OFFICER, courier())
    assert first.version == 1 and first.body["recorded_at"] == "2026-11-20T08:30:00Z"
    assert against(await registry_of(house)) is None
    house.clock.advance(hours=1)  # type: ignore[attr-defined]
    assert await create_party(house, ADMIN, courier()) == first  # said again
    assert await create_party(house, ADMIN, courier(), 1) == first
    second = await create_party(house, ADMIN, courier(restricted=True), 2)
    assert second.version == 2
    registry = await registry_of(house)
    later = house.clock.now()
    assert against(registry, at=later) == "CROSS_BORDER_BLOCKED"
    # What was decided before is decided so for ever.
    assert against(registry, at=NOW) is None
    assert [item.version for item in await list_items(house, CDP, "party")] == [1, 2]
    assert await get_party(house, CDP, "courier", 1) == first
    assert await get_party(house, CDP, "courier") == second
    for stale in (1, 2, 4):
        with pytest.raises(StateError) as caught:
            await create_party(house, ADMIN, courier(contact="new"), stale)
        assert caught.value.reason == "REVISION_CONFLICT"
    logged = [json.loads(payload or b"") for _, payload in await entries_of(house, kinds="registry_changed".__eq__)]
    assert [(entry["id"], entry["version"]) for entry in logged if entry["kind"] == "party"] == [
        ("courier", 1),
        ("courier", 2),
    ]


async def test_two_officers_do_not_overwrite_each_other(house: House) -> None:
    await create_party(house, ADMIN, courier())
    answers = await asyncio.gather(
        *(create_party(house, ADMIN, courier(contact=f"c{number}"), 2) for number in range(2)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["RegistryItem", "StateError"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"id": "*"}, "id"),
        ({"id": "any party"}, "id"),
        ({"id": "Courier"}, "id"),
        ({"id": "retailer"}, "our own"),
        ({"legal_name": None}, "legal_name"),
        ({"contact": None}, "contact"),
        ({"role": "friend"}, "role"),
        ({"country": "China"}, "country"),
        ({"country": "cn"}, "country"),
        ({"processing_country": "S1"}, "processing_country"),
        ({"version": 3}, "version"),
        ({"recorded_at": "2020-01-01T00:00:00Z"}, "recorded_at"),
        ({"sub_processor_of": "cloud"}, "sub_processor_of"),
        ({"role": "entrusted", "contracts": [], "sub_processor_of": "ghost"}, "sub_processor_of"),
        ({"sub_processing_approved": True}, "sub_processing_approved"),
        ({"contracts": [contract(type="entrustment")]}, r"contracts\[0\]\.type"),
        ({"contracts": [contract(), contract(security_duties=None)]}, r"contracts\[1\]\.security_duties"),
        ({"contracts": [contract(purposes=["resale"])]}, r"contracts\[0\]\.purposes"),
        ({"contracts": [contract(methods=["telepathy"])]}, r"contracts\[0\]\.methods"),
        ({"contracts": [contract(categories=["iris"])]}, r"contracts\[0\]\.categories"),
        ({"contracts": [contract(valid_until="2026-01-01T00:00:00Z")]}, r"contracts\[0\]\.valid_until"),
        ({"role": "joint", "contracts": [contract(type="joint")]}, "rights_routing is required, and incident_duties"),
        ({"role": "foreign_authority"}, r"contracts\[0\]\.type"),
        ({"brand": "x"}, "brand"),
    ],
)
async def test_a_party_that_cannot_be(house: House, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(RequestError, match=named) as caught:
        await create_party(house, ADMIN, courier(**changes))
    assert caught.value.reason == "BAD_FIELD"
    assert await list_items(house, CDP, "party") == []


@pytest.mark.parametrize("create", [create_party, create_party_event, create_mechanism, create_basis_rule])
async def test_a_cdp_job_registers_nothing(house: House, create: Any) -> None:
    with pytest.raises(AccessError):
        await create(house, CDP, courier())


async def test_sub_processors_need_our_consent(house: House) -> None:
    terms = contract(type="entrustment", return_or_deletion="删除")
    await create_party(house, ADMIN, courier(id="cloud", role="entrusted", contracts=[terms]))
    body = courier(role="entrusted", contracts=[terms], sub_processor_of="cloud")
    await create_party(house, ADMIN, body)
    assert against(await registry_of(house)) == "RECIPIENT_BLOCKED"
    house.clock.advance(seconds=1)  # type: ignore[attr-defined]
    await create_party(house, ADMIN, body | {"sub_processing_approved": True})
    assert against(await registry_of(house), at=house.clock.now()) is None
    other = Use("retailer", "courier", "profile_enrichment", "purchase_history", "psi_hash")
    assert against(await registry_of(house), other, house.clock.now()) == "SCOPE_MISMATCH"


async def test_what_happened_counts_at_once_and_stays(house: House) -> None:
    await create_party(house, ADMIN, courier())
    stored = await create_party_event(house, OFFICER, suspended())
    assert stored.body["recorded_at"] == "2026-11-20T08:30:00Z"
    assert await create_party_event(house, OFFICER, suspended()) == stored
    registry = await registry_of(house)
    assert against(registry) == "RECIPIENT_BLOCKED"
    house.clock.advance(days=1)  # type: ignore[attr-defined]
    with pytest.raises(StateError):
        await create_party_event(house, OFFICER, suspended(at="2026-11-02T00:00:00Z"))
    back = suspended(id="R-1", type="recipient_reinstated", at="2026-11-22T00:00:00Z")
    await create_party_event(house, OFFICER, back)
    assert against(await registry_of(house), at=house.clock.now()) == "RECIPIENT_BLOCKED", "what allows may lie ahead"
    house.clock.advance(days=1)  # type: ignore[attr-defined]
    assert against(await registry_of(house), at=house.clock.now()) is None
    assert [item.item_id for item in await list_items(house, CDP, "party_event")] == ["R-1", "S-1"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"party": "ghost"}, "party"),
        ({"to": "courier"}, "to"),
        ({"type": "recipient_succeeded", "to": "ghost"}, "to"),
        ({"type": "recipient_succeeded", "to": "courier"}, "itself"),
        ({"type": "recipient_succeeded", "to": "retailer", "notified": True}, "notice"),
        ({"type": "recipient_succeeded", "to": "retailer", "notified": True, "notice": "sharing@9"}, "notice"),
        ({"type": "recipient_succeeded", "to": "retailer", "notice": "sharing@1"}, "notified"),
        ({"type": "recipient_scope_changed", "purposes": ["resale"]}, "purposes"),
        ({"type": "recipient_scope_changed", "methods": ["telepathy"]}, "methods"),
        ({"type": "competent_authority_approval"}, "evidence"),
        ({"type": "recipient_inspected"}, "evidence"),
        ({"type": "vanished"}, "type"),
        ({"at": "2026-11-20T08:35:01Z"}, "future"),
        ({"type": "recipient_scope_changed", "at": "2027-11-20T00:00:00Z"}, "future"),
        ({"recorded_at": "2020-01-01T00:00:00Z"}, "recorded_at"),
        ({"id": ""}, "id"),
    ],
)
async def test_an_event_that_cannot_be(house: House, changes: dict[str, Any], named: str) -> None:
    await create_party(house, ADMIN, courier())
    with pytest.raises(RequestError, match=named):
        await create_party_event(house, OFFICER, suspended(**changes))
    assert await list_items(house, CDP, "party_event") == []


async def test_people_are_told_of_a_successor_by_a_published_notice(house: House) -> None:
    for name in ("courier", "heir"):
        await create_party(house, ADMIN, courier(id=name))
    heir = {"party": "heir", "name": "承继公司", "contact": "dpo@heir.example", "succeeds": "courier"}
    await create_notice(house, OFFICER, notice("courier", id="merger", recipients=[heir]))
    merged = suspended(id="M-1", type="recipient_succeeded", to="heir", notified=True, notice="merger@1")
    with pytest.raises(RequestError, match="published"):
        await create_party_event(house, OFFICER, merged)
    await publish_notice(house, OFFICER, "merger", 1)
    await create_party_event(house, OFFICER, merged)
    (event,) = (await registry_of(house)).party_events
    assert (event.party, event.to, event.notified) == ("courier", "heir", True)


async def test_a_card_and_a_registered_version_stand_together(tmp_path: Path) -> None:
    neighbours = Neighbours()
    async with (
        open_house(tmp_path / "retailer", "retailer", neighbours=neighbours) as retailer,
        open_house(tmp_path / "platform", "platform", neighbours=neighbours) as platform,
    ):
        await befriend(retailer, platform)
        await furnish(retailer, "platform")
        await furnish(platform, "retailer")
        proposed = await propose(retailer, ADMIN, draft(), "5f0c2f1e-2c4f-4f0a-8d0c-9a1b2c3d4e5f")
        await accept(platform, ADMIN, proposed.agreement.agreement_id, "")
        retailer.clock.advance(hours=1)  # type: ignore[attr-defined]
        body = {"id": "platform", "role": "joint", "country": "CN", "processing_country": "SG", "contact": "dpo"}
        await create_party(retailer, ADMIN, body)
        registry = await registry_of(retailer)
        found = registry.parties["platform"]
        assert (found.role, found.legal_name, found.contact) == (Role.JOINT, "platform 有限公司", "dpo")
        assert found.abroad and [held.id for held in found.contracts] == [proposed.agreement.agreement_id]
        before = registry.party("platform", NOW)
        assert before is not None and before.role is Role.HANDLER and not before.abroad
        assert await registry_of(retailer) is registry  # kept


async def test_a_mechanism_opens_the_way_and_closes_it(house: House) -> None:
    way = {
        "id": "sg",
        "party": "courier",
        "type": "certification",
        "reference": "CERT-9",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2029-01-01T00:00:00Z",
    }
    await create_party(house, ADMIN, courier())
    with pytest.raises(RequestError, match="abroad"):
        await create_mechanism(house, OFFICER, way)
    await create_party(house, ADMIN, courier(country="SG"))
    assert against(await registry_of(house)) == "CROSS_BORDER_BLOCKED"
    assert (await create_mechanism(house, OFFICER, way)).version == 1
    assert against(await registry_of(house)) is None
    assert against(await registry_of(house), sensitive_exported_this_year=10_000) is None
    assert against(await registry_of(house), exported_this_year=1_000_000) == "CROSS_BORDER_BLOCKED"
    house.clock.advance(hours=1)  # type: ignore[attr-defined]
    assert (await create_mechanism(house, OFFICER, way | {"valid_until": "2026-11-20T00:00:00Z"}, 2)).version == 2
    assert against(await registry_of(house), at=house.clock.now()) == "CROSS_BORDER_BLOCKED"
    with pytest.raises(RequestError, match="3 years"):
        await create_mechanism(house, OFFICER, way | {"valid_until": "2029-01-02T00:00:00Z"})


async def test_a_basis_rule_has_an_owner_and_registered_reach(house: House) -> None:
    await create_party(house, ADMIN, courier())
    rule = {
        "id": "delivery",
        "basis": "contract",
        "purpose": "profile_enrichment",
        "recipients": [None, "courier"],
        "categories": ["phone_hash"],
        "owner": "logistics",
    }
    assert (await create_basis_rule(house, OFFICER, rule)).version == 1
    assert [row.owner for row in (await registry_of(house)).rules(NOW, NOW)] == ["logistics"]
    for changes, named in (
        ({"owner": None}, "owner"),
        ({"basis": "legitimate_interest"}, "basis"),
        ({"recipients": ["ghost"]}, "recipients"),
        ({"categories": ["iris"]}, "categories"),
        ({"purpose": "resale"}, "purpose"),
    ):
        with pytest.raises(RequestError, match=named):
            await create_basis_rule(house, OFFICER, {**rule, **changes})


async def test_a_derived_label_is_stored_as_sensitive_as_its_sources(house: House) -> None:
    await create_category(house, ADMIN, {"id": "diagnosis", "sensitive": True, "written": True})
    stored = await create_category(house, ADMIN, {"id": "illness", "derived_from": ["phone_hash", "diagnosis"]})
    assert (stored.body["sensitive"], stored.body["written"]) == (True, True)
    assert await create_category(house, ADMIN, {"id": "illness", "derived_from": ["phone_hash", "diagnosis"]}) == stored
    with pytest.raises(RequestError, match="derived_from"):
        await create_category(house, ADMIN, {"id": "other", "derived_from": ["ghost"]})
    assert [method.id for method in list_methods(CDP)][:2] == ["batch_file", "he_aggregate"]


async def test_a_card_accepted_later_changes_no_answer_as_known_before(house: House) -> None:
    """Neither that a party became a partner, nor that its next card says it moved abroad."""
    heard: list[tuple[datetime, tuple[str, str, int] | None]] = []

    async def known(at: datetime) -> tuple[str, str, int] | None:
        async with house.store.read() as tx:
            party = (await load_registry(tx, house)).party("platform", at)
        return None if party is None else (party.country, party.contact, len(party.contracts))

    async def hears(*said: Any) -> None:
        at = house.clock.now()
        assert await known(at) == said
        heard.append((at, said))
        assert [await known(one) for one, _ in heard] == [said for _, said in heard]
        house.clock.advance(hours=1)  # type: ignore[attr-defined]

    async def card(country: str) -> None:
        signed = signed_card()
        async with house.store.begin() as tx:
            await tx.partners.put(replace(signed, card=replace(signed.card, country=country)), house.clock.now())

    await create_party(house, OFFICER, courier(id="platform", contact="by phone"))
    await hears("CN", "by phone", 1)
    await card("CN")
    await hears("CN", "by phone", 1)
    await card("SG")
    # What the card and what the house says count together, whichever came last.
    await hears("SG", "by phone", 1)
    await create_party(house, OFFICER, courier(id="platform", contact="by letter", contracts=[]))
    await hears("SG", "by letter", 0)
    await card("CN")
    await hears("CN", "by letter", 0)
    assert await known(NOW - timedelta(hours=1)) is None
