"""The log is tampered with by hand, in its database, its files and its notes: each fault is found, and by whom.

Whoever changes entries goes as far as their power reaches: ROWS, then TILES as well, then a CHECKPOINT signed with the
stolen log key, then the signer's MEMORY. The tables name who notices at each depth. `docs/audit-log.md` is the same
table in words. Two witnesses that compare a forked log stand in `test_witness.py`.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assent_verify import Trust, reconcile, verify_export
from assent_verify.failure import CheckError
from assent_verify.policy import parse_policy
from assent_verify.receipt import verify_receipt
from gateway.engine import ProcessBells, WitnessSeeker
from gateway.errors import StateError
from gateway.flow.audit import inclusion_proof, log_trouble, sequence
from gateway.flow.log_check import check_log
from gateway.flow.ports import House
from gateway.flow.witness.seeking import seek
from gateway.keys.custody import HomeKeys
from gateway.route.canonical import canonical_bytes
from gateway.tlog.checkpoint import Checkpoint, sign_checkpoint
from gateway.tlog.cosignature import CosignerKey, cosign
from gateway.tlog.note import NoteSigner, VerifierKey, parse_vkey
from tests.contract.conftest import BOTH
from tests.contract.copied_log import Built, Copied, built, copied, write_export
from tests.contract.test_signer import log
from tests.javascript import ask, b64
from tests.unit.gateway.flow.houses import OFFICER, Neighbours, open_house
from tests.unit.verify.made_export import private_key

Change = Callable[[list[bytes]], list[bytes]]


@pytest.fixture(scope="module", params=BOTH)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    postgres = None
    if request.param == "postgresql":
        postgres = (request.getfixturevalue("postgres_dsn"), request.getfixturevalue("_migrated"))
    with built(tmp_path_factory.mktemp("log"), postgres) as log:
        yield log


@pytest.fixture
def copy(made: Built, tmp_path: Path) -> Iterator[Copied]:
    with copied(made, tmp_path) as log:
        yield log


# ---- who notices ------------------------------------------------------------------------------------------------


async def at_start(one: House) -> str:
    """The gateway at its start: sequencer and signer together, before anything is signed."""
    return await log_trouble(one.store, one.custody)


async def at_next_sign(one: House) -> str:
    async def signing() -> None:
        await log(one, "next")
        await sequence(one)

    return await _said(signing())


async def by_fsck(one: House) -> str:
    return "\n".join((await check_log(one.store, one.custody)).faults)


async def by_witness(one: House) -> str:
    return await _said(seek(one))


async def by_witness_at_start(one: House) -> str:
    return await _said(asyncio.wait_for(WitnessSeeker(replace(one, bells=ProcessBells())).work(), 10))


async def by_proof(one: House) -> str:
    return await _said(inclusion_proof(one, OFFICER, 5))


async def _said(call: Awaitable[Any]) -> str:
    try:
        await call
    except StateError as error:
        return f"{error.reason}: {error.message}"
    return ""


async def asked(copy: Copied, *whom: Callable[[House], Awaitable[str]]) -> list[str]:
    """Open both homes as after a restart, and ask in turn."""
    neighbours = Neighbours()
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(
            open_house(copy.folder / "retailer", "retailer", neighbours=neighbours, url=copy.url)
        )
        if {by_witness, by_witness_at_start} & set(whom):
            await stack.enter_async_context(open_house(copy.folder / "platform", "platform", neighbours=neighbours))
        return [await who(one) for who in whom]


async def exported(copy: Copied) -> str | Path:
    """Export while no witness can be reached; return where, or why not."""
    folder = copy.folder / "export"
    async with open_house(copy.folder / "retailer", "retailer", url=copy.url) as one:
        said = await _said(write_export(one, folder))
    return said or folder


def verified(folder: Path, trust: Trust) -> str:
    failures = verify_export(folder, replace(trust, log_keys=trust.log_keys[:1])).failures
    return "\n".join(f"{failure.check}: {failure.reason}" for failure in failures)


def question(folder: Path, trust: Trust) -> dict[str, Any]:
    """What the JavaScript verifier is asked; once for all, since each start costs more than the answers."""
    return {
        "ask": "export",
        "folder": str(folder),
        "vkeys": [trust.log_keys[0].text],
        "party_keys": {party: b64(key) for party, key in trust.party_keys.items()},
        "since": None if trust.since is None else b64(trust.since),
    }


# ---- an honest log ----------------------------------------------------------------------------------------------


async def test_an_honest_log_with_an_erasure_and_restarts_alarms_nobody(copy: Copied) -> None:
    """Every detector of this file is asked about a log with nothing wrong; none says anything."""
    trust = copy.built.trust
    assert await asked(copy, at_start, by_fsck, by_proof, by_witness, at_next_sign, by_witness, by_fsck) == [""] * 7
    folder = await exported(copy)
    assert isinstance(folder, Path), folder
    since = replace(trust, since=copy.built.since)
    assert verified(folder, trust) == verified(folder, since) == ""
    assert reconcile(folder, copy.built.folder / "theirs", trust).ok
    assert await asked(copy, at_start, by_fsck) == ["", ""]
    assert verify_receipt(copy.built.proof, (), parse_policy(copy.built.policy)).index == 5


# ---- entries: who holds the database, the log key, the signer ----------------------------------------------------

ROWS, TILES, CHECKPOINT, MEMORY = range(4)


def other_time(leaf: bytes) -> bytes:
    return leaf.replace(b"T08:30:00", b"T08:31:00")


CHANGES: dict[str, Change] = {
    "edit": lambda leaves: [*leaves[:5], other_time(leaves[5]), *leaves[6:]],
    "delete": lambda leaves: [*leaves[:5], *leaves[6:]],
    "insert": lambda leaves: [*leaves[:5], other_time(leaves[9]), *leaves[5:]],
    "reorder": lambda leaves: [*leaves[:5], leaves[6], leaves[5], *leaves[7:]],
    "truncate": lambda leaves: leaves[:-7],
}
AT_START: dict[tuple[str, int], str] = {
    ("edit", ROWS): "",  # an old entry that nothing reads: fsck and every export do
    ("delete", ROWS): "promised",
    ("insert", ROWS): "edge does not fit its size",
    ("reorder", ROWS): "",
    ("truncate", ROWS): "promised",
    ("edit", TILES): "another root than the last checkpoint promised",
    ("delete", TILES): "promised",
    ("insert", TILES): "another root than the last checkpoint promised",
    ("reorder", TILES): "another root than the last checkpoint promised",
    ("truncate", TILES): "promised",
    ("edit", CHECKPOINT): "does not continue the",
    ("delete", CHECKPOINT): "the signer signed",
    ("insert", CHECKPOINT): "does not continue the",
    ("reorder", CHECKPOINT): "does not continue the",
    ("truncate", CHECKPOINT): "the signer signed",
}
"""What the gateway says at its start, and when it is to sign next."""
BY_WITNESS = {
    "edit": "another root of the first",
    "delete": "a witness holds",
    "insert": "another root of the first",
    "reorder": "another root of the first",
    "truncate": "a witness holds",
}


def tamper(copy: Copied, change: Change, depth: int) -> None:
    copy.rewrite(change)
    if depth >= TILES:
        head = copy.rewrite_tiles()
    if depth >= CHECKPOINT:
        note = copy.rewrite_checkpoints(head)
    if depth >= MEMORY:
        copy.rewrite_memory(note)


@pytest.mark.parametrize("depth", [ROWS, TILES, CHECKPOINT], ids=["rows", "tiles", "checkpoint"])
@pytest.mark.parametrize("change", CHANGES)
async def test_changed_entries_stop_the_gateway_or_the_export(copy: Copied, change: str, depth: int) -> None:
    tamper(copy, CHANGES[change], depth)
    start, sign, fsck = await asked(copy, at_start, at_next_sign, by_fsck)
    words = AT_START[change, depth]
    if words:
        assert words in start and words in sign
        assert sign.startswith("LOG_INCONSISTENT")
    else:
        assert start == sign == ""
        assert "the entries do not lead to the checkpoint's root" in str(await exported(copy))
    assert "do not give the root of the signer's memory" in fsck or "the signer signed" in fsck


PENDING = {
    "the first": ("DELETE FROM audit_entries WHERE entry = 293", "entry 293 is missing"),
    "the last": ("DELETE FROM audit_entries WHERE entry = 294", "entry 294 is missing"),
    "all": ("DELETE FROM audit_entries WHERE entry >= 293", "entry 293 is missing"),
    "one more": ("INSERT INTO audit_entries SELECT 295, leaf FROM audit_entries WHERE entry = 9", "only 295 were ever"),
    "a counter": ("UPDATE counters SET value = 294 WHERE name = 'pending'", "only 294 were ever"),
}


async def test_entries_that_wait_for_the_tree_are_all_that_were_numbered(made: Built, tmp_path: Path) -> None:
    """Somebody is quicker than the sequencer, or the gateway was down: no signature covers these entries yet."""
    for name, (statement, words) in PENDING.items():
        with copied(made, tmp_path / name.replace(" ", "")) as copy:
            async with open_house(copy.folder / "retailer", "retailer", url=copy.url) as one:
                await log(one, "one", "two")
            copy.sql("DELETE FROM audit_payloads WHERE entry >= 293")
            copy.sql(statement)
            assert words in (await asked(copy, at_start))[0], name
            async with open_house(copy.folder / "retailer", "retailer", url=copy.url) as one:
                said = await _said(sequence(one))
            assert said.startswith("LOG_INCONSISTENT") and words in said, name


@pytest.mark.parametrize("change", CHANGES)
async def test_who_holds_the_signer_too_is_found_by_the_witness_and_by_kept_checkpoints(
    copy: Copied, change: str
) -> None:
    """Database, log key and signer in one hand: within the house nothing is wrong any more."""
    tamper(copy, CHANGES[change], MEMORY)
    start, witness, stopped = await asked(copy, at_start, by_witness, at_next_sign)
    assert start == ""
    assert BY_WITNESS[change] in witness
    assert "our own key signed" in stopped


async def test_who_kept_a_checkpoint_finds_another_history(copy: Copied) -> None:
    """A fork shown to two verifiers: each export verifies alone, and neither continues what the other holds."""
    fork(copy)
    trust = copy.built.trust
    folder = await exported(copy)
    assert isinstance(folder, Path), folder
    assert verified(folder, trust) == ""
    since = replace(trust, since=copy.built.since)
    said = verified(folder, since)
    assert "since: the first" in said and "are not those of the earlier checkpoint" in said
    # The other way round: what the forger's verifier keeps, against the honest export.
    forged = replace(trust, since=(folder / "checkpoint").read_bytes())
    honest = copy.folder / "honest"
    with copied(copy.built, honest) as other:
        shown = await exported(other)
        assert isinstance(shown, Path), shown
        assert "since:" in verified(shown, forged)


# ---- databases of another time -----------------------------------------------------------------------------------


async def test_a_log_that_was_rolled_back_is_not_continued(copy: Copied) -> None:
    """All tables of the log, consistently, as they were at an earlier checkpoint."""
    size = int(copy.built.since.splitlines()[1])
    copy.sql(f"DELETE FROM audit_cosignatures WHERE size > {size}")
    copy.sql(f"DELETE FROM audit_checkpoints WHERE size > {size}")
    copy.rewrite(lambda leaves: leaves[:size])
    copy.rewrite_tiles()
    start, sign, fsck = await asked(copy, at_start, at_next_sign, by_fsck)
    for said in (start, sign, fsck):
        assert "the signer signed" in said


async def test_a_database_from_a_backup_stops_the_signer_and_a_home_from_one_the_witness(
    made: Built, tmp_path: Path
) -> None:
    with copied(made, tmp_path / "database", 0) as copy:
        for said in await asked(copy, at_start, at_next_sign, by_fsck):
            assert "the signer signed" in said
    with copied(made, tmp_path / "home", 0, "early") as copy:
        start, fsck, witness, stopped = await asked(copy, at_start, by_fsck, by_witness_at_start, at_next_sign)
        assert start == fsck == ""
        assert "a witness holds" in witness and "our own key signed" in stopped
    with copied(made, tmp_path / "away", 0, "early") as copy:
        # While no witness can be reached the next entry is signed; it is not cosigned.
        sign, witness, stopped = await asked(copy, at_next_sign, by_witness, at_next_sign)
        assert sign == ""
        assert "a witness holds" in witness and "our own key signed" in stopped


# ---- tiles, checkpoints, payloads, salts, runs ------------------------------------------------------------------

ERASED_BY_HAND = f"subject{3:019d}"


def fork(copy: Copied) -> None:
    """Another history, consistent in itself; the forger opens the changed entry no more, so that it looks erased."""
    tamper(copy, CHANGES["edit"], MEMORY)
    copy.sql("DELETE FROM audit_payloads WHERE entry = 5")


def swap_tile(copy: Copied) -> None:
    (old,) = copy.row("SELECT hashes FROM audit_tiles WHERE level = 0 AND number = 0")
    swapped = old[32:64] + old[:32] + old[64:]
    copy.sql("UPDATE audit_tiles SET hashes = :hashes WHERE level = 0 AND number = 0", hashes=swapped)


def alter_payload(copy: Copied) -> None:
    copy.sql("UPDATE audit_payloads SET payload = :payload WHERE entry = 5", payload=canonical_bytes({"event_id": "x"}))


def alter_run(copy: Copied) -> None:
    (held,) = copy.row("SELECT run_record FROM sessions")
    record = json.loads(held)
    record["receiver"]["tokenised"] += 1
    copy.sql("UPDATE sessions SET run_record = :record", record=canonical_bytes(record))


def change_salt(copy: Copied) -> None:
    copy.sql("UPDATE subject_salts SET salt = :salt WHERE subject_ref = :ref", ref=ERASED_BY_HAND, salt=bytes(32))


async def test_a_swapped_tile_is_found_by_proofs_fsck_and_every_verifier(copy: Copied) -> None:
    swap_tile(copy)
    start, fsck, proof = await asked(copy, at_start, by_fsck, by_proof)
    assert start == ""  # a full tile that no edge reads
    assert fsck == "tile 0 of level 0 does not hold the hashes of its entries"
    assert "does not lead to the checkpoint's root" in proof
    folder = await exported(copy)
    assert isinstance(folder, Path), folder
    assert verified(folder, copy.built.trust) == "tiles: tile/0/000: does not hold the hashes of its entries"


async def test_a_swapped_tile_at_the_edge_stops_the_sequencer(copy: Copied) -> None:
    other = (
        "(SELECT hashes FROM (SELECT hashes, level, number FROM audit_tiles) AS held WHERE level = 0 AND number = 0)"
    )
    copy.sql(f"UPDATE audit_tiles SET hashes = {other} WHERE level = 1")
    for said in await asked(copy, at_start, at_next_sign, by_fsck):
        assert "another root than the last checkpoint promised" in said or "tile 0 of level 1" in said


async def test_a_checkpoint_signed_with_an_old_key_is_nobody_s(copy: Copied) -> None:
    """The key of before the last change of keys, under the log's name."""
    key, origin = private_key(77), parse_vkey(copy.keys.log_vkey()).name
    signer = NoteSigner(VerifierKey(origin, key.public_key().public_bytes_raw()), key.sign)
    size, root = copy.row("SELECT size, root FROM audit_checkpoints ORDER BY size DESC LIMIT 1")
    note = sign_checkpoint(Checkpoint(origin, size, root), [signer])
    copy.sql(f"UPDATE audit_checkpoints SET note = :note WHERE size = {size}", note=note)
    for said in await asked(copy, at_start, at_next_sign, by_fsck):
        assert "this home's log key" in said
    folder = copy.folder / "export"
    with copied(copy.built, copy.folder / "honest") as honest:
        shown = await exported(honest)
        assert isinstance(shown, Path)
        shown.rename(folder)
    (folder / "checkpoint").write_bytes(note)
    assert "checkpoint: " in verified(folder, copy.built.trust)


