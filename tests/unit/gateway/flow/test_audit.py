from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assent_verify import Trust, verify_export
from assent_verify.note import parse_vkey as verifier_vkey
from gateway.agreement.agreement import agreement_of
from gateway.agreement.draft import complete
from gateway.errors import AccessError, RequestError, StateError
from gateway.flow import audit
from gateway.flow.audit import (
    current_checkpoint,
    export,
    find_entry,
    inclusion_proof,
    log_key,
    sequence,
)
from gateway.flow.log_reading import find_entries
from gateway.flow.ports import House
from gateway.keys import signer
from gateway.psi.record import OpeningHalf, acceptance_record, opening
from gateway.psi.run import RunHalf, run_record
from gateway.route.agreement import AgreementCopy, AgreementState, Operation
from gateway.route.audit import AuditEvent, EntryFilter
from gateway.route.job import Side
from gateway.route.session import Session, SessionOffer, SessionState
from gateway.tlog.audit_path import consistency_proof, tiles_for_consistency, verify_consistency, verify_inclusion
from gateway.tlog.checkpoint import open_checkpoint
from gateway.tlog.run_leaf import run_payload
from tests.unit.gateway.flow.houses import ADMIN, CDP, NOW, OFFICER, befriend, draft, open_house

ONE_BATCH = audit.BATCH


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path / "retailer", "retailer") as opened:
        yield opened


async def log(house: House, count: int, start: int = 0) -> None:
    """Append events about 20 subjects."""
    events = [
        AuditEvent("consent_event", NOW, f"subject{row % 20:019d}", {"event_id": f"e{row}"})
        for row in range(start, start + count)
    ]
    async with house.store.begin() as tx:
        await tx.audit.append(events)


async def leaves(house: House) -> list[bytes]:
    async with house.store.read() as tx:
        return [entry.leaf async for entry in tx.audit.entries(0, await tx.audit.size())]


async def stored(house: House) -> tuple[int, tuple[int, bytes, bytes] | None]:
    async with house.store.read() as tx:
        return await tx.audit.size(), await tx.audit.checkpoint()


def mth(entries: list[bytes]) -> bytes:
    """The Merkle tree hash as RFC 6962, section 2.1 defines it."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1 << (len(entries) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + mth(entries[:split]) + mth(entries[split:])).digest()


def sql(house: House, tmp_path: Path, statement: str, *parameters: Any) -> None:
    """Change the database behind the program's back."""
    with sqlite3.connect(tmp_path / "retailer" / "assent.db") as connection:
        assert connection.execute(statement, parameters).rowcount > 0
    connection.close()


async def test_pending_entries_get_their_place_and_a_checkpoint(house: House) -> None:
    assert await sequence(house) == 0
    with pytest.raises(StateError) as caught:
        await current_checkpoint(house, OFFICER)
    assert caught.value.reason == "NOT_FOUND"
    await log(house, 300)
    assert await sequence(house) == 300
    assert await sequence(house) == 0
    signed = await current_checkpoint(house, OFFICER)
    entries = await leaves(house)
    assert (signed.checkpoint.size, signed.checkpoint.root) == (300, mth(entries))
    key = log_key(house)
    assert open_checkpoint(signed.note, "gateway.retailer.example/audit", key) == signed
    assert [json.loads(leaf)["type"] for leaf in entries] == ["consent_event"] * 300


