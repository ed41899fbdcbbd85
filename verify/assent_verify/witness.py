"""Witnesses: keys of type 0x04 and their timestamped cosignatures (C2SP tlog-cosignature)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from assent_verify.note import split_note, split_vkey
from assent_verify.signature import signature_ok, trusted_key

_COSIGNATURE = b"\x04"
_BLOB = 8 + 64  # time, Ed25519 signature


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's public key with the name and id that it has in notes."""

    name: str
    key_id: bytes
    public_key: bytes
    text: str


def parse_witness_key(text: str) -> WitnessKey:
    """Read a verifier key: name+hex(id)+base64(4 || Ed25519 key).

    Raises:
        ValueError: with the reason.
    """
    name, encoded = split_vkey(text)
    if encoded[:1] != _COSIGNATURE:
        raise ValueError("not a witness's verifier key (type 4)")
    public_key = trusted_key(encoded[1:])
    key_id = hashlib.sha256(name.encode() + b"\n" + encoded).digest()[:4]
    return WitnessKey(name, key_id, public_key, text)


def cosignatures(note: bytes, known: Sequence[WitnessKey]) -> dict[WitnessKey, int]:
    """Check every cosignature by a known witness.

    Returns:
        When each of them signed, seconds since 1970; who is not there did not.

    Raises:
        ValueError: when one of them does not verify.
    """
    text, signatures = split_note(note)
    keys = {(key.name, key.key_id): key for key in known}
    found: dict[WitnessKey, int] = {}
    for name, key_id, signature in signatures:
        key = keys.get((name, key_id))
        if key is None:
            continue
        time = int.from_bytes(signature[:8], "big")
        message = f"cosignature/v1\ntime {time}\n{text}".encode()
        if len(signature) != _BLOB or time >= 2**63 or not signature_ok(key.public_key, message, signature[8:]):
            raise ValueError(f"the cosignature by {key.text} does not verify")
        found.setdefault(key, time)
    return found
