"""The published vectors, honest and corrupted, through the JavaScript verifier; each must fail for its reason."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.tlog.note import VerifierKey
from tests.conformance.test_tlog_vectors import consistency_length, decoded, inclusion_length, read
from tests.javascript import ask, b64

pytestmark = pytest.mark.node


def outcome(answer: dict[str, Any]) -> str:
    return "ok" if answer["ok"] else str(answer["kind"])


def test_proofs(vectors_dir: Path) -> None:
    questions, expected, names = [], [], []
    sets = {kind: read(vectors_dir, f"merkle/{kind}.json") for kind in ("inclusion", "consistency")}
    for case in sets["inclusion"]["cases"]:
        index, size = case["leafIdx"], case["treeSize"]
        hashes = [case["leafHash"], case["root"], *(case["proof"] or [])]
        whole = all(len(decoded(value)) == 32 for value in hashes)
        shaped = index < size and len(case["proof"] or []) == inclusion_length(index, size) and whole
        questions.append(
            {
                "ask": "inclusion",
                "leaf": case["leafHash"],
                "index": str(index),
                "size": str(size),
                "proof": case["proof"],
                "root": case["root"],
            }
        )
        expected.append("ok" if not case["wantErr"] else "DIGEST" if shaped else "SHAPE")
        names.append(case["file"])
    for case in sets["consistency"]["cases"]:
        old, size = case["size1"], case["size2"]
        hashes = [case["root1"], case["root2"], *(case["proof"] or [])]
        whole = old == size or all(len(decoded(value)) == 32 for value in hashes)
        shaped = 1 <= old <= size and len(case["proof"] or []) == consistency_length(old, size) and whole
        questions.append(
            {
                "ask": "consistency",
                "old": str(old),
                "size": str(size),
                "proof": case["proof"],
                "old_root": case["root1"],
                "root": case["root2"],
            }
        )
        expected.append("ok" if not case["wantErr"] else "DIGEST" if shaped else "SHAPE")
        names.append(case["file"])
    answers = [outcome(answer) for answer in ask(questions)]
    assert dict(zip(names, answers, strict=True)) == dict(zip(names, expected, strict=True))
    assert len(answers) == sum(vectors["count"] for vectors in sets.values())
    assert len(answers) - answers.count("ok") == sum(vectors["want_err"] for vectors in sets.values())
    assert set(answers) == {"ok", "DIGEST", "SHAPE"}


def test_trees_and_tiles(vectors_dir: Path) -> None:
    basics = read(vectors_dir, "merkle/rfc6962_basics.json")
    example = read(vectors_dir, "tlog/tiles_70000_sha256.json")
    leaves = [b64(hashlib.sha256(b"\0" + bytes.fromhex(entry)).digest()) for entry in basics["ct_leaves_hex"]]
    answers = ask(
        [
            {"ask": "root", "leaves": []},
            {"ask": "leaf", "entry": ""},
            {"ask": "leaf", "entry": b64(b"L123456")},
            {"ask": "node", "left": b64(b"N123"), "right": b64(b"N456")},
            *({"ask": "root", "leaves": leaves[: int(size)]} for size in basics["ct_roots_by_size"]),
            {"ask": "tiles", "size": 70_000, "prefix": "consent-event-"},
        ]
    )
    *hashes, tiles = [answer["answer"] for answer in answers]
    hasher = basics["hasher"]
    assert hashes[:4] == [hasher[name] for name in ("empty_root", "empty_leaf", "leaf_L123456", "node_N123_N456")]
    assert hashes[4:] == list(basics["ct_roots_by_size"].values())
    assert tiles["root"] == example["root_hex"]
    found = {path: hashlib.sha256(base64.b64decode(tile)).hexdigest() for path, tile in tiles["tiles"].items()}
    assert found == example["tile_sha256"]


def test_notes_keys_and_checkpoints(vectors_dir: Path) -> None:
    vectors = read(vectors_dir, "tlog/signed_note.json")
    example = read(vectors_dir, "tlog/witness_add_checkpoint.json")["sigsum_checkpoint"]
    origin, size = example["note"].split("\n")[:2]
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(example["private_seed_hex"]))
    vkey = VerifierKey(origin, private.public_key().public_bytes_raw()).vkey
    notes = [
        {"ask": "note", "note": b64(bytes.fromhex(case["note_hex"])), "vkeys": case["vkeys"]}
        for case in vectors["cases"]
    ]
    signed = [
        {"ask": "note", "note": b64(one["note"].encode()), "vkeys": [one["vkey"]]} for one in vectors["sign_vectors"]
    ]
    bad = [{"ask": "vkey", "vkey": one["vkey"]} for one in vectors["bad_vkeys"]]
    last = {"ask": "checkpoint", "note": b64(example["note"].encode()), "vkey": vkey}
    answers = ask([*notes, *signed, *bad, last])
    for case, answer in zip(vectors["cases"], answers, strict=False):
        shape = case["id"].startswith("go-malformed")
        expected = "ok" if case["expect"] == "ok" else "SHAPE" if shape else "SIGNATURE"
        assert outcome(answer) == expected, case["id"]
    rest = answers[len(notes) :]
    assert [outcome(answer) for answer in rest[: len(signed)]] == ["ok"] * len(signed)
    assert [outcome(answer) for answer in rest[len(signed) : -1]] == ["SHAPE"] * len(bad)
    assert rest[-1]["answer"] == size
    assert json.dumps(answers)
