"""Wire messages of gateway.peer.v1 <-> route types; strict, naming the bad field."""

from __future__ import annotations

import re

from gateway.agreement.notice import MAX_NOTICE_BYTES
from gateway.errors import HostileInput, RequestError
from gateway.flow.ports.peer import Acceptance, Cosigned, Held
from gateway.peer.v1 import exchange_pb2 as pb
from gateway.peer.v1 import notice_pb2 as notice_pb
from gateway.peer.v1 import witness_pb2 as witness_pb
from gateway.route.agreement import Operation
from gateway.route.job import Failure, Refusal
from gateway.route.notice import Signed
from gateway.route.session import LAST_STAGE, Chunk, SessionOffer, SessionState, SessionStatus, StageStatus
from gateway.tlog.audit_path import MAX_SIZE
from gateway.tlog.note import MAX_NOTE_BYTES
from gateway.tlog.tile import HASH_BYTES
from gateway.tlog.witness import MAX_PROOF_HASHES, MAX_REQUEST_BYTES

MAX_CHUNK_BYTES = 1024 * 1024
MAX_LINES_BYTES = 64 * 1024
MAX_KEYS = 8
MAX_COLUMNS = 64
MAX_ENRICH_COLUMNS = 3
MAX_ROWS = 10**9
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def offer_to_proto(offer: SessionOffer) -> pb.OpenSessionRequest:
    """Write an offer."""
    return pb.OpenSessionRequest(
        agreement_id=offer.agreement_id,
        agreement_hash=offer.agreement_hash,
        operation=offer.operation.value,
        suite=offer.suite,
        match_keys=offer.match_keys,
        purpose=offer.purpose,
        columns=offer.columns,
        declared_rows=offer.declared_rows,
        capabilities=offer.capabilities,
        receiver_nonce=offer.nonce,
    )


def offer_from_proto(message: pb.OpenSessionRequest) -> SessionOffer:
    """Read an offer.

    Raises:
        RequestError: BAD_FIELD naming the field.
    """
    if _UUID.fullmatch(message.agreement_id) is None:
        _bad("agreement_id", "must be a lower-case uuid")
    if message.operation not in Operation.__members__:
        _bad("operation", f"must be one of {', '.join(Operation)}")
    if not 1 <= len(message.match_keys) <= MAX_KEYS:
        _bad("match_keys", f"must name 1 to {MAX_KEYS} keys")
    most = MAX_ENRICH_COLUMNS if message.operation == Operation.ENRICH else MAX_COLUMNS
    if len(message.columns) > most:
        _bad("columns", f"may name at most {most} columns")
    if message.declared_rows > MAX_ROWS:
        _bad("declared_rows", "must be at most 10^9")
    for name, texts in (
        ("suite", [message.suite]),
        ("match_keys", message.match_keys),
        ("purpose", [message.purpose]),
        ("columns", message.columns),
    ):
        for place, text in enumerate(texts):
            if _ID.fullmatch(text) is None:
                _bad(f"{name}[{place}]", "must be 1 to 128 letters, digits, '.', '_', ':' or '-'")
    return SessionOffer(
        agreement_id=message.agreement_id,
        agreement_hash=_sized(message.agreement_hash, 32, "agreement_hash"),
        operation=Operation(message.operation),
        suite=message.suite,
        match_keys=tuple(message.match_keys),
        purpose=message.purpose,
        columns=tuple(message.columns),
        declared_rows=message.declared_rows,
        capabilities=tuple(message.capabilities)[:64],
        nonce=_sized(message.receiver_nonce, 32, "receiver_nonce"),
    )


def answer_to_proto(answer: Acceptance | Refusal) -> pb.OpenSessionResponse:
    """Write an answer to an offer."""
    if isinstance(answer, Refusal):
        return pb.OpenSessionResponse(refusal=pb.Refusal(reason_code=answer.reason_code, message=answer.message))
    return pb.OpenSessionResponse(
        accepted=pb.Acceptance(
            session_id=bytes.fromhex(answer.session_id),
            sender_nonce=answer.sender_nonce,
            record=answer.record,
            signature=answer.signature,
        )
    )


def answer_from_proto(message: pb.OpenSessionResponse) -> Acceptance | Refusal:
    """Read an answer to our offer.

    Raises:
        HostileInput: BAD_SHAPE when neither answer is set, or sizes are wrong.
    """
    if message.WhichOneof("answer") == "refusal":
        return Refusal(message.refusal.reason_code[:64], message.refusal.message[:500])
    accepted = message.accepted
    if len(accepted.session_id) != 32 or len(accepted.sender_nonce) != 32 or len(accepted.signature) != 64:
        raise HostileInput("BAD_SHAPE", "OpenSession: the partner's acceptance lacks its id, nonce or signature")
    return Acceptance(accepted.session_id.hex(), accepted.sender_nonce, accepted.record, accepted.signature)


def chunk_to_proto(chunk: Chunk) -> pb.Chunk:
    """Write a chunk."""
    return pb.Chunk(
        session_id=bytes.fromhex(chunk.session_id),
        stage=chunk.stage,
        seq=chunk.seq,
        sha256=chunk.sha256,
        bytes=chunk.bytes,
    )


