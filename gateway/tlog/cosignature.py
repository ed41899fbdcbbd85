"""Cosignatures: a witness's word that a checkpoint continues every earlier one that it saw of the log.

    — <witness name> base64(key id[4] || u64 time || Ed25519 signature)

signed over "cosignature/v1" newline "time <seconds>" newline and the note's whole
text. One form of message for every log: the key that makes it must sign nothing
else that could begin with these words (docs/adr/0012).

Source: C2SP tlog-cosignature (type 0x04, timestamped Ed25519).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.errors import HostileInput, Misuse, RequestError
from gateway.route.ed25519 import SIGNATURE_BYTES, check_public_key, verify_signature
from gateway.route.party import PartyCard
from gateway.tlog.note import (
    format_vkey,
    is_key_name,
    key_id_of,
    open_note,
    parse_vkey,
    signature_line,
    split_note,
    split_vkey,
)

COSIGNATURE = 0x04  # signature type byte: timestamped Ed25519
TIME_BYTES = 8
MAX_TIME = 2**63 - 1  # seconds since 1970


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """A witness's named public key.

    Attributes:
        name: key name, by convention a URL without its scheme that names the witness.
        public_key: 32 bytes, canonical and of full order.
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse a name that cannot stand in a note and a key that cannot be trusted."""
        if not is_key_name(self.name):
            raise RequestError("BAD_FIELD", "a witness's name is empty or holds a space, a plus or a control character")
        check_public_key(self.public_key)

    @property
    def key_id(self) -> bytes:
        """Four bytes that name key and algorithm in signature lines."""
        return key_id_of(self.name, COSIGNATURE, self.public_key)

    @property
    def vkey(self) -> str:
        """The key as people exchange it."""
        return format_vkey(self.name, COSIGNATURE, self.public_key)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check this key's cosignature over a note's text.

        Raises:
            HostileInput: BAD_SIGNATURE.
        """
        if len(signature) != TIME_BYTES + SIGNATURE_BYTES:
            raise HostileInput("BAD_SIGNATURE", "a cosignature is not a time and an Ed25519 signature")
        signed = cosigned_message(message, cosigned_at(signature))
        verify_signature(self.public_key, signed, signature[TIME_BYTES:], "the checkpoint by a known witness")


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A cosignature that verified.

    Attributes:
        key: whose it is.
        time: seconds since 1970, as the witness says.
        line: signature line with its newline, to stand behind the note.
    """

    key: CosignerKey
    time: int
    line: str


def witness_key(card: PartyCard) -> CosignerKey:
    """Return a party's key as a witness: its log key under a name and a signature type of its own.

    Raises:
        RequestError: BAD_FIELD for a card that `parse_card` would not have let pass.
    """
    return CosignerKey(f"{card.target_name}/witness", parse_vkey(card.log_vkey).public_key)


def parse_cosigner_key(text: str) -> CosignerKey:
    """Read a witness's verifier key.

    Raises:
        RequestError: BAD_FIELD for another form, algorithm or key id, and for a
            public key that is not canonical, not on the curve or of low order.
    """
    name, type, public_key = split_vkey(text)
    if type != COSIGNATURE:
        raise RequestError("BAD_FIELD", "a witness's verifier key is not of type 4 (timestamped Ed25519)")
    return CosignerKey(name, public_key)


def cosigned_message(text: bytes, time: int) -> bytes:
    """Return what a cosignature signs.

    Raises:
        HostileInput: BAD_SIGNATURE for a time beyond 2^63 - 1.
    """
    if not 0 <= time <= MAX_TIME:
        raise HostileInput("BAD_SIGNATURE", "a cosignature is of a time beyond 2^63 - 1 seconds")
    return b"cosignature/v1\ntime %d\n" % time + text


def cosigned_at(signature: bytes) -> int:
    """Return the time in a cosignature, seconds since 1970."""
    return int.from_bytes(signature[:TIME_BYTES], "big")


def cosign(text: str, key: CosignerKey, time: int, sign: Callable[[bytes], bytes]) -> str:
    """Cosign a checkpoint's text.

    The caller must have persisted that it saw this checkpoint: nothing here knows the past.

    Args:
        text: the note's text, with its final newline.
        key: of the witness.
        time: now, seconds since 1970.
        sign: message -> Ed25519 signature, 64 bytes.

    Returns:
        The signature line.
    """
    if not text.endswith("\n"):
        raise Misuse("a cosignature is over a note's whole text")
    return signature_line(key, time.to_bytes(TIME_BYTES, "big") + sign(cosigned_message(text.encode(), time)))


def cosignatures(note: bytes, known: Iterable[CosignerKey]) -> tuple[Cosignature, ...]:
    """Return the cosignatures by known witnesses on a note, each verified, one per witness, in the note's order.

    Raises:
        HostileInput: BAD_SHAPE for a malformed note; BAD_SIGNATURE when one that a
            known witness is named for does not verify.
    """
    text, signatures = split_note(note)
    keys = {(key.name, key.key_id): key for key in known}
    found: dict[CosignerKey, Cosignature] = {}
    for name, key_id, signature in signatures:
        key = keys.get((name, key_id))
        if key is None:
            continue
        key.verify(text.encode(), signature)
        found.setdefault(key, Cosignature(key, cosigned_at(signature), signature_line(key, signature)))
    return tuple(found.values())


def take_cosignature(note: bytes, lines: bytes, key: CosignerKey) -> Cosignature:
    """Take a witness's own cosignature out of its answer, ignoring what others are named for.

    Args:
        note: the checkpoint as it was sent.
        lines: the answer, signature lines.
        key: the witness that was asked.

    Raises:
        HostileInput: BAD_SHAPE or BAD_SIGNATURE.
    """
    answered = note.partition(b"\n\n")[0] + b"\n\n" + lines
    open_note(answered, [key])
    return cosignatures(answered, [key])[0]
