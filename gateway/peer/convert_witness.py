"""Wire messages of WitnessService <-> what flow asks and answers; strict."""

from __future__ import annotations

from gateway.errors import HostileInput, RequestError
from gateway.flow.ports.peer import Cosigned, Held
from gateway.peer.v1 import witness_pb2 as pb
from gateway.tlog.audit_path import MAX_SIZE
from gateway.tlog.note import MAX_NOTE_BYTES
from gateway.tlog.tile import HASH_BYTES
from gateway.tlog.witness import MAX_PROOF_HASHES, MAX_REQUEST_BYTES

MAX_LINES_BYTES = 64 * 1024


def body_from_proto(message: pb.AddCheckpointRequest) -> bytes:
    """Read the body of add-checkpoint; RequestError BAD_FIELD when it is too long."""
    if len(message.body) > MAX_REQUEST_BYTES:
        raise RequestError("BAD_FIELD", f"field body must be at most {MAX_REQUEST_BYTES} bytes")
    return message.body


def answer_to_proto(answer: Cosigned | Held) -> pb.AddCheckpointResponse:
    """Write a witness's answer."""
    if isinstance(answer, Cosigned):
        return pb.AddCheckpointResponse(cosigned=pb.Cosigned(lines=answer.lines))
    held = pb.Held(size=answer.size, checkpoint=answer.checkpoint)
    return pb.AddCheckpointResponse(inconsistent=held) if answer.forked else pb.AddCheckpointResponse(conflict=held)


def answer_from_proto(message: pb.AddCheckpointResponse) -> Cosigned | Held:
    """Read a witness's answer.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    which = message.WhichOneof("answer")
    if which == "cosigned":
        if len(message.cosigned.lines) > MAX_LINES_BYTES:
            raise HostileInput("BAD_SHAPE", "a witness's cosignature is too long")
        return Cosigned(message.cosigned.lines)
    if which is None:
        raise HostileInput("BAD_SHAPE", "a witness's answer says neither yes nor no")
    forked = which == "inconsistent"
    held = message.inconsistent if forked else message.conflict
    if held.size > MAX_SIZE or len(held.checkpoint) > MAX_NOTE_BYTES:
        raise HostileInput("BAD_SHAPE", "a witness holds a checkpoint of a size that no log has")
    return Held(held.size, held.checkpoint, forked)


def note_from_proto(note: bytes) -> bytes:
    """Read a signed note; RequestError BAD_FIELD when it is too long."""
    if len(note) > MAX_NOTE_BYTES:
        raise RequestError("BAD_FIELD", f"field checkpoint must be at most {MAX_NOTE_BYTES} bytes")
    return note


def sizes_from_proto(message: pb.ProveConsistencyRequest) -> tuple[int, int]:
    """Read two sizes; RequestError BAD_FIELD beyond 2^63 - 1."""
    if max(message.old_size, message.size) > MAX_SIZE:
        raise RequestError("BAD_FIELD", "fields old_size and size must be below 2^63")
    return message.old_size, message.size


def hashes_from_proto(message: pb.ProveConsistencyResponse) -> tuple[bytes, ...]:
    """Read a consistency proof.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    hashes = tuple(message.hashes)
    if len(hashes) > MAX_PROOF_HASHES or any(len(value) != HASH_BYTES for value in hashes):
        raise HostileInput("BAD_SHAPE", "a consistency proof has too many hashes, or one that is not 32 bytes long")
    return hashes
