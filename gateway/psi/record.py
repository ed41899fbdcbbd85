"""The records that open a session: the acceptance, and the opening record that both parties sign.

Each full record is a pure function of what both sides stated, so a side checks
the other's copy by building its own and comparing bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.errors import HostileInput, Misuse, StateError
from gateway.psi.stages import Grouped, grouped_stages, row_stages
from gateway.psi.suite import ELEMENT_BYTES, row_bytes, tag_bytes
from gateway.route.canonical import canonical_bytes, parse_canonical, parse_time_text, time_text
from gateway.route.session import SessionOffer, StageSize

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
        rows: records of its list per agreed match key; of AGGREGATE's and OVERLAP's receiver, per segment.
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
    def parse(cls, encoded: bytes, session_id: str, lists: range, cap: int) -> OpeningHalf:
        """Read the other side's half.

        Args:
            encoded: RFC 8785 bytes.
            session_id: the session it must be about.
            lists: how many lists it may have.
            cap: most rows allowed over all lists.

        Raises:
            HostileInput: BAD_SHAPE.
        """
        value = exact_object(encoded, {"v", "session", "rows", "commitment", "judged_at"}, "opening half")
        rows = value["rows"]
        if (
            value["v"] != VERSION
            or value["session"] != session_id
            or not isinstance(rows, list)
            or len(rows) not in lists
            or not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in rows)
            or sum(rows) > cap
        ):
            raise HostileInput(
                "BAD_SHAPE", f"the opening half is not of this session, or its lists hold more than {cap} rows"
            )
        return cls(
            session_id, tuple(rows), hash_field(value["commitment"], "commitment"), time_field(value["judged_at"])
        )


@dataclass(frozen=True, slots=True)
class Opening:
    """The sizes that the full opening record fixes.

    Attributes:
        record: RFC 8785 bytes, signed by both as "opening".
        receiver: R's half.
        sender: S's half.
        stages: what each stage holds, in number order.
        tag_bytes: bytes of T in this session; 0 without tags.
        row_bytes: bytes of a table row; 0 without a table.
        grouped: AGGREGATE and OVERLAP only.
        matches_to_sender: whether S, too, learns the matches (MATCH and ENRICH only).
    """

    record: bytes
    receiver: OpeningHalf
    sender: OpeningHalf
    stages: tuple[StageSize, ...]
    tag_bytes: int
    row_bytes: int
    grouped: Grouped | None
    matches_to_sender: bool

    def stage(self, number: int) -> StageSize:
        """Return what a stage holds.

        Raises:
            StateError: STAGE_ORDER when the session has no such stage.
        """
        for size in self.stages:
            if int(size.stage) == number:
                return size
        raise StateError("STAGE_ORDER", f"stage {number} is no part of this session")


def opening(
    acceptance: bytes,
    receiver: OpeningHalf,
    sender: OpeningHalf,
    plaintext_bytes: int,
    grouped: Grouped | None = None,
    matches_to_sender: bool = False,
) -> Opening:
    """Build the full opening record from the acceptance and both halves.

    Args:
        acceptance: the acceptance record that S signed.
        receiver: R's half.
        sender: S's half.
        plaintext_bytes: padded attributes of a table row; 0 for MATCH.
        grouped: AGGREGATE and OVERLAP only.
        matches_to_sender: whether S, too, learns the matches (MATCH and ENRICH only).
    """
    accepted = parse_canonical(acceptance)
    tag = row = 0
    if grouped is None:
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
            "grouped": None if grouped is None else grouped.to_mapping(),
            "matches_to_sender": matches_to_sender,
        }
    )
    keys = len(accepted["match_keys"])
    return _sized(record, receiver, sender, tag, row, keys, grouped, matches_to_sender)


def opening_of_record(record: bytes, session_id: str) -> Opening:
    """Read the sizes out of a full opening record that we built or rebuilt ourselves."""
    value = parse_canonical(record)
    if value["element_bytes"] != ELEMENT_BYTES:
        raise Misuse("the opening record is of another suite")

    def half(side: str) -> OpeningHalf:
        return OpeningHalf(
            session_id,
            tuple(value[f"{side}_rows"]),
            bytes.fromhex(value[f"{side}_commitment"]),
            parse_time_text(value[f"{side}_judged_at"]),
        )

    grouped = None if value["grouped"] is None else Grouped.from_mapping(value["grouped"])
    return _sized(
        record,
        half("receiver"),
        half("sender"),
        value["tag_bytes"],
        value["row_bytes"],
        len(value["match_keys"]),
        grouped,
        value["matches_to_sender"],
    )


def _sized(
    record: bytes,
    receiver: OpeningHalf,
    sender: OpeningHalf,
    tag: int,
    row: int,
    keys: int,
    grouped: Grouped | None,
    matches_to_sender: bool,
) -> Opening:
    if grouped is None:
        stages = row_stages(sum(receiver.rows), sum(sender.rows), tag, row, matches_to_sender)
    else:
        stages = grouped_stages(receiver.rows, sum(sender.rows), grouped, keys)
    return Opening(record, receiver, sender, stages, tag, row, grouped, matches_to_sender)


def sender_half_of(record: bytes, session_id: str, cap: int, lists: int = 1) -> OpeningHalf:
    """Read S's half out of a full opening record, for R to rebuild and compare.

    Args:
        record: RFC 8785 bytes.
        session_id: the session it must be about.
        cap: most rows allowed over all lists.
        lists: how many lists it must have: one per match key.

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
    return OpeningHalf.parse(half, session_id, range(lists, lists + 1), cap)


def exact_object(encoded: bytes, names: set[str], what: str) -> dict[str, Any]:
    """Read a record with exactly these fields.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    value = parse_canonical(encoded)
    if not isinstance(value, dict) or set(value) != names:
        raise HostileInput("BAD_SHAPE", f"the {what} does not have exactly its fields")
    return value


def hash_field(value: object, what: str) -> bytes:
    """Read SHA-256 from its hex digits.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    try:
        decoded = bytes.fromhex(value) if isinstance(value, str) and value.islower() | value.isdigit() else b""
    except ValueError:
        decoded = b""
    if len(decoded) != 32:
        raise HostileInput("BAD_SHAPE", f"{what} is not 64 lower-case hex digits")
    return decoded


def time_field(value: object) -> datetime:
    """Read a time of a record.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    if not isinstance(value, str):
        raise HostileInput("BAD_SHAPE", "a time of the record is not text")
    return parse_time_text(value)
