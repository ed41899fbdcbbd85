"""Keys of this party. No method returns a private key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.route.party import SignedCard
from gateway.tlog.checkpoint import Checkpoint, SignedCheckpoint


class KeyCustody(Protocol):
    """Signs and names for this party."""

    @property
    def party(self) -> str:
        """Our party id."""
        ...

    def own_card(self) -> SignedCard:
        """Return our signed card, as exchanged with partners."""
        ...

    def sign_record(self, kind: str, record: bytes) -> bytes:
        r"""Sign `"assent <kind> v1\n" || record` with the agreement key (Ed25519, 64 bytes)."""
        ...

    def last_checkpoint(self) -> SignedCheckpoint | None:
        """Return the last checkpoint that the signer signed, which it keeps apart from the database.

        Reads a file; LOG_INCONSISTENT when it is damaged or contradicted.
        """
        ...

    def sign_checkpoint(self, head: Checkpoint, proof: Sequence[bytes]) -> bytes:
        """Sign a checkpoint that continues the last one and remember it; the last one again gets the same note.

        Writes a file; LOG_INCONSISTENT unless `proof` leads from the last one to `head`.
        """
        ...

    def stop_signing(self, contradiction: bytes) -> None:
        """Sign nothing more: a note under our own log key exists that our log does not continue; writes a file."""
        ...

    def cosign(self, note_text: str, time: int) -> str:
        """Return our signature line as a witness over a partner's checkpoint at a time, seconds since 1970."""
        ...

    def log_vkey(self) -> str:
        """Return the C2SP verifier key of our log."""
        ...

    def certificate_end(self, pem: str = "") -> datetime:
        """Return when a certificate ends: ours of both ports, or the first of a PEM text; HostileInput BAD_SHAPE."""
        ...

    def subject_key(self) -> bytes:
        """Return the local key of subject_ref (32 bytes); never leaves the process."""
        ...


class RunSecrets(Protocol):
    """Seals bytes for this machine's disk with a fresh key under the key provider."""

    def seal(self, purpose: str, clear: bytes) -> bytes:
        """Return a sealed envelope bound to `purpose`."""
        ...

    def unseal(self, purpose: str, sealed: bytes) -> bytes:
        """Return the clear bytes; LOG_INCONSISTENT-free StateError on a wrong purpose or key."""
        ...
