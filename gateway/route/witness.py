"""What witnesses and logs keep of each other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Epoch:
    """A log that was begun anew, under an origin of its own, over the entries that were there.

    Attributes:
        origin: its name.
        size: entries that it found.
        root: of their tree, 32 bytes.
        began_at: when (UTC).
    """

    origin: str
    size: int
    root: bytes
    began_at: datetime


@dataclass(frozen=True, slots=True)
class HeldCheckpoint:
    """The last checkpoint of another party's log that we cosigned.

    Attributes:
        origin: the log.
        party: whose it is.
        size: its entries.
        root: 32 bytes.
        note: the signed note, verbatim.
        at: when we saw it (UTC).
    """

    origin: str
    party: str
    size: int
    root: bytes
    note: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredCosignature:
    """A witness's signature over a checkpoint of our log.

    Attributes:
        origin: our log.
        size: of the checkpoint.
        witness: party that signed.
        line: signature line, with its newline.
        at: when it says it signed (UTC).
    """

    origin: str
    size: int
    witness: str
    line: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ForkRecord:
    """Two checkpoints under one log's key that do not continue each other.

    Attributes:
        origin: the log.
        party: whose it is; we ourselves where it is ours.
        size: of the checkpoint that was held.
        held: that note, verbatim.
        shown: the other note, verbatim.
        reason: what does not fit, in words.
        found_at: when (UTC).
    """

    origin: str
    party: str
    size: int
    held: bytes
    shown: bytes
    reason: str
    found_at: datetime
