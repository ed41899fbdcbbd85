"""Names, envelopes and digests that both sides of a session handle alike."""

from __future__ import annotations

import base64
import hashlib

import numpy as np
import numpy.typing as npt

from gateway.agreement.signature import verify_record
from gateway.errors import HostileInput, StateError
from gateway.flow.ports import House, StageFile
from gateway.psi.check import as_rows
from gateway.psi.record import Opening
from gateway.psi.transcript import RECEIVER_TO_SENDER, SENDER_TO_RECEIVER, StageDigest, transcript_hash
from gateway.route.agreement import Agreement
from gateway.route.canonical import canonical_bytes, parse_canonical
from gateway.route.session import Chunk, StageSize

RECEIVER_HALF = "opening-receiver-half"
FULL_OPENING = "opening-full"
COUNTERSIGNATURE = "opening-countersignature"


def done_mark(stage: int) -> str:
    """Name of the sealed mark that a stage is whole and checked."""
    return f"stage-{int(stage)}-done"


def set_done(house: House, job_id: str, stage: int, file: StageFile) -> None:
    """Mark a stage as whole and checked: exactly these chunks. Blocks."""
    house.spool.write_sealed(job_id, done_mark(stage), chunks_of(file))


def is_done(house: House, job_id: str, stage: int, file: StageFile) -> bool:
    """Return whether a stage is whole, as marked. Blocks.

    Raises:
        StateError: LOG_INCONSISTENT when the chunks are not the marked ones.
    """
    marked = house.spool.read_sealed(job_id, done_mark(stage))
    if marked is not None and marked != chunks_of(file):
        raise StateError(
            "LOG_INCONSISTENT", f"stage {int(stage)} on disk is not the one that was marked whole; cancel the job"
        )
    return marked is not None


def chunks_of(file: StageFile) -> bytes:
    """Name exactly these chunks. Blocks."""
    return b"%d:%b" % (file.chunks(), file.chunk_digests_hash())


def envelope(record: bytes, signature: bytes) -> bytes:
    """Wrap a record with its signature for stage 0."""
    return canonical_bytes({"record": record.decode(), "signature": base64.b64encode(signature).decode()})


def open_envelope(encoded: bytes, kind: str, agreement: Agreement, party: str) -> tuple[bytes, bytes]:
    """Return record and signature of an envelope, once the signature by `party` verifies.

    Raises:
        HostileInput: BAD_SHAPE or BAD_SIGNATURE.
    """
    value = parse_canonical(encoded)
    if (
        not isinstance(value, dict)
        or set(value) != {"record", "signature"}
        or not all(isinstance(item, str) for item in value.values())
    ):
        raise HostileInput("BAD_SHAPE", "stage 0 OPENING: the envelope does not hold a record and its signature")
    record, signature = value["record"].encode(), _decode_signature(value["signature"])
    verify_record(agreement_key(agreement, party), kind, record, signature, party)
    return record, signature


def _decode_signature(text: str) -> bytes:
    """Decode a base64 signature.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise HostileInput("BAD_SHAPE", "a signature is not base64") from error


def agreement_key(agreement: Agreement, party: str) -> bytes:
    """Return the Ed25519 key with which a party signed the agreement."""
    for signatory in agreement.parties:
        if signatory.party == party:
            return signatory.agreement_key
    raise HostileInput("BAD_SIGNATURE", f"{party} is no party of the agreement")


def stage_file(
    house: House, job_id: str, session_id: str, stage: int, opening: Opening, *, create: bool = True
) -> StageFile:
    """Open the spool of a wire stage with the record size that the opening record fixes. Blocks."""
    size = opening.stage(stage)
    return house.spool.stage(job_id, session_id, int(stage), size.record_size, sealed=size.sealed, create=create)


def look(house: House, job_id: str, session_id: str, stage: int, opening: Opening) -> StageFile | None:
    """Open a stage for reading; None when nobody has begun it. Looking makes nothing. Blocks."""
    try:
        return stage_file(house, job_id, session_id, stage, opening, create=False)
    except StateError as error:
        if error.reason != "NOT_FOUND":
            raise
        return None


def is_whole(house: House, job_id: str, session_id: str, size: StageSize, opening: Opening) -> bool:
    """Return whether a stage is complete: all rows of a streamed or pushed one, else its mark. Blocks."""
    if size.streamed or size.from_receiver:
        file = look(house, job_id, session_id, size.stage, opening)
        return (file.rows() if file is not None else 0) == size.rows
    return house.spool.read_sealed(job_id, done_mark(size.stage)) is not None


def read_rows(file: StageFile) -> npt.NDArray[np.uint8]:
    """Return a whole stage as (n, record size). Blocks."""
    return as_rows(b"".join(file.read(seq) for seq in range(file.chunks())), file.record_size)


def write_rows(file: StageFile, rows: npt.NDArray[np.uint8]) -> None:
    """Append a whole stage, confirming what stands there already. Blocks."""
    step, there = file.rows_per_chunk, file.chunks()
    for seq in range(there):
        file.append(rows[seq * step : (seq + 1) * step].tobytes(), seq)
    file.extend((rows[start : start + step].tobytes() for start in range(there * step, len(rows), step)), there)


def session_transcript(house: House, job_id: str, session_id: str, opening: Opening) -> bytes:
    """Hash the session as this side holds it. Blocks."""
    digests = []
    for size in opening.stages:
        file = stage_file(house, job_id, session_id, size.stage, opening)
        digests.append(
            StageDigest(
                stage=int(size.stage),
                direction=RECEIVER_TO_SENDER if size.from_receiver else SENDER_TO_RECEIVER,
                chunks=file.chunks(),
                rows=file.rows(),
                digests_hash=_wire_digests(file, size),
            )
        )
    return transcript_hash(opening.record, digests)


def wire_digest(file: StageFile, size: StageSize, seq: int) -> bytes:
    """Return SHA-256 of a chunk as it crosses the wire; the index of a sealed file knows its sealed bytes. Blocks."""
    return hashlib.sha256(file.read(seq)).digest() if size.sealed else file.digest(seq)


def wire_chunk(file: StageFile, size: StageSize, session_id: str, seq: int) -> Chunk:
    """Return a durable chunk as it crosses the wire. Blocks."""
    content = file.read(seq)
    digest = hashlib.sha256(content).digest() if size.sealed else file.digest(seq)
    return Chunk(session_id, int(size.stage), seq, digest, content)


def _wire_digests(file: StageFile, size: StageSize) -> bytes:
    if not size.sealed:
        return file.chunk_digests_hash()
    return hashlib.sha256(b"".join(wire_digest(file, size, seq) for seq in range(file.chunks()))).digest()
