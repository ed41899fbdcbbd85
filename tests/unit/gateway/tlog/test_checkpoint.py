from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import HostileInput, Misuse
from gateway.tlog.checkpoint import (
    Checkpoint,
    format_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from gateway.tlog.note import NoteSigner, VerifierKey, sign_note
from gateway.tlog.tree import EMPTY_ROOT

ORIGIN = "example.com/behind-the-sofa"
# C2SP tlog-checkpoint, the example of its introduction (its key is not published).
EXAMPLE = f"{ORIGIN}\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
HEAD = Checkpoint(ORIGIN, 20852163, bytes.fromhex("0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"))

lines = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1, max_size=20)
heads = st.builds(
    Checkpoint,
    lines,
    st.integers(1, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(lines, max_size=3).map(tuple),
)


def signer(name: str, seed: int) -> NoteSigner:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return NoteSigner(VerifierKey(name, private.public_key().public_bytes_raw()), private.sign)


LOG, WITNESS = signer(ORIGIN, 1), signer("witness.example", 2)


def test_the_specifications_example() -> None:
    assert format_checkpoint(HEAD) == EXAMPLE
    assert parse_checkpoint(EXAMPLE) == HEAD


@given(heads)
def test_checkpoints_round_trip(head: Checkpoint) -> None:
    assert parse_checkpoint(format_checkpoint(head)) == head


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        EXAMPLE[:-1],
        EXAMPLE + "\n",
        EXAMPLE.replace("20852163\n", ""),
        EXAMPLE.replace("20852163", "020852163"),
        EXAMPLE.replace("20852163", "-1"),
        EXAMPLE.replace("20852163", "+1"),
        EXAMPLE.replace("20852163", "1.0"),
        EXAMPLE.replace("20852163", "9223372036854775808"),
        EXAMPLE.replace("20852163", "1" * 5000),
        EXAMPLE.replace("20852163", "１２"),
        EXAMPLE.replace(f"{ORIGIN}\n", "\n"),
        EXAMPLE.replace("q2I=", "q2I"),
        EXAMPLE.replace("q2I=", "q2J="),
        EXAMPLE.replace("q2I=", ""),
        EXAMPLE.replace("CsU", "C-U"),
        EXAMPLE.replace("CsUY", ""),
        EXAMPLE + "\nextension after an empty line\n",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(HostileInput) as caught:
        parse_checkpoint(text)
    assert caught.value.reason == "BAD_SHAPE"


def test_an_empty_log_has_the_empty_root() -> None:
    assert parse_checkpoint(format_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT))).size == 0
    with pytest.raises(HostileInput) as caught:
        parse_checkpoint(format_checkpoint(Checkpoint(ORIGIN, 0, bytes(32))))
    assert caught.value.reason == "DIGEST_MISMATCH"


@pytest.mark.parametrize(
    "head",
    [
        Checkpoint("", 1, bytes(32)),
        Checkpoint("a\nb", 1, bytes(32)),
        Checkpoint("a", -1, bytes(32)),
        Checkpoint("a", 2**63, bytes(32)),
        Checkpoint("a", 1, bytes(31)),
        Checkpoint("a", 1, bytes(32), ("",)),
    ],
)
def test_checkpoints_that_cannot_be_written(head: Checkpoint) -> None:
    with pytest.raises(Misuse):
        format_checkpoint(head)


def test_the_log_must_have_signed() -> None:
    note = sign_checkpoint(HEAD, [WITNESS, LOG])
    signed = open_checkpoint(note, ORIGIN, LOG.key, [WITNESS.key])
    assert (signed.checkpoint, signed.note, signed.signed_by) == (HEAD, note, (LOG.key, WITNESS.key))
    for known, reason in ((signer(ORIGIN, 3).key, "BAD_SIGNATURE"), (LOG.key, "BAD_SHAPE")):
        with pytest.raises(HostileInput) as caught:
            open_checkpoint(note, "example.com/another-log" if known == LOG.key else ORIGIN, known)
        assert caught.value.reason == reason
    # A witness alone does not make a checkpoint of the log.
    with pytest.raises(HostileInput, match="own key"):
        open_checkpoint(sign_checkpoint(HEAD, [WITNESS]), ORIGIN, LOG.key, [WITNESS.key])
    # Nor is any signed text one.
    with pytest.raises(HostileInput, match="lines"):
        open_checkpoint(sign_note("just a text\n", [LOG]), ORIGIN, LOG.key)