async def test_an_altered_payload_is_found_by_fsck_and_every_verifier(copy: Copied) -> None:
    alter_payload(copy)
    start, fsck = await asked(copy, at_start, by_fsck)
    assert (start, fsck) == ("", "entry 5 does not commit to the payload and salt that are stored")
    folder = await exported(copy)
    assert isinstance(folder, Path), folder
    assert "entry 5" in verified(folder, copy.built.trust)


@pytest.mark.parametrize(
    "change",
    [
        "type = 'job_state' WHERE type = 'run_record'",
        "key = '' WHERE type = 'run_record'",
        "key = 'e6' WHERE entry = 5",
    ],
)
async def test_an_entry_that_is_filed_elsewhere_is_found_by_fsck(copy: Copied, change: str) -> None:
    """Who asks for it by name is told that it is not there, or gets another; the log itself is whole."""
    assert copy.sql(f"UPDATE audit_payloads SET {change}") == 1
    (fsck,) = await asked(copy, by_fsck)
    assert re.fullmatch(r"entry \d+ is filed under another type or name than its payload has", fsck)


async def test_a_run_whose_evidence_is_deleted_is_named_by_the_export(copy: Copied) -> None:
    assert copy.sql("DELETE FROM sessions") == 1
    said = str(await exported(copy))
    assert said.startswith("LOG_INCONSISTENT: the log holds the run record of session abababab")
    assert "evidence no more" in said


