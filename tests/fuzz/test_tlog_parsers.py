"""Parsers of bytes that others send: whatever arrives, only typed errors leave, and a damaged export never verifies."""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assent_verify import Trust, verify_export
from assent_verify import canonical as second_canonical
from assent_verify import note as second_note
from gateway.errors import HostileInput, RequestError
from gateway.route.canonical import canonical_bytes, parse_canonical, record_message
from gateway.tlog.audit_path import verify_consistency, verify_inclusion
from gateway.tlog.checkpoint import parse_checkpoint
from gateway.tlog.leaf import parse_leaf
from gateway.tlog.note import open_note, parse_vkey, sign_note
from gateway.tlog.proof import TlogProof, format_proof, parse_proof, verify_proof
from gateway.tlog.tile import entry_bundle, parse_bundle
from tests.unit.verify.made_export import (
    ORIGIN,
    PARTY_KEYS,
    PUBLIC_KEYS,
    SESSION,
    log_entries,
    log_signer,
    make_export,
)

LOG = log_signer()
TEXT = f"{ORIGIN}\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
NOTE = sign_note(TEXT, [LOG, log_signer(2, "witness.example")])
PROOF = format_proof(TlogProof(3, (bytes(32), bytes([1]) * 32), NOTE, b"entry"))
LEAF = log_entries(1, None)[0].leaf
BUNDLE = entry_bundle([LEAF, b"", b"x" * 300])
RECORD = b'{"a":[1,-2,"\xe7\x94\xb2"],"b":{"c":null,"d":true}}'


def mutations(valid: bytes) -> st.SearchStrategy[bytes]:
    """Bytes near a valid input: cut, spliced, overwritten; or any bytes at all."""
    place = st.integers(0, len(valid))
    piece = st.binary(max_size=8) | st.sampled_from([b"\n", b"\n\n", b"\x00", b"\xff", b'"', b"9" * 5000, b"[" * 5000])
    spliced = st.builds(
        lambda low, high, new: valid[: min(low, high)] + new + valid[max(low, high) :], place, place, piece
    )
    return spliced | st.binary(max_size=200)


def only(errors: tuple[type[Exception], ...], parse: Callable[[Any], object], value: Any) -> object:
    try:
        return parse(value)
    except errors:
        return None


@given(mutations(NOTE))
def test_notes(note: bytes) -> None:
    opened = only((HostileInput,), lambda value: open_note(value, [LOG.key]), note)
    second = only((ValueError,), second_note.split_note, note)
    if opened is not None:
        assert second is not None
        assert note.startswith(TEXT.encode())  # nothing else was ever signed


@given(mutations(TEXT.encode()).map(lambda text: text.decode("utf-8", "replace")) | st.text())
def test_checkpoints(text: str) -> None:
    ours = only((HostileInput,), parse_checkpoint, text)
    theirs = only((ValueError,), second_note.parse_checkpoint, text)
    # The second reader leaves the root of an empty log to its tree check.
    assert (ours is None) == (theirs is None) or text.split("\n")[1] == "0"


@given(mutations(LOG.key.vkey.encode()).map(lambda text: text.decode("utf-8", "surrogateescape")) | st.text())
def test_verifier_keys(text: str) -> None:
    ours = only((RequestError,), parse_vkey, text)
    theirs = only((ValueError,), second_note.parse_vkey, text)
    assert (ours is None) == (theirs is None)


@given(st.binary(min_size=32, max_size=32) | st.integers(0, 2**20).map(lambda y: y.to_bytes(32, "little")))
def test_both_readers_refuse_the_same_keys(key: bytes) -> None:
    key_id = hashlib.sha256(b"k\n\x01" + key).digest()[:4].hex()
    text = f"k+{key_id}+{base64.b64encode(bytes([1]) + key).decode()}"
    ours = only((RequestError,), parse_vkey, text)
    theirs = only((ValueError,), second_note.parse_vkey, text)
    assert (ours is None) == (theirs is None)


@given(mutations(PROOF))
def test_receipts(encoded: bytes) -> None:
    proof = only((HostileInput,), parse_proof, encoded)
    if isinstance(proof, TlogProof):
        assert only((HostileInput,), lambda value: verify_proof(value, LEAF, ORIGIN, LOG.key), proof) is None


@given(mutations(LEAF))
def test_leaves(entry: bytes) -> None:
    if only((HostileInput,), parse_leaf, entry) is not None:
        assert canonical_bytes(json.loads(entry)) == entry


@given(mutations(BUNDLE))
def test_bundles(bundle: bytes) -> None:
    entries = only((HostileInput,), parse_bundle, bundle)
    if isinstance(entries, list):
        assert entry_bundle(entries) == bundle


