"""Whom the cohort of a run held, as it is kept for proof."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.route.job import Side


@dataclass(frozen=True, slots=True, repr=False)
class Membership:
    """The cohort of a run.

    Attributes:
        job_id: of the run.
        session_id: 64 hex digits.
        side: ours in it.
        commitment: RFC 6962 root over sorted HMAC-SHA256(salt, subject_ref), as both parties signed it.
        salt: 32 bytes.
        people: how many they are.
        judged_at: the one time of the judgement (UTC).
        kept_at: when the run ended (UTC).
        numbered: whether it is a bitmap by now; before, its people lie in a sealed file.
    """

    job_id: str
    session_id: str
    side: Side
    commitment: bytes
    salt: bytes
    people: int
    judged_at: datetime
    kept_at: datetime
    numbered: bool

    def __repr__(self) -> str:
        """Show no salt."""
        return f"Membership({self.job_id}, {self.people} people)"
