"""A proof that a person was, or was not, in the cohort of a run, and under which consent; from the one file alone.

1. The party whose cohort it is signed the file.
2. Both parties signed the run's records; the opening record names the cohort's commitment.
3. The person's leaf, HMAC-SHA256(salt, subject), is in the sorted tree with that root; or the leaves before and
behind its place are neighbours there.
4. Every consent event in the file is about this person and stands in the log, under its signed checkpoint.
5. A consent that the judgement names was given before it, in one of these events.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assent_verify import canonical
from assent_verify.bundle import LEAF
from assent_verify.failure import CheckError, Failure
from assent_verify.note import parse_vkey, read_checkpoint
from assent_verify.report import printable
from assent_verify.runs import Run, check_run
from assent_verify.signature import decode_base64, signature_ok
from assent_verify.tree import leaf_hash, root_of_path, tree_root
from assent_verify.trust import Trust

_FIELDS = {
    *("judgement", "kind", "leaves", "log", "made", "member", "party", "people", "run", "salt", "side", "signature"),
    *("subject", "v"),
}
_JUDGED = {"allowed", "category", "consent", "handler", "method", "purpose", "reason", "recipient"}
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
_ENTRY = {"entry", "index", "path", "payload", "salt"}


@dataclass(slots=True)
class MembershipReport:
    """What the file proves.

    Attributes:
        member: the answer; it counts only when there are no failures.
        subject: the person's reference in the party's house.
        judged_at: when the party judged consent for this cohort, as both signed.
        people: size of the cohort, as the party says: no check rests on it.
        judgement: per use what the party's rule said of this person.
        events: consent events of this person, each with its index in the log, oldest first.
    """

    member: bool = False
    party: str = ""
    side: str = ""
    subject: str = ""
    made: str = ""
    people: int = 0
    judged_at: str = ""
    run: Run | None = None
    party_key_pinned: bool = False
    origin: str = ""
    size: int = 0
    log_key_pinned: bool = False
    judgement: list[Mapping[str, Any]] = field(default_factory=list)
    events: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return not self.failures


def verify_membership(encoded: bytes, trust: Trust) -> MembershipReport:
    """Check a proof of membership.

    Args:
        encoded: the file.
        trust: keys that the reader brought along.

    Returns:
        The report; `report.ok` is the verdict on the proof, `report.member` then the answer.
    """
    report = MembershipReport()
    try:
        record = _record(encoded)
        for name in ("member", "party", "side", "subject", "made", "people"):
            setattr(report, name, record[name])
        _run(record, trust, report)
        _place(record)
        _events(record, trust, report)
        _consents(record, report)
    except CheckError as error:
        report.failures.append(error.failure)
    return report


def _record(encoded: bytes) -> dict[str, Any]:
    try:
        record = canonical.parse(encoded)
        if not isinstance(record, dict) or record.keys() != _FIELDS:
            raise ValueError("not a proof of membership")
        if (type(record["v"]), record["v"], record["kind"]) != (int, 1, "membership"):
            raise ValueError("not a proof of membership of version 1")
        texts = ("party", "side", "subject", "made", "salt", "signature")
        if not all(isinstance(record[name], str) for name in texts) or record["side"] not in ("receiver", "sender"):
            raise ValueError("a field has the wrong type")
        if type(record["member"]) is not bool or type(record["people"]) is not int:
            raise ValueError("a field has the wrong type")
        if not isinstance(record["leaves"], list) or not isinstance(record["judgement"], list):
            raise ValueError("a field has the wrong type")
        if any(not isinstance(use, dict) or use.keys() != _JUDGED for use in record["judgement"]):
            raise ValueError("a judgement lacks a field")
        types = {name: bool if name == "allowed" else str for name in _JUDGED}
        if any(type(use[name]) is not types[name] for use in record["judgement"] for name in types):
            raise ValueError("a field of a judgement has the wrong type")
    except ValueError as error:
        raise CheckError("file", str(error)) from error
    return record


def _run(record: Mapping[str, Any], trust: Trust, report: MembershipReport) -> None:
    """The run's evidence verifies, and the party signed the file with the key that signed the run."""
    evidence, party = record["run"], record["party"]
    session = evidence.get("session") if isinstance(evidence, dict) else None
    if not isinstance(session, str):
        raise CheckError("run", "the file lacks the evidence of its run")
    run = check_run(session, canonical.serialize(evidence), party, trust.party_keys, [], unread=True)
    report.run = run
    if evidence["opening"].get(record["side"]) != party:
        raise CheckError("run", f"{party} is not the {record['side']} of this run")
    report.judged_at = str(evidence["opening"].get(f"{record['side']}_judged_at"))
    signer = next(one for one in run.parties if one.party == party)
    report.party_key_pinned = signer.pinned
    unsigned = {name: value for name, value in record.items() if name != "signature"}
    message = b"assent membership v1\n" + canonical.serialize(unsigned)
    if not signature_ok(signer.agreement_key, message, _decoded(record["signature"], "signature")):
        raise CheckError("signature", f"is no signature of {party} over this file")