@given(mutations(RECORD))
def test_records(encoded: bytes) -> None:
    ours = only((HostileInput,), parse_canonical, encoded)
    theirs = only((ValueError,), second_canonical.parse, encoded)
    assert ours == theirs
    if ours is not None:
        assert canonical_bytes(ours) == encoded == second_canonical.serialize(ours)


hashes = st.lists(st.binary(max_size=40), max_size=70)
sizes = st.integers(-1, 300) | st.integers(2**62, 2**65)


@given(st.binary(max_size=40), sizes, sizes, hashes, st.binary(max_size=40))
def test_inclusion_proofs(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> None:
    def check(_: object) -> bool:
        verify_inclusion(leaf, index, size, proof, root)
        return True

    if only((HostileInput,), check, None):
        assert (index, size, proof) == (0, 1, [])
        assert leaf == root


@given(sizes, sizes, hashes, st.binary(max_size=40), st.binary(max_size=40))
def test_consistency_proofs(old: int, size: int, proof: list[bytes], old_root: bytes, root: bytes) -> None:
    def check(_: object) -> bool:
        verify_consistency(old, size, proof, old_root, root)
        return True

    if only((HostileInput,), check, None):
        assert old == size
        assert old_root == root


# ---- whole exports ----------------------------------------------------------------------------------------------

TRUST = Trust((second_note.parse_vkey(LOG.key.vkey),), PUBLIC_KEYS)
with tempfile.TemporaryDirectory() as _directory:
    make_export(Path(_directory), 5)
    FILES = {
        path.relative_to(_directory).as_posix(): path.read_bytes()
        for path in sorted(Path(_directory).rglob("*"))
        if path.is_file()
    }
MANIFEST, RUN = "manifest.json", f"runs/{SESSION}.json"


def verified(files: dict[str, bytes]) -> bool:
    with tempfile.TemporaryDirectory() as directory:
        for name, content in files.items():
            path = Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return verify_export(Path(directory), TRUST).ok


def resigned(files: dict[str, bytes]) -> dict[str, bytes]:
    signature = PARTY_KEYS["retailer"].sign(record_message("export", files[MANIFEST]))
    return files | {"manifest.sig": base64.b64encode(signature) + b"\n"}


def test_the_untouched_export_verifies() -> None:
    assert verified(FILES)
    assert verified(resigned(FILES))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_file_never_verifies(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FILES)))
    damaged = data.draw(mutations(FILES[name]))
    if name == "manifest.sig":
        assert verified(FILES | {name: damaged}) == (damaged.removesuffix(b"\n") == FILES[name].removesuffix(b"\n"))
    else:
        assert verified(FILES | {name: damaged}) == (damaged == FILES[name])


leaf_values = st.none() | st.booleans() | st.integers(-3, 2**53 - 1) | st.text(max_size=4) | st.just([]) | st.just({})


@st.composite
def changed_json(draw: st.DrawFn, encoded: bytes) -> bytes:
    """A JSON document with one value, at any depth, replaced by one of another kind."""
    document = json.loads(encoded)
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key in value if isinstance(value, dict) else range(len(value)):
            places.append((value, key))
            if isinstance(value[key], (dict, list)):
                walk(value[key])

    walk(document)
    holder, key = draw(st.sampled_from(places))
    holder[key] = draw(leaf_values)
    return canonical_bytes(document)


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(changed_json(FILES[MANIFEST]))
def test_a_manifest_of_other_types_is_answered_with_a_report(manifest: bytes) -> None:
    # Signed by the right key: what is refused is refused for what it says. Free texts may say anything.
    if verified(resigned(FILES | {MANIFEST: manifest})):
        before, after = json.loads(FILES[MANIFEST]), json.loads(manifest)
        assert {key for key in before if before[key] != after[key]} <= {"created", "operator", "filter"}


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(changed_json(FILES[RUN]))
def test_a_run_of_other_types_is_answered_with_a_report(run: bytes) -> None:
    manifest = json.loads(FILES[MANIFEST])
    for file in manifest["files"]:
        if file["path"] == RUN:
            file |= {"bytes": len(run), "sha256": hashlib.sha256(run).hexdigest()}
    sealed = resigned(FILES | {RUN: run, MANIFEST: canonical_bytes(manifest)})
    if verified(sealed):  # a legal name is not covered by the run's signatures, the manifest's signature covers it
        before, after = json.loads(FILES[RUN]), json.loads(run)
        assert [party["party"] for party in before["parties"]] == [party["party"] for party in after["parties"]]
        assert {key: before[key] for key in before if key != "parties"} == {
            key: after[key] for key in after if key != "parties"
        }