async def test_an_erased_salt_is_told_from_an_erased_person(copy: Copied) -> None:
    """A salt that is destroyed by hand leaves the payload behind, which an erasure does not."""
    assert copy.sql("DELETE FROM subject_salts WHERE subject_ref = :ref", ref=ERASED_BY_HAND) == 1
    (fsck,) = await asked(copy, by_fsck)
    assert "entry 4 has a payload, and the salt that opens it is gone" in fsck
    assert fsck.count("the salt that opens it is gone") == 15
    assert "entry 4 has a payload, and the salt that opens it is gone" in str(await exported(copy))
    shutil.rmtree(copy.folder / "export")
    # Whoever makes another one opens nothing with it.
    copy.sql(
        "INSERT INTO subject_salts (subject_ref, salt) VALUES (:ref, :salt)", ref=f"subject{3:019d}", salt=bytes(32)
    )
    (fsck,) = await asked(copy, by_fsck)
    assert "entry 4 does not commit to the payload and salt that are stored" in fsck
    folder = await exported(copy)
    assert isinstance(folder, Path), folder
    assert "entry 4" in verified(folder, copy.built.trust)


async def test_an_altered_run_record_is_found_by_every_verifier_and_the_partner(copy: Copied) -> None:
    alter_run(copy)
    folder = await exported(copy)
    assert isinstance(folder, Path), folder
    trust = copy.built.trust
    assert "run abababababababab: the signature of" in verified(folder, trust)
    outcome = reconcile(folder, copy.built.folder / "theirs", trust)
    assert not outcome.ok
    found = {(difference.what, difference.field) for difference in outcome.differences}
    assert ("RUN", "run.receiver.tokenised") in found