def _place(record: Mapping[str, Any]) -> None:
    """The leaf is in the committed tree, or the two around its place are neighbours there."""
    commitment = record["run"]["opening"].get(f"{record['side']}_commitment")
    size, mac = record["people"], hmac.digest(_decoded(record["salt"], "cohort"), record["subject"].encode(), "sha256")
    places = [_leaf(item, size, commitment) for item in record["leaves"]]
    macs = [found for _, found in places]
    indexes = [index for index, _ in places]
    if record["member"]:
        if macs != [mac]:
            raise CheckError("cohort", "the leaf in the file is not that of this person")
        return
    if not places:
        if size != 0 or commitment != tree_root([]).hex():
            raise CheckError("cohort", "the file proves nothing: a cohort that is not empty needs leaves")
        return
    if macs != sorted(macs) or mac in macs:
        raise CheckError("cohort", "the leaves in the file do not ascend around the place of this person")
    if len(places) == 2:
        fits = indexes[1] == indexes[0] + 1 and macs[0] < mac < macs[1]
    else:
        fits = len(places) == 1 and ((indexes[0] == 0 and mac < macs[0]) or (indexes[0] == size - 1 and macs[0] < mac))
    if not fits:
        raise CheckError("cohort", "the leaves in the file are not neighbours around the place of this person")


def _leaf(item: Any, size: int, commitment: Any) -> tuple[int, bytes]:
    if not isinstance(item, dict) or item.keys() != {"index", "mac", "path"} or type(item["index"]) is not int:
        raise CheckError("cohort", "a leaf in the file lacks a field")
    mac, path = _decoded(item["mac"], "cohort"), _path(item["path"], "cohort")
    try:
        root = root_of_path(leaf_hash(mac), item["index"], size, path)
    except ValueError as error:
        raise CheckError("cohort", str(error)) from error
    if root.hex() != commitment:
        raise CheckError("cohort", "a leaf in the file does not lead to the commitment that both parties signed")
    return item["index"], mac


def _events(record: Mapping[str, Any], trust: Trust, report: MembershipReport) -> None:
    """Every event opens an entry of the log and is about this person."""
    log = record["log"]
    if not isinstance(log, dict) or log.keys() != {"checkpoint", "entries", "vkey"}:
        raise CheckError("log", "the file lacks the log's checkpoint")
    try:
        own = parse_vkey(str(log["vkey"]))
    except ValueError as error:
        raise CheckError("log", str(error)) from error
    pinned = [key for key in trust.log_keys if key.name == own.name]
    if trust.log_keys and own not in trust.log_keys:
        raise CheckError("log", "the log's key is none of those given by --vkey")
    report.log_key_pinned = bool(trust.log_keys)
    checkpoint = read_checkpoint(str(log["checkpoint"]).encode(), pinned or [own], "log")
    if checkpoint.origin != own.name:
        raise CheckError("log", "the checkpoint is of another log than its key")
    report.origin, report.size = checkpoint.origin, checkpoint.size
    before = -1
    for item in log["entries"] if isinstance(log["entries"], list) else [None]:
        if not isinstance(item, dict) or item.keys() != _ENTRY or type(item["index"]) is not int:
            raise CheckError("log", "an entry in the file lacks a field")
        index = item["index"]
        if index <= before:
            raise CheckError("log", "the entries in the file do not ascend")
        before = index
        report.events.append((index, _opened(item, checkpoint.size, checkpoint.root)))
    person = _person(record["subject"], [event for _, event in report.events])
    for index, event in report.events:
        if event.get("subject") not in person:
            raise CheckError("log", f"entry {index}: is about another person")


def _person(subject: str, events: Sequence[Mapping[str, Any]]) -> set[str]:
    """The references under which somebody is known: one, and those that merges among the events join with it."""
    person, size = {subject}, 0
    joins = [event.get("subjects") for event in events if event.get("type") == "identity_merged"]
    joined = [{one for one in names if isinstance(one, str)} for names in joins if isinstance(names, list)]
    while len(person) > size:
        size = len(person)
        for names in joined:
            if names & person:
                person |= names
    return person