def chunk_from_proto(message: pb.Chunk) -> Chunk:
    """Read a chunk.

    Raises:
        RequestError: BAD_FIELD naming the field.
    """
    if len(message.bytes) > MAX_CHUNK_BYTES:
        _bad("chunk.bytes", f"must be at most {MAX_CHUNK_BYTES} bytes")
    return Chunk(
        session_id=session_id_from_proto(message.session_id),
        stage=stage_from_proto(message.stage),
        seq=message.seq,
        sha256=_sized(message.sha256, 32, "chunk.sha256"),
        bytes=message.bytes,
    )


def session_id_from_proto(value: bytes) -> str:
    """Read a session id as 64 hex digits."""
    return _sized(value, 32, "session_id").hex()


def stage_from_proto(value: int) -> int:
    """Read a stage number; which stages a session has is the session's to say."""
    if not 0 <= value <= LAST_STAGE:
        _bad("stage", f"must be 0 to {int(LAST_STAGE)}")
    return value


def status_to_proto(status: SessionStatus) -> pb.GetSessionResponse:
    """Write where a session stands."""
    return pb.GetSessionResponse(
        state=status.state.value,
        stages=[
            pb.StageStatus(stage=item.stage, last_seq=item.last_seq, rows=item.rows, complete=item.complete)
            for item in status.stages
        ],
        failure_reason=status.failure.reason if status.failure else "",
        failure_message=status.failure.message if status.failure else "",
    )


def status_from_proto(session_id: str, message: pb.GetSessionResponse) -> SessionStatus:
    """Read where a session stands at the partner.

    Raises:
        HostileInput: BAD_SHAPE for an unknown state.
    """
    if message.state not in SessionState.__members__:
        raise HostileInput("BAD_SHAPE", "GetSession: the partner names a state that this release does not know")
    failure = Failure(message.failure_reason[:64], message.failure_message[:500]) if message.failure_reason else None
    return SessionStatus(
        session_id,
        SessionState(message.state),
        tuple(
            StageStatus(item.stage, item.last_seq, item.rows, item.complete)
            for item in message.stages
            if item.stage <= LAST_STAGE
        ),
        failure,
    )


def signed_notice_to_proto(notice: Signed) -> notice_pb.SignedNotice:
    """Write a notice."""
    return notice_pb.SignedNotice(record=notice.record, signature=notice.signature)


def acknowledgement_to_proto(acknowledgement: Signed) -> notice_pb.SignedAcknowledgement:
    """Write an acknowledgement."""
    return notice_pb.SignedAcknowledgement(record=acknowledgement.record, signature=acknowledgement.signature)


def signed_from_proto(message: notice_pb.SignedNotice | notice_pb.SignedAcknowledgement) -> Signed:
    """Read a notice or an acknowledgement; what its record says is read once its signature is checked.

    Raises:
        RequestError: BAD_FIELD naming the field.
    """
    if len(message.record) > MAX_NOTICE_BYTES:
        _bad("record", f"must be at most {MAX_NOTICE_BYTES} bytes")
    return Signed(message.record, _sized(message.signature, 64, "signature"))


def notice_id_from_proto(value: str) -> str:
    """Read the id of a notice, or none."""
    if value and _UUID.fullmatch(value) is None:
        _bad("after", "must be a lower-case uuid")
    return value


def add_checkpoint_from_proto(message: witness_pb.AddCheckpointRequest) -> bytes:
    """Read the body of add-checkpoint; RequestError BAD_FIELD when it is too long."""
    if len(message.body) > MAX_REQUEST_BYTES:
        raise RequestError("BAD_FIELD", f"field body must be at most {MAX_REQUEST_BYTES} bytes")
    return message.body


def witness_answer_to_proto(answer: Cosigned | Held) -> witness_pb.AddCheckpointResponse:
    """Write a witness's answer."""
    if isinstance(answer, Cosigned):
        return witness_pb.AddCheckpointResponse(cosigned=witness_pb.Cosigned(lines=answer.lines))
    held = witness_pb.Held(size=answer.size, checkpoint=answer.checkpoint)
    return (
        witness_pb.AddCheckpointResponse(inconsistent=held)
        if answer.forked
        else witness_pb.AddCheckpointResponse(conflict=held)
    )


def witness_answer_from_proto(message: witness_pb.AddCheckpointResponse) -> Cosigned | Held:
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


def sizes_from_proto(message: witness_pb.ProveConsistencyRequest) -> tuple[int, int]:
    """Read two sizes; RequestError BAD_FIELD beyond 2^63 - 1."""
    if max(message.old_size, message.size) > MAX_SIZE:
        raise RequestError("BAD_FIELD", "fields old_size and size must be below 2^63")
    return message.old_size, message.size


def hashes_from_proto(message: witness_pb.ProveConsistencyResponse) -> tuple[bytes, ...]:
    """Read a consistency proof.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    hashes = tuple(message.hashes)
    if len(hashes) > MAX_PROOF_HASHES or any(len(value) != HASH_BYTES for value in hashes):
        raise HostileInput("BAD_SHAPE", "a consistency proof has too many hashes, or one that is not 32 bytes long")
    return hashes


def _sized(value: bytes, size: int, name: str) -> bytes:
    if len(value) != size:
        _bad(name, f"must be {size} bytes")
    return value


def _bad(name: str, rule: str) -> None:
    raise RequestError("BAD_FIELD", f"{name}: {rule}")