async def test_batches_of_any_size_make_one_tree(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    heads = []
    for batch, count in ((7, 20), (256, 520), (1, 3), (ONE_BATCH, 260)):
        monkeypatch.setattr(audit, "BATCH", batch)
        size, _ = await stored(house)
        await log(house, count, size)
        assert await sequence(house) == count
        heads.append((await current_checkpoint(house, OFFICER)).checkpoint)
    entries = await leaves(house)
    for head in heads:
        assert head.root == mth(entries[: head.size])
    monkeypatch.setattr(audit, "BATCH", ONE_BATCH)
    for old, new in itertools.pairwise(heads):
        async with house.store.read() as tx:
            reader = await audit.tile_set(tx, tiles_for_consistency(old.size, new.size))
        proof = consistency_proof(old.size, new.size, reader)
        verify_consistency(old.size, new.size, proof, old.root, new.root)


async def test_entries_that_another_server_took_meanwhile_are_not_taken_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_ahead, read = audit._read_ahead, []

    async def overtaken(house: House) -> Any:
        ahead = await read_ahead(house)
        read.append(len(ahead.pending))
        monkeypatch.setattr(audit, "_read_ahead", read_ahead)
        assert await sequence(house) == 5
        await log(house, 3, 5)
        return ahead

    await log(house, 5)
    monkeypatch.setattr(audit, "_read_ahead", overtaken)
    assert await sequence(house) == 3
    head = (await current_checkpoint(house, OFFICER)).checkpoint
    assert (read, head.size, head.root) == ([5], 8, mth(await leaves(house)))


async def test_a_crash_at_any_step_leaves_everything_pending(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await log(house, 10)
    await sequence(house)
    before = await stored(house)
    await log(house, 5, 10)

    class Crash(Exception):
        pass

    def crash(*_: Any, **__: Any) -> Any:
        raise Crash

    steps = [(audit, name) for name in ("edge_of", "integrate", "_to_sign", "_proof", "_check_continues", "leaf_hash")]
    steps += [(signer, name) for name in ("sign_checkpoint", "open_checkpoint", "verify_consistency")]
    for place, step in steps:
        with monkeypatch.context() as patch:
            patch.setattr(place, step, crash)
            with pytest.raises(Crash):
                await sequence(house)
        assert await stored(house) == before, step
    assert await sequence(house) == 5
    assert (await current_checkpoint(house, OFFICER)).checkpoint.root == mth(await leaves(house))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM audit_checkpoints", "no checkpoint"),
        ("UPDATE audit_checkpoints SET size = size + 1", "does not say"),
        ("UPDATE audit_checkpoints SET root = zeroblob(32)", "does not say"),
        ("UPDATE audit_checkpoints SET note = CAST('x' AS BLOB)", "log key"),
        ("UPDATE audit_checkpoints SET note = CAST(replace(note, '300', '301') AS BLOB)", "log key"),
        ("UPDATE audit_tiles SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND number = 1", "another root"),
        ("UPDATE audit_tiles SET hashes = zeroblob(length(hashes)) WHERE level = 1", "another root"),
        ("UPDATE counters SET value = 299 WHERE name = 'size'", "promised 300"),
    ],
)
async def test_a_log_that_was_changed_is_not_signed_again(
    house: House, tmp_path: Path, statement: str, said: str
) -> None:
    await log(house, 300)
    await sequence(house)
    sql(house, tmp_path, statement)
    before = await stored(house)
    await log(house, 1, 300)
    with pytest.raises(StateError, match=said) as caught:
        await sequence(house)
    assert caught.value.reason == "LOG_INCONSISTENT"
    assert await stored(house) == before


async def test_a_log_key_that_is_not_the_cards_signs_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await log(house, 1)
    with monkeypatch.context() as patch:
        patch.setattr(type(house.custody), "sign_log", lambda self, text: bytes(64))
        with pytest.raises(StateError, match="log key"):
            await sequence(house)
    assert await stored(house) == (0, None)


async def test_every_entry_has_a_proof(house: House) -> None:
    await log(house, 270)
    await sequence(house)
    entries = await leaves(house)
    for index in (0, 1, 127, 255, 256, 257, 269):
        proof = await inclusion_proof(house, OFFICER, index)
        head = proof.signed.checkpoint
        assert proof.leaf_hash == hashlib.sha256(b"\x00" + entries[index]).digest()
        verify_inclusion(proof.leaf_hash, index, head.size, proof.hashes, head.root)
    for index in (-1, 270):
        with pytest.raises(RequestError, match="from 0 to 269"):
            await inclusion_proof(house, OFFICER, index)


async def test_a_proof_that_does_not_hold_is_not_given_out(house: House, tmp_path: Path) -> None:
    await log(house, 10)
    await sequence(house)
    leaf = (await leaves(house))[4]
    sql(house, tmp_path, "UPDATE audit_entries SET leaf = ? WHERE entry = 3", leaf)
    with pytest.raises(StateError) as caught:
        await inclusion_proof(house, OFFICER, 3)
    assert caught.value.reason == "LOG_INCONSISTENT"
    await inclusion_proof(house, OFFICER, 4)


async def test_an_entry_is_found_once_it_is_integrated(house: House) -> None:
    await log(house, 3)
    with pytest.raises(StateError, match="seconds"):
        await find_entry(house, OFFICER, "consent_event", "e2")
    await sequence(house)
    assert await find_entry(house, OFFICER, "consent_event", "e2") == 2
    with pytest.raises(StateError) as caught:
        await find_entry(house, OFFICER, "run_record", "e2")
    assert caught.value.reason == "NOT_FOUND"


async def test_entries_are_listed_without_what_opens_them(house: House) -> None:
    await log(house, 10)
    await sequence(house)
    page, _ = await find_entries(house, OFFICER, EntryFilter(), 4, 3)
    assert [entry.index for entry in page] == [4, 5, 6]
    assert all(entry.payload is None and entry.salt is None for entry in page)
    assert [entry.leaf for entry in page] == (await leaves(house))[4:7]
    assert await find_entries(house, OFFICER, EntryFilter(), 10, 3) == ([], None)
    assert len((await find_entries(house, OFFICER, EntryFilter(), 8, 1000))[0]) == 2
    with pytest.raises(RequestError):
        await find_entries(house, OFFICER, EntryFilter(), -1, 3)


async def test_only_an_officer_reads_the_log(house: House) -> None:
    await log(house, 1)
    await sequence(house)
    for caller in (ADMIN, CDP):
        for read in (
            current_checkpoint(house, caller),
            inclusion_proof(house, caller, 0),
            find_entries(house, caller, EntryFilter(), 0, 1),
            find_entry(house, caller, "consent_event", "e0"),
            anext(export(house, caller)),
        ):
            with pytest.raises(AccessError):
                await read


