"""An audit entry before and after it has its place in the tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something to put on record, in the transaction that makes it true.

    Attributes:
        type: a leaf type of `gateway.tlog.leaf`.
        time: when (UTC).
        subject_ref: whose salt commits to the payload; "" for the log's own.
        payload: JSON-able mapping of strings, integers, booleans, lists, mappings.
    """

    type: str
    time: datetime
    subject_ref: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """Durable, in order, not yet in the tree."""

    pending_id: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class IntegratedEntry:
    """In the tree at an index for ever.

    Attributes:
        payload: canonical bytes, or None once erased.
        salt: 32 bytes, or None once erased.
        own: whether it is about nobody: it opens with the log's own salt.
    """

    index: int
    leaf: bytes
    type: str
    time: datetime
    payload: bytes | None
    salt: bytes | None
    own: bool = False


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries are asked for; None is any.

    Attributes:
        type: of the leaf.
        since: first moment of the leaf.
        until: first moment that is too late.
        subject_ref: about whom, as far as entries can be opened still.
        keys: about which session or job.
    """

    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    subject_ref: str | None = None
    keys: tuple[str, ...] | None = None

    def holds(self, entry: IntegratedEntry) -> bool:
        """Whether type and time of an entry fit."""
        return (
            self.type in (None, entry.type)
            and (self.since is None or entry.time >= self.since)
            and (self.until is None or entry.time < self.until)
        )
