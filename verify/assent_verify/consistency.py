"""Whether a log continues an older checkpoint, from the proof that `assent audit consistency` prints."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assent_verify.failure import CheckError
from assent_verify.note import Checkpoint, LogKey, read_checkpoint
from assent_verify.report import printable
from assent_verify.signature import decode_base64
from assent_verify.tree import HASH, verify_consistency

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)
_MOST = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Continued:
    """Two checkpoints of one log, the newer of which holds all that the older promised."""

    old: Checkpoint
    new: Checkpoint


def verify_continuation(encoded: bytes, since: bytes, log_keys: Sequence[LogKey]) -> Continued:
    """Check a proof of consistency.

    Args:
        encoded: old size, hashes and the newer checkpoint, as a request to a witness has them (C2SP tlog-witness).
        since: the older checkpoint, kept elsewhere.
        log_keys: keys of the log, which signed both.

    Raises:
        CheckError: with what failed.
    """
    try:
        old_size, hashes, note = _parsed(encoded)
    except ValueError as error:
        raise CheckError("proof", str(error)) from error
    old = read_checkpoint(since, log_keys, "since")
    new = read_checkpoint(note, log_keys, "checkpoint")
    if old.origin != new.origin:
        raise CheckError("since", "the earlier checkpoint is of another log")
    if old_size != old.size:
        raise CheckError("proof", f"begins at {old_size} entries, not at the {old.size} of the earlier checkpoint")
    try:
        verify_consistency(old.size, new.size, hashes, old.root, new.root)
    except ValueError as error:
        raise CheckError("consistency", str(error)) from error
    return Continued(old, new)


def continued_json(found: Continued) -> dict[str, Any]:
    """What was proven, for programs."""
    return {
        "ok": True,
        "failures": [],
        "origin": found.new.origin,
        "old_size": found.old.size,
        "size": found.new.size,
        "root": base64.b64encode(found.new.root).decode(),
    }


def continued_text(found: Continued) -> str:
    """What was proven, for people."""
    root = base64.b64encode(found.new.root).decode()
    lines = [
        f"log       {found.new.origin}: {found.new.size:,} entries, root {root}",
        f"OK        its first {found.old.size:,} entries are those of the earlier checkpoint",
    ]
    return "\n".join(printable(line) for line in lines) + "\n"


def _parsed(encoded: bytes) -> tuple[int, list[bytes], bytes]:
    head, separator, note = encoded.partition(b"\n\n")
    if not separator or len(encoded) > _MOST:
        raise ValueError("no proof of consistency, with a checkpoint after an empty line")
    first, *lines = head.decode("ascii").split("\n")
    match = _OLD.fullmatch(first)
    if match is None:
        raise ValueError("a proof of consistency begins with old and a size")
    hashes = [decode_base64(line) for line in lines]
    if len(hashes) > 63 or any(len(value) != HASH for value in hashes):
        raise ValueError("a proof of consistency with a hash that is not 32 bytes long, or too many")
    return int(match[1]), hashes, note
