"""Audit leaves: what the log says of an event without saying whom it concerns.

A leaf is {v, type, time, commitment} in canonical form, where

    commitment = HMAC-SHA256(salt, canonical payload)

The salt belongs to one subject (or to the log itself, for events about nobody)
and is stored apart. Who holds salt and payload can open the leaf; once the salt
is destroyed nobody can link the leaf to a payload, while the tree and all its
proofs stay as they are.
"""

from __future__ import annotations

import base64
import hmac
import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.errors import HostileInput, Misuse, StateError
from gateway.route.audit import IntegratedEntry
from gateway.route.canonical import Frame, canonical_bytes, parse_time_text, time_text

LEAF_VERSION = 1
SALT_BYTES = 32
MAX_ENTRY_BYTES = 65_535  # C2SP tlog-tiles: an entry's length is a u16
MAX_PAYLOAD_BYTES = 65_535  # texts longer than this are logged by their hash

_LEAF = re.compile(
    rb'\{"commitment":"([A-Za-z0-9+/]{43}=)","time":"([0-9T:.-]{26}Z)","type":"([a-z][a-z_]{0,39})","v":1\}'
)


class LeafType(StrEnum):
    """Every kind of event that the log records; closed, so that a report can be complete."""

    CONSENT_EVENT = "consent_event"
    IDENTITY_LINKED = "identity_linked"
    IDENTITY_UNLINKED = "identity_unlinked"
    NOTICE_PUBLISHED = "notice_published"
    PARTNER_ACCEPTED = "partner_accepted"
    AGREEMENT_PROPOSED = "agreement_proposed"
    AGREEMENT_COUNTERSIGNED = "agreement_countersigned"
    AGREEMENT_BOUND = "agreement_bound"
    REGISTRY_CHANGED = "registry_changed"
    DATASET_ADDED = "dataset_added"
    JOB_CREATED = "job_created"
    JOB_STATE = "job_state"
    SESSION_OPENED = "session_opened"
    SESSION_ENDED = "session_ended"
    RUN_RECORD = "run_record"
    RUN_SIGNATURE = "run_signature"
    KEY_DESTROYED = "key_destroyed"
    REPLAY_REFUSED = "replay_refused"
    HOSTILE_INPUT = "hostile_input"
    BUDGET_CHARGED = "budget_charged"
    PEOPLE_EXPORTED = "people_exported"
    RESULT_READ = "result_read"
    RESULT_DELETED = "result_deleted"
    ROW_REMOVED = "row_removed"
    NOTICE_SENT = "notice_sent"
    NOTICE_RECEIVED = "notice_received"
    NOTICE_ACKNOWLEDGED = "notice_acknowledged"
    SUBJECT_TRACED = "subject_traced"
    INCIDENT_READ = "incident_read"
    SUBJECT_ERASED = "subject_erased"
    EVIDENCE_HELD = "evidence_held"
    EVIDENCE_OPENED = "evidence_opened"
    EVIDENCE_DESTROYED = "evidence_destroyed"
    EXPORT_MADE = "export_made"
    CONSENT_EXPIRED = "consent_expired"
    SKETCHES_PURGED = "sketches_purged"
    DELETION_OPENED = "deletion_opened"
    DELETION_DONE = "deletion_done"
    END_NEAR = "end_near"
    RIGHTS_REQUEST = "rights_request"
    DECISIONS_LOGGED = "decisions_logged"
    DECISIONS_PURGED = "decisions_purged"
    MEMBERSHIP_KEPT = "membership_kept"
    MEMBERSHIP_PROVED = "membership_proved"
    MEMBERSHIP_DESTROYED = "membership_destroyed"
    LOG_FORKED = "log_forked"
    LOG_RESTARTED = "log_restarted"
    SIGNER_RESTORED = "signer_restored"
    SCHEDULE_CHANGED = "schedule_changed"
    SCHEDULE_RUN = "schedule_run"
    SINK_DELIVERED = "sink_delivered"
    SINK_ROW_REMOVED = "sink_row_removed"
    SINK_EMPTIED = "sink_emptied"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf to append and the payload to keep beside it.

    Attributes:
        payload_bytes: the canonical payload that the leaf commits to.
        bytes: the log entry, canonical, without personal data.
    """

    payload_bytes: bytes
    bytes: bytes


@dataclass(frozen=True, slots=True)
class LeafHeader:
    """What a leaf says to everyone."""

    type: LeafType
    time: datetime
    commitment: bytes


def commitment(salt: bytes, payload: bytes) -> bytes:
    """Commit to a payload: HMAC-SHA256(salt, payload), 32 bytes.

    Args:
        salt: 32 random bytes of the subject, or of the log for events about nobody.
        payload: canonical bytes.

    Source: RFC 2104; hiding rests on the salt, binding on SHA-256.
    """
    if len(salt) != SALT_BYTES:
        raise Misuse(f"a salt has {SALT_BYTES} bytes")
    return hmac.digest(salt, payload, "sha256")


def make_leaf(type: str, time: datetime, payload: Mapping[str, object], salt: bytes) -> Leaf:
    """Make the leaf of one event.

    Args:
        type: a LeafType.
        time: when the event happened, with a zone.
        payload: a record as `canonical_bytes` takes it, at most 65,535 bytes long
            in canonical form. Payloads that must not be told apart by comparing
            commitments carry something unique, such as an id.
        salt: 32 bytes.

    Raises:
        RequestError: BAD_FIELD, when the payload has no canonical form.
        Misuse: for an unknown type, a time without a zone, a short salt or a long payload.
    """
    if type not in _TYPES:
        raise Misuse("a leaf needs a type of LeafType")
    payload_bytes = canonical_bytes(payload)
    if len(payload_bytes) > MAX_PAYLOAD_BYTES:
        raise Misuse(f"a leaf's payload is longer than {MAX_PAYLOAD_BYTES} bytes; log the hash of long texts")
    record = {
        "commitment": base64.b64encode(commitment(salt, payload_bytes)).decode(),
        "time": time_text(time),
        "type": str(type),
        "v": LEAF_VERSION,
    }
    return Leaf(payload_bytes=payload_bytes, bytes=canonical_bytes(record))


def make_leaves(type: str, time: datetime, payloads: Iterable[bytes], salts: Sequence[bytes]) -> list[bytes]:
    """Make the leaves of many events of one type and time, as `make_leaf` makes each.

    Args:
        type: a LeafType.
        time: when the events happened, with a zone.
        payloads: n payloads in canonical form, at most 65,535 bytes each.
        salts: n salts of 32 bytes.

    Returns:
        n log entries.

    Raises:
        Misuse: for an unknown type, a time without a zone, a short salt or a long payload.
    """
    if type not in _TYPES:
        raise Misuse("a leaf needs a type of LeafType")
    if any(len(salt) != SALT_BYTES for salt in salts):
        raise Misuse(f"a salt has {SALT_BYTES} bytes")
    frame = Frame({"time": time_text(time), "type": str(type), "v": LEAF_VERSION}, ["commitment"])
    before, after = (part.encode() for part in frame.filled('"|"').split("|"))
    leaves: list[bytes] = []
    for salt, payload in zip(salts, payloads, strict=True):
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise Misuse(f"a leaf's payload is longer than {MAX_PAYLOAD_BYTES} bytes; log the hash of long texts")
        leaves.append(before + b2a_base64(hmac.digest(salt, payload, "sha256"), newline=False) + after)
    return leaves


def parse_leaf(entry: bytes) -> LeafHeader:
    """Read a leaf, accepting its canonical form only.

    Raises:
        HostileInput: BAD_SHAPE, also for a version or type of a later release.
    """
    match = _LEAF.fullmatch(entry)
    if match is None:
        raise HostileInput("BAD_SHAPE", "a log entry is not an audit leaf of version 1")
    digest, time, type_name = match.group(1), match.group(2).decode(), match.group(3).decode()
    if type_name not in _TYPES:
        raise HostileInput("BAD_SHAPE", "a log entry has a type that this release does not know")
    value = base64.b64decode(digest)
    if base64.b64encode(value) != digest:
        raise HostileInput("BAD_SHAPE", "a log entry's commitment is not canonical base64")
    return LeafHeader(LeafType(type_name), parse_time_text(time), value)


def check_opening(entry: bytes, payload_bytes: bytes, salt: bytes) -> LeafHeader:
    """Check that a leaf commits to a payload under a salt.

    Raises:
        HostileInput: DIGEST_MISMATCH when it does not; BAD_SHAPE for a malformed leaf.
    """
    header = parse_leaf(entry)
    if not hmac.compare_digest(commitment(salt, payload_bytes), header.commitment):
        raise HostileInput("DIGEST_MISMATCH", "a payload is not the one that its log entry commits to")
    return header


def opening_of(entry: IntegratedEntry) -> tuple[bytes, bytes] | None:
    """Return what opens an entry, payload and salt; None for one that was erased, of which neither is left.

    Raises:
        StateError: LOG_INCONSISTENT for a payload without its salt, which no erasure leaves.
    """
    if entry.payload is None:
        return None
    if entry.salt is None:
        raise StateError(
            "LOG_INCONSISTENT",
            f"entry {entry.index} has a payload, and the salt that opens it is gone: it was destroyed outside this "
            "program; restore it, or export entries about nobody alone; `assent audit fsck` names every such entry",
        )
    return entry.payload, entry.salt


_TYPES = frozenset(LeafType)
