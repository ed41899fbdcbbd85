"""Receipts: an entry, its path to a checkpoint, and the checkpoint (C2SP tlog-proof)."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assent_verify.failure import CheckError
from assent_verify.note import Checkpoint, LogKey, read_checkpoint
from assent_verify.policy import Policy, read_by_policy
from assent_verify.report import cosigned_lines, printable
from assent_verify.signature import decode_base64
from assent_verify.tree import leaf_hash, root_of_path

HEADER = b"c2sp.org/tlog-proof@v1\n"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_MOST = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as it is written; nothing of it is believed yet."""

    index: int
    hashes: tuple[bytes, ...]
    note: bytes
    extra: bytes | None


@dataclass(frozen=True, slots=True)
class Proven:
    """What a receipt proves.

    Attributes:
        entry: bytes that stand in the log at `index`.
        cosigned: (name in the policy, seconds since 1970) of the witnesses; empty without a policy.
        by_policy: whether a policy was asked.
    """

    index: int
    entry: bytes
    checkpoint: Checkpoint
    cosigned: tuple[tuple[str, int], ...]
    by_policy: bool


def parse_receipt(encoded: bytes) -> Receipt:
    """Read a receipt; ours carry the entry in the line extra.

    Raises:
        ValueError: with the reason.
    """
    head, separator, note = encoded.partition(b"\n\n")
    if not encoded.startswith(HEADER) or not separator or len(encoded) > _MOST:
        raise ValueError("not a receipt of c2sp.org/tlog-proof@v1")
    lines = head.decode("ascii").split("\n")[1:]
    extra = decode_base64(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
    match = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if match is None or int(match[1]) >= 2**63:
        raise ValueError("a receipt without the index of its entry")
    hashes = tuple(decode_base64(line) for line in lines)
    if len(hashes) > 63 or any(len(value) != 32 for value in hashes):
        raise ValueError("a receipt with a hash that is not 32 bytes long, or too many")
    return Receipt(int(match[1]), hashes, note, extra)


def verify_receipt(
    encoded: bytes, log_keys: Sequence[LogKey], policy: Policy | None, entry: bytes | None = None
) -> Proven:
    """Check a receipt.

    Args:
        encoded: the file.
        log_keys: keys of the log, where there is no policy.
        policy: names logs and witnesses; its own logs count, unless it names none.
        entry: what the receipt is about; None where it carries that itself.

    Raises:
        CheckError: with what failed.
    """
    try:
        receipt = parse_receipt(encoded)
    except ValueError as error:
        raise CheckError("receipt", str(error)) from error
    entry = receipt.extra if entry is None else entry
    if entry is None:
        raise CheckError("receipt", "a receipt without its entry: give it with --entry")
    cosigned: tuple[tuple[str, int], ...] = ()
    if policy is None:
        checkpoint = read_checkpoint(receipt.note, log_keys, "checkpoint")
    else:
        accepted = read_by_policy(receipt.note, policy, "policy", log_keys)
        checkpoint, cosigned = accepted.checkpoint, accepted.cosigned
        if log_keys and accepted.log not in log_keys:
            raise CheckError("checkpoint", "is not signed by a key given by --vkey")
    if receipt.index >= checkpoint.size:
        raise CheckError("inclusion", f"entry {receipt.index} is not among the checkpoint's {checkpoint.size:,}")
    try:
        root = root_of_path(leaf_hash(entry), receipt.index, checkpoint.size, receipt.hashes)
    except ValueError as error:
        raise CheckError("inclusion", str(error)) from error
    if root != checkpoint.root:
        raise CheckError("inclusion", f"entry {receipt.index} does not lead to the checkpoint's root")
    return Proven(receipt.index, entry, checkpoint, cosigned, policy is not None)


def receipt_json(proven: Proven) -> dict[str, Any]:
    """What a receipt proves, for programs."""
    return {
        "ok": True,
        "failures": [],
        "origin": proven.checkpoint.origin,
        "size": proven.checkpoint.size,
        "root": base64.b64encode(proven.checkpoint.root).decode(),
        "index": proven.index,
        "entry": proven.entry.decode("utf-8", "replace"),
        "policy": proven.by_policy,
        "cosigned": [{"witness": name, "time": time} for name, time in proven.cosigned],
    }


def receipt_text(proven: Proven) -> str:
    """What a receipt proves, for people."""
    head = proven.checkpoint
    lines = [
        f"log       {head.origin}: {head.size:,} entries, root {base64.b64encode(head.root).decode()}",
        f"entry     {proven.index:,}: {proven.entry.decode('utf-8', 'replace')}",
        *cosigned_lines(proven.cosigned),
    ]
    if proven.by_policy:
        lines.append("OK        the entry is in the log, and the policy holds")
    else:
        lines.append("OK        the entry is in the log, by the log's own word [no witness asked: pass --policy]")
    return "\n".join(printable(line) for line in lines) + "\n"