# ---- receipts ---------------------------------------------------------------------------------------------------


def another_entry(copy: Copied, proof: bytes) -> bytes:
    """The path and checkpoint of entry 5 for what entry 6 says."""
    head, _, rest = proof.partition(b"\nindex ")
    return b"\n".join([*head.split(b"\n")[:-1], b"extra " + b64(copy.leaves()[6]).encode()]) + b"\nindex " + rest


def another_index(copy: Copied, proof: bytes) -> bytes:
    return proof.replace(b"\nindex 5\n", b"\nindex 6\n")


def wrong_witness(copy: Copied, proof: bytes) -> bytes:
    """A stranger signs in the witness's name."""
    own, text = _without_cosignature(proof)
    name = copy.built.policy.partition(b"witness platform ")[2].partition(b"+")[0].decode()
    key = private_key(78)
    line = cosign(text, CosignerKey(name, key.public_key().public_bytes_raw()), 1_795_000_000, key.sign)
    return own + line.encode()


def replayed_cosignature(copy: Copied, proof: bytes) -> bytes:
    """The witness's own cosignature, of the log's earlier checkpoint."""
    own, _ = _without_cosignature(proof)
    early = copy.built.since.partition(b"\n\n")[0].decode() + "\n"
    return own + HomeKeys.load(copy.folder / "platform").cosign(early, 1_795_000_000).encode()


