"""Both verifiers give the verdict that the formats ask for: manifests, receipts, policies, proofs of consistency."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assent_verify import Trust, verify_export
from assent_verify.cli import main
from assent_verify.consistency import verify_continuation
from assent_verify.failure import CheckError
from assent_verify.note import parse_vkey, read_checkpoint
from assent_verify.policy import parse_policy
from assent_verify.receipt import verify_receipt
from gateway.route.canonical import canonical_bytes, record_message
from gateway.tlog.checkpoint import Checkpoint, sign_checkpoint
from gateway.tlog.note import NoteSigner, sign_note
from gateway.tlog.tree import EMPTY_EDGE, integrate, leaf_hash
from tests.javascript import ROOT, ask, b64
from tests.unit.verify.made_export import ORIGIN, PARTY_KEYS, log_signer, make_export
from tests.unit.verify.test_javascript import witness

pytestmark = pytest.mark.node

SIGNER, OTHER = log_signer(), log_signer(9, "other.example/audit")
VKEY, OTHER_VKEY = SIGNER.key.vkey, OTHER.key.vkey
ENTRIES = [b"entry %d" % index for index in range(7)]
HASHES = [leaf_hash(entry) for entry in ENTRIES]
WITNESS, COSIGN = witness(20, "witness.example")


def root(first: int, end: int) -> bytes:
    return integrate(EMPTY_EDGE, HASHES[first:end]).root


def note(size: int, signer: NoteSigner = SIGNER, origin: str = ORIGIN) -> bytes:
    return sign_checkpoint(Checkpoint(origin, size, root(0, size)), [signer])


HEAD = note(7)
TEXT = HEAD.partition(b"\n\n")[0] + b"\n"
PATH = [HASHES[5], HASHES[6], root(0, 4)]  # of entry 4 among seven
BY_NOBODY, BY_WITNESS = f"log {VKEY}\nquorum none\n", f"log {VKEY}\nwitness w {WITNESS}\nquorum w\n"


def receipt(index: object = 4, extra: bytes | None = ENTRIES[4], head: bytes = HEAD) -> bytes:
    lines = ["c2sp.org/tlog-proof@v1", *([f"extra {b64(extra)}"] if extra is not None else []), f"index {index}"]
    return "".join(f"{line}\n" for line in [*lines, *map(b64, PATH)]).encode() + b"\n" + head


def post_quantum(name: str) -> bytes:
    """A signature line of type 0x06 (ML-DSA-44), as C2SP tlog-cosignature has it; nobody here can check it."""
    key_id = hashlib.sha256(name.encode() + b"\n\x06" + bytes(1312)).digest()[:4]
    return f"\u2014 {name} {b64(key_id + bytes(8 + 2420))}\n".encode()


def cosigned(at: int) -> bytes:
    return HEAD + COSIGN(TEXT, at).encode()


ZERO_TIME = cosigned(1).replace(COSIGN(TEXT, 1).encode(), COSIGN(TEXT, 0).encode())
RECEIPTS: dict[str, tuple[bytes, list[str], str | None, bytes | None, bool]] = {
    "as it is": (receipt(), [VKEY], None, None, True),
    "keys of two logs": (receipt(), [OTHER_VKEY, VKEY], None, None, True),
    "another log's key in this one's name": (receipt(head=note(7, OTHER)), [VKEY, OTHER_VKEY], None, None, False),
    "a policy's log that --vkey does not name": (receipt(), [OTHER_VKEY], BY_NOBODY, None, False),
    "a policy's log that --vkey names": (receipt(), [VKEY], BY_NOBODY, None, True),
    "the entry beside it": (receipt(extra=None), [VKEY], None, ENTRIES[4], True),
    "the entry beside it, something else in it": (receipt(extra=b"opaque"), [VKEY], None, ENTRIES[4], True),
    "something else in it": (receipt(extra=b"opaque"), [VKEY], None, None, False),
    "no entry at all": (receipt(extra=None), [VKEY], None, None, False),
    "another entry beside it": (receipt(), [VKEY], None, ENTRIES[5], False),
    "a leading zero": (receipt("04"), [VKEY], None, None, False),
    "an index of 2^64 + 4": (receipt(2**64 + 4), [VKEY], None, None, False),
    "longer than a receipt can be": (receipt() + b"x" * 2**20, [VKEY], None, None, False),
    "a post-quantum signature of the log behind": (receipt(head=HEAD + post_quantum(ORIGIN)), [VKEY], None, None, True),
    "16 of them, and of strangers": (
        receipt(head=HEAD + b"".join(post_quantum(f"w{row}.example") for row in range(16)) + post_quantum(ORIGIN)),
        [VKEY],
        None,
        None,
        True,
    ),
    "a post-quantum signature alone": (receipt(head=TEXT + b"\n" + post_quantum(ORIGIN)), [VKEY], None, None, False),
    "a post-quantum cosignature beside": (
        receipt(head=cosigned(7) + post_quantum("witness.example")),
        [],
        BY_WITNESS,
        None,
        True,
    ),
    "a post-quantum cosignature alone": (
        receipt(head=HEAD + post_quantum("witness.example")),
        [],
        BY_WITNESS,
        None,
        False,
    ),
    "cosigned in 1970": (receipt(head=ZERO_TIME), [], BY_WITNESS, None, True),
    "cosigned at the last moment": (receipt(head=cosigned(2**63 - 1)), [], BY_WITNESS, None, True),
    "cosigned after it": (receipt(head=cosigned(2**63)), [], BY_WITNESS, None, False),
}
POLICIES: dict[str, tuple[bytes, bool]] = {
    "a comment that is no text": (b"# \xff\xfe\n" + BY_NOBODY.encode(), True),
    "names that are no text": (
        b"witness \xff %s\nwitness \xfe %s\ngroup g all \xff \xfe\nquorum g\n"
        % (WITNESS.encode(), witness(21, "w.example")[0].encode()),
        True,
    ),
    "a log twice": (f"log {VKEY}\n{BY_NOBODY}".encode(), False),
    "a log's key under another name": (f"log {log_signer(1, 'x.example').key.vkey}\n{BY_NOBODY}".encode(), False),
    "two logs": (f"log {OTHER_VKEY}\n{BY_NOBODY}".encode(), True),
    "a carriage return": (BY_NOBODY.replace("\n", "\r\n").encode(), False),
    "a DEL": (b"# \x7f\n" + BY_NOBODY.encode(), False),
    "a threshold that is a word": (BY_WITNESS.replace("quorum w", "group g constructor w\nquorum g").encode(), False),
    "65 groups": (
        "".join(
            f"witness w{row} {witness(row + 30, f'w{row}.example')[0]}\ngroup g{row} 1 w{row}\n" for row in range(65)
        ).encode()
        + b"quorum none\n",
        False,
    ),
    "longer than a policy can be": (b"#" * 65_536 + b"\n" + BY_NOBODY.encode(), False),
}


def proof(old: object, hashes: list[bytes], head: bytes = HEAD) -> bytes:
    return "".join(f"{line}\n" for line in [f"old {old}", *map(b64, hashes)]).encode() + b"\n" + head


FROM_3 = [HASHES[2], HASHES[3], root(0, 2), root(4, 7)]
FROM_4 = [root(4, 7)]
PROOFS: dict[str, tuple[bytes, bytes, bool]] = {
    "from three": (proof(3, FROM_3), note(3), True),
    "from four": (proof(4, FROM_4), note(4), True),
    "from itself": (proof(7, []), HEAD, True),
    "from itself, with a hash": (proof(7, FROM_4), HEAD, False),
    "too short": (proof(3, FROM_3[:3]), note(3), False),
    "too long": (proof(3, [*FROM_3, HASHES[0]]), note(3), False),
    "nothing in it": (proof(3, []), note(3), False),
    "with the old root before it": (proof(4, [root(0, 4), *FROM_4]), note(4), False),
    "a hash too short": (proof(3, [FROM_3[0][1:], *FROM_3[1:]]), note(3), False),
    "a hash changed": (proof(3, [HASHES[0], *FROM_3[1:]]), note(3), False),
    "of another size": (proof(4, FROM_4), note(3), False),
    "a leading zero": (proof("03", FROM_3), note(3), False),
    "rolled back": (proof(7, FROM_3, note(3)), HEAD, False),
    "64 hashes": (proof(3, HASHES[:1] * 64), note(3), False),
    "a fork": (
        proof(3, FROM_3),
        sign_checkpoint(Checkpoint(ORIGIN, 3, bytes(32)), [SIGNER]),
        False,
    ),
    "of another log": (proof(3, FROM_3), note(3, OTHER, OTHER.key.name), False),
    "in another key's name": (proof(3, FROM_3), note(3, OTHER), False),
    "no checkpoint": (proof(3, FROM_3, b""), note(3), False),
}


MANIFESTS: dict[str, Any] = {
    "as it is": lambda manifest: manifest,
    "no record": lambda _: [],
    "nothing": lambda _: None,
    "a version that is true": lambda manifest: {**manifest, "v": True},
    "a field more": lambda manifest: {**manifest, "as_known_at": "2026-11-21T08:00:00.000000Z"},
    "a size that is none": lambda manifest: {
        **manifest,
        "files": [{**manifest["files"][0], "bytes": None}, *manifest["files"][1:]],
    },
    "no files": lambda manifest: {**manifest, "files": {}},
}


def holds(check: object, *arguments: object) -> bool:
    try:
        check(*arguments)  # type: ignore[operator]
    except (CheckError, ValueError):
        return False
    return True


def test_manifests_of_another_form(tmp_path: Path) -> None:
    """Signed by the party all the same: each verifier refuses them, and none falls over."""
    questions = []
    for number, change in enumerate(MANIFESTS.values()):
        made = make_export(tmp_path / str(number), 3)
        encoded = canonical_bytes(change(json.loads(made.path("manifest.json").read_bytes())))
        made.path("manifest.json").write_bytes(encoded)
        signature = PARTY_KEYS["retailer"].sign(record_message("export", encoded))
        made.path("manifest.sig").write_text(b64(signature) + "\n")
        questions.append({"ask": "export", "folder": str(made.root)})
    for number, (name, answer) in enumerate(zip(MANIFESTS, ask(questions), strict=True)):
        found = [one.check for one in verify_export(tmp_path / str(number), Trust()).failures]
        assert [one["check"] for one in answer["answer"]["failures"]] == found, name
        assert found == ([] if name == "as it is" else ["manifest"]), name
    made = make_export(tmp_path / "run", 3)
    made.edit_run(lambda record: record.update(v=True))
    made.reseal()
    (answer,) = ask([{"ask": "export", "folder": str(made.root)}])
    for failures in (
        [one["reason"] for one in answer["answer"]["failures"]],
        [one.reason for one in verify_export(made.root, Trust()).failures],
    ):
        assert failures == ["not run evidence of version 1"]


def test_receipts() -> None:
    questions = [
        {
            "ask": "receipt",
            "receipt": b64(content),
            "vkeys": vkeys,
            **({} if policy is None else {"policy": b64(policy.encode())}),
            **({} if entry is None else {"entry": b64(entry)}),
        }
        for content, vkeys, policy, entry, _ in RECEIPTS.values()
    ]
    for (name, case), answer in zip(RECEIPTS.items(), ask(questions), strict=True):
        content, vkeys, policy, entry, expected = case
        trusted = None if policy is None else parse_policy(policy.encode())
        assert holds(verify_receipt, content, [parse_vkey(one) for one in vkeys], trusted, entry) == expected, name
        assert answer["ok"] == expected, name


def test_policies() -> None:
    answers = ask([{"ask": "policy", "policy": b64(content)} for content, _ in POLICIES.values()])
    for (name, (content, expected)), answer in zip(POLICIES.items(), answers, strict=True):
        assert holds(parse_policy, content) == expected, name
        assert answer["ok"] == expected, name


def test_a_key_signs_for_its_own_log_alone() -> None:
    foreign = sign_note(f"{ORIGIN}\n1\n{base64.b64encode(HASHES[0]).decode()}\n", [OTHER])
    for head, expected in ((note(1), True), (foreign, False)):
        (answer,) = ask(
            [{"ask": "continuation", "proof": b64(proof(1, [], head)), "since": b64(head), "vkeys": [VKEY]}]
        )
        assert answer["ok"] == expected
        assert holds(read_checkpoint, head, [parse_vkey(VKEY), parse_vkey(OTHER_VKEY)], "checkpoint") == expected


def test_proofs_of_consistency() -> None:
    keys = [parse_vkey(VKEY), parse_vkey(OTHER_VKEY)]
    answers = ask(
        [
            {"ask": "continuation", "proof": b64(content), "since": b64(since), "vkeys": [VKEY, OTHER_VKEY]}
            for content, since, _ in PROOFS.values()
        ]
    )
    for (name, (content, since, expected)), answer in zip(PROOFS.items(), answers, strict=True):
        assert holds(verify_continuation, content, since, keys) == expected, name
        assert answer["ok"] == expected, name


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    since, file, entry = tmp_path / "since", tmp_path / "proof", tmp_path / "entry"
    since.write_bytes(note(3))
    file.write_bytes(proof(3, FROM_3))
    words = ["consistency", str(file), "--since", str(since), "--vkey", VKEY]
    assert main(words) == 0
    assert capsys.readouterr().out.endswith("OK        its first 3 entries are those of the earlier checkpoint\n")
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["old_size"], found["size"], found["origin"]) == (3, 7, ORIGIN)
    script = ["node", str(ROOT / "verify" / "js" / "cli.mjs")]
    assert subprocess.run([*script, *words], capture_output=True, check=False).returncode == 0
    since.write_bytes(note(2))
    assert main(words) == 1
    assert capsys.readouterr().out == ("FAIL      proof: begins at 3 entries, not at the 2 of the earlier checkpoint\n")
    said = subprocess.run([*script, *words], capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert "begins at 3 entries, not at the 2 of the earlier checkpoint" in said.stdout
    file.write_bytes(receipt(extra=None))
    entry.write_bytes(ENTRIES[4])
    assert main([str(file), "--vkey", VKEY, "--entry", str(entry)]) == 0
    for wrong in (words[:2], [str(tmp_path), "--entry", str(entry)]):
        with pytest.raises(SystemExit) as stopped:
            main(wrong)
        assert stopped.value.code == 2
