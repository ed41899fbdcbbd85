"""The JavaScript verifier finds what the Python one finds: nothing in honest exports, and the same in tampered ones."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assent_verify import Trust, verify_export
from assent_verify.note import parse_vkey
from assent_verify.policy import parse_policy
from assent_verify.report import as_json
from gateway.tlog.proof import TlogProof, format_proof
from gateway.tlog.tree import leaf_hash, node_hash
from tests.javascript import ask, b64
from tests.unit.verify.made_export import PUBLIC_KEYS, Made, log_signer, make_export, private_key
from tests.unit.verify.test_reading import LOW_ORDER
from tests.unit.verify.test_tampering import TRUST, WITH_PARTY_KEY, WITHOUT_KEYS

pytestmark = pytest.mark.node

VECTORS = Path(__file__).parents[2] / "vectors"
KEYS = {"vkeys": [log_signer().key.vkey], "party_keys": {party: b64(key) for party, key in PUBLIC_KEYS.items()}}


def copied(made: Made, folder: Path) -> Made:
    shutil.copytree(made.root, folder)
    return Made(folder, made.entries, made.signer, made.checkpoint)


def test_every_tampering_is_found_for_the_same_reason(tmp_path: Path) -> None:
    honest = make_export(tmp_path / "honest")
    cases: list[tuple[bool, str, Callable[[Made], Any], str, str]] = [
        *((False, *case) for case in WITHOUT_KEYS),
        *((True, *case) for case in WITH_PARTY_KEY),
    ]
    questions = []
    for number, (resealed, _, tamper, _, _) in enumerate(cases):
        made = copied(honest, tmp_path / str(number))
        tamper(made)
        if resealed:
            made.reseal()
        questions.append({"ask": "export", "folder": str(made.root), **KEYS})
    for number, (answer, (_, name, _, check, words)) in enumerate(zip(ask(questions), cases, strict=True)):
        assert answer["ok"], (name, answer)
        found = [(failure["check"], failure["reason"]) for failure in answer["answer"]["failures"]]
        assert any(check == one and words in reason for one, reason in found), (name, found)
        assert not answer["answer"]["ok"]
        python = verify_export(tmp_path / str(number), TRUST)
        assert [one for one, _ in found] == [failure.check for failure in python.failures], name


@pytest.mark.parametrize("trusted", [True, False])
def test_honest_exports(tmp_path: Path, trusted: bool) -> None:
    counts = [2, 256, 257, 600] if trusted else [3]
    made = [make_export(tmp_path / str(count), count) for count in counts]
    keys = KEYS if trusted else {}
    sinces = [one.checkpoint_at(max(1, len(one.entries) // 2)) for one in made]
    answers = ask(
        [
            {"ask": "export", "folder": str(one.root), "since": b64(since), **keys}
            for one, since in zip(made, sinces, strict=True)
        ]
    )
    for one, since, answer in zip(made, sinces, answers, strict=True):
        trust = Trust(TRUST.log_keys, PUBLIC_KEYS, since) if trusted else Trust(since=since)
        assert answer["answer"] == as_json(verify_export(one.root, trust, whole=True)), len(one.entries)


def test_erasures_on_record(tmp_path: Path) -> None:
    named: list[object] = [[7, 57], [7, 8], [597], ["7"], [True], [-1], "all"]
    folders = [make_export(tmp_path / str(number), erased_entries=one).root for number, one in enumerate(named)]
    answers = ask([{"ask": "export", "folder": str(folder), **KEYS} for folder in folders])
    found = [answer["answer"] for answer in answers]
    assert found == [as_json(verify_export(folder, TRUST)) for folder in folders]
    assert [(report["ok"], report["erased"]) for report in found] == [(True, 2), (False, 1), *[(False, 0)] * 5]


def test_an_earlier_checkpoint_must_be_a_prefix(tmp_path: Path) -> None:
    made, other = make_export(tmp_path / "a", 600), make_export(tmp_path / "b", 500)
    answers = ask(
        [
            {"ask": "export", "folder": str(folder), "since": b64(since), **KEYS}
            for folder, since in (
                (made.root, other.checkpoint_at(500)),
                (other.root, made.checkpoint_at(600)),
                (made.root, made.checkpoint_at(600, log_signer(9))),
                (made.root, made.checkpoint_at(512)),
            )
        ]
    )
    reasons = [[failure["reason"] for failure in answer["answer"]["failures"]] for answer in answers]
    assert reasons == [
        ["the first 500 entries are not those of the earlier checkpoint"],
        ["the log shrank: 600 entries were promised, 500 are here"],
        ["no signature by a key that is trusted here"],
        [],
    ]


def test_the_committed_vectors() -> None:
    rfc6962, notes = (json.loads((VECTORS / name).read_text()) for name in ("rfc6962.json", "signed_note.json"))
    leaves = [b64(leaf_hash(bytes.fromhex(entry))) for entry in rfc6962["leaves"]]
    answers = ask(
        [
            {"ask": "root", "leaves": []},
            *({"ask": "root", "leaves": leaves[: size + 1]} for size in range(len(leaves))),
            *({"ask": "note", "note": b64(one["note"].encode()), "vkeys": [one["vkey"]]} for one in notes["notes"]),
            *({"ask": "vkey", "vkey": bad} for bad in notes["bad_vkeys"]),
        ]
    )
    roots = [rfc6962["empty_root"], *rfc6962["roots"]]
    assert [answer["answer"] for answer in answers[: len(roots)]] == roots
    rest = answers[len(roots) :]
    assert [answer["ok"] for answer in rest] == [True] * len(notes["notes"]) + [False] * len(notes["bad_vkeys"])


def test_keys_signatures_and_canonical_form() -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    key, signature = private.public_key().public_bytes_raw(), private.sign(b"message")
    order = 2**252 + 27742317777372353535851937790883648493
    large = (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    good = {"ask": "signature", "key": b64(key), "message": b64(b"message"), "signature": b64(signature)}
    wrong = [
        {**good, "message": b64(b"massage")},
        {**good, "signature": b64(signature[:32] + large)},
        {**good, "signature": b64(signature[:63])},
        {**good, "signature": b64(bytes(64))},
        {**good, "signature": b64(b"\xff" * 64)},
    ]
    keys = [*LOW_ORDER, (2**255 - 19 + 3).to_bytes(32, "little"), bytes([2]) + bytes(31), b"short"]
    canonical = [b'{"a":[null,true],"\xf0\x9f\x98\x80":2,"\xef\xac\xb3":1}', b'"\xe2\x82\xac\\u001f\\n"', b"-1"]
    not_canonical = [
        b"1.5",
        b"9007199254740993",
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b"[1, 2]",
        b'"\\ud800"',
        b"-0",
        b"1e3",
    ]
    answers = ask(
        [
            good,
            *wrong,
            *({"ask": "key", "key": b64(one)} for one in (key, *keys)),
            *({"ask": "canonical", "bytes": b64(one)} for one in canonical + not_canonical),
        ]
    )
    assert [answer["answer"] for answer in answers[:6]] == [True] + [False] * 5
    rest = answers[6:]
    assert [answer["ok"] for answer in rest[: len(keys) + 1]] == [True] + [False] * len(keys)
    assert [answer["reason"] for answer in rest[1 : len(LOW_ORDER) + 1]] == ["an Ed25519 key of low order"] * len(
        LOW_ORDER
    )
    rest = rest[len(keys) + 1 :]
    assert [answer["answer"].encode() for answer in rest[: len(canonical)]] == canonical
    assert [answer["ok"] for answer in rest[len(canonical) :]] == [False] * len(not_canonical)


def test_receipts(tmp_path: Path) -> None:
    made = make_export(tmp_path, 2)
    first, second = (leaf_hash(entry.leaf) for entry in made.entries)
    assert node_hash(first, second) == made.checkpoint.root
    note, leaf = made.checkpoint_at(2), made.entries[1].leaf
    honest = format_proof(TlogProof(1, (first,), note, leaf))
    stranger = made.checkpoint_at(2, log_signer(9))
    asked: list[tuple[bytes, bytes | None]] = [
        (honest, None),
        (honest, leaf),
        (honest, made.entries[0].leaf),
        (format_proof(TlogProof(0, (first,), note, leaf)), None),
        (format_proof(TlogProof(1, (second,), note, leaf)), None),
        (format_proof(TlogProof(1, (), note, leaf)), None),
        (format_proof(TlogProof(1, (first,), stranger, leaf)), None),
        (format_proof(TlogProof(1, (first,), note)), None),
        (honest.replace(b"tlog-proof@v1", b"tlog-proof@v2"), None),
    ]
    questions = [
        {"ask": "receipt", "receipt": b64(receipt), "entry": b64(entry) if entry else None, "vkeys": KEYS["vkeys"]}
        for receipt, entry in asked
    ]
    answers = ask(questions)
    assert [answer["ok"] for answer in answers] == [True, True] + [False] * 7
    assert answers[0]["answer"]["index"] == "1"
    assert answers[0]["answer"]["entry"].encode() == leaf
    kinds = [answer["kind"] for answer in answers[2:]]
    assert kinds == ["DIGEST", "DIGEST", "DIGEST", "SHAPE", "SIGNATURE", "SHAPE", "SHAPE"]
    assert parse_vkey(KEYS["vkeys"][0])


def witness(seed: int, name: str) -> tuple[str, Callable[[bytes, int], str]]:
    """A witness's key, and how it cosigns a note's text at a time (C2SP tlog-cosignature)."""
    private = private_key(seed)
    typed = b"\x04" + private.public_key().public_bytes_raw()
    key_id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]

    def cosign(text: bytes, at: int) -> str:
        signature = private.sign(b"cosignature/v1\ntime %d\n" % at + text)
        return f"\u2014 {name} {b64(key_id + at.to_bytes(8, 'big') + signature)}\n"

    return f"{name}+{key_id.hex()}+{b64(typed)}", cosign


def test_a_receipt_is_final_by_its_policy(tmp_path: Path) -> None:
    made = make_export(tmp_path, 2)
    note, log = made.checkpoint_at(2), made.signer.key.vkey
    text = note.split(b"\n\n")[0] + b"\n"
    (one, by_one), (two, by_two), (three, by_three) = (witness(20 + n, f"witness-{n}.example") for n in range(3))
    lines = [cosign(text, 1_795_000_000) for cosign in (by_one, by_two, by_three)]
    forged = by_three(text + b"x\n", 1_795_000_000)
    head = f"log {log}\nwitness a {one}\nwitness b {two}\nwitness c {three} https://c.example/\n# all of them\n"
    two_of_three = head + "group g 2 a b c\nquorum g\n"
    cases: list[tuple[str, list[str], str]] = [
        (two_of_three, lines[:2], "ok"),
        (two_of_three, lines, "ok"),
        (two_of_three, lines[:1], "SIGNATURE"),
        (two_of_three, [lines[0]] * 2, "SIGNATURE"),
        (two_of_three, [*lines[:2], forged], "SIGNATURE"),
        (head + "quorum none\n", [], "ok"),
        (head + "group g all a b\ngroup h any g c\nquorum h\n", lines[2:], "ok"),
        (head + "group g all a b\ngroup h all g c\nquorum h\n", lines[1:], "SIGNATURE"),
        (head.replace(log, log_signer(9).key.vkey) + "quorum none\n", lines, "SIGNATURE"),
        (head + f"witness again {one}\nquorum none\n", lines, "SHAPE"),
        (head + "group g 1 a\ngroup h 1 a\nquorum h\n", lines, "SHAPE"),
        (head + "group g 4 a b c\nquorum g\n", lines, "SHAPE"),
        (head + "quorum d\n", lines, "SHAPE"),
        (head + "quorum a\nquorum b\n", lines, "SHAPE"),
        (head, lines, "SHAPE"),
        (head + "quorum none", lines, "SHAPE"),
    ]
    first, leaf = leaf_hash(made.entries[0].leaf), made.entries[1].leaf
    questions = [
        {
            "ask": "receipt",
            "receipt": b64(format_proof(TlogProof(1, (first,), note + "".join(cosigned).encode(), leaf))),
            "policy": b64(policy.encode()),
        }
        for policy, cosigned, _ in cases
    ]
    answers = ask(questions)
    assert ["ok" if answer["ok"] else answer["kind"] for answer in answers] == [expected for _, _, expected in cases]
    assert [one["witness"] for one in answers[0]["answer"]["cosigned"]] == ["a", "b"]
    # The same policies over an export: both verifiers say the same, whichever they accept.
    exports, questions = [], []
    for number, (policy, cosigned, expected) in enumerate(cases):
        if expected == "SHAPE":
            continue
        export = make_export(tmp_path / f"export-{number}", 2)
        path = export.path("checkpoint")
        path.write_bytes(path.read_bytes() + "".join(cosigned).encode())
        export.reseal()
        exports.append((export, policy, expected))
        questions.append({"ask": "export", "folder": str(export.root), "policy": b64(policy.encode())})
    for (export, policy, expected), answer in zip(exports, ask(questions), strict=True):
        report = as_json(verify_export(export.root, Trust(policy=parse_policy(policy.encode()))))
        assert answer["answer"]["ok"] == (expected == "ok")
        assert [one["check"] for one in answer["answer"]["failures"]] == [one["check"] for one in report["failures"]]
        assert answer["answer"]["cosigned"] == report["cosigned"]
