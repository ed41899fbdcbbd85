"""Signed notes and checkpoints (C2SP signed-note and tlog-checkpoint)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from assent_verify.failure import CheckError
from assent_verify.signature import decode_base64, signature_ok, trusted_key

_ED25519 = b"\x01"
_MAX_SIGNATURES = 64
_VKEY = re.compile(r"([^\x00-\x20+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")
_LINE = re.compile(r"— ([^\x00-\x20+\s]+) ([A-Za-z0-9+/=]+)")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogKey:
    """A log's public key with the name and id that it has in notes."""

    name: str
    key_id: bytes
    public_key: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log promised: so many entries, under this root."""

    origin: str
    size: int
    root: bytes


def parse_vkey(text: str) -> LogKey:
    """Read a verifier key: name+hex(id)+base64(1 || Ed25519 key).

    Raises:
        ValueError: with the reason.
    """
    name, encoded = split_vkey(text)
    if encoded[:1] != _ED25519:
        raise ValueError("not an Ed25519 verifier key (type 1)")
    public_key = trusted_key(encoded[1:])
    key_id = hashlib.sha256(name.encode() + b"\n" + encoded).digest()[:4]
    return LogKey(name, key_id, public_key, text)


def split_vkey(text: str) -> tuple[str, bytes]:
    """Split a verifier key into its name and type || key, which its id belongs to.

    Raises:
        ValueError: with the reason.
    """
    match = _VKEY.fullmatch(text)
    if match is None:
        raise ValueError("not a verifier key of the form name+id+key")
    encoded = decode_base64(match[3])
    if hashlib.sha256(match[1].encode() + b"\n" + encoded).hexdigest()[:8] != match[2]:
        raise ValueError("the verifier key's id does not belong to its name and key")
    return match[1], encoded


def split_note(note: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Split a note into its text and (name, key id, signature) triples, none of them checked.

    Raises:
        ValueError: with the reason.
    """
    content = note.decode("utf-8")
    if any(char < " " and char != "\n" for char in content):
        raise ValueError("a note with control characters")
    end = content.rfind("\n\n")
    if end < 0 or not content.endswith("\n") or len(content) == end + 2:
        raise ValueError("a note without signature lines")
    signatures = []
    for line in content[end + 2 : -1].split("\n"):
        match = _LINE.fullmatch(line)
        encoded = decode_base64(match[2]) if match else b""
        if match is None or len(encoded) <= 4:
            raise ValueError("a note with a malformed signature line")
        signatures.append((match[1], encoded[:4], encoded[4:]))
    if len(signatures) > _MAX_SIGNATURES:
        raise ValueError(f"a note with more than {_MAX_SIGNATURES} signatures")
    return content[: end + 1], signatures


def check_signatures(text: str, signatures: Sequence[tuple[str, bytes, bytes]], known: Sequence[LogKey]) -> LogKey:
    """Check every signature by a known key and return the first key that signed.

    Raises:
        ValueError: when one of them fails, or none is there.
    """
    keys = {(key.name, key.key_id): key for key in known}
    signed: list[LogKey] = []
    for name, key_id, signature in signatures:
        key = keys.get((name, key_id))
        if key is None:
            continue  # a witness or an algorithm that the reader does not know
        if not signature_ok(key.public_key, text.encode(), signature):
            raise ValueError(f"the signature by {key.text} does not verify")
        signed.append(key)
    if not signed:
        raise ValueError("no signature by a key that is trusted here")
    return signed[0]


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text.

    Raises:
        ValueError: with the reason.
    """
    lines = text.split("\n")
    if lines.pop() != "" or len(lines) < 3 or not all(lines):
        raise ValueError("a checkpoint has at least three lines, none of them empty")
    if _SIZE.fullmatch(lines[1]) is None or int(lines[1]) >= 2**63:
        raise ValueError("a checkpoint's second line is its size")
    root = decode_base64(lines[2])
    if len(root) != 32:
        raise ValueError("a checkpoint's third line is a root of 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def read_checkpoint(note: bytes, known: Sequence[LogKey], check: str) -> Checkpoint:
    """Read a checkpoint that a known key of its own log must have signed: a key is named as the log's origin is.

    Raises:
        CheckError: named `check`.
    """
    try:
        text, signatures = split_note(note)
        checkpoint = parse_checkpoint(text)
        own = [key for key in known if key.name == checkpoint.origin]
        if known and not own:
            raise ValueError(f"is of another log than the keys that are known here: {checkpoint.origin}")
        check_signatures(text, signatures, own)
        return checkpoint
    except ValueError as error:
        raise CheckError(check, str(error)) from error
