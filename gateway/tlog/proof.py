"""Receipts: one file that proves, offline, that an entry is in the log.

    c2sp.org/tlog-proof@v1
    extra <base64>                 (optional, not authenticated)
    index <n>
    <base64 hash>                  (inclusion proof, leaf's sibling first)
    (empty line)
    <checkpoint as signed note, verbatim>

Source: C2SP tlog-proof.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import HostileInput, Misuse
from gateway.tlog.audit_path import MAX_SIZE, verify_inclusion
from gateway.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from gateway.tlog.note import MAX_NOTE_BYTES, NoteKey, VerifierKey, decode_base64
from gateway.tlog.tile import HASH_BYTES
from gateway.tlog.tree import leaf_hash

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_HASHES = 63  # height of a tree of 2^63 entries
MAX_EXTRA_BYTES = 128 * 1024  # room for an entry and its payload

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A receipt.

    Attributes:
        index: of the entry.
        hashes: inclusion proof, 32 bytes each.
        checkpoint: signed note, verbatim.
        extra: opaque and not authenticated; ours is the entry itself.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def format_proof(proof: TlogProof) -> bytes:
    """Write a receipt.

    Raises:
        Misuse: for fields out of range.
    """
    if (
        not 0 <= proof.index < MAX_SIZE
        or len(proof.hashes) > MAX_PROOF_HASHES
        or any(len(value) != HASH_BYTES for value in proof.hashes)
        or (proof.extra is not None and len(proof.extra) > MAX_EXTRA_BYTES)
    ):
        raise Misuse(
            "a receipt needs an index below 2^63, at most 63 hashes of 32 bytes and at most 128 KiB beside them"
        )
    lines = [HEADER]
    if proof.extra is not None:
        lines.append(f"extra {base64.b64encode(proof.extra).decode()}")
    lines.append(f"index {proof.index}")
    lines += [base64.b64encode(value).decode() for value in proof.hashes]
    return "".join(line + "\n" for line in lines).encode() + b"\n" + proof.checkpoint


def parse_proof(encoded: bytes) -> TlogProof:
    """Read a receipt; nothing of it is verified yet.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    head, separator, checkpoint = encoded.partition(b"\n\n")
    if not separator or len(encoded) > MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES:
        raise HostileInput("BAD_SHAPE", "a receipt has no checkpoint after an empty line, or is too long")
    try:
        lines = head.decode("ascii").split("\n")
        if lines.pop(0) != HEADER:
            raise HostileInput("BAD_SHAPE", f"a receipt does not begin with {HEADER}")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = decode_base64(lines.pop(0).removeprefix("extra "))
        match = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if match is None or int(match[1]) >= MAX_SIZE:
            raise HostileInput("BAD_SHAPE", "a receipt has no index line with a number below 2^63")
        hashes = tuple(decode_base64(line) for line in lines)
    except ValueError as error:  # also UnicodeDecodeError
        raise HostileInput("BAD_SHAPE", "a receipt holds a line that is not base64") from error
    if len(hashes) > MAX_PROOF_HASHES or any(len(value) != HASH_BYTES for value in hashes):
        raise HostileInput("BAD_SHAPE", "a receipt holds a hash that is not 32 bytes long, or too many")
    if extra is not None and len(extra) > MAX_EXTRA_BYTES:
        raise HostileInput("BAD_SHAPE", "a receipt carries too much beside its proof")
    return TlogProof(int(match[1]), hashes, checkpoint, extra)


def verify_proof(
    proof: TlogProof, entry: bytes, origin: str, log_key: VerifierKey, others: Iterable[NoteKey] = ()
) -> SignedCheckpoint:
    """Check that a receipt proves an entry to be in one log.

    Returns:
        The checkpoint that promises it.

    Raises:
        HostileInput: BAD_SIGNATURE, BAD_SHAPE or DIGEST_MISMATCH.
    """
    signed = open_checkpoint(proof.checkpoint, origin, log_key, others)
    head = signed.checkpoint
    verify_inclusion(leaf_hash(entry), proof.index, head.size, proof.hashes, head.root)
    return signed
