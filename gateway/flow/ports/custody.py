"""Keys of this party. No method returns a private key."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.route.party import SignedCard


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

    def sign_log(self, note_text: bytes) -> bytes:
        """Sign a checkpoint's note text with the log key (Ed25519, 64 bytes)."""
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
