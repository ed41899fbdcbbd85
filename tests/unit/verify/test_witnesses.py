"""Receipts and exports against a policy: what is honest verifies, what was tampered with does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from assent_verify import Trust, verify_export
from assent_verify.cli import main
from assent_verify.failure import CheckError
from assent_verify.note import parse_vkey
from assent_verify.policy import parse_policy
from assent_verify.receipt import verify_receipt
from gateway.tlog.audit_path import TileSet, inclusion_proof
from gateway.tlog.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from gateway.tlog.cosignature import CosignerKey, cosign
from gateway.tlog.policy import format_policy, simple_policy
from gateway.tlog.proof import TlogProof, format_proof
from gateway.tlog.tree import EMPTY_EDGE, integrate, leaf_hash
from tests.unit.verify.made_export import ORIGIN, PUBLIC_KEYS, Made, log_signer, make_export, private_key

SIGNER = log_signer()
WITNESSES = {name: CosignerKey(f"{name}.example/witness", private_key(seed).public_key().public_bytes_raw())
             for name, seed in (("platform", 21), ("auditor", 22), ("stranger", 23))}  # fmt: skip
SEEDS = {"platform": 21, "auditor": 22, "stranger": 23}
TWO_OF_TWO = format_policy(simple_policy([SIGNER.key], {name: WITNESSES[name] for name in ("platform", "auditor")}, 2))

LEAVES = [f'{{"entry":{row}}}'.encode() for row in range(300)]


def lines(head: Checkpoint, *names: str, by: str = "", time: int = 1_763_800_000) -> bytes:
    """Cosignatures in these witnesses' names, made by themselves or by another."""
    made = [
        cosign(format_checkpoint(head), WITNESSES[name], time, private_key(SEEDS[by or name]).sign) for name in names
    ]
    return "".join(made).encode()


def head_of(size: int, origin: str = ORIGIN, leaves: list[bytes] = LEAVES) -> Checkpoint:
    return Checkpoint(origin, size, integrate(EMPTY_EDGE, [leaf_hash(leaf) for leaf in leaves[:size]]).root)


def receipt(index: int = 7, size: int = 300, *, entry: bytes | None = None, note: bytes | None = None) -> bytes:
    tree = integrate(EMPTY_EDGE, [leaf_hash(leaf) for leaf in LEAVES[:size]])
    hashes = inclusion_proof(index, size, TileSet({(tile.level, tile.index): tile.hashes for tile in tree.tiles}))
    head = head_of(size)
    note = note or sign_checkpoint(head, [SIGNER]) + lines(head, "platform", "auditor")
    return format_proof(TlogProof(index, hashes, note, LEAVES[index] if entry is None else entry))


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (1, 2), (255, 256), (255, 257), (256, 257), (7, 300)])
def test_a_receipt_proves_its_entry(index: int, size: int) -> None:
    proven = verify_receipt(receipt(index, size), (), parse_policy(TWO_OF_TWO))
    assert (proven.index, proven.entry, proven.checkpoint.size) == (index, LEAVES[index], size)
    assert proven.cosigned == (("platform", 1_763_800_000), ("auditor", 1_763_800_000))
    alone = verify_receipt(receipt(index, size), [parse_vkey(SIGNER.key.vkey)], None)
    assert (alone.by_policy, alone.cosigned) == (False, ())


HEAD = head_of(300)
NOTE = sign_checkpoint(HEAD, [SIGNER])
OTHER_LOG = log_signer(9, "other.example/audit")
FORKED = Checkpoint(ORIGIN, 300, bytes(32))
WRONG: dict[str, tuple[bytes, str, str]] = {
    "no witness": (receipt(note=NOTE), "policy", "0 cosignatures"),
    "one of two": (receipt(note=NOTE + lines(HEAD, "platform")), "policy", "1 cosignatures"),
    "one of them twice": (receipt(note=NOTE + lines(HEAD, "platform", "platform")), "policy", "1 cosignatures"),
    "a wrong witness": (receipt(note=NOTE + lines(HEAD, "platform", "stranger")), "policy", "1 cosignatures"),
    "a stranger in a witness's name": (
        receipt(note=NOTE + lines(HEAD, "platform", "auditor", by="stranger")),
        "policy",
        "does not verify",
    ),
    "cosignatures over another checkpoint": (
        receipt(note=NOTE + lines(head_of(299), "platform", "auditor")),
        "policy",
        "does not verify",
    ),
    "cosignatures over a fork": (
        receipt(note=NOTE + lines(FORKED, "platform", "auditor")),
        "policy",
        "does not verify",
    ),
    "not signed by the log": (
        receipt(note=sign_checkpoint(HEAD, [log_signer(2)]) + lines(HEAD, "platform", "auditor")),
        "policy",
        "no signature by a key",
    ),
    "another log": (
        receipt(note=sign_checkpoint(head_of(300, OTHER_LOG.key.name), [OTHER_LOG])),
        "policy",
        "names a log other.example/audit",
    ),
    "replayed for another entry": (receipt(7, entry=LEAVES[8]), "inclusion", "does not lead"),
    "replayed at another index": (receipt().replace(b"index 7\n", b"index 8\n"), "inclusion", "does not lead"),
    "an index beyond the tree": (receipt().replace(b"index 7\n", b"index 300\n"), "inclusion", "not among"),
    "with an old checkpoint": (
        receipt(note=sign_checkpoint(head_of(200), [SIGNER]) + lines(head_of(200), "platform", "auditor")),
        "inclusion",
        "",
    ),
    "with a later checkpoint": (
        receipt(7, 200, note=NOTE + lines(HEAD, "platform", "auditor")),
        "inclusion",
        "",
    ),
    "cut": (receipt()[:120], "receipt", "not a receipt"),
    "another version": (receipt().replace(b"proof@v1", b"proof@v2"), "receipt", "not a receipt"),
    "without its entry": (
        format_proof(TlogProof(7, (), NOTE, None)),
        "receipt",
        "without its entry",
    ),
    "a hash too short": (receipt().replace(b"index 7\n", b"index 7\nAAAA\n"), "receipt", "32 bytes"),
}


