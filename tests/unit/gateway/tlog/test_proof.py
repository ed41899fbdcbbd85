from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import HostileInput, Misuse
from gateway.tlog.audit_path import TileSet, inclusion_proof
from gateway.tlog.checkpoint import Checkpoint, sign_checkpoint
from gateway.tlog.note import NoteSigner, VerifierKey
from gateway.tlog.proof import TlogProof, format_proof, parse_proof, verify_proof
from gateway.tlog.tree import EMPTY_EDGE, integrate, leaf_hash

ORIGIN = "retailer.example/audit"
ENTRIES = [b"entry-%d" % index for index in range(500)]
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
LOG = NoteSigner(VerifierKey(ORIGIN, PRIVATE.public_key().public_bytes_raw()), PRIVATE.sign)
TREE = integrate(EMPTY_EDGE, [leaf_hash(entry) for entry in ENTRIES])
TILES = TileSet({(tile.level, tile.index): tile.hashes for tile in TREE.tiles})
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 500, TREE.root), [LOG])
PROOF = TlogProof(321, inclusion_proof(321, 500, TILES), NOTE, ENTRIES[321])

proofs = st.builds(
    TlogProof,
    st.integers(0, 2**63 - 2),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple),
    st.binary(max_size=64),
    st.none() | st.binary(max_size=64),
)


@given(proofs)
def test_receipts_round_trip(proof: TlogProof) -> None:
    assert parse_proof(format_proof(proof)) == proof


def test_the_files_form() -> None:
    lines = format_proof(TlogProof(7, (bytes(32),), NOTE, b"x")).decode().split("\n")
    assert lines[:5] == [
        "c2sp.org/tlog-proof@v1",
        "extra eA==",
        "index 7",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "",
    ]
    assert "\n".join(lines[5:]).encode() == NOTE


def test_a_receipt_proves_its_entry_and_no_other() -> None:
    signed = verify_proof(parse_proof(format_proof(PROOF)), ENTRIES[321], ORIGIN, LOG.key)
    assert signed.checkpoint == Checkpoint(ORIGIN, 500, TREE.root)
    for proof, entry, reason in (
        (PROOF, ENTRIES[320], "DIGEST_MISMATCH"),
        (replace(PROOF, index=320), ENTRIES[321], "DIGEST_MISMATCH"),
        (replace(PROOF, index=500), ENTRIES[321], "BAD_SHAPE"),
        (replace(PROOF, hashes=PROOF.hashes[1:]), ENTRIES[321], "BAD_SHAPE"),
        (replace(PROOF, hashes=(*PROOF.hashes[1:], PROOF.hashes[0])), ENTRIES[321], "DIGEST_MISMATCH"),
        (replace(PROOF, checkpoint=NOTE.replace(b"500", b"501")), ENTRIES[321], "BAD_SIGNATURE"),
        (replace(PROOF, checkpoint=b""), ENTRIES[321], "BAD_SHAPE"),
    ):
        with pytest.raises(HostileInput) as caught:
            verify_proof(proof, entry, ORIGIN, LOG.key)
        assert caught.value.reason == reason
    with pytest.raises(HostileInput):
        verify_proof(PROOF, ENTRIES[321], "platform.example/audit", LOG.key)


WHOLE = format_proof(PROOF)


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        WHOLE.split(b"\n\n")[0],
        WHOLE.replace(b"@v1", b"@v2"),
        WHOLE.replace(b"index 321\n", b""),
        WHOLE.replace(b"index 321", b"index 0321"),
        WHOLE.replace(b"index 321", b"index -1"),
        WHOLE.replace(b"index 321", b"index 9223372036854775807"),
        WHOLE.replace(b"index 321", b"index"),
        WHOLE.replace(b"index 321\n", b"index 321\nextra eA==\n"),
        WHOLE.replace(b"index 321\n", b"index 321\neA==\n"),
        WHOLE.replace(b"index 321\n", b"index 321\n*\n"),
        WHOLE.replace(b"index 321\n", b"index 321\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64),
        WHOLE.replace(b"extra ", b"extra  "),
        WHOLE.replace(b"extra ", b"more "),
        WHOLE.replace(b"extra ", b"extra " + b"AAAA" * 50_000),
        WHOLE.replace(b"index", b"\xc3index"),
    ],
)
def test_malformed_receipts_are_refused(encoded: bytes) -> None:
    with pytest.raises(HostileInput) as caught:
        parse_proof(encoded)
    assert caught.value.reason == "BAD_SHAPE"


@pytest.mark.parametrize(
    "proof",
    [
        replace(PROOF, index=-1),
        replace(PROOF, index=2**63),
        replace(PROOF, hashes=(b"short",)),
        replace(PROOF, hashes=(bytes(32),) * 64),
        replace(PROOF, extra=bytes(200_000)),
    ],
)
def test_receipts_that_cannot_be_written(proof: TlogProof) -> None:
    with pytest.raises(Misuse):
        format_proof(proof)
