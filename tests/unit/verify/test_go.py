"""Other people's verifier accepts our files and refuses tampered ones, and ours accept other people's log: Go's."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from assent_verify.note import parse_vkey as verifier_key
from assent_verify.note import read_checkpoint
from assent_verify.tree import root_of_path
from gateway.tlog.audit_path import TileSet, inclusion_proof, verify_consistency, verify_inclusion
from gateway.tlog.checkpoint import open_checkpoint
from gateway.tlog.note import parse_vkey
from gateway.tlog.proof import TlogProof, format_proof
from gateway.tlog.tree import EMPTY_EDGE, integrate, leaf_hash
from tests.golang import ask
from tests.unit.verify.made_export import ORIGIN, log_signer, make_export

pytestmark = pytest.mark.go
VKEY = log_signer().key.vkey


@pytest.mark.parametrize("count", [2, 256, 257, 600])
def test_an_export_is_accepted(tmp_path: Path, count: int) -> None:
    made = make_export(tmp_path, count)
    found = ask("export", str(made.root), VKEY)
    assert (found.returncode, found.stdout, found.stderr) == (0, f"{count}\n", "")


def flipped(content: bytes) -> bytes:
    return bytes([content[0] ^ 1]) + content[1:]


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        (
            "tile/entries/001",
            lambda content: content.replace(b"consent_event", b"consent_evenu", 1),
            "do not make the root",
        ),
        ("tile/0/001", flipped, "tile/0/001 is not"),
        ("tile/1/000.p/2", flipped, "tile/1/000.p/2 is not"),
        ("checkpoint", lambda content: content.replace(b"\n600\n", b"\n599\n"), "invalid signature"),
        ("checkpoint", lambda content: content.replace(ORIGIN.encode(), b"other.example/audit"), "no verifiable"),
    ],
)
def test_a_tampered_export_is_refused(tmp_path: Path, file: str, change: Callable[[bytes], bytes], words: str) -> None:
    made = make_export(tmp_path, 600)
    made.edit(file, change)
    found = ask("export", str(made.root), VKEY)
    assert found.returncode == 1
    assert words in found.stderr


def test_a_receipt_is_accepted_for_its_entry_alone(tmp_path: Path) -> None:
    made = make_export(tmp_path / "export", 600)
    entries = [entry.leaf for entry in made.entries]
    tree = integrate(EMPTY_EDGE, [leaf_hash(entry) for entry in entries])
    hashes = inclusion_proof(300, 600, TileSet({(tile.level, tile.index): tile.hashes for tile in tree.tiles}))
    (tmp_path / "receipt").write_bytes(format_proof(TlogProof(300, hashes, made.checkpoint_at(600), b"beside it")))
    for index, accepted in ((300, True), (301, False)):
        (tmp_path / "entry").write_bytes(entries[index])
        found = ask("receipt", str(tmp_path / "receipt"), str(tmp_path / "entry"), VKEY)
        assert (found.returncode == 0) == accepted, found.stderr
    assert "invalid transparency proof" in found.stderr


def test_go_s_log_is_accepted() -> None:
    size = 70
    log = json.loads(ask("make", str(size)).stdout)
    key = parse_vkey(log["vkey"])
    notes = [note.encode() for note in log["checkpoints"]]
    opened = [open_checkpoint(note, key.name, key).checkpoint for note in notes]
    assert [one.size for one in opened] == list(range(1, size + 1))
    root = opened[-1].root
    for index, (record, texts) in enumerate(zip(log["records"], log["inclusion"], strict=True)):
        path = [base64.b64decode(text) for text in texts]
        verify_inclusion(leaf_hash(record.encode()), index, size, path, root)
        assert root_of_path(leaf_hash(record.encode()), index, size, path) == root
    for earlier, texts in zip(opened, log["consistency"], strict=True):
        verify_consistency(earlier.size, size, [base64.b64decode(text) for text in texts], earlier.root, root)
    assert read_checkpoint(notes[-1], [verifier_key(log["vkey"])], "checkpoint").root == root
