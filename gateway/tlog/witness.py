r"""Witnessing: what a log sends for a cosignature, and whether it continues what the witness saw before.

    old <size>
    <base64 hash>                  (consistency proof, at most 63)
    (empty line)
    <checkpoint as signed note, verbatim>

The answers of C2SP are HTTP codes; here they are errors and a `Verdict`:

    404  StateError NOT_FOUND           the caller knows no log of this origin
    403  HostileInput BAD_SIGNATURE     not signed by the log's key
    400  HostileInput BAD_SHAPE         malformed, or an old size above the checkpoint's
    409  Verdict.CONFLICT               the witness last saw another size than "old"
    422  Verdict.FORKED, or HostileInput DIGEST_MISMATCH for an empty log with a root
    200  Verdict.CONTINUES

Source: C2SP tlog-witness, add-checkpoint.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import HostileInput, Misuse
from gateway.tlog.audit_path import MAX_SIZE, verify_consistency
from gateway.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from gateway.tlog.note import MAX_NOTE_BYTES, VerifierKey, decode_base64, split_note
from gateway.tlog.tile import HASH_BYTES

MAX_PROOF_HASHES = 63
MAX_REQUEST_BYTES = MAX_NOTE_BYTES + 4096

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to be witnessed.

    Attributes:
        old_size: of the last checkpoint that the witness cosigned, as the log thinks; 0 for none.
        proof: consistency proof from there, 32 bytes each.
        note: signed checkpoint, verbatim.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes


class Verdict(StrEnum):
    """How a checkpoint stands to the last one that a witness saw."""

    CONTINUES = "CONTINUES"
    CONFLICT = "CONFLICT"
    FORKED = "FORKED"


def format_add_checkpoint(request: AddCheckpoint) -> bytes:
    """Write a request.

    Raises:
        Misuse: for fields out of range.
    """
    if not 0 <= request.old_size <= MAX_SIZE or len(request.proof) > MAX_PROOF_HASHES:
        raise Misuse("a request to a witness has an old size below 2^63 and at most 63 hashes")
    lines = [f"old {request.old_size}", *(base64.b64encode(value).decode() for value in request.proof)]
    return "".join(line + "\n" for line in lines).encode() + b"\n" + request.note


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Read a request; no signature and no proof is verified yet.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    head, separator, note = body.partition(b"\n\n")
    if not separator or len(body) > MAX_REQUEST_BYTES:
        raise HostileInput("BAD_SHAPE", "a request to a witness has no checkpoint after an empty line, or is too long")
    try:
        first, *lines = head.decode("ascii").split("\n")
        proof = tuple(decode_base64(line) for line in lines)
    except ValueError as error:  # also UnicodeDecodeError
        raise HostileInput("BAD_SHAPE", "a request to a witness holds a line that is not base64") from error
    match = _OLD.fullmatch(first)
    if match is None or int(match[1]) > MAX_SIZE:
        raise HostileInput("BAD_SHAPE", "a request to a witness does not begin with an old size")
    if len(proof) > MAX_PROOF_HASHES or any(len(value) != HASH_BYTES for value in proof):
        raise HostileInput("BAD_SHAPE", "a request to a witness has a hash that is not 32 bytes long, or too many")
    return AddCheckpoint(int(match[1]), proof, note)


def origin_of(note: bytes) -> str:
    """Return the log that a checkpoint names, before its signature is looked at.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    return split_note(note)[0].partition("\n")[0]


def open_request(request: AddCheckpoint, key: VerifierKey) -> SignedCheckpoint:
    """Read a request's checkpoint, which the log must have signed.

    Args:
        request: as parsed.
        key: of the log whose origin it names; the key's name is the origin.

    Raises:
        HostileInput: BAD_SIGNATURE; BAD_SHAPE, also for an old size above the
            checkpoint's; DIGEST_MISMATCH for an empty log with a root.
    """
    signed = open_checkpoint(request.note, key.name, key)
    if request.old_size > signed.checkpoint.size:
        raise HostileInput("BAD_SHAPE", "a request to a witness has an old size above its checkpoint's")
    return signed


def judge(request: AddCheckpoint, checkpoint: Checkpoint, held: Checkpoint | None) -> tuple[Verdict, str]:
    """Compare a signed checkpoint with the last one that the witness cosigned.

    Args:
        request: whose old size and proof to go by.
        checkpoint: the request's, its signature verified.
        held: the last one of this origin; None before the first.

    Returns:
        The verdict, and what is wrong, in words; "" where it continues.
    """
    last = 0 if held is None else held.size
    if request.old_size != last:
        return Verdict.CONFLICT, f"the last checkpoint seen has {last} entries"
    try:
        if held is None or last == 0:
            if request.proof:
                raise HostileInput("BAD_SHAPE", "of an empty log there is nothing to prove")
        else:
            verify_consistency(last, checkpoint.size, request.proof, held.root, checkpoint.root)
    except HostileInput as error:
        return Verdict.FORKED, error.message
    return Verdict.CONTINUES, ""


def contradict(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether two signed checkpoints of one log prove by themselves that it forked: one size, two roots."""
    return one.origin == other.origin and one.size == other.size and one.root != other.root
