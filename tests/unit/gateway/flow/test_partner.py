from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.agreement.card import card_file, sign_card
from gateway.errors import AccessError, HostileInput, RequestError, StateError
from gateway.flow.partner import accept_partner, invitation, list_partners
from gateway.flow.ports import House
from gateway.route.party import SignedCard
from gateway.tlog.note import VerifierKey, parse_vkey
from tests.unit.gateway.flow.houses import ADMIN, CDP, NOW, OFFICER, entries_of, open_house


@pytest.fixture
async def retailer(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path / "retailer", "retailer") as house:
        yield house


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path / "platform", "platform") as house:
        yield house


async def accept(house: House, signed: SignedCard) -> None:
    await accept_partner(house, ADMIN, card_file(signed), signed.fingerprint)


def rotated(house: House, *, days: int = 1, pin: str = "cd" * 32) -> SignedCard:
    card = house.custody.own_card().card
    later = replace(card, issued_at=card.issued_at + timedelta(days=days), pins=(*card.pins, pin))
    return sign_card(later, house.custody.sign_record)


async def test_an_accepted_card_makes_a_partner_and_an_entry(retailer: House, platform: House) -> None:
    signed = invitation(platform)
    partner = await accept_partner(retailer, ADMIN, card_file(signed), signed.fingerprint.upper())
    assert partner.card == signed.card
    assert partner.accepted_at == NOW
    assert await list_partners(retailer, CDP) == [partner]
    ((kind, payload),) = await entries_of(retailer)
    assert kind == "partner_accepted"
    assert payload is not None
    logged = json.loads(payload)
    assert (logged["party"], logged["fingerprint"], logged["by"]) == ("platform", signed.fingerprint, "admin")


async def test_accepting_again_changes_nothing(retailer: House, platform: House) -> None:
    await accept(retailer, invitation(platform))
    await accept(retailer, invitation(platform))
    assert len(await entries_of(retailer)) == 1


async def test_only_an_administrator_accepts(retailer: House, platform: House) -> None:
    signed = invitation(platform)
    for caller in (CDP, OFFICER):
        with pytest.raises(AccessError):
            await accept_partner(retailer, caller, card_file(signed), signed.fingerprint)
    assert await list_partners(retailer, CDP) == []


async def test_a_card_is_not_accepted_without_its_fingerprint(retailer: House, platform: House) -> None:
    for heard in ("", retailer.custody.own_card().fingerprint):
        with pytest.raises(RequestError, match="fingerprint"):
            await accept_partner(retailer, ADMIN, card_file(invitation(platform)), heard)
    assert await list_partners(retailer, CDP) == []


async def test_an_altered_card_is_hostile(retailer: House, platform: House) -> None:
    whole = json.loads(card_file(invitation(platform)))
    whole["card"]["endpoint"] = "elsewhere.example:7444"
    with pytest.raises(HostileInput) as caught:
        await accept_partner(retailer, ADMIN, json.dumps(whole).encode(), invitation(platform).fingerprint)
    assert caught.value.reason == "BAD_SIGNATURE"


async def test_nobody_is_his_own_partner(retailer: House) -> None:
    with pytest.raises(RequestError, match="own party"):
        await accept(retailer, invitation(retailer))


async def test_a_later_card_replaces_and_an_earlier_never_returns(retailer: House, platform: House) -> None:
    first, second = invitation(platform), rotated(platform)
    await accept(retailer, first)
    await accept(retailer, second)
    (partner,) = await list_partners(retailer, CDP)
    assert partner.card == second.card
    assert partner.revision == 2
    for old in (first, rotated(platform, pin="ef" * 32)):
        with pytest.raises(StateError) as caught:
            await accept(retailer, old)
        assert caught.value.reason == "REVISION_CONFLICT"
    assert [kind for kind, _ in await entries_of(retailer)] == ["partner_accepted"] * 2


async def test_a_pin_or_key_names_one_party_only(retailer: House, platform: House) -> None:
    await accept(retailer, invitation(platform))
    card = platform.custody.own_card().card
    thief = sign_card(replace(card, party="thief"), platform.custody.sign_record)
    with pytest.raises(RequestError, match="another party's"):
        await accept(retailer, thief)
    own_pin = rotated(platform, pin=retailer.custody.own_card().card.pins[0])
    with pytest.raises(RequestError, match="certificate"):
        await accept(retailer, own_pin)


async def test_a_log_s_name_is_one_party_s_only(retailer: House, platform: House) -> None:
    """A witness knows logs by their names: another key under our name would stand in our place there."""
    card = platform.custody.own_card().card
    key, ours = parse_vkey(card.log_vkey), parse_vkey(retailer.custody.log_vkey())
    posing = sign_card(
        replace(card, log_vkey=VerifierKey(ours.name, key.public_key).vkey), platform.custody.sign_record
    )
    with pytest.raises(RequestError, match="names a log"):
        await accept(retailer, posing)
    await accept(retailer, invitation(platform))
