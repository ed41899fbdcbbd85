"""What is held of an erased person's entries, sealed, for as long as a claim may come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class EvidenceHold:
    """A sealed record that two officers open together; nothing in it or of it names the person in the clear.

    Attributes:
        hold_id: UUID.
        name: under which what must stay of the person stands.
        request_id: of the rights request that was carried out.
        held_at: when the person was erased.
        keep_until: first moment at which it is to be destroyed.
        officers: who can open it, any two of them.
        entries: how many log entries it opens.
        sealed: as the key provider of this home sealed what was sealed to the officers.
    """

    hold_id: str
    name: str
    request_id: str
    held_at: datetime
    keep_until: datetime
    officers: tuple[str, ...]
    entries: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Openings:
    """All that opens the log's entries about a person.

    Attributes:
        salt: 32 bytes; None when nothing was ever logged of the person.
        payloads: (entry, canonical payload), ascending.
    """

    salt: bytes | None
    payloads: tuple[tuple[int, bytes], ...]
