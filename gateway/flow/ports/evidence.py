"""Evidence of erased people: where it is held, and who it is sealed to."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from gateway.route.evidence_hold import EvidenceHold, Openings


class EvidenceSeal(Protocol):
    """Seals a record so that two officers are needed to open it."""

    @property
    def officers(self) -> tuple[str, ...]:
        """Return who can open what is sealed now, any two of them."""
        ...

    def seal(self, hold_id: str, clear: bytes) -> bytes:
        """Return a record that opens for its hold only."""
        ...


class EvidenceStore(Protocol):
    """Evidence holds inside one transaction."""

    async def openings(self, subject_ref: str) -> Openings:
        """Return what opens a person's entries; until this transaction ends nobody adds to it."""
        ...

    async def leaves(self, entries: Collection[int]) -> dict[int, bytes]:
        """Return entries of the log as they were made, {entry: leaf}."""
        ...

    async def put(self, hold: EvidenceHold) -> None:
        """Insert a hold."""
        ...

    async def get(self, hold_id: str) -> EvidenceHold:
        """Return a hold; StateError NOT_FOUND when there is none, or none any more."""
        ...

    async def over(self, now: datetime, limit: int) -> list[EvidenceHold]:
        """Return holds that are to be destroyed, the oldest first."""
        ...

    async def destroy(self, hold_id: str) -> bool:
        """Delete a hold; return whether it was there."""
        ...

    async def list(self, after: str, limit: int) -> list[EvidenceHold]:
        """Return holds by id, behind one."""
        ...
