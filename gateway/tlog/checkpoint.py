"""Checkpoints: the log's signed promise of its size and root.

    origin
    size
    base64(root)
    (extension lines, discouraged)

as a signed note. Whoever holds two checkpoints and no consistency proof between
them holds evidence of a fork.

Source: C2SP tlog-checkpoint.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.errors import HostileInput, Misuse
from gateway.tlog.audit_path import MAX_SIZE
from gateway.tlog.note import NoteKey, NoteSigner, VerifierKey, decode_base64, open_note, sign_note
from gateway.tlog.tile import HASH_BYTES
from gateway.tlog.tree import EMPTY_ROOT

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head.

    Attributes:
        origin: the log's name, e.g. "retailer.example/audit".
        size: entries, 0 to 2^63 - 1.
        root: 32 bytes.
        extensions: further lines, signed but not audited; none in our logs.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with the note that carries it, verbatim.

    Attributes:
        note: the signed note.
        signed_by: the known keys whose signatures verified, the log's first.
    """

    checkpoint: Checkpoint
    note: bytes
    signed_by: tuple[NoteKey, ...]


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Write the text that is signed.

    Raises:
        Misuse: for lines that cannot be told apart again, a root that is not 32
            bytes long or a size out of range.
    """
    if not 0 <= checkpoint.size <= MAX_SIZE or len(checkpoint.root) != HASH_BYTES:
        raise Misuse("a checkpoint needs a size of 0 to 2^63 - 1 and a root of 32 bytes")
    lines = [
        checkpoint.origin,
        str(checkpoint.size),
        base64.b64encode(checkpoint.root).decode(),
        *checkpoint.extensions,
    ]
    if any(not line or "\n" in line for line in lines):
        raise Misuse("a checkpoint's lines are not empty and hold no newline")
    return "".join(line + "\n" for line in lines)


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a note's text as a checkpoint.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    lines = text.split("\n")
    if lines.pop() != "" or len(lines) < 3 or not all(lines):
        raise HostileInput("BAD_SHAPE", "a checkpoint has fewer than three lines or an empty one")
    origin, size, encoded, *extensions = lines
    if _SIZE.fullmatch(size) is None or int(size) > MAX_SIZE:
        raise HostileInput("BAD_SHAPE", "a checkpoint's size is not a decimal number up to 2^63 - 1")
    try:
        root = decode_base64(encoded)
    except ValueError as error:
        raise HostileInput("BAD_SHAPE", "a checkpoint's root is not base64") from error
    if len(root) != HASH_BYTES:
        raise HostileInput("BAD_SHAPE", "a checkpoint's root is not 32 bytes long")
    if int(size) == 0 and root != EMPTY_ROOT:
        raise HostileInput("DIGEST_MISMATCH", "a checkpoint of an empty log has a root of something")
    return Checkpoint(origin, int(size), root, tuple(extensions))


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[NoteSigner]) -> bytes:
    """Sign a checkpoint.

    The caller must have checked that it continues the last one that it signed:
    nothing here knows the past.

    Raises:
        Misuse: as `format_checkpoint` and `sign_note`.
    """
    return sign_note(format_checkpoint(checkpoint), signers)


def open_checkpoint(note: bytes, origin: str, log_key: VerifierKey, others: Iterable[NoteKey] = ()) -> SignedCheckpoint:
    """Read a checkpoint that must come from one log.

    Args:
        note: the signed note.
        origin: the log that it must name.
        log_key: the log's key, which must have signed.
        others: further known keys, such as an older log key; each signature by
            one of them must verify too.

    Raises:
        HostileInput: BAD_SIGNATURE, BAD_SHAPE, or DIGEST_MISMATCH for an empty log with a root.
    """
    opened = open_note(note, [log_key, *others])
    if log_key not in opened.signed_by:
        raise HostileInput("BAD_SIGNATURE", "a checkpoint is not signed by the log's own key")
    checkpoint = parse_checkpoint(opened.text)
    if checkpoint.origin != origin:
        raise HostileInput("BAD_SHAPE", "a checkpoint names another log than expected")
    return SignedCheckpoint(checkpoint, note, (log_key, *(key for key in opened.signed_by if key != log_key)))
