from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import HostileInput, Misuse, RequestError
from gateway.tlog.note import NoteSigner, VerifierKey, open_note, parse_vkey, sign_note, signature_line

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "signed_note.json").read_text())
TEXT = "retailer.example/audit\n7\nand an empty line\n\nin the text\n"


def signer(name: str, seed: int = 1) -> NoteSigner:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return NoteSigner(VerifierKey(name, private.public_key().public_bytes_raw()), private.sign)


ALICE, BOB = signer("alice.example/log"), signer("bob.example/witness", 2)
NOTE = sign_note(TEXT, [ALICE])


def refused(note: bytes, reason: str, known: list[VerifierKey] | None = None) -> None:
    with pytest.raises(HostileInput) as caught:
        open_note(note, [ALICE.key] if known is None else known)
    assert caught.value.reason == reason


@pytest.mark.parametrize("vector", VECTORS["notes"])
def test_published_notes_open(vector: dict[str, str]) -> None:
    key = parse_vkey(vector["vkey"])
    assert key.vkey == vector["vkey"]
    opened = open_note(vector["note"].encode(), [key])
    assert opened.signed_by == (key,)
    refused(vector["note"].replace("e", "E", 1).encode(), "BAD_SIGNATURE", [key])


def test_a_note_round_trips() -> None:
    opened = open_note(NOTE, [ALICE.key, BOB.key])
    assert opened.text == TEXT
    assert opened.signed_by == (ALICE.key,)
    assert opened.unknown == 0


def test_signatures_by_unknown_keys_are_ignored() -> None:
    note = sign_note(TEXT, [BOB, ALICE])
    opened = open_note(note, [ALICE.key])
    assert (opened.signed_by, opened.unknown) == ((ALICE.key,), 1)
    # The same name with another key, and another algorithm, are unknown too.
    stranger = signer("alice.example/log", 3)
    post_quantum = f"— alice.example/log {base64.b64encode(b'abcd' + bytes(2420)).decode()}\n".encode()
    assert open_note(sign_note(TEXT, [stranger, ALICE]) + post_quantum, [ALICE.key]).unknown == 2
    refused(sign_note(TEXT, [stranger]), "BAD_SIGNATURE")
    refused(sign_note(TEXT, [ALICE]), "BAD_SIGNATURE", [])


def test_a_bad_signature_by_a_known_key_rejects_the_note() -> None:
    forged = signature_line(BOB.key, bytes(64)).encode()
    assert open_note(NOTE + forged, [ALICE.key]).unknown == 1
    refused(NOTE + forged, "BAD_SIGNATURE", [ALICE.key, BOB.key])
    refused(NOTE + signature_line(ALICE.key, bytes(64)).encode(), "BAD_SIGNATURE")
    refused(NOTE + signature_line(ALICE.key, b"short").encode(), "BAD_SIGNATURE")


def test_16_signatures_are_accepted_and_65_are_not() -> None:
    many = [signer(f"witness-{row}", 10 + row) for row in range(16)]
    assert len(open_note(sign_note(TEXT, many), [one.key for one in many]).signed_by) == 16
    line = NOTE.split(b"\n")[-2] + b"\n"
    assert open_note(NOTE + line * 63, [ALICE.key]).signed_by == (ALICE.key,)
    refused(NOTE + line * 64, "BAD_SHAPE")
    refused(NOTE + line * 9000, "BAD_SHAPE")


@pytest.mark.parametrize(
    "note",
    [
        TEXT.encode(),
        b"",
        b"\n\n",
        TEXT.encode() + b"\n",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE + b"junk\n",
        b"\x01" + NOTE,
        b"\t" + NOTE,
        NOTE.replace(b"\n", b"\r\n"),
        b"\xff" + NOTE,
        NOTE.replace("— ".encode(), b"- "),
        NOTE.replace("— ".encode(), "—  ".encode()),
        NOTE.replace(b"alice.example/log ", b"alice example/log "),
        NOTE.replace(b"alice.example/log ", b"alice+log "),
        NOTE.replace(b"alice.example/log ", "alice\u3000log ".encode()),
        NOTE[:-3] + b"\n",
        NOTE.replace("— alice.example/log ".encode(), "— alice.example/log =".encode()),
        TEXT.encode() + "\n— alice.example/log AAAA\n".encode(),
    ],
)
def test_malformed_notes_are_refused(note: bytes) -> None:
    refused(note, "BAD_SHAPE")


@given(st.integers(0, len(NOTE) - 1), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(position: int, bit: int) -> None:
    damaged = bytearray(NOTE)
    damaged[position] ^= 1 << bit
    with pytest.raises(HostileInput):
        open_note(bytes(damaged), [ALICE.key])


def replaced(vkey: str, part: int, value: str) -> str:
    parts = vkey.split("+", 2)
    parts[part] = value
    return "+".join(parts)


LOW_ORDER = base64.b64encode(b"\x01" + bytes([1]) + bytes(31)).decode()
NOT_CANONICAL = base64.b64encode(b"\x01" + (2**255 - 19 + 5).to_bytes(32, "little")).decode()


@pytest.mark.parametrize(
    "text",
    [
        *VECTORS["bad_vkeys"],
        "",
        "name",
        "name+00000000",
        ALICE.key.vkey.replace("+", " "),
        ALICE.key.vkey + "A",
        replaced(ALICE.key.vkey, 0, "other.example/log"),
        replaced(ALICE.key.vkey, 0, ""),
        replaced(ALICE.key.vkey, 0, "a b"),
        replaced(ALICE.key.vkey, 0, "\ud800"),
        replaced(ALICE.key.vkey, 1, ALICE.key.key_id.hex().upper() + "0"),
        replaced(ALICE.key.vkey, 1, "00000000"),
        replaced(ALICE.key.vkey, 2, "\u00e9"),
        replaced(ALICE.key.vkey, 2, LOW_ORDER),
        replaced(ALICE.key.vkey, 2, NOT_CANONICAL),
    ],
)
def test_bad_verifier_keys_are_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_vkey(text)
    assert caught.value.reason == "BAD_FIELD"


def test_a_vkey_of_low_order_with_its_right_id_is_refused_for_its_order() -> None:
    public = bytes([1]) + bytes(31)
    key_id = hashlib.sha256(b"evil\n\x01" + public).digest()[:4].hex()
    with pytest.raises(RequestError, match="low order"):
        parse_vkey(f"evil+{key_id}+{LOW_ORDER}")


@pytest.mark.parametrize("text", ["", "no newline", "control\x07\n", "tab\t\n"])
def test_texts_that_cannot_be_signed(text: str) -> None:
    with pytest.raises(Misuse):
        sign_note(text, [ALICE])


def test_somebody_must_sign() -> None:
    with pytest.raises(Misuse):
        sign_note(TEXT, [])


def test_no_secret_is_in_a_signers_repr() -> None:
    seed = bytes([1]) * 32
    assert seed.hex() not in repr(ALICE)
    assert repr(seed) not in repr(ALICE)
