"""The run record: what both sides state at the end of a session, and sign.

It is a pure function of both halves, so each side checks the other's copy by building its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.errors import HostileInput
from gateway.psi.record import VERSION, Opening, hash_field, time_field
from gateway.route.canonical import canonical_bytes, parse_canonical, time_text


@dataclass(frozen=True, slots=True)
class RunHalf:
    """What one side states at the end. Counts only; never matches.

    Attributes:
        session_id: 64 hex digits.
        transcript: transcript hash, 32 bytes.
        cut_at: when it judged consent for the last time before its data left.
        tokenised: records of consenting customers that left (replaced ones apart).
        replaced: records withdrawn between opening and cut.
        late_drops: records of its cohort withdrawn after the cut.
        keys_destroyed_at: when its scalar and its other secrets of this session were destroyed.
        withheld: segments that its own rule suppressed (AGGREGATE and OVERLAP); None for rows.
    """

    session_id: str
    transcript: bytes
    cut_at: datetime
    tokenised: int
    replaced: int
    late_drops: int
    keys_destroyed_at: datetime
    withheld: int | None = None

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON-able form."""
        return {
            "v": VERSION,
            "session": self.session_id,
            "transcript": self.transcript.hex(),
            "cut_at": time_text(self.cut_at),
            "tokenised": self.tokenised,
            "replaced": self.replaced,
            "late_drops": self.late_drops,
            "keys_destroyed_at": time_text(self.keys_destroyed_at),
            "withheld": self.withheld,
        }

    def encode(self) -> bytes:
        """Return the RFC 8785 bytes."""
        return canonical_bytes(self.to_mapping())

    @classmethod
    def from_mapping(cls, value: object, session_id: str) -> RunHalf:
        """Read a half.

        Raises:
            HostileInput: BAD_SHAPE.
        """
        names = {
            "v",
            "session",
            "transcript",
            "cut_at",
            "tokenised",
            "replaced",
            "late_drops",
            "keys_destroyed_at",
            "withheld",
        }
        if not isinstance(value, dict) or set(value) != names or value["v"] != VERSION:
            raise HostileInput("BAD_SHAPE", "the run record's half does not have its fields")
        counts = [value[name] for name in ("tokenised", "replaced", "late_drops")]
        if value["session"] != session_id or not all(type(count) is int and count >= 0 for count in counts):
            raise HostileInput("BAD_SHAPE", "the run record's half is not of this session")
        tokenised, replaced, late_drops = counts
        withheld = value["withheld"]
        if withheld is not None and (type(withheld) is not int or withheld < 0):
            raise HostileInput("BAD_SHAPE", "the run record's half does not count the withheld segments")
        return cls(
            session_id=session_id,
            transcript=hash_field(value["transcript"], "transcript"),
            cut_at=time_field(value["cut_at"]),
            tokenised=tokenised,
            replaced=replaced,
            late_drops=late_drops,
            keys_destroyed_at=time_field(value["keys_destroyed_at"]),
            withheld=withheld,
        )

    @classmethod
    def parse(cls, encoded: bytes, session_id: str) -> RunHalf:
        """Read a half from its RFC 8785 bytes.

        Raises:
            HostileInput: BAD_SHAPE.
        """
        return cls.from_mapping(parse_canonical(encoded), session_id)


def run_record(opening: Opening, receiver: RunHalf, sender: RunHalf, parties: Mapping[str, str]) -> bytes:
    """Build the full run record, signed by both as "run".

    Args:
        opening: the full opening record with its sizes.
        receiver: R's half.
        sender: S's half.
        parties: {"receiver": id, "sender": id}.
    """
    grouped, to = opening.grouped, [parties["receiver"]]
    if opening.matches_to_sender:
        to.append(parties["sender"])
    disclosure: dict[str, object] = {"form": "rows", "released_to": to}
    if grouped is not None:
        told = (("receiver", grouped.to_receiver), ("sender", grouped.to_sender))
        to = [parties[side] for side, learns in told if learns]
        disclosure = {"form": "statistics", "released_to": to, "dummies": grouped.dummies, "noise": grouped.noise}
    return canonical_bytes(
        {
            "v": VERSION,
            "session": receiver.session_id,
            "opening": hashlib.sha256(opening.record).hexdigest(),
            "receiver": {"party": parties["receiver"], **receiver.to_mapping()},
            "sender": {"party": parties["sender"], **sender.to_mapping()},
            "disclosure": disclosure,
        }
    )


def sender_run_half_of(record: bytes, session_id: str) -> RunHalf:
    """Read S's half out of a full run record, for R to rebuild and compare.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    return _half_of("sender", record, session_id)


def receiver_run_half_of(record: bytes, session_id: str) -> RunHalf:
    """Read R's half out of a full run record that we signed: its cut stands on S's release.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    return _half_of("receiver", record, session_id)


def _half_of(side: str, record: bytes, session_id: str) -> RunHalf:
    value = parse_canonical(record)
    half = value.get(side) if isinstance(value, dict) else None
    if not isinstance(half, dict):
        raise HostileInput("BAD_SHAPE", f"the run record lacks the {side}'s half")
    return RunHalf.from_mapping({name: item for name, item in half.items() if name != "party"}, session_id)