@pytest.mark.parametrize(("content", "check", "reason"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_receipt_fails_for_its_reason(content: bytes, check: str, reason: str) -> None:
    with pytest.raises(CheckError) as caught:
        verify_receipt(content, (), parse_policy(TWO_OF_TWO))
    assert caught.value.failure.check == check
    assert reason in caught.value.failure.reason


def test_the_command_checks_a_receipt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, policy = tmp_path / "7.tlog-proof", tmp_path / "policy"
    file.write_bytes(receipt())
    policy.write_bytes(TWO_OF_TWO)
    assert main([str(file), "--policy", str(policy)]) == 0
    shown = capsys.readouterr().out
    assert "witness   platform cosigned at 2025-11-22T" in shown
    assert shown.endswith("OK        the entry is in the log, and the policy holds\n")
    assert main([str(file), "--policy", str(policy), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["index"] == 7
    assert main([str(file), "--vkey", SIGNER.key.vkey]) == 0
    assert "no witness asked" in capsys.readouterr().out
    assert main([str(file), "--vkey", OTHER_LOG.key.vkey]) == 1
    assert capsys.readouterr().out.startswith("FAIL      checkpoint: ")
    assert main([str(file), "--vkey", log_signer(2).key.vkey, "--policy", str(policy)]) == 1
    assert "not signed by a key given by --vkey" in capsys.readouterr().out
    file.write_bytes(receipt(note=NOTE))
    assert main([str(file), "--policy", str(policy), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["failures"][0]["check"] == "policy"
    policy.write_bytes(b"quorum x\n")
    for arguments in ([str(file)], [str(file), "--policy", str(policy)], [str(tmp_path / "none")]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2


def cosigned_export(folder: Path, add: Callable[[Checkpoint], bytes]) -> Made:
    made = make_export(folder, 5)
    made.edit("checkpoint", lambda note: note + add(made.checkpoint))
    made.reseal()
    return made


def test_an_export_satisfies_a_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export, policy = tmp_path / "export", tmp_path / "policy"
    cosigned_export(export, lambda head: lines(head, "platform", "auditor", "stranger"))
    policy.write_bytes(TWO_OF_TWO)
    report = verify_export(export, Trust((), PUBLIC_KEYS, None, parse_policy(TWO_OF_TWO)))
    assert report.failures == []
    assert report.log_key_pinned  # by the policy
    assert [name for name, _ in report.cosigned or ()] == ["platform", "auditor"]
    keys = [f"--party-key={party}={base64.b64encode(key).decode()}" for party, key in PUBLIC_KEYS.items()]
    assert main([str(export), "--policy", str(policy), *keys]) == 0
    shown = capsys.readouterr().out
    assert "witness   auditor cosigned at" in shown
    assert "key not compared" not in shown


@pytest.mark.parametrize(
    ("add", "reason"),
    [
        (lambda head: b"", "0 cosignatures"),
        (lambda head: lines(head, "platform", "stranger"), "1 cosignatures"),
        (lambda head: lines(Checkpoint(ORIGIN, 4, head.root), "platform", "auditor"), "does not verify"),
    ],
)
def test_an_export_without_its_quorum_fails(tmp_path: Path, add: Callable[[Checkpoint], bytes], reason: str) -> None:
    made = make_export(tmp_path, 5)
    if added := add(made.checkpoint):
        made.edit("checkpoint", lambda note: note + added)
        made.reseal()
    trust = Trust((), PUBLIC_KEYS, None, parse_policy(TWO_OF_TWO))
    (failure,) = verify_export(tmp_path, trust).failures
    assert failure.check == "policy"
    assert reason in failure.reason
    assert verify_export(tmp_path, Trust((parse_vkey(SIGNER.key.vkey),), PUBLIC_KEYS)).ok


def test_a_fork_shown_to_two_officers_is_found_with_since(tmp_path: Path) -> None:
    """Each holds an export that verifies; the checkpoint of one does not fit the other."""
    ours = make_export(tmp_path / "ours", 40)
    theirs = make_export(tmp_path / "theirs", 60, with_run=False)
    for made in (ours, theirs):
        assert verify_export(made.root, Trust((parse_vkey(SIGNER.key.vkey),), PUBLIC_KEYS)).ok
    since = ours.path("checkpoint").read_bytes()
    report = verify_export(theirs.root, Trust((parse_vkey(SIGNER.key.vkey),), PUBLIC_KEYS, since))
    (failure,) = report.failures
    assert (failure.check, "not those of the earlier checkpoint" in failure.reason) == ("since", True)


def test_a_policy_without_logs_leaves_them_to_vkey() -> None:
    text = f"witness p {WITNESSES['platform'].vkey}\nquorum p\n".encode()
    assert verify_receipt(receipt(), [parse_vkey(SIGNER.key.vkey)], parse_policy(text)).cosigned[0][0] == "p"
    with pytest.raises(CheckError, match="names a log"):
        verify_receipt(receipt(), (), parse_policy(text))
