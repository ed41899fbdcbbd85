"""What binds a session: its id and the hash of everything that crossed the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import Misuse

RECEIVER_TO_SENDER = 0
SENDER_TO_RECEIVER = 1


def _prefixed(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def session_id(agreement_hash: bytes, receiver_nonce: bytes, sender_nonce: bytes, receiver: str, sender: str) -> bytes:
    r"""Return SHA-256("assent session v1\n" || agreement hash || nonces || u16-prefixed R and S ids), 32 bytes."""
    for name, value in (("agreement hash", agreement_hash), ("R nonce", receiver_nonce), ("S nonce", sender_nonce)):
        if len(value) != 32:
            raise Misuse(f"{name} is {len(value)} bytes long, not 32")
    return hashlib.sha256(
        b"assent session v1\n"
        + agreement_hash
        + receiver_nonce
        + sender_nonce
        + _prefixed(receiver)
        + _prefixed(sender)
    ).digest()


@dataclass(frozen=True, slots=True)
class StageDigest:
    """One stage in the transcript.

    Attributes:
        stage: number, 1 and up (stage 0 enters as the opening record).
        direction: RECEIVER_TO_SENDER or SENDER_TO_RECEIVER.
        chunks: count of chunks.
        rows: count of records.
        digests_hash: SHA-256 over the chunk digests in order, 32 bytes.
    """

    stage: int
    direction: int
    chunks: int
    rows: int
    digests_hash: bytes


def transcript_hash(opening_record: bytes, stages: Sequence[StageDigest]) -> bytes:
    r"""Hash a session: SHA-256("assent transcript v1\n" || SHA-256(opening record) || stages by number).

    Args:
        opening_record: RFC 8785 bytes of the full opening record.
        stages: in ascending stage number; wall-clock order never enters.
    """
    if [stage.stage for stage in stages] != sorted({stage.stage for stage in stages}):
        raise Misuse("stages of a transcript ascend by number, each once")
    hashed = hashlib.sha256(b"assent transcript v1\n" + hashlib.sha256(opening_record).digest())
    for stage in stages:
        hashed.update(stage.stage.to_bytes(1, "big") + stage.direction.to_bytes(1, "big"))
        hashed.update(stage.chunks.to_bytes(4, "big") + stage.rows.to_bytes(8, "big") + stage.digests_hash)
    return hashed.digest()
