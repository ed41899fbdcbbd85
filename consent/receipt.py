"""Receipts: what a person may keep to prove that their act was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from consent.fields import said


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that an event stands in the audit log. Fields only; the log makes and checks them.

    Attributes:
        event_id: the recorded act.
        consent_ids: the consents it gave or ended.
        recorded_at: when our server took it in.
        notice: `id@version` of what was shown, if anything.
        leaf_hash: RFC 6962 leaf hash of the entry, 32 bytes.
        entry_index: position in the log.
        tree_size: size of the tree that the proof leads to.
        inclusion_proof: sibling hashes from the leaf up, 32 bytes each.
        checkpoint: the signed note (C2SP) that states the tree's root.
    """

    event_id: str
    consent_ids: tuple[str, ...]
    recorded_at: datetime
    notice: str | None
    leaf_hash: bytes
    entry_index: int
    tree_size: int
    inclusion_proof: tuple[bytes, ...]
    checkpoint: bytes

    def to_mapping(self) -> Mapping[str, object]:
        """Return a JSON object; hashes in hex, the note as its text."""
        return {
            "event_id": self.event_id,
            "consent_ids": list(self.consent_ids),
            "recorded_at": said(self.recorded_at),
            "notice": self.notice,
            "leaf_hash": self.leaf_hash.hex(),
            "entry_index": self.entry_index,
            "tree_size": self.tree_size,
            "inclusion_proof": [sibling.hex() for sibling in self.inclusion_proof],
            "checkpoint": self.checkpoint.decode(),
        }
