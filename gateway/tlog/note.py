"""Signed notes: text with signature lines, and the keys that make and check them.

    text, ending in a newline
    (empty line)
    — <key name> base64(key id[4] || signature)

A signature by a key that the reader does not know is ignored, so that witnesses
and later algorithms can add theirs; one that is claimed by a known key and does
not verify rejects the whole note. Type 0x01 (Ed25519 over the text) is made and
checked here, type 0x04 in `cosignature.py`; a further type is a further `NoteKey`.

Source: C2SP signed-note.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import HostileInput, Misuse, RequestError
from gateway.route.ed25519 import check_public_key, verify_signature

ED25519 = 0x01  # signature type byte: Ed25519 over the note's text
KEY_ID_BYTES = 4
MAX_SIGNATURES = 64  # per note; C2SP asks for at least 16
MAX_NOTE_BYTES = 512 * 1024  # room for 64 post-quantum signatures of 5 kB

_KEY_HEX = re.compile(r"[0-9a-f]{8}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NOT_IN_NAME = re.compile(r"[\x00-\x1f+\s\ud800-\udfff]")  # also lone surrogates, which UTF-8 cannot carry


class NoteKey(Protocol):
    """A key of any signature type that a reader of notes may know."""

    @property
    def name(self) -> str:
        """Key name, as it stands in signature lines."""
        ...

    @property
    def key_id(self) -> bytes:
        """Four bytes that name key and algorithm in signature lines."""
        ...

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check this key's signature over a note's text; HostileInput BAD_SIGNATURE."""
        ...


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A named public key, trusted by whoever holds it.

    Attributes:
        name: key name, conventionally the log's origin.
        public_key: 32 bytes, canonical and of full order.
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse a name that cannot stand in a note and a key that cannot be trusted."""
        if not is_key_name(self.name):
            raise RequestError("BAD_FIELD", "a key name is empty or holds a space, a plus or a control character")
        check_public_key(self.public_key)

    @property
    def key_id(self) -> bytes:
        """Four bytes that name key and algorithm in signature lines; no commitment to the key."""
        return key_id_of(self.name, ED25519, self.public_key)

    @property
    def vkey(self) -> str:
        """The key as people exchange it: name+hex(key id)+base64(type || public key)."""
        return format_vkey(self.name, ED25519, self.public_key)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check this key's signature over a note's text.

        Raises:
            HostileInput: BAD_SIGNATURE.
        """
        verify_signature(self.public_key, message, signature, "the note by a known key")


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A named key that can sign, wherever its private half lives.

    Attributes:
        key: the public half.
        sign: message -> Ed25519 signature, 64 bytes.
    """

    key: VerifierKey
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Note:
    """A note that at least one known key signed.

    Attributes:
        text: what is signed, with its final newline.
        signed_by: the known keys whose signatures verified, in the note's order.
        unknown: number of signature lines by keys that the reader does not know.
    """

    text: str
    signed_by: tuple[NoteKey, ...]
    unknown: int


def is_key_name(name: str) -> bool:
    """Whether a name may stand in a signature line: no space of any script, no plus, no control character."""
    return bool(name) and _NOT_IN_NAME.search(name) is None


def parse_vkey(text: str) -> VerifierKey:
    """Read an Ed25519 verifier key.

    Args:
        text: name+hex(key id)+base64(0x01 || public key).

    Raises:
        RequestError: BAD_FIELD for another form, algorithm or key id, and for a
            public key that is not canonical, not on the curve or of low order.
    """
    name, type, public_key = split_vkey(text)
    if type != ED25519:
        raise RequestError("BAD_FIELD", "a log's verifier key is not of type 1 (Ed25519)")
    return VerifierKey(name, public_key)


def split_vkey(text: str) -> tuple[str, int, bytes]:
    """Split a verifier key of any type into name, type byte and public key; its id is checked, the key is not.

    Raises:
        RequestError: BAD_FIELD.
    """
    parts = text.split("+", 2)
    if len(parts) != 3 or _KEY_HEX.fullmatch(parts[1]) is None:
        raise RequestError("BAD_FIELD", "a verifier key is not name+key id+key; copy it again from the log's card")
    try:
        encoded = decode_base64(parts[2])
    except ValueError as error:
        raise RequestError("BAD_FIELD", "a verifier key's last part is not base64") from error
    if not encoded or not is_key_name(parts[0]):
        raise RequestError("BAD_FIELD", "a verifier key has no type, or a name that cannot stand in a note")
    if key_id_of(parts[0], encoded[0], encoded[1:]).hex() != parts[1]:
        raise RequestError("BAD_FIELD", "a verifier key's id does not belong to its name and key")
    return parts[0], encoded[0], encoded[1:]


def key_id_of(name: str, type: int, public_key: bytes) -> bytes:
    """Return the four bytes that name a key: SHA-256(name || newline || type || key)[:4]."""
    encoded = name.encode() + b"\n" + bytes([type]) + public_key
    return hashlib.sha256(encoded).digest()[:KEY_ID_BYTES]


def format_vkey(name: str, type: int, public_key: bytes) -> str:
    """Write a verifier key: name+hex(key id)+base64(type || public key)."""
    encoded = base64.b64encode(bytes([type]) + public_key).decode()
    return f"{name}+{key_id_of(name, type, public_key).hex()}+{encoded}"


def sign_note(text: str, signers: Sequence[NoteSigner]) -> bytes:
    """Sign a text.

    Args:
        text: ends in a newline; no control characters besides newlines.
        signers: 1 to 64.

    Raises:
        Misuse: for a text that cannot be a note, or no signer.
    """
    if not text.endswith("\n") or _has_control(text) or not 0 < len(signers) <= MAX_SIGNATURES:
        raise Misuse("a note needs a text that ends in a newline and has no control characters, and 1 to 64 signers")
    message = text.encode()
    return message + b"\n" + "".join(signature_line(s.key, s.sign(message)) for s in signers).encode()


def signature_line(key: NoteKey, signature: bytes) -> str:
    """Write one signature line, as it may be appended to a note that already has some."""
    return f"— {key.name} {base64.b64encode(key.key_id + signature).decode()}\n"


def open_note(note: bytes, known: Iterable[NoteKey]) -> Note:
    """Read a note and check every signature by a known key.

    Args:
        note: at most 512 KiB with 1 to 64 signature lines.
        known: the keys that the reader trusts; at least one must have signed.

    Raises:
        HostileInput: BAD_SHAPE for a malformed note, BAD_SIGNATURE when a known
            key's signature fails or no known key signed.
    """
    text, signatures = split_note(note)
    keys = {(key.name, key.key_id): key for key in known}
    message = text.encode()
    signed_by: dict[tuple[str, bytes], NoteKey] = {}
    unknown = 0
    for name, key_id, signature in signatures:
        key = keys.get((name, key_id))
        if key is None:
            unknown += 1
            continue
        key.verify(message, signature)
        signed_by[(name, key_id)] = key
    if not signed_by:
        raise HostileInput("BAD_SIGNATURE", "a note carries no signature by a key that is known here")
    return Note(text, tuple(signed_by.values()), unknown)


def split_note(note: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Split a note into its text and (key name, key id, signature) of each line, none of them verified.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    text, lines = _split(note)
    return text, [_parse_signature(line) for line in lines]


def decode_base64(text: str) -> bytes:
    """Decode standard base64 with padding, accepting one spelling of each value only.

    Raises:
        ValueError: for anything else; callers name the field.
    """
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("not base64") from error
    if base64.b64encode(value).decode() != text:
        raise ValueError("not canonical base64")
    return value


def _split(note: bytes) -> tuple[str, list[str]]:
    if len(note) > MAX_NOTE_BYTES:
        raise HostileInput("BAD_SHAPE", f"a note is longer than {MAX_NOTE_BYTES} bytes")
    try:
        content = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HostileInput("BAD_SHAPE", "a note is not UTF-8") from error
    if _has_control(content):
        raise HostileInput("BAD_SHAPE", "a note holds control characters")
    # The text may itself hold empty lines: the last one ends it.
    end = content.rfind("\n\n")
    signatures = content[end + 2 :]
    if end < 0 or not signatures.endswith("\n"):
        raise HostileInput("BAD_SHAPE", "a note has no signature lines after an empty line, or its last line is cut")
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise HostileInput("BAD_SHAPE", f"a note has more than {MAX_SIGNATURES} signature lines")
    return content[: end + 1], lines


def _parse_signature(line: str) -> tuple[str, bytes, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not is_key_name(parts[1]):
        raise HostileInput("BAD_SHAPE", "a note's signature line is not an em dash, a key name and base64")
    try:
        encoded = decode_base64(parts[2])
    except ValueError as error:
        raise HostileInput("BAD_SHAPE", "a note's signature is not base64") from error
    if len(encoded) <= KEY_ID_BYTES:
        raise HostileInput("BAD_SHAPE", "a note's signature is shorter than its key id")
    return parts[1], encoded[:KEY_ID_BYTES], encoded[KEY_ID_BYTES:]


def _has_control(text: str) -> bool:
    return _CONTROL.search(text) is not None