def replayed_checkpoint(copy: Copied, proof: bytes) -> bytes:
    """The path of one tree with the cosigned checkpoint of another."""
    head, _, _ = proof.partition(b"\n\n")
    text = copy.built.since.partition(b"\n\n")[0].decode() + "\n"
    line = HomeKeys.load(copy.folder / "platform").cosign(text, 1_795_000_000)
    return head + b"\n\n" + copy.built.since + line.encode()


def _without_cosignature(proof: bytes) -> tuple[bytes, str]:
    """Return a receipt with the log's own signature alone, and the text that witnesses sign."""
    kept, _, _ = proof.removesuffix(b"\n").rpartition(b"\n")
    return kept + b"\n", proof.partition(b"\n\n")[2].partition(b"\n\n")[0].decode() + "\n"


RECEIPTS: dict[str, tuple[Callable[[Copied, bytes], bytes], str, str]] = {
    "another entry": (another_entry, "inclusion", "DIGEST"),
    "another index": (another_index, "inclusion", "DIGEST"),
    "wrong witness": (wrong_witness, "policy", "SIGNATURE"),
    "replayed cosignature": (replayed_cosignature, "policy", "SIGNATURE"),
    "replayed checkpoint": (replayed_checkpoint, "inclusion", "SHAPE"),
}


