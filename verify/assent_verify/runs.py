"""Run evidence: two records, each signed by both parties, and their entries in the log."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assent_verify import canonical
from assent_verify.failure import CheckError
from assent_verify.signature import decode_base64, signature_ok, trusted_key

_FIELDS = {"opening", "parties", "run", "session", "signatures", "v"}
_KINDS = ("opening", "run")
_ROLES = ("receiver", "sender")
_PARTY_FIELDS = {"agreement_key", "legal_name", "party"}

LoggedRun = tuple[str, Mapping[str, object]]  # leaf type, payload


@dataclass(frozen=True, slots=True)
class RunParty:
    """One signatory of a run; `pinned` when its key is one that the reader brought along."""

    party: str
    legal_name: str
    agreement_key: bytes
    pinned: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A run whose evidence verifies; `read` is how many of its two entries in the log were read."""

    session_id: str
    operation: str
    parties: tuple[RunParty, ...]
    read: int = 2


def check_run(
    session_id: str,
    content: bytes,
    own_party: str,
    pinned: Mapping[str, bytes],
    logged: Sequence[LoggedRun],
    unread: bool = False,
) -> Run:
    """Check the evidence of one run.

    Args:
        session_id: from the file's name.
        content: runs/<session id>.json.
        own_party: whose log this is.
        pinned: keys that the reader brought along, by party.
        logged: opened run entries of this session.
        unread: whether earlier entries of the log were not read, and entries of this run may be among them.

    Raises:
        CheckError: named "run <first digits of the session>".
    """
    check = f"run {session_id[:16]}"
    try:
        record = canonical.parse(content)
        if not isinstance(record, dict) or record.keys() != _FIELDS or (type(record["v"]), record["v"]) != (int, 1):
            raise ValueError("not run evidence of version 1")
        if record["session"] != session_id:
            raise ValueError("belongs to another session than its file name says")
        parties = _parties(record["parties"], pinned)
        signatures = _signatures(record["signatures"], {party.party for party in parties})
        for kind in _KINDS:
            _check_signed(kind, record[kind], parties, signatures[kind])
        _check_links(record, session_id, {party.party for party in parties})
        read = _check_logged(own_party, record["run"], signatures["run"], logged, unread)
    except ValueError as error:
        raise CheckError(check, str(error)) from error
    return Run(session_id, str(record["opening"].get("operation", "")), tuple(parties), read)


def _parties(items: Any, pinned: Mapping[str, bytes]) -> list[RunParty]:
    if not isinstance(items, list) or len(items) != 2:
        raise ValueError("does not name two parties")
    parties = []
    for item in items:
        if not isinstance(item, dict) or item.keys() != _PARTY_FIELDS or not all(type(v) is str for v in item.values()):
            raise ValueError("a party lacks its id, name or key")
        name, key = item["party"], trusted_key(decode_base64(item["agreement_key"]))
        if name in pinned and pinned[name] != key:
            raise ValueError(f"the key of {name} is not the one given by --party-key")
        parties.append(RunParty(name, item["legal_name"], key, name in pinned))
    if parties[0].party == parties[1].party or parties[0].agreement_key == parties[1].agreement_key:
        raise ValueError("both parties are the same")
    return parties


def _signatures(record: Any, parties: set[str]) -> dict[str, dict[str, bytes]]:
    if not isinstance(record, dict) or record.keys() != set(_KINDS):
        raise ValueError("lacks the signatures of opening and run record")
    decoded: dict[str, dict[str, bytes]] = {}
    for kind, by_party in record.items():
        if not isinstance(by_party, dict) or by_party.keys() != parties:
            raise ValueError(f"the {kind} record is not signed by exactly the two parties")
        if not all(isinstance(signature, str) for signature in by_party.values()):
            raise ValueError(f"a signature of the {kind} record is not text")
        decoded[kind] = {party: decode_base64(signature) for party, signature in by_party.items()}
    return decoded


def _check_signed(kind: str, record: Any, parties: Sequence[RunParty], signatures: Mapping[str, bytes]) -> None:
    if not isinstance(record, dict):
        raise ValueError(f"the {kind} record is not an object")
    message = _message(kind, record)
    for party in parties:
        if not signature_ok(party.agreement_key, message, signatures[party.party]):
            raise ValueError(f"the signature of {party.party} over the {kind} record does not verify")


def _message(kind: str, record: Any) -> bytes:
    return f"assent {kind} v1\n".encode() + canonical.serialize(record)


def _check_links(record: Mapping[str, Any], session_id: str, parties: set[str]) -> None:
    """Both records are of this session and these parties, follow one another, and agree on what crossed the wire."""
    opening, run = record["opening"], record["run"]
    if opening.get("session") != session_id or run.get("session") != session_id:
        raise ValueError("a record is of another session")
    if run.get("opening") != hashlib.sha256(canonical.serialize(opening)).hexdigest():
        raise ValueError("the run record continues another opening record")
    halves = [run.get(role) for role in _ROLES]
    if not all(isinstance(half, dict) for half in halves):
        raise ValueError("the run record lacks the halves of receiver and sender")
    named = [half.get("party") for half in halves]
    if not all(isinstance(party, str) for party in named) or set(named) != parties:
        raise ValueError("the run record names other parties than those who signed")
    if [opening.get(role) for role in _ROLES] != named:
        raise ValueError("the opening record names other parties than those who signed")
    if halves[0].get("transcript") != halves[1].get("transcript"):
        raise ValueError("receiver and sender saw different transcripts")


def _check_logged(
    own: str, run: Any, signatures: Mapping[str, bytes], logged: Sequence[LoggedRun], unread: bool
) -> int:
    """The log holds this record with both signatures: our own as run_record, the other's as run_signature."""
    read = 0
    run_hash = hashlib.sha256(_message("run", run)).hexdigest()
    if own not in signatures:
        raise ValueError(f"{own}, whose log this is, took no part in it")
    for party, signature in sorted(signatures.items(), key=lambda signed: signed[0] != own):
        leaf_type = "run_record" if party == own else "run_signature"
        entries = [payload for name, payload in logged if name == leaf_type and payload.get("party") == party]
        if not entries and unread:
            continue
        read += 1
        if not entries:
            raise ValueError(f"the log has no opened {leaf_type} entry with the signature of {party}")
        for payload in entries:
            if payload.get("run_hash") != run_hash:
                raise ValueError(f"the log's {leaf_type} entry is about another run record")
            logged_signature = payload.get("signature")
            if not isinstance(logged_signature, str) or decode_base64(logged_signature) != signature:
                raise ValueError(f"the log's {leaf_type} entry holds another signature of {party}")
    return read
