"""The records of a session that both parties sign.

Each full record is a pure function of what both sides stated, so a side checks
the other's copy by building its own and comparing bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.errors import HostileInput
from gateway.psi.suite import ELEMENT_BYTES, row_bytes, tag_bytes
from gateway.route.canonical import canonical_bytes, parse_canonical, parse_time_text, time_text
from gateway.route.session import SessionOffer

VERSION = 1


def acceptance_record(
    offer: SessionOffer, session_id: bytes, sender_nonce: bytes, receiver: str, sender: str, expires_at: datetime
) -> bytes:
    """Return the RFC 8785 record of the whole accepted parameter set, which S signs as "acceptance"."""
    return canonical_bytes(
        {
            "v": VERSION,
            "session": session_id.hex(),
            "receiver": receiver,
            "sender": sender,
            "agreement": offer.agreement_id,
            "agreement_hash": offer.agreement_hash.hex(),
            "operation": offer.operation.value,
            "suite": offer.suite,
            "match_keys": list(offer.match_keys),
            "purpose": offer.purpose,
            "columns": list(offer.columns),
            "declared_rows": offer.declared_rows,
            "capabilities": list(offer.capabilities),
            "receiver_nonce": offer.nonce.hex(),
            "sender_nonce": sender_nonce.hex(),
            "expires_at": time_text(expires_at),
        }
    )


@dataclass(frozen=True, slots=True)
class OpeningHalf:
    """What one side states once it has judged consent.

    Attributes:
        session_id: 64 hex digits.
        rows: records of its list per agreed match key.
        commitment: salted cohort commitment, 32 bytes.
        judged_at: time of its judgement.
    """

    session_id: str
    rows: tuple[int, ...]
    commitment: bytes
    judged_at: datetime

    def encode(self) -> bytes:
        """Return the RFC 8785 bytes, signed as "opening-half"."""
        return canonical_bytes(
            {
                "v": VERSION,
                "session": self.session_id,
                "rows": list(self.rows),
                "commitment": self.commitment.hex(),
                "judged_at": time_text(self.judged_at),
            }
        )

    @classmethod
    def parse(cls, encoded: bytes, session_id: str, lists: int, cap: int) -> OpeningHalf:
        """Read the other side's half.

        Args:
            encoded: RFC 8785 bytes.
            session_id: the session it must be about.
            lists: how many match keys were agreed.
            cap: most rows allowed over all lists.

        Raises:
            HostileInput: BAD_SHAPE.
        """
        value = _object(encoded, {"v", "session", "rows", "commitment", "judged_at"}, "opening half")
        rows = value["rows"]
        if (
            value["v"] != VERSION
            or value["session"] != session_id
            or not isinstance(rows, list)
            or len(rows) != lists
            or not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in rows)
            or sum(rows) > cap
        ):
            raise HostileInput(
                "BAD_SHAPE", f"the opening half is not of this session, or its lists hold more than {cap} rows"
            )
        return cls(session_id, tuple(rows), _hash(value["commitment"], "commitment"), _time(value["judged_at"]))


@dataclass(frozen=True, slots=True)
class Opening:
    """The sizes that the full opening record fixes.

    Attributes:
        record: RFC 8785 bytes, signed by both as "opening".
        receiver: R's half.
        sender: S's half.
        tag_bytes: bytes of T in this session.
        row_bytes: bytes of a table row.
    """

    record: bytes
    receiver: OpeningHalf
    sender: OpeningHalf
    tag_bytes: int
    row_bytes: int

    def record_size(self, stage: int) -> int:
        """Return bytes per record of a stage 1 to 4."""
        return {1: ELEMENT_BYTES, 2: ELEMENT_BYTES, 3: self.row_bytes, 4: self.tag_bytes}[stage]


def opening(acceptance: bytes, receiver: OpeningHalf, sender: OpeningHalf, plaintext_bytes: int) -> Opening:
    """Build the full opening record from the acceptance and both halves.

    Args:
        acceptance: the acceptance record that S signed.
        receiver: R's half.
        sender: S's half.
        plaintext_bytes: padded attributes of a table row; 0 for MATCH.
    """
    accepted = parse_canonical(acceptance)
    tag = tag_bytes(sum(receiver.rows), sum(sender.rows))
    row = row_bytes(tag, plaintext_bytes)
    record = canonical_bytes(
        {
            "v": VERSION,
            "session": accepted["session"],
            "receiver": accepted["receiver"],
            "sender": accepted["sender"],
            "agreement": accepted["agreement"],
            "agreement_hash": accepted["agreement_hash"],
            "operation": accepted["operation"],
            "suite": accepted["suite"],
            "match_keys": accepted["match_keys"],
            "purpose": accepted["purpose"],
            "columns": accepted["columns"],
            "receiver_rows": list(receiver.rows),
            "sender_rows": list(sender.rows),
            "receiver_commitment": receiver.commitment.hex(),
            "sender_commitment": sender.commitment.hex(),
            "receiver_judged_at": time_text(receiver.judged_at),
            "sender_judged_at": time_text(sender.judged_at),
            "tag_bytes": tag,
            "element_bytes": ELEMENT_BYTES,
            "row_bytes": row,
        }
    )
    return Opening(record, receiver, sender, tag, row)


def sender_half_of(record: bytes, session_id: str, lists: int, cap: int) -> OpeningHalf:
    """Read S's half out of a full opening record, for R to rebuild and compare.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    value = parse_canonical(record)
    try:
        half = canonical_bytes(
            {
                "v": VERSION,
                "session": value["session"],
                "rows": value["sender_rows"],
                "commitment": value["sender_commitment"],
                "judged_at": value["sender_judged_at"],
            }
        )
    except (KeyError, TypeError) as error:
        raise HostileInput("BAD_SHAPE", "the opening record lacks the sender's half") from error
    return OpeningHalf.parse(half, session_id, lists, cap)


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
        keys_destroyed_at: when its scalar of this session was destroyed.
    """

    session_id: str
    transcript: bytes
    cut_at: datetime
    tokenised: int
    replaced: int
    late_drops: int
    keys_destroyed_at: datetime

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
        }
        if not isinstance(value, dict) or set(value) != names or value["v"] != VERSION:
            raise HostileInput("BAD_SHAPE", "the run record's half does not have its fields")
        counts = [value[name] for name in ("tokenised", "replaced", "late_drops")]
        if value["session"] != session_id or not all(type(count) is int and count >= 0 for count in counts):
            raise HostileInput("BAD_SHAPE", "the run record's half is not of this session")
        tokenised, replaced, late_drops = counts
        return cls(
            session_id=session_id,
            transcript=_hash(value["transcript"], "transcript"),
            cut_at=_time(value["cut_at"]),
            tokenised=tokenised,
            replaced=replaced,
            late_drops=late_drops,
            keys_destroyed_at=_time(value["keys_destroyed_at"]),
        )

    @classmethod
    def parse(cls, encoded: bytes, session_id: str) -> RunHalf:
        """Read a half from its RFC 8785 bytes.

        Raises:
            HostileInput: BAD_SHAPE.
        """
        return cls.from_mapping(parse_canonical(encoded), session_id)


def run_record(opening_hash: bytes, receiver: RunHalf, sender: RunHalf, parties: Mapping[str, str]) -> bytes:
    """Build the full run record, signed by both as "run".

    Args:
        opening_hash: SHA-256 of the opening record's bytes.
        receiver: R's half.
        sender: S's half.
        parties: {"receiver": id, "sender": id}.
    """
    return canonical_bytes(
        {
            "v": VERSION,
            "session": receiver.session_id,
            "opening": opening_hash.hex(),
            "receiver": {"party": parties["receiver"], **receiver.to_mapping()},
            "sender": {"party": parties["sender"], **sender.to_mapping()},
            "disclosure": {"released_to": [parties["receiver"]], "form": "rows"},
        }
    )


def sender_run_half_of(record: bytes, session_id: str) -> RunHalf:
    """Read S's half out of a full run record, for R to rebuild and compare.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    value = parse_canonical(record)
    half = value.get("sender") if isinstance(value, dict) else None
    if not isinstance(half, dict):
        raise HostileInput("BAD_SHAPE", "the run record lacks the sender's half")
    return RunHalf.from_mapping({name: item for name, item in half.items() if name != "party"}, session_id)


def _object(encoded: bytes, names: set[str], what: str) -> dict[str, Any]:
    value = parse_canonical(encoded)
    if not isinstance(value, dict) or set(value) != names:
        raise HostileInput("BAD_SHAPE", f"the {what} does not have exactly its fields")
    return value


def _hash(value: object, what: str) -> bytes:
    try:
        decoded = bytes.fromhex(value) if isinstance(value, str) and value.islower() | value.isdigit() else b""
    except ValueError:
        decoded = b""
    if len(decoded) != 32:
        raise HostileInput("BAD_SHAPE", f"{what} is not 64 lower-case hex digits")
    return decoded


def _time(value: object) -> datetime:
    if not isinstance(value, str):
        raise HostileInput("BAD_SHAPE", "a time of the record is not text")
    return parse_time_text(value)