async def test_a_receipt_proves_one_entry_of_one_tree_by_its_own_witnesses(copy: Copied) -> None:
    for name, (forge, check, _) in RECEIPTS.items():
        with pytest.raises(CheckError) as caught:
            verify_receipt(forge(copy, copy.built.proof), (), parse_policy(copy.built.policy))
        assert caught.value.failure.check == check, name


# ---- the second verifier ----------------------------------------------------------------------------------------

IN_JAVASCRIPT: dict[str, tuple[Callable[[Copied], None] | None, str]] = {
    "honest": (None, ""),
    "fork": (fork, "earlier checkpoint"),
    "tile": (swap_tile, "tile/0/000"),
    "payload": (alter_payload, "entry 5"),
    "salt": (change_salt, "entry 4"),
    "run": (alter_run, "run abababababababab"),
}


@pytest.mark.node
async def test_the_javascript_verifier_finds_the_same(made: Built, tmp_path: Path) -> None:
    questions = []
    for name, (fault, _) in IN_JAVASCRIPT.items():
        with copied(made, tmp_path / name) as copy:
            if fault is not None:
                fault(copy)
            folder = await exported(copy)
            assert isinstance(folder, Path), folder
            questions.append(question(folder, replace(made.trust, since=made.since)))
            forged = [forge(copy, made.proof) for forge, _, _ in RECEIPTS.values()]
    policy = b64(made.policy)
    questions += [{"ask": "receipt", "receipt": b64(proof), "policy": policy} for proof in (made.proof, *forged)]
    answers = ask(questions)
    for (name, (_, words)), answer in zip(IN_JAVASCRIPT.items(), answers, strict=False):
        said = json.dumps(answer)
        assert (words in said and answer["answer"]["failures"]) if words else not answer["answer"]["failures"], name
    assert answers[len(IN_JAVASCRIPT)]["ok"]
    kinds = [answer["kind"] for answer in answers[len(IN_JAVASCRIPT) + 1 :]]
    assert kinds == [kind for _, _, kind in RECEIPTS.values()]
