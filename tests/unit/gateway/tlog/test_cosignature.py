from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assent_verify import witness as second
from gateway.errors import HostileInput, RequestError
from gateway.tlog.checkpoint import Checkpoint, format_checkpoint, open_checkpoint, sign_checkpoint
from gateway.tlog.cosignature import (
    CosignerKey,
    cosign,
    cosignatures,
    cosigned_message,
    parse_cosigner_key,
    take_cosignature,
)
from gateway.tlog.note import NoteSigner, VerifierKey, format_vkey, open_note, parse_vkey, signature_line


def private(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def public(seed: int) -> bytes:
    return private(seed).public_key().public_bytes_raw()


LOG = NoteSigner(VerifierKey("log.example/audit", public(1)), private(1).sign)
WITNESS = CosignerKey("witness.example/w1", public(2))
TEXT = format_checkpoint(Checkpoint(LOG.key.name, 7, bytes(range(32))))
NOTE = sign_checkpoint(Checkpoint(LOG.key.name, 7, bytes(range(32))), [LOG])
LINE = cosign(TEXT, WITNESS, 1_700_000_000, private(2).sign)


def test_what_is_signed_is_time_and_text() -> None:
    assert cosigned_message(b"a\n1\nb\n", 1679315147) == b"cosignature/v1\ntime 1679315147\na\n1\nb\n"
    blob = base64.b64decode(LINE.split(" ")[2])
    assert blob[:4] == WITNESS.key_id
    assert int.from_bytes(blob[4:12], "big") == 1_700_000_000
    private(2).public_key().verify(blob[12:], b"cosignature/v1\ntime 1700000000\n" + TEXT.encode())


def test_both_implementations_take_it() -> None:
    (found,) = cosignatures(NOTE + LINE.encode(), [WITNESS])
    assert (found.key, found.time, found.line) == (WITNESS, 1_700_000_000, LINE)
    assert take_cosignature(NOTE, LINE.encode(), WITNESS) == found
    key = second.parse_witness_key(WITNESS.vkey)
    assert second.cosignatures(NOTE + LINE.encode(), [key]) == {key: 1_700_000_000}
    # The log's own signature still is what makes it a checkpoint.
    assert open_checkpoint(NOTE + LINE.encode(), LOG.key.name, LOG.key, [WITNESS]).signed_by == (LOG.key, WITNESS)


def changed(line: str, at: int) -> str:
    head, name, blob = line.rstrip("\n").split(" ")
    encoded = bytearray(base64.b64decode(blob))
    encoded[at] ^= 1
    return f"{head} {name} {base64.b64encode(encoded).decode()}\n"


OTHER_TEXT = TEXT.replace("7", "8", 1)
BAD = {
    "another time": changed(LINE, 11),
    "another signature": changed(LINE, 30),
    "over another checkpoint": cosign(OTHER_TEXT, WITNESS, 1_700_000_000, private(2).sign),
    "by another key under this name": signature_line(
        WITNESS, bytes(8) + private(3).sign(cosigned_message(TEXT.encode(), 0))
    ),
    "a log's signature in a witness's line": signature_line(WITNESS, bytes(8) + private(2).sign(TEXT.encode())),
    "without its time": signature_line(WITNESS, private(2).sign(TEXT.encode())),
    "a time beyond 2^63": signature_line(WITNESS, b"\xff" * 8 + bytes(64)),
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD.keys())
def test_a_cosignature_that_does_not_verify_is_refused_by_both(line: str) -> None:
    note = NOTE + line.encode()
    for call in (lambda: cosignatures(note, [WITNESS]), lambda: take_cosignature(NOTE, line.encode(), WITNESS)):
        with pytest.raises(HostileInput) as caught:
            call()
        assert caught.value.reason == "BAD_SIGNATURE"
    with pytest.raises(ValueError, match="cosignature"):
        second.cosignatures(note, [second.parse_witness_key(WITNESS.vkey)])
    # Whoever does not know the witness is not troubled by it.
    assert cosignatures(note, []) == ()
    assert open_note(note, [LOG.key]).unknown == 1


def test_only_the_asked_witness_counts() -> None:
    stranger = CosignerKey("witness.example/w2", public(3))
    with pytest.raises(HostileInput, match="no signature by a key"):
        take_cosignature(NOTE, LINE.encode(), stranger)
    both = cosign(TEXT, stranger, 5, private(3).sign) + LINE
    assert take_cosignature(NOTE, both.encode(), WITNESS).line == LINE


def test_sixteen_signatures_of_kinds_unknown_are_passed_over() -> None:
    """Room for a second, post-quantum signature: type 0x06 is 2,428 bytes long, and is ignored until it is known."""
    lines = "".join(
        f"— witness.example/{row} {base64.b64encode(bytes([row] * 4) + bytes(2428)).decode()}\n" for row in range(16)
    )
    note = NOTE + lines.encode() + LINE.encode()
    assert open_note(note, [LOG.key, WITNESS]).unknown == 16
    assert len(cosignatures(note, [WITNESS])) == 1


LOW_ORDER = [
    bytes(32),
    (1).to_bytes(32, "little"),
    (2**255 - 20).to_bytes(32, "little"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]
NOT_CANONICAL = [(2**255 - 19 + value).to_bytes(32, "little") for value in (0, 1, 3, 18)] + [b"\xff" * 32]


@pytest.mark.parametrize("key", LOW_ORDER + NOT_CANONICAL, ids=lambda key: key.hex()[:8])
@pytest.mark.parametrize("kind", [1, 4])
def test_keys_that_verifiers_treat_differently_are_refused_on_load_by_both(key: bytes, kind: int) -> None:
    from assent_verify.note import parse_vkey as second_vkey

    vkey = format_vkey("witness.example/w1", kind, key)
    parsers: dict[int, tuple[Any, Any]] = {
        1: (parse_vkey, second_vkey),
        4: (parse_cosigner_key, second.parse_witness_key),
    }
    ours, theirs = parsers[kind]
    with pytest.raises(RequestError):
        ours(vkey)
    with pytest.raises(ValueError, match="Ed25519"):
        theirs(vkey)


def test_a_key_of_one_kind_is_none_of_the_other() -> None:
    from assent_verify.note import parse_vkey as second_vkey

    assert parse_cosigner_key(WITNESS.vkey) == WITNESS
    with pytest.raises(RequestError, match="type 4"):
        parse_cosigner_key(LOG.key.vkey)
    with pytest.raises(RequestError, match="type 1"):
        parse_vkey(WITNESS.vkey)
    with pytest.raises(ValueError, match="type 4"):
        second.parse_witness_key(LOG.key.vkey)
    with pytest.raises(ValueError, match="type 1"):
        second_vkey(WITNESS.vkey)
    assert WITNESS.key_id != VerifierKey(WITNESS.name, WITNESS.public_key).key_id
