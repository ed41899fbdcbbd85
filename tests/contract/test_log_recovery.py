"""A log that ended begins anew by what two officers say; nothing is signed under the old name again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from assent_verify import Trust, verify_export
from assent_verify.note import parse_vkey as verifier_vkey
from gateway.agreement.card import card_file
from gateway.errors import AccessError, RequestError, StateError
from gateway.flow.audit import export, log_trouble, sequence
from gateway.flow.checkpoint import log_key
from gateway.flow.log_check import check_log
from gateway.flow.log_recovery import begin_anew, next_origin, two_officers
from gateway.flow.partner import accept_partner, invitation
from gateway.flow.ports import House
from gateway.flow.witness.receipt import receipt
from gateway.flow.witness.seeking import seek
from gateway.keys.custody import HomeKeys
from gateway.keys.material import rename_log
from gateway.route.caller import Caller, Role
from gateway.tlog.audit_path import verify_consistency
from gateway.tlog.checkpoint import open_checkpoint
from tests.contract.test_signer import change, log, newest, refused, restore
from tests.contract.test_witness import grow, held
from tests.unit.gateway.flow.houses import ADMIN, NOW, OFFICER, Neighbours, befriend, entries_of, open_house

SECOND = Caller("officer-2", frozenset({Role.COMPLIANCE_OFFICER}))
BOTH = (OFFICER, SECOND)


@pytest.fixture
async def house(tmp_path: Path, store_url: str) -> AsyncIterator[House]:
    async with open_house(tmp_path / "retailer", "retailer", url=store_url) as opened:
        yield opened


def keys(house: House) -> HomeKeys:
    assert isinstance(house.custody, HomeKeys)
    return house.custody


async def recovered(house: House, **changes: Any) -> Any:
    arguments: dict[str, Any] = {"officers": BOTH, "reason": "disk of the database lost", "now": NOW} | changes
    return await begin_anew(house.store, house.custody, keys(house).signer.evidence(), **arguments)


async def test_a_log_begins_anew_over_the_entries_that_are_there(tmp_path: Path, store_url: str) -> None:
    home, neighbours = tmp_path / "retailer", Neighbours()
    async with open_house(tmp_path / "platform", "platform", neighbours=neighbours) as platform:
        async with open_house(home, "retailer", neighbours=neighbours, url=store_url) as one:
            await befriend(one, platform)
            await grow(one, "a", "b")
            await grow(one, "c", "d")
            assert await seek(one)
            assert await log_trouble(one.store, one.custody) == ""
            lost = await newest(one)
            assert lost is not None
            await restore(one, 3)
            assert "holds 3 entries, the signer signed 5" in await log_trouble(one.store, one.custody)
            epoch = await recovered(one)
            assert (epoch.origin, epoch.size) == (f"{log_key(one).name}/2", 3)
            # Interrupted here: nothing is signed until the card names the new log, and the call may come again.
            assert "no checkpoint" in await refused(one)
            assert await recovered(one) == epoch
            card = rename_log(home, keys(one), epoch.origin, NOW)
        async with open_house(home, "retailer", neighbours=neighbours, url=store_url) as one:
            assert await log_trouble(one.store, one.custody) == ""
            await log(one, "e")
            await sequence(one)
            entries = await entries_of(one)
            assert [kind for kind, _ in entries] == [
                "partner_accepted",
                *["job_state"] * 2,
                "log_restarted",
                "job_state",
            ]
            record = json.loads(entries[3][1] or b"")
            assert record["before"]["checkpoint"] == lost[2].decode()
            assert (record["by"], record["found"]["size"]) == (["officer", "officer-2"], 3)
            # The first checkpoint of the new log holds the record; the old log's name is never signed again.
            stored = await newest(one)
            assert stored is not None
            key = log_key(one)
            first = open_checkpoint(stored[2], key.name, key).checkpoint
            assert first.size == 5
            # The witness knows the new log once it accepted the card; the old one stays as it was seen.
            assert not await seek(one)
            await accept_partner(platform, ADMIN, card_file(invitation(one)), card.fingerprint)
            assert await seek(one)
            assert (await receipt(one, OFFICER, 4)).final
            assert (await held(platform, one)).size == 5
            async with platform.store.read() as tx:
                assert [item.size for item in await tx.witnesses.list_held()] == [5, 5]
                assert await tx.witnesses.forks() == []
            folder = tmp_path / "export"
            async for path, content in export(one, OFFICER):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
            trust = Trust((verifier_vkey(key.vkey),), {"retailer": card.card.agreement_key})
            assert verify_export(folder, trust).failures == []
            since = Trust(trust.log_keys, trust.party_keys, lost[2])
            assert {failure.check for failure in verify_export(folder, since).failures} == {"since"}
            # What the new log signed is remembered as that of the first was: a lost memory is noticed.
            for memory in (home / "signer").glob(f"{key.key_id.hex()}.checkpoint"):
                memory.unlink()
            assert "the signer remembers nothing" in await log_trouble(one.store, one.custody)
            assert "the signer remembers nothing" in (await check_log(one.store, one.custody)).faults[0]
            await log(one, "f")
            assert "the signer remembers nothing" in await refused(one)


async def test_a_tree_that_was_tampered_with_is_built_again_from_its_entries(house: House) -> None:
    await grow(house, *map(str, range(300)))
    before = await newest(house)
    assert before is not None
    another = "SELECT substr(hashes, 1, 32) FROM audit_tiles AS other WHERE other.level = 0 AND other.number = 0"
    await change(house, f"UPDATE audit_tiles SET hashes = ({another}) WHERE level = 1")
    assert await log_trouble(house.store, house.custody) != ""
    epoch = await recovered(house)
    assert (epoch.size, epoch.root) == before[:2]
    verify_consistency(300, 300, (), before[1], epoch.root)


async def test_entries_that_are_missing_are_not_passed_over(house: House) -> None:
    await grow(house, "a", "b", "c", "d")
    for row in (1, 3):
        await change(
            house, f"DELETE FROM audit_payloads WHERE entry = {row}", f"DELETE FROM audit_entries WHERE entry = {row}"
        )
        await change(house, "DELETE FROM audit_checkpoints")
        with pytest.raises(StateError, match="missing") as caught:
            await recovered(house)
        assert caught.value.reason == "LOG_INCONSISTENT"
    async with house.store.read() as tx:
        assert await tx.audit.size() == 4
        assert await tx.epochs.newest() is None


async def test_two_officers_decide_and_say_why(house: House) -> None:
    await grow(house, "a")
    for officers in ((), (OFFICER,), (OFFICER, OFFICER), (OFFICER, ADMIN)):
        with pytest.raises(AccessError):
            await recovered(house, officers=officers)
    with pytest.raises(RequestError, match="reason"):
        await recovered(house, reason=" ")
    assert two_officers(BOTH) == ("officer", "officer-2")


def test_the_next_log_has_the_next_number() -> None:
    assert next_origin("gateway.example/audit") == "gateway.example/audit/2"
    assert next_origin("gateway.example/audit/2") == "gateway.example/audit/3"
    assert next_origin("gateway.example/audit/10") == "gateway.example/audit/11"
    assert next_origin("gateway.example/1") == "gateway.example/1/2"
