"""What is stored of witnesses: their cosignatures over our log, what we saw of theirs, forks, logs begun anew."""

from __future__ import annotations

from typing import Protocol

from gateway.route.witness import Epoch, ForkRecord, HeldCheckpoint, StoredCosignature


class WitnessStore(Protocol):
    """Cosignatures, held checkpoints and forks."""

    async def add_cosignature(self, cosignature: StoredCosignature) -> None:
        """Store a cosignature; one by the same witness over the same checkpoint replaces it."""
        ...

    async def cosignatures(self, origin: str, size: int) -> list[StoredCosignature]:
        """Return the cosignatures over one checkpoint, by witness."""
        ...

    async def newest(self, origin: str) -> dict[str, StoredCosignature]:
        """Return every witness's newest cosignature."""
        ...

    async def cosigned_sizes(self, origin: str, limit: int) -> list[int]:
        """Return the sizes of checkpoints with cosignatures, the largest first."""
        ...

    async def prune(self, origin: str, below: int) -> None:
        """Drop cosignatures over checkpoints below a size, but each witness's newest."""
        ...

    async def held(self, origin: str) -> HeldCheckpoint | None:
        """Return the last checkpoint of a log that we cosigned."""
        ...

    async def list_held(self) -> list[HeldCheckpoint]:
        """Return the last checkpoints of all logs that we witness, by origin."""
        ...

    async def advance(self, old_size: int | None, held: HeldCheckpoint) -> bool:
        """Replace the last checkpoint of a log if its size still is `old_size` (None: there is none); else False."""
        ...

    async def add_fork(self, fork: ForkRecord) -> bool:
        """Store a fork; False when one at this size of this log is known."""
        ...

    async def forks(self) -> list[ForkRecord]:
        """Return all forks, the newest first."""
        ...


class EpochStore(Protocol):
    """Logs begun anew."""

    async def get(self, origin: str) -> Epoch | None:
        """Return how a log of this origin was begun; None for the first."""
        ...

    async def newest(self) -> Epoch | None:
        """Return the log that was begun last."""
        ...

    async def begin(self, epoch: Epoch) -> None:
        """Begin a log: tree and tiles stay, checkpoints of the old log are put aside."""
        ...

    async def take_apart(self) -> int:
        """Drop all tiles, so that every entry is pending again; return how many there must be."""
        ...
