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
from gateway.tlog.audit_path import (
    TileSet,
    consistency_proof,
    inclusion_proof,
    root_at,
    verify_consistency,
    verify_inclusion,
)
from gateway.tlog.checkpoint import Checkpoint, format_checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from gateway.tlog.note import NoteSigner, VerifierKey, open_note, parse_vkey, sign_note
from gateway.tlog.tile import TileId
from gateway.tlog.tree import EMPTY_EDGE, EMPTY_ROOT, integrate, leaf_hash, node_hash
from gateway.tlog.witness import (
    AddCheckpoint,
    Verdict,
    format_add_checkpoint,
    judge,
    open_request,
    origin_of,
    parse_add_checkpoint,
)


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


def second_verdict(check: Any, *arguments: Any) -> str:
    """The same of the standalone verifier, whose reasons are words."""
    try:
        check(*arguments)
    except ValueError as error:
        leads_elsewhere = "does not lead" in str(error) or "different roots" in str(error)
        return "DIGEST_MISMATCH" if leads_elsewhere else "BAD_SHAPE"
    return "ok"


def second_root(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> None:
    found = second_tree.root_of_path(leaf, index, size, proof)
    if len(root) != len(found):
        raise ValueError("a root that is not 32 bytes long")
    if found != root:
        raise ValueError("does not lead to the root")


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
        assert second_verdict(second_root, leaf, index, size, proof, root) == expected, case["file"]
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
        second = second_verdict(second_tree.verify_consistency, old, size, proof, old_root, root)
        assert second == expected, case["file"]
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


CODES = {"BAD_SHAPE": 400, "BAD_SIGNATURE": 403, "NOT_FOUND": 404, "DIGEST_MISMATCH": 422}
VERDICTS = {Verdict.CONTINUES: 200, Verdict.CONFLICT: 409, Verdict.FORKED: 422}


class Witness:
    """A witness by the pure rules, with its state in memory and C2SP's codes."""

    def __init__(self, *known: VerifierKey) -> None:
        self.known = {key.name: key for key in known}
        self.held: dict[str, Checkpoint] = {}

    def answer(self, body: bytes) -> int:
        try:
            request = parse_add_checkpoint(body)
            key = self.known.get(origin_of(request.note))
            if key is None:
                return 404
            signed = open_request(request, key)
        except HostileInput as error:
            return CODES[error.reason]
        verdict, _ = judge(request, signed.checkpoint, self.held.get(key.name))
        if verdict is Verdict.CONTINUES:
            self.held[key.name] = signed.checkpoint
        return VERDICTS[verdict]


def test_witness_requests(vectors_dir: Path) -> None:
    vectors = read(vectors_dir, "tlog/witness_add_checkpoint.json")
    asked = parse_add_checkpoint(vectors["example_request"].encode())
    assert format_add_checkpoint(asked) == vectors["example_request"].encode()
    assert (asked.old_size, len(asked.proof), origin_of(asked.note)) == (20852014, 4, "example.com/behind-the-sofa")
    for line in vectors["example_response"].splitlines():
        name, _, blob = second_note.split_note(f"a\n\n{line}\n".encode())[1][0]
        assert (name.startswith("witness.example/"), len(blob)) == (True, 72)
    given = vectors["sigsum_checkpoint"]
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(given["private_seed_hex"]))
    note = given["note"].encode()
    key = VerifierKey(origin_of(note), private.public_key().public_bytes_raw())
    assert open_checkpoint(note, key.name, key).checkpoint.size == 10
    signer = NoteSigner(key, private.sign)
    leaves = [leaf_hash(bytes([row])) for row in range(9)]

    def body(old: int, size: int, of: list[bytes] = leaves, origin: str = key.name, proof: int | None = None) -> bytes:
        tree = integrate(EMPTY_EDGE, of[:size])
        reader = TileSet({(tile.level, tile.index): tile.hashes for tile in tree.tiles})
        first = old if proof is None else proof
        hashes = consistency_proof(first, size, reader) if 0 < first < size else ()
        head = Checkpoint(origin, size, tree.root if size else EMPTY_ROOT)
        return format_add_checkpoint(AddCheckpoint(old, hashes, sign_checkpoint(head, [signer])))

    witness = Witness(key)
    for step in vectors["sigsum_sequence"]:
        assert witness.answer(body(step["old"], step["new"])) == step["code"], step
        if step["code"] == 409:
            assert step["body"] == f"{witness.held[key.name].size}\n"
    last = witness.held[key.name]
    assert last.size == 5
    forked = [*leaves[:4], *(leaf_hash(b"fork%d" % row) for row in range(5))]
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    other = VerifierKey(key.name, stranger.public_key().public_bytes_raw())
    unsigned = sign_checkpoint(last, [NoteSigner(other, stranger.sign)])
    rules = {
        404: [body(0, 3, origin="unknown.example/log")],
        403: [b"old 5\n\n" + unsigned, body(5, 7).replace(b"\n7\n", b"\n8\n")],
        400: [b"", b"old x\n\n" + note, body(6, 5), body(5, 7).replace(b"old 5", b"old 05")],
        409: [body(0, 7), body(4, 7), body(7, 8), body(3, 5)],
        422: [body(5, 7, forked), body(5, 5, forked), body(5, 7, proof=4), body(5, 7, proof=7)],
        200: [body(5, 7)],
    }
    assert {rule["code"] for rule in vectors["status_rules"]} == rules.keys()
    for code, bodies in rules.items():
        for row, wanted in enumerate(bodies):
            assert witness.answer(wanted) == code, (code, row)
    fresh = Witness(key)
    assert fresh.answer(body(0, 7, proof=3)) == 422  # a proof of nothing
    empty = body(0, 0).replace(base64.b64encode(EMPTY_ROOT), base64.b64encode(bytes(32)))
    signed = sign_note(empty.decode().split("\n\n")[1] + "\n", [signer])
    assert fresh.answer(b"old 0\n\n" + signed) == 422  # nothing with a root
    assert fresh.held == {}
