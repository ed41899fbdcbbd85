from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.errors import StateError
from gateway.route.party import KnownCard
from gateway.store import SqlStore
from tests.contract import given

ID = given.agreement().agreement_id


async def test_a_partner_comes_back_and_a_new_card_replaces_the_old(store: SqlStore) -> None:
    signed = given.signed_card()
    rotated = replace(signed, card=replace(signed.card, pins=("ef" * 32,), endpoint="10.0.0.1:1"))
    async with store.begin() as tx:
        await tx.partners.put(signed, given.NOW)
    async with store.read() as tx:
        partner = await tx.partners.get("platform")
        assert (partner.card, partner.accepted_at, partner.revision) == (signed.card, given.NOW, 1)
    async with store.begin() as tx:
        await tx.partners.put(rotated, given.NOW + given.DAY)
        await tx.partners.put(given.signed_card("agency"), given.NOW)
    async with store.read() as tx:
        partner = await tx.partners.get("platform")
        assert (partner.card, partner.accepted_at, partner.revision) == (rotated.card, given.NOW + given.DAY, 2)
        assert [partner.card.party for partner in await tx.partners.list()] == ["agency", "platform"]
        agency, *cards = await tx.partners.cards()
        assert (agency.card.party, agency.known_at) == ("agency", given.NOW)
        # What a card said stays known when another takes its place.
        assert cards == [KnownCard(signed.card, given.NOW), KnownCard(rotated.card, given.NOW + given.DAY)]
        with pytest.raises(StateError) as caught:
            await tx.partners.get("nobody")
    assert caught.value.reason == "NOT_FOUND"


async def test_an_agreement_comes_back_with_every_field(store: SqlStore) -> None:
    copy = given.agreement_copy()
    async with store.begin() as tx:
        await tx.agreements.put(copy)
    async with store.read() as tx:
        assert await tx.agreements.get(ID) == copy
        assert await tx.agreements.list() == [copy]
        with pytest.raises(StateError) as caught:
            await tx.agreements.get("another")
    assert caught.value.reason == "NOT_FOUND"


async def test_a_higher_revision_replaces_and_the_same_again_changes_nothing(store: SqlStore) -> None:
    async with store.begin() as tx:
        await tx.agreements.put(given.agreement_copy())
        await tx.agreements.put(given.agreement_copy())
        await tx.agreements.put(given.agreement_copy(revision=2))
        assert await tx.agreements.get(ID) == given.agreement_copy(revision=2)


async def test_an_id_never_gets_another_hash(store: SqlStore) -> None:
    copy = given.agreement_copy()
    forged = replace(copy, agreement=replace(copy.agreement, hash=bytes(32)), revision=2)
    async with store.begin() as tx:
        await tx.agreements.put(copy)
        with pytest.raises(StateError, match="another document") as caught:
            await tx.agreements.put(forged)
        assert await tx.agreements.get(ID) == copy
    assert caught.value.reason == "REVISION_CONFLICT"


async def test_of_two_signatures_added_to_one_revision_the_second_is_refused_not_the_first_lost(
    store: SqlStore, other: SqlStore
) -> None:
    async with store.begin() as tx:
        await tx.agreements.put(replace(given.agreement_copy(), signatures=()))

    async def sign(where: SqlStore, party: str) -> None:
        async with where.read() as tx:
            copy = await tx.agreements.get(ID)
        await asyncio.sleep(0.05)  # both have read before either writes
        signed = replace(copy, signatures=(*copy.signatures, (party, bytes(64))), revision=copy.revision + 1)
        async with where.begin() as tx:
            await tx.agreements.put(signed)

    ends = await asyncio.gather(sign(store, "retailer"), sign(other, "platform"), return_exceptions=True)
    refused = [end for end in ends if isinstance(end, StateError)]
    assert [error.reason for error in refused] == ["REVISION_CONFLICT"]
    async with store.read() as tx:
        copy = await tx.agreements.get(ID)
    assert (len(copy.signatures), copy.revision) == (1, 2)


async def test_agreements_are_listed_by_id_strictly_after(store: SqlStore) -> None:
    async with store.begin() as tx:
        for name in ("c", "a", "B", "b"):
            await tx.agreements.put(given.agreement_copy(name))
        names = [copy.agreement.agreement_id for copy in await tx.agreements.list("B", 2)]
    assert names == ["a", "b"]


async def test_a_binding_is_replaced_and_needs_its_agreement(store: SqlStore) -> None:
    async with store.begin() as tx:
        with pytest.raises(StateError) as caught:
            await tx.agreements.bind(given.binding())
        assert await tx.agreements.binding(ID) is None
        await tx.agreements.put(given.agreement_copy())
        await tx.agreements.bind(given.binding())
        assert await tx.agreements.binding(ID) == given.binding()
        moved = replace(given.binding(), dataset="members", value_columns=())
        await tx.agreements.bind(moved)
        assert await tx.agreements.binding(ID) == moved
    assert caught.value.reason == "NOT_FOUND"
