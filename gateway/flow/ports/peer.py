"""The partner's gateway as we dial it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from gateway.route.job import Refusal
from gateway.route.notice import Signed
from gateway.route.party import PartyCard
from gateway.route.session import Chunk, SessionOffer, SessionStatus


@dataclass(frozen=True, slots=True)
class Acceptance:
    """S's signed yes: the RFC 8785 acceptance record and its signature."""

    session_id: str
    sender_nonce: bytes
    record: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Closing:
    """S's full run record with its signature."""

    record: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A witness's cosignature: signature lines of a signed note."""

    lines: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """What a witness holds in place of the checkpoint that it was shown.

    Attributes:
        size: entries; 0 when it holds none.
        checkpoint: the signed note, b"" for size 0.
        forked: the shown checkpoint does not continue it; else only the old size was another.
    """

    size: int
    checkpoint: bytes
    forked: bool


class PeerPort(Protocol):
    """Calls on a partner's peer port.

    Network failures are StateError PEER_UNAVAILABLE; errors that the partner
    reports come back as the same class and reason.
    """

    async def open_session(self, partner: PartyCard, offer: SessionOffer) -> Acceptance | Refusal:
        """Ask for a session; idempotent by the offer's nonce."""
        ...

    async def push(self, partner: PartyCard, chunks: AsyncIterator[Chunk]) -> int:
        """Send chunks of one stage; return the last durable seq at the partner."""
        ...

    def pull(self, partner: PartyCard, session_id: str, stage: int, from_seq: int) -> AsyncIterator[Chunk]:
        """Receive chunks of a stage in order from `from_seq` until it is complete."""
        ...

    async def get_session(self, partner: PartyCard, session_id: str) -> SessionStatus:
        """Ask what is durable at the partner."""
        ...

    async def close_session(
        self, partner: PartyCard, session_id: str, half: bytes, record: bytes, signature: bytes
    ) -> Closing:
        """Exchange the run record: first our half, then our signature under the full record.

        Args:
            half: RFC 8785 bytes of our half (first call; the second repeats it).
            record: the full record, or empty in the first call.
            signature: our signature under it, or empty in the first call.
        """
        ...

    async def abort_session(self, partner: PartyCard, session_id: str, reason: str) -> None:
        """Tell the partner that the session is over; best effort."""
        ...

    async def propose_agreement(self, partner: PartyCard, document: bytes, signature: bytes) -> None:
        """Hand a proposal with our signature to the partner."""
        ...

    async def countersign_agreement(self, partner: PartyCard, agreement_id: str, hash: bytes, signature: bytes) -> None:
        """Hand our countersignature to the proposer."""
        ...

    async def deliver_notice(self, partner: PartyCard, notice: Signed) -> Signed:
        """Hand over a notice of ours; return the partner's acknowledgement, not checked yet."""
        ...

    async def collect_notices(self, partner: PartyCard, limit: int, after: str = "") -> list[Signed]:
        """Fetch notices of the partner that wait for us, the oldest first, behind the one of id `after`."""
        ...

    async def acknowledge_notice(self, partner: PartyCard, acknowledgement: Signed) -> None:
        """Hand over our acknowledgement of a notice that we collected."""
        ...

    async def add_checkpoint(self, partner: PartyCard, body: bytes) -> Cosigned | Held:
        """Show our checkpoint to a witness, as a body of C2SP add-checkpoint."""
        ...

    async def compare_checkpoint(self, partner: PartyCard, checkpoint: bytes) -> bytes:
        """Show what we hold of a third party's log; return what the partner holds of it, b"" for nothing."""
        ...

    async def prove_consistency(self, partner: PartyCard, old_size: int, size: int) -> tuple[bytes, ...]:
        """Ask a partner to prove that one tree of its log continues another."""
        ...
