"""Published transparency-log vectors, honest and corrupted, through both implementations where both have the function.

Each corrupted vector must fail for its own reason: a proof of impossible shape with BAD_SHAPE, one of the right shape
that leads elsewhere with DIGEST_MISMATCH. Which of the two a vector is follows from RFC 6962 alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assent_verify import note as second_note
from assent_verify import tree as second_tree
from gateway.errors import HostileInput, RequestError
from gateway.tlog.audit_path import TileSet, inclusion_proof, root_at, verify_consistency, verify_inclusion
from gateway.tlog.checkpoint import Checkpoint, format_checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from gateway.tlog.note import NoteSigner, VerifierKey, open_note, parse_vkey
from gateway.tlog.tile import TileId
from gateway.tlog.tree import EMPTY_EDGE, EMPTY_ROOT, integrate, leaf_hash, node_hash


def read(vectors_dir: Path, name: str) -> Any:
    return json.loads((vectors_dir / "crypto" / name).read_text())


def decoded(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def verdict(check: Any, *arguments: Any) -> str:
    try:
        check(*arguments)
    except HostileInput as error:
        return error.reason
    return "ok"


def split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def inclusion_length(index: int, size: int) -> int:
    """Length of PATH(m, D[n])."""
    if size == 1:
        return 0
    k = split(size)
    return 1 + (inclusion_length(index, k) if index < k else inclusion_length(index - k, size - k))


def consistency_length(old: int, size: int, known: bool = True) -> int:
    """Length of SUBPROOF(m, D[n], b)."""
    if old == size:
        return 0 if known else 1
    k = split(size)
    if old <= k:
        return 1 + consistency_length(old, k, known)
    return 1 + consistency_length(old - k, size - k, False)


def test_inclusion_proofs(vectors_dir: Path) -> None:
    vectors = read(vectors_dir, "merkle/inclusion.json")
    outcomes = []
    for case in vectors["cases"]:
        index, size = case["leafIdx"], case["treeSize"]
        leaf, root = decoded(case["leafHash"]), decoded(case["root"])
        proof = [decoded(line) for line in case["proof"] or []]
        shaped = (
            index < size
            and len(proof) == inclusion_length(index, size)
            and all(len(value) == 32 for value in [leaf, root, *proof])
        )
        expected = "ok" if not case["wantErr"] else "DIGEST_MISMATCH" if shaped else "BAD_SHAPE"
        assert verdict(verify_inclusion, leaf, index, size, proof, root) == expected, case["file"]
        outcomes.append(expected)
    assert len(outcomes) == vectors["count"]
    assert len(outcomes) - outcomes.count("ok") == vectors["want_err"]
    assert set(outcomes) == {"ok", "DIGEST_MISMATCH", "BAD_SHAPE"}


def test_consistency_proofs(vectors_dir: Path) -> None:
    vectors = read(vectors_dir, "merkle/consistency.json")
    outcomes = []
    for case in vectors["cases"]:
        old, size = case["size1"], case["size2"]
        old_root, root = decoded(case["root1"]), decoded(case["root2"])
        proof = [decoded(line) for line in case["proof"] or []]
        shaped = (
            1 <= old <= size
            and len(proof) == consistency_length(old, size)
            and (old == size or all(len(value) == 32 for value in [old_root, root, *proof]))  # equal roots: no hashing
        )
        expected = "ok" if not case["wantErr"] else "DIGEST_MISMATCH" if shaped else "BAD_SHAPE"
        assert verdict(verify_consistency, old, size, proof, old_root, root) == expected, case["file"]
        outcomes.append(expected)
    assert len(outcomes) == vectors["count"]
    assert len(outcomes) - outcomes.count("ok") == vectors["want_err"]
    assert set(outcomes) == {"ok", "DIGEST_MISMATCH", "BAD_SHAPE"}


def test_tree_hashes(vectors_dir: Path) -> None:
    basics = read(vectors_dir, "merkle/rfc6962_basics.json")
    assert EMPTY_ROOT.hex() == basics["hasher"]["empty_root"]
    assert leaf_hash(b"").hex() == basics["hasher"]["empty_leaf"]
    assert leaf_hash(b"L123456").hex() == basics["hasher"]["leaf_L123456"]
    assert node_hash(b"N123", b"N456").hex() == basics["hasher"]["node_N123_N456"]
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in basics["ct_leaves_hex"]]
    for size, root in basics["ct_roots_by_size"].items():
        assert integrate(EMPTY_EDGE, leaves[: int(size)]).root.hex() == root
        assert second_tree.tree_root(leaves[: int(size)]).hex() == root
    for size, root in basics["computed_tree"]["roots_by_size"].items():
        leaves = [leaf_hash(b"consent-event-%d" % index) for index in range(int(size))]
        assert integrate(EMPTY_EDGE, leaves).root.hex() == root
        assert second_tree.tree_root(leaves).hex() == root


def test_tiles(vectors_dir: Path) -> None:
    example = read(vectors_dir, "tlog/tiles_70000_sha256.json")
    entries = [b"consent-event-%d" % index for index in range(70_000)]
    leaves = [leaf_hash(entry) for entry in entries]
    whole = integrate(EMPTY_EDGE, leaves)
    assert whole.root.hex() == example["root_hex"]
    assert {tile.id.path: hashlib.sha256(tile.hashes).hexdigest() for tile in whole.tiles} == example["tile_sha256"]
    # The second implementation, from the same entries.
    builder = second_tree.TreeBuilder()
    tiles = [tile for at in range(0, 70_000, 256) for tile in builder.add(leaves[at : at + 256])]
    tiles += builder.partial()
    assert builder.root().hex() == example["root_hex"]
    assert {
        second_tree.tile_path(level, index, len(hashes) // 32): hashlib.sha256(hashes).hexdigest()
        for level, index, hashes in tiles
    } == example["tile_sha256"]
    for index, path in example["tile_path_examples"].items():
        assert TileId(0, int(index), 256).path == f"tile/0/{path}" == second_tree.tile_path(0, int(index), 256)
    reader = TileSet({(tile.level, tile.index): tile.hashes for tile in whole.tiles})
    assert root_at(70_000, reader) == whole.root
    verify_inclusion(leaves[12_345], 12_345, 70_000, inclusion_proof(12_345, 70_000, reader), whole.root)


def test_signed_notes(vectors_dir: Path) -> None:
    vectors = read(vectors_dir, "tlog/signed_note.json")
    outcomes = []
    for case in vectors["cases"]:
        note = bytes.fromhex(case["note_hex"])
        keys = [parse_vkey(text) for text in case["vkeys"]]
        accepted = verdict(open_note, note, keys)
        expected = {"ok"} if case["expect"] == "ok" else {"BAD_SHAPE", "BAD_SIGNATURE"}
        assert accepted in expected, case["id"]
        if case["id"].startswith("go-malformed"):
            assert accepted == "BAD_SHAPE", case["id"]
        elif case["expect"] == "reject":
            assert accepted == "BAD_SIGNATURE", case["id"]
        assert (accepted == "ok") == second_accepts(note, case["vkeys"]), case["id"]
        outcomes.append(accepted)
    assert outcomes.count("ok") >= 3
    assert outcomes.count("BAD_SIGNATURE") >= 3
    assert outcomes.count("BAD_SHAPE") >= 8
    for bad in vectors["bad_vkeys"]:
        with pytest.raises(RequestError):
            parse_vkey(bad["vkey"])
        with pytest.raises(ValueError, match=r"verifier key|base64"):
            second_note.parse_vkey(bad["vkey"])
    for signed in vectors["sign_vectors"]:
        assert open_note(signed["note"].encode(), [parse_vkey(signed["vkey"])]).text == signed["text"]


def second_accepts(note: bytes, vkeys: list[str]) -> bool:
    try:
        text, signatures = second_note.split_note(note)
        second_note.check_signatures(text, signatures, [second_note.parse_vkey(vkey) for vkey in vkeys])
    except ValueError:
        return False
    return True


def test_checkpoints(vectors_dir: Path) -> None:
    vectors = read(vectors_dir, "tlog/witness_add_checkpoint.json")
    example = vectors["sigsum_checkpoint"]
    origin, size, root = example["note"].split("\n")[:3]
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(example["private_seed_hex"]))
    signer = NoteSigner(VerifierKey(origin, private.public_key().public_bytes_raw()), private.sign)
    checkpoint = Checkpoint(origin, int(size), base64.b64decode(root))
    # Ed25519 is deterministic: our note is theirs, byte for byte.
    assert sign_checkpoint(checkpoint, [signer]) == example["note"].encode()
    assert open_checkpoint(example["note"].encode(), origin, signer.key).checkpoint == checkpoint
    known = [second_note.parse_vkey(signer.key.vkey)]
    assert second_note.read_checkpoint(example["note"].encode(), known, "checkpoint").size == int(size)
    # The request of the specification: old size, consistency proof, checkpoint.
    head, note = vectors["example_request"].split("\n\n", 1)
    old, *proof = head.split("\n")
    text = note.split("\n\n")[0] + "\n"
    assert parse_checkpoint(text).size > int(old.removeprefix("old "))
    assert format_checkpoint(parse_checkpoint(text)) == text
    assert all(len(base64.b64decode(line)) == 32 for line in proof)