def _opened(item: Mapping[str, Any], size: int, root: bytes) -> Mapping[str, Any]:
    index = item["index"]
    entry, payload = str(item["entry"]).encode(), item["payload"]
    match = LEAF.fullmatch(entry)
    if match is None or match[3] != b"consent_event" or not isinstance(payload, dict):
        raise CheckError("log", f"entry {index}: is not that of a consent event")
    try:
        led = root_of_path(leaf_hash(entry), index, size, _path(item["path"], "log"))
    except ValueError as error:
        raise CheckError("log", f"entry {index}: {error}") from error
    if led != root:
        raise CheckError("log", f"entry {index}: does not lead to the checkpoint's root")
    digest = hmac.digest(_decoded(item["salt"], "log"), canonical.serialize(payload), "sha256")
    if not hmac.compare_digest(digest, _decoded(match[1].decode(), "log")):
        raise CheckError("log", f"entry {index}: the opened payload is not the one that was logged")
    return payload


def _consents(record: Mapping[str, Any], report: MembershipReport) -> None:
    """A consent that the judgement names was given before it, for that purpose."""
    report.judgement = list(record["judgement"])
    if record["member"] and not report.judgement:
        raise CheckError("consent", "the file does not say what let this person in")
    judged_at = _time(report.judged_at)
    for use in report.judgement:
        name = use["consent"]
        if use["allowed"] is not True or not name:
            continue
        given = [event for _, event in report.events if _gives(event, name, use, judged_at)]
        if not given:
            raise CheckError(
                "consent", f"no event in the file gives consent {name} for {use['purpose']} before the judgement"
            )


def _gives(event: Mapping[str, Any], consent: str, use: Mapping[str, Any], judged_at: datetime) -> bool:
    items = event.get("items")
    return (
        event.get("type") == "consent_given"
        and event.get("consent_id") == consent
        and _time(event.get("at")) <= judged_at
        and _time(event.get("recorded_at")) <= judged_at
        and isinstance(items, list)
        and any(isinstance(item, dict) and item.get("purpose") == use["purpose"] for item in items)
    )


def _time(text: object) -> datetime:
    try:
        if not isinstance(text, str) or _TIME.fullmatch(text) is None:
            raise ValueError("not of this form")
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise CheckError("consent", "a time in the file is none") from error


def _decoded(text: Any, check: str) -> bytes:
    try:
        return decode_base64(text if isinstance(text, str) else "?")
    except ValueError as error:
        raise CheckError(check, f"a value in the file is not base64 ({error})") from error


def _path(items: Any, check: str) -> Sequence[bytes]:
    if not isinstance(items, list):
        raise CheckError(check, "a path in the file is not a list")
    return [_decoded(item, check) for item in items]


def as_json(report: MembershipReport) -> dict[str, Any]:
    """The report for programs."""
    run = report.run
    return {
        "ok": report.ok,
        "failures": [{"check": failure.check, "reason": failure.reason} for failure in report.failures],
        "member": report.member if report.ok else None,
        "party": report.party,
        "side": report.side,
        "subject": report.subject,
        "made": report.made,
        "session": "" if run is None else run.session_id,
        "operation": "" if run is None else run.operation,
        "parties": [] if run is None else [{"party": one.party, "pinned": one.pinned} for one in run.parties],
        "judged_at": report.judged_at,
        "party_key_pinned": report.party_key_pinned,
        "origin": report.origin,
        "log_key_pinned": report.log_key_pinned,
        "judgement": [dict(use) for use in report.judgement],
        "events": [
            {"index": index, "type": event.get("type", ""), "consent": event.get("consent_id", "")}
            for index, event in report.events
        ],
    }


def as_text(report: MembershipReport) -> str:
    """The report for people, one fact a line."""
    lines = []
    if report.run is not None:
        pins = ", ".join(f"{one.party}{'' if one.pinned else ' [key not compared]'}" for one in report.run.parties)
        lines.append(f"run       {report.run.session_id} {report.run.operation}, signed by {pins}")
        lines.append(f"cohort    of {report.party}, the {report.side}, judged {report.judged_at}")
    if report.ok:
        verdict = "WAS" if report.member else "WAS NOT"
        lines.append(f"person    {report.subject} {verdict} in this cohort")
    for use in report.judgement:
        allowed = use["allowed"] is True
        word = "allowed" if allowed else "not allowed"
        said = f"under consent {use['consent']}" if allowed and use["consent"] else str(use["reason"])
        to = f" to {use['recipient']}" if use["recipient"] else ""
        lines.append(f"use       {use['purpose']}, {use['category']} by {use['method']}{to}: {word}, {said}")
    for index, event in report.events:
        said = " ".join(str(event[name]) for name in ("type", "consent_id", "at") if name in event)
        lines.append(f"event     entry {index:,}: {said}")
    if report.origin:
        pinned = "" if report.log_key_pinned else " [key not compared: pass --vkey]"
        lines.append(f"log       {report.origin}: {report.size:,} entries{pinned}")
    lines += [f"FAIL      {failure.check}: {failure.reason}" for failure in report.failures]
    lines.append("OK        the proof holds" if report.ok else "FAILED    this proves nothing")
    return "\n".join(printable(line) for line in lines) + "\n"
