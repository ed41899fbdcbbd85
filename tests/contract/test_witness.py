"""Partners witness each other's logs: what continues is cosigned, what does not is on record in both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.engine import ProcessBells, WitnessSeeker
from gateway.errors import AccessError, HostileInput, RequestError, StateError
from gateway.flow import audit
from gateway.flow.audit import sequence
from gateway.flow.checkpoint import log_key
from gateway.flow.ports import House, Witnessing
from gateway.flow.ports.peer import Cosigned, Held
from gateway.flow.witness.comparing import compare_checkpoints
from gateway.flow.witness.policy import our_policy
from gateway.flow.witness.receipt import receipt
from gateway.flow.witness.seeking import ask, seek, target
from gateway.flow.witness.serving import add_checkpoint
from gateway.flow.witness.standing import standing
from gateway.keys.signer import CheckpointSigner
from gateway.route.audit import AuditEvent
from gateway.tlog.cosignature import cosignatures, witness_key
from gateway.tlog.policy import check_policy, parse_policy
from gateway.tlog.proof import parse_proof, verify_proof
from tests.contract.test_signer import log, restore
from tests.unit.gateway.flow.houses import ADMIN, NOW, OFFICER, Neighbours, befriend, entries_of, open_house

TRIO = ("retailer", "platform", "bank")


@pytest.fixture
def neighbours() -> Neighbours:
    return Neighbours()


@pytest.fixture
async def pair(tmp_path: Path, store_url: str, neighbours: Neighbours) -> AsyncIterator[tuple[House, House]]:
    """The log under test is on either database; its witness is on SQLite."""
    async with (
        open_house(tmp_path / "retailer", "retailer", neighbours=neighbours, url=store_url) as one,
        open_house(tmp_path / "platform", "platform", neighbours=neighbours) as other,
    ):
        await befriend(one, other)
        yield one, other


async def partner(house: House, party: str) -> Any:
    async with house.store.read() as tx:
        return await tx.partners.get(party)


async def grow(house: House, *names: str) -> None:
    await log(house, *names)
    await sequence(house)


async def held(house: House, other: House) -> Any:
    async with house.store.read() as tx:
        return await tx.witnesses.held(log_key(other).name)


def inconsistent(caught: pytest.ExceptionInfo[StateError]) -> str:
    assert caught.value.reason == "LOG_INCONSISTENT"
    return caught.value.message


async def test_a_receipt_is_final_once_the_witness_has_cosigned(pair: tuple[House, House]) -> None:
    one, other = pair
    await grow(one, "a", "b")
    early = await receipt(one, OFFICER, 0)
    assert (early.final, early.witnesses) == (False, ())
    assert await seek(one)
    made = await receipt(one, OFFICER, 1)
    assert (made.final, made.witnesses, made.index) == (True, ("platform",), 1)
    policy = parse_policy(await our_policy(one, OFFICER))
    proof = parse_proof(made.content)
    _, cosigned = check_policy(proof.checkpoint, policy)
    assert [item.time for item in cosigned] == [int(NOW.timestamp())]
    assert (proof.extra is not None and json.loads(proof.extra)["type"] == "partner_accepted") or made.index
    key = log_key(one)
    assert verify_proof(proof, proof.extra or b"", key.name, key).checkpoint.size == made.size
    # The log goes on; the old receipt's checkpoint still is the newest final one.
    await grow(one, "c")
    assert (await receipt(one, OFFICER, 1)).size == made.size
    assert not (await receipt(one, OFFICER, made.size)).final
    assert await seek(one)
    assert (await receipt(one, OFFICER, 1)).size > made.size
    view = await standing(other, OFFICER)
    assert [(item.party, item.size) for item in view.logs] == [("retailer", made.size + 1)]
    assert view.forks == ()
    # Witnessing leaves no entry in either log: else two logs would witness each other for ever.
    assert not any(kind.startswith(("log_", "signer_")) for kind, _ in await entries_of(other))
    assert (await target(one)).missing == ()  # type: ignore[union-attr]


async def test_a_receipt_is_found_by_what_the_entry_is_about(pair: tuple[House, House]) -> None:
    one, _ = pair
    async with one.store.begin() as tx:
        await tx.audit.append([AuditEvent("consent_event", NOW, "", {"event_id": "ev-1"})])
        await tx.audit.append([AuditEvent("run_record", NOW, "", {"session": "ab" * 32})])
    await sequence(one)
    for key, kind in (("ev-1", ""), ("ab" * 32, "run_record")):
        made = await receipt(one, OFFICER, 0, kind, key)
        assert json.loads(parse_proof(made.content).extra or b"")["type"] == (kind or "consent_event")
    with pytest.raises(StateError, match="no such entry"):
        await receipt(one, OFFICER, 0, "", "ev-2")
    with pytest.raises(RequestError):
        await receipt(one, OFFICER, 10_000)
    for call in (receipt(one, ADMIN, 0), our_policy(one, ADMIN), standing(one, ADMIN)):
        with pytest.raises(AccessError):
            await call


async def test_the_policy_says_how_many_must_have_cosigned(
    tmp_path: Path, neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as stack:
        houses = [
            await stack.enter_async_context(open_house(tmp_path / name, name, neighbours=neighbours)) for name in TRIO
        ]
        one, platform, bank = houses
        for other in (platform, bank):
            await befriend(one, other)
        strict = replace(one, witnessing=Witnessing(quorum=2))
        await grow(one, "a")
        neighbours.houses.pop("bank")  # away
        assert not await seek(strict)
        assert await seek(one)
        assert [(item.party, bool(item.size)) for item in (await standing(one, OFFICER)).witnesses] == [
            ("bank", False),
            ("platform", True),
        ]
        assert not (await receipt(strict, OFFICER, 0)).final
        neighbours.houses["bank"] = bank
        assert await seek(strict)
        assert (await receipt(strict, OFFICER, 0)).witnesses == ("bank", "platform")
        # Named witnesses alone count; a quorum that cannot be had is said to be none, and is never taken for met.
        assert (await receipt(replace(one, witnessing=Witnessing(("bank",))), OFFICER, 0)).final
        too_many = replace(one, witnessing=Witnessing(("bank",), 2))
        assert not (await receipt(too_many, OFFICER, 0)).final
        with pytest.raises(StateError, match=r"log\.quorum"):
            await our_policy(too_many, OFFICER)
        text = await our_policy(strict, OFFICER)
        given = replace(one, witnessing=Witnessing(policy=parse_policy(text)))
        assert (await receipt(given, OFFICER, 0)).final
        assert await our_policy(given, OFFICER) == text


async def test_a_witness_refuses_what_it_does_not_know_or_what_is_not_signed(pair: tuple[House, House]) -> None:
    one, other = pair
    await grow(one, "a")
    await grow(other, "a")
    wanted, foreign = await target(one), await target(other)
    assert wanted is not None and foreign is not None
    caller = await partner(other, "retailer")

    async def refused(body: bytes) -> str:
        with pytest.raises((HostileInput, StateError)) as caught:
            await add_checkpoint(other, caller, body)
        return caught.value.reason

    note = wanted.signed.note
    assert await refused(b"old 0\n\n" + foreign.signed.note) == "NOT_FOUND"
    assert await refused(b"old 0\n\n" + note.replace(b"\n2\n", b"\n3\n", 1)) == "BAD_SIGNATURE"
    assert await refused(b"old 3\n\n" + note) == "BAD_SHAPE"
    assert await refused(b"old 0\n" + note) == "BAD_SHAPE"
    assert await held(other, one) is None
    assert isinstance(await add_checkpoint(other, caller, b"old 0\n\n" + note), Cosigned)
    answer = await add_checkpoint(other, caller, b"old 1\n\n" + note)
    assert answer == Held(2, note, forked=False)
    assert isinstance(await add_checkpoint(other, caller, b"old 2\n\n" + note), Cosigned)  # the same once more


async def test_two_requests_at_once_never_turn_a_witness_back(tmp_path: Path, store_url: str) -> None:
    """The witness is on either database; both requests were compared with the same old checkpoint."""
    neighbours = Neighbours()
    async with (
        open_house(tmp_path / "retailer", "retailer", neighbours=neighbours) as one,
        open_house(tmp_path / "platform", "platform", neighbours=neighbours, url=store_url) as other,
    ):
        await befriend(one, other)
        notes = []
        for name in "abcd":
            await grow(one, name)
            now = await target(one)
            assert now is not None
            notes.append(now.signed.note)
        caller = await partner(other, "retailer")
        first = await asyncio.gather(*(add_checkpoint(other, caller, b"old 0\n\n" + note) for note in notes))
        assert sum(isinstance(answer, Cosigned) for answer in first) == 1
        seen = await held(other, one)
        assert [answer for answer in first if isinstance(answer, Held)] == [
            Held(seen.size, seen.note, forked=False)
        ] * 3
        assert await seek(one)
        assert (await held(other, one)).size == 5


async def fork(house: House, size: int, *names: str) -> None:
    """Make the log another one from `size` on: whoever does so holds database, log key and signer."""
    await restore(house, size)
    await log(house, *names)

    async def all_pending(tx: Any, key: Any, pending: Any, size: int, signed: Any) -> Any:
        return pending

    async def nothing(*_: Any) -> None:
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckpointSigner, "_last", lambda signer: None)
        patch.setattr(audit, "_to_sign", all_pending)
        patch.setattr(audit, "_check_continues", nothing)
        await sequence(house)


async def test_a_fork_is_refused_and_on_record_in_both_logs(pair: tuple[House, House], tmp_path: Path) -> None:
    one, other = pair
    await grow(one, "a", "b", "c")
    assert await seek(one)
    shown = await held(other, one)
    await fork(one, 2, "x", "y", "z")
    with pytest.raises(StateError) as caught:
        await seek(one)
    assert "another root of the first" in inconsistent(caught)
    # The witness: nothing cosigned, both notes in its log.
    assert (await held(other, one)).note == shown.note
    (found,) = (await standing(other, OFFICER)).forks
    assert (found.party, found.held) == ("retailer", shown.note)
    (entry,) = await entries_of(other, kinds=lambda kind: kind == "log_forked")
    logged = json.loads(entry[1] or b"")
    assert logged["held"] == shown.note.decode() != logged["shown"]
    assert logged["id"] == f"{found.origin}@{found.size}"
    # We: on record, and nothing more is signed, in this process or the next.
    async with one.store.read() as tx:
        pending = [entry.leaf for entry in await tx.audit.pending(10)]
    assert [json.loads(leaf)["type"] for leaf in pending] == ["log_forked"]
    with pytest.raises(StateError) as caught:
        await sequence(one)
    assert "own key signed" in inconsistent(caught)
    # Shown again, it is not logged again.
    caller = await partner(other, "retailer")
    assert isinstance(await add_checkpoint(other, caller, b"old 0\n\n" + found.shown), Held)
    assert len((await standing(other, OFFICER)).forks) == 1


async def test_a_home_restored_with_its_signer_is_stopped_by_its_witness(pair: tuple[House, House]) -> None:
    one, _ = pair
    await grow(one, "a", "b", "c", "d")
    assert await seek(one)
    await fork(one, 2, "x")  # shorter than what the witness holds: a whole home from a backup, signer and all
    with pytest.raises(StateError) as caught:
        await seek(one)
    assert "a witness holds 5 entries" in inconsistent(caught)


async def test_a_witness_that_lies_stops_nobody(
    pair: tuple[House, House], neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    await grow(one, "a")
    await grow(other, "a")
    wanted, foreign = await target(one), await target(other)
    assert wanted is not None and foreign is not None
    own, platform = wanted.signed.note, await partner(one, "platform")
    answers: list[Cosigned | Held] = [
        Held(900, foreign.signed.note, forked=True),
        Held(900, own, forked=False),
        Held(900, own.replace(b"\n2\n", b"\n900\n", 1), forked=True),
        Cosigned(b""),
        Cosigned(foreign.signed.note.rpartition(b"\n\n")[2]),
        Cosigned(one.custody.cosign("another text\n", 5).encode()),
        Cosigned(other.custody.cosign("another text\n", 5).encode()),
        *[Held(1, own, forked=False)] * 3,
    ]

    async def answered(card: Any, body: bytes) -> Cosigned | Held:
        return answers.pop(0)

    monkeypatch.setattr(one.peer, "add_checkpoint", answered)
    while answers:
        with pytest.raises(HostileInput):
            await ask(one, platform, wanted.signed)
    monkeypatch.undo()
    assert await seek(one)  # nothing of it stands in the way
    note = (await receipt(one, OFFICER, 0)).content.partition(b"\n\n")[2]
    assert len(cosignatures(note, [witness_key(platform.card)])) == 1


async def test_the_seeker_asks_by_itself_and_waits_for_nobody(
    tmp_path: Path, neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as stack:
        one, platform, bank = [
            await stack.enter_async_context(open_house(tmp_path / name, name, neighbours=neighbours)) for name in TRIO
        ]
        for other in (platform, bank):
            await befriend(one, other)
        await grow(one, "a")
        real, never = one.peer.add_checkpoint, asyncio.Event()

        async def stuck(card: Any, body: bytes) -> Cosigned | Held:
            if card.party == "bank":
                await never.wait()
            return await real(card, body)

        monkeypatch.setattr(one.peer, "add_checkpoint", stuck)
        one = replace(one, bells=ProcessBells())
        working = asyncio.create_task(WitnessSeeker(one).work())
        try:
            for name in "bcd":
                while not (await receipt(one, OFFICER, 0)).final:
                    await asyncio.sleep(0.01)
                size = (await receipt(one, OFFICER, 0)).size
                await grow(one, name)
                one.bells.ring("checkpoint")
                async with asyncio.timeout(3):
                    while (await receipt(one, OFFICER, 0)).size == size:
                        await asyncio.sleep(0.01)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def test_two_witnesses_of_a_forked_log_find_it_out_together(tmp_path: Path, neighbours: Neighbours) -> None:
    async with AsyncExitStack() as stack:
        one, platform, bank = [
            await stack.enter_async_context(open_house(tmp_path / name, name, neighbours=neighbours)) for name in TRIO
        ]
        await befriend(one, platform)
        await befriend(one, bank)
        await befriend(platform, bank)
        comparing = [
            replace(platform, witnessing=Witnessing(compare_with=frozenset({"bank"}))),
            replace(bank, witnessing=Witnessing(compare_with=frozenset({"platform"}))),
        ]
        neighbours.houses |= {"platform": comparing[0], "bank": comparing[1]}
        await grow(one, "a", "b")
        assert await seek(replace(one, witnessing=Witnessing(quorum=2)))
        for house in comparing:  # no false alarm, at one size and at two
            assert await compare_checkpoints(house) == {"compared": 1, "forks": 0}
        await grow(one, "c")
        neighbours.houses.pop("bank")
        await seek(one)
        neighbours.houses["bank"] = comparing[1]
        assert (await held(platform, one)).size == (await held(bank, one)).size + 1
        for house in comparing:
            assert await compare_checkpoints(house) == {"compared": 1, "forks": 0}
        # The log now shows the bank another history than the platform, which is away.
        await fork(one, 4, "x", "y", "z")
        neighbours.houses.pop("platform")
        await seek(one)
        neighbours.houses["platform"] = comparing[0]
        assert (await held(bank, one)).size > (await held(platform, one)).size
        for house in comparing:
            assert await compare_checkpoints(house) == {"compared": 1, "forks": 1}
            (entry,) = await entries_of(house, kinds=lambda kind: kind == "log_forked")
            assert json.loads(entry[1] or b"")["party"] == "retailer"
            assert await compare_checkpoints(house) == {"compared": 1, "forks": 0}  # once is enough
        # Who is not named in the settings learns nothing of whose logs we witness.
        neighbours.houses["platform"] = platform
        assert await compare_checkpoints(comparing[1]) == {"compared": 0, "forks": 0}
