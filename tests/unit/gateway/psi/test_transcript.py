"""Session ids and transcripts against a spelled-out computation."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from gateway.errors import Misuse
from gateway.psi.transcript import StageDigest, session_id, transcript_hash

HASH, R_NONCE, S_NONCE = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32


def test_session_id_is_the_protocols_formula() -> None:
    spelled = b"assent session v1\n" + HASH + R_NONCE + S_NONCE + b"\x00\x06retail" + b"\x00\x08platform"
    assert session_id(HASH, R_NONCE, S_NONCE, "retail", "platform") == hashlib.sha256(spelled).digest()


def test_every_part_of_the_session_id_counts() -> None:
    ids = {
        session_id(HASH, R_NONCE, S_NONCE, "ab", "c"),
        session_id(HASH, R_NONCE, S_NONCE, "a", "bc"),
        session_id(HASH, S_NONCE, R_NONCE, "ab", "c"),
        session_id(R_NONCE, R_NONCE, S_NONCE, "ab", "c"),
    }
    assert len(ids) == 4


def test_a_short_nonce_is_a_bug() -> None:
    with pytest.raises(Misuse):
        session_id(HASH, b"short", S_NONCE, "a", "b")


STAGES = [StageDigest(1, 0, 2, 20_000, b"\x04" * 32), StageDigest(2, 1, 2, 20_000, b"\x05" * 32)]


def test_transcript_is_the_protocols_formula() -> None:
    spelled = b"assent transcript v1\n" + hashlib.sha256(b"opening").digest()
    spelled += b"\x01\x00" + (2).to_bytes(4, "big") + (20_000).to_bytes(8, "big") + b"\x04" * 32
    spelled += b"\x02\x01" + (2).to_bytes(4, "big") + (20_000).to_bytes(8, "big") + b"\x05" * 32
    assert transcript_hash(b"opening", STAGES) == hashlib.sha256(spelled).digest()


@pytest.mark.parametrize(
    "changed",
    [
        [replace(STAGES[0], rows=19_999), STAGES[1]],
        [replace(STAGES[0], direction=1), STAGES[1]],
        [replace(STAGES[0], digests_hash=b"\x06" * 32), STAGES[1]],
        STAGES[:1],
    ],
)
def test_every_change_changes_the_transcript(changed: list[StageDigest]) -> None:
    assert transcript_hash(b"opening", changed) != transcript_hash(b"opening", STAGES)


def test_wall_clock_order_never_enters() -> None:
    with pytest.raises(Misuse):
        transcript_hash(b"opening", STAGES[::-1])