async def write(house: House, folder: Path) -> list[str]:
    """Write an export; the order of its paths."""
    paths = []
    async for path, content in export(house, OFFICER):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        paths.append(path)
    return paths


def trust(*houses: House) -> Trust:
    cards = [house.custody.own_card().card for house in houses]
    return Trust((verifier_vkey(cards[0].log_vkey),), {card.party: card.agreement_key for card in cards})


async def test_an_export_verifies_offline_and_is_itself_on_record(house: House, tmp_path: Path) -> None:
    await log(house, 600)
    async with house.store.begin() as tx:
        assert await tx.audit.erase_subject(f"subject{7:019d}") == 30
    paths = await write(house, tmp_path / "export")
    assert paths[:2] == ["checkpoint", "log.vkey"]
    assert paths[-2:] == ["manifest.json", "manifest.sig"]
    report = verify_export(tmp_path / "export", trust(house))
    assert report.failures == []
    assert (report.size, report.entries, report.opened) == (601, 601, 571)
    assert report.types["export_made"] == 1
    manifest = json.loads((tmp_path / "export/manifest.json").read_bytes())
    assert (manifest["operator"], manifest["party"]) == ("officer", "retailer")


async def test_an_export_of_a_changed_log_has_no_manifest(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log(house, 300)
    await sequence(house)
    other = (await leaves(house))[1]
    sql(house, tmp_path, "UPDATE audit_entries SET leaf = ? WHERE entry = 0", other)
    monkeypatch.setattr(audit, "ENTRIES_READ", 256)
    with pytest.raises(StateError) as caught:
        await write(house, tmp_path / "export")
    assert caught.value.reason == "LOG_INCONSISTENT"
    assert not (tmp_path / "export/manifest.json").exists()


async def test_an_export_holds_the_evidence_of_every_run(house: House, tmp_path: Path) -> None:
    async with open_house(tmp_path / "platform", "platform") as platform:
        await befriend(house, platform)
        agreement = agreement_of(
            complete(
                draft(),
                {other.custody.party: other.custody.own_card().card for other in (house, platform)},
                "0b0c2f7e-4c4e-4d7e-9a55-0f3a3f5f7a11",
            )
        )

        def both(kind: str, record: bytes) -> tuple[tuple[str, bytes], ...]:
            return tuple((other.custody.party, other.custody.sign_record(kind, record)) for other in (house, platform))

        session = finished_session(agreement.agreement_id, agreement.hash)
        session = replace(
            session,
            opening_signatures=both("opening", session.opening),
            run_signatures=both("run", session.run_record),
        )
        async with house.store.begin() as tx:
            copy = AgreementCopy(agreement, AgreementState.IN_FORCE, both("agreement", agreement.document), 1)
            await tx.agreements.put(copy)
            await tx.sessions.create(session)
            await tx.audit.append(
                [
                    AuditEvent(kind, NOW, "", run_payload(session.session_id, session.run_record, party, signature))
                    for kind, (party, signature) in zip(
                        ("run_record", "run_signature"), session.run_signatures, strict=True
                    )
                ]
            )
        await write(house, tmp_path / "export")
        report = verify_export(tmp_path / "export", trust(house, platform))
        assert report.failures == []
        (run,) = report.runs
        assert run.session_id == session.session_id
        assert all(party.pinned for party in run.parties)


def finished_session(agreement_id: str, agreement_hash: bytes) -> Session:
    """A finished MATCH run, as its own records tell it; unsigned."""
    session_id = "ab" * 32
    offer = SessionOffer(
        agreement_id=agreement_id,
        agreement_hash=agreement_hash,
        operation=Operation.MATCH,
        suite="ristretto255-SHA512",
        match_keys=("phone.e164",),
        purpose="profile_enrichment",
        columns=(),
        declared_rows=20_000,
        capabilities=(),
        nonce=bytes(32),
    )
    accepted = acceptance_record(offer, bytes.fromhex(session_id), bytes(32), "retailer", "platform", NOW)
    halves = [OpeningHalf(session_id, (rows,), bytes([rows]) * 32, NOW) for rows in (17, 29)]
    opened = opening(accepted, halves[0], halves[1], 0)
    ends = [RunHalf(session_id, bytes([7]) * 32, NOW, rows, 1, 0, NOW) for rows in (16, 28)]
    parties = {"receiver": "retailer", "sender": "platform"}
    run = run_record(opened, ends[0], ends[1], parties)
    return Session(
        session_id=session_id,
        job_id="0b0c2f7e-4c4e-4d7e-9a55-0f3a3f5f7a12",
        side=Side.RECEIVER,
        partner="platform",
        state=SessionState.CLOSED,
        offer=offer,
        sender_nonce=bytes(32),
        acceptance=accepted,
        acceptance_signature=b"",
        requested_stage=4,
        opening=opened.record,
        opening_signatures=(),
        run_record=run,
        run_signatures=(),
        failure=None,
        opened_at=NOW,
        expires_at=NOW,
        revision=1,
    )
