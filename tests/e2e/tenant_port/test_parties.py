"""Parties, their events, mechanisms, counters, basis rules, and whole questions, through client and socket."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.client import (
    AsyncClient,
    BasisRule,
    Category,
    ExportMechanism,
    Party,
    PartyContract,
    PartyEvent,
    Purpose,
)
from gateway.errors import AccessError, RequestError, StateError
from gateway.route.caller import Role
from tests.e2e.tenant_port.tenant import CUSTOMERS, NOW, Tenant

PURPOSE = "order_fulfilment"
CONTRACT = PartyContract(
    id="C-1",
    type="ENTRUSTMENT",
    valid_from=NOW - timedelta(days=1),
    valid_until=NOW + timedelta(days=300),
    purposes=(PURPOSE,),
    methods=("batch_file",),
    categories=("delivery_address",),
    security_duties="加密",
    supervision="每年检查",
    return_or_deletion="删除",
)
COURIER = Party(
    id="courier", role="ENTRUSTED", legal_name="示例快递有限公司", contact="dpo@courier.example", contracts=(CONTRACT,)
)


@pytest.fixture
async def furnished(client: AsyncClient) -> AsyncClient:
    await client.registry.create_purpose(Purpose(PURPOSE, text="配送"))
    await client.registry.create_category(Category("delivery_address", text="收货地址"))
    await client.registry.create_category(Category("home", text="住址", derived_from=("delivery_address",)))
    return client


async def test_a_party_and_what_happened_to_it(furnished: AsyncClient) -> None:
    made = await furnished.parties.create(COURIER)
    assert made == replace(COURIER, version=1, created_at=NOW)
    moved = await furnished.parties.create(replace(COURIER, processing_country="SG", version=2))
    assert [party async for party in furnished.parties.list()] == [made, moved]
    assert await furnished.parties.get("courier") == moved
    assert await furnished.parties.get("courier", 1) == made
    with pytest.raises(StateError, match="newest version"):
        await furnished.parties.create(replace(COURIER, version=2))
    event = PartyEvent(id="S-1", type="SUSPENDED", at=NOW, party="courier", evidence="报告 7")
    stored = await furnished.parties.create_event(event)
    assert stored == replace(event, created_at=NOW)
    assert [found async for found in furnished.parties.events()] == [stored]
    way = ExportMechanism(
        id="sg", party="courier", type="CERTIFICATION", reference="CERT-9",
        valid_from=NOW, valid_until=NOW + timedelta(days=1000),
    )  # fmt: skip
    assert await furnished.parties.create_mechanism(way) == replace(way, version=1, created_at=NOW)
    assert len([found async for found in furnished.parties.mechanisms()]) == 1
    assert [counter async for counter in furnished.parties.export_counters()] == []
    with pytest.raises(RequestError, match="role"):
        await furnished.parties.create(replace(COURIER, role="FRIEND"))
    for wildcard in ("*", "any/party", "parties"):
        with pytest.raises((RequestError, StateError)):
            await furnished.parties.get(wildcard)
    with pytest.raises(RequestError, match="party_id"):
        await furnished.parties.create(replace(COURIER, id="*"))


async def test_every_kind_of_question_is_answered(furnished: AsyncClient) -> None:
    await furnished.parties.create(COURIER)
    rule = BasisRule(
        id="delivery", basis="contract", purpose=PURPOSE, categories=("delivery_address",), owner="logistics",
        recipients=("courier",), own_use=True,
    )  # fmt: skip
    assert await furnished.registry.create_basis_rule(rule) == replace(rule, version=1, created_at=NOW)
    assert len([found async for found in furnished.registry.basis_rules()]) == 1
    assert "psi_hash" in {method.id async for method in furnished.registry.methods()}

    async def asks(**more: object) -> str:
        found = await furnished.consents.evaluate(
            CUSTOMERS[0],
            **(
                {
                    "subject_type": "customer",
                    "purpose": PURPOSE,
                    "category": "delivery_address",
                    "method": "internal_join",
                }
                | more
            ),  # type: ignore[arg-type]
        )
        return found.reason_code

    assert await asks() == "NO_CONSENT"
    assert await asks(basis="contract") == "OK_OTHER_BASIS"
    assert await asks(basis="contract", category="home") == "BASIS_NOT_EXTENDING"
    assert await asks(basis="legitimate_interest") == "BASIS_NOT_EXTENDING"
    assert await asks(basis="contract", recipient="courier", method="psi_hash") == "SCOPE_MISMATCH"
    assert await asks(kind="prompt") == "OK_ACTION"
    assert await asks(kind="refuse_service") == "SERVICE_REFUSAL_BARRED"
    assert await asks(kind="refuse_service", necessary_for_service=True) == "OK_ACTION"
    with pytest.raises(RequestError, match="kind"):
        await asks(kind="guess")
    with pytest.raises(RequestError, match="group_size"):
        await asks(group_size=-1)


async def test_an_aggregate_is_anonymous_by_size(furnished: AsyncClient) -> None:
    await furnished.registry.create_category(Category("streets", anonymous_if_group=True, base="delivery_address"))

    async def asks(**more: object) -> str:
        found = await furnished.consents.evaluate(
            CUSTOMERS[0], subject_type="customer", purpose=PURPOSE, category="streets", method="internal_join", **more
        )  # type: ignore[arg-type]
        return found.reason_code

    assert await asks(group_size=20) == "OK_ANONYMOUS"
    assert await asks(group_size=19) == await asks(group_size=20, linkable=True) == await asks() == "NO_CONSENT"


async def test_a_cdp_job_registers_no_party(tenant: Tenant) -> None:
    async with tenant.client(Role.CDP_JOB) as cdp:
        with pytest.raises(AccessError):
            await cdp.parties.create(COURIER)
        assert [party async for party in cdp.parties.list()] == []
