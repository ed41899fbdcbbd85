"""What the check found, for people and for programs."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from assent_verify.failure import Failure
from assent_verify.runs import Run

MAX_REASONS = 20  # lines per report; a damaged export may fail at every entry


@dataclass(slots=True)
class Report:
    """Everything that was checked, and what failed.

    Attributes:
        party: whose log this is, with operator, filter and time of the export.
        log_key: verifier key in use; `log_key_pinned` when the reader gave it.
        party_key_pinned: whether the reader gave the key that signed the manifest.
        size: entries that the checkpoint promises, with their root.
        entries: entries that were hashed again, by type.
        opened: entries whose payload was opened and matched.
        erased: closed entries of which the log itself says that an erasure destroyed what opened them.
        cosigned: (name, seconds since 1970) of the policy's witnesses; None where no policy was asked.
        since: size of the earlier checkpoint that this log continues, or None.
        unread: entries before it that were not read again; their hashes lead to its root.
        runs: runs whose evidence verifies.
        sessions_without_evidence: runs in the log whose evidence is not exported, by session.
        failures: empty when all is well.
    """

    party: str = ""
    created: str = ""
    operator: str = ""
    filter: str = ""
    origin: str = ""
    log_key: str = ""
    log_key_pinned: bool = False
    party_key_pinned: bool = False
    size: int = 0
    root: bytes = b""
    types: Counter[str] = field(default_factory=Counter)
    first: str = ""
    last: str = ""
    opened: int = 0
    erased: int = 0
    cosigned: tuple[tuple[str, int], ...] | None = None
    since: int | None = None
    unread: int = 0
    runs: list[Run] = field(default_factory=list)
    sessions_without_evidence: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return not self.failures

    @property
    def runs_without_evidence(self) -> int:
        """How many they are."""
        return len(self.sessions_without_evidence)

    @property
    def entries(self) -> int:
        """Entries that were read and hashed."""
        return self.types.total()


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs."""
    return {
        "ok": report.ok,
        "failures": [{"check": failure.check, "reason": failure.reason} for failure in report.failures],
        "party": report.party,
        "created": report.created,
        "operator": report.operator,
        "filter": report.filter,
        "origin": report.origin,
        "log_key": report.log_key,
        "log_key_pinned": report.log_key_pinned,
        "party_key_pinned": report.party_key_pinned,
        "size": report.size,
        "root": base64.b64encode(report.root).decode(),
        "entries": report.entries,
        "types": dict(sorted(report.types.items())),
        "first_time": report.first,
        "last_time": report.last,
        "opened": report.opened,
        "erased": report.erased,
        "policy": report.cosigned is not None,
        "cosigned": [{"witness": name, "time": time} for name, time in report.cosigned or ()],
        "since": report.since,
        "unread": report.unread,
        "runs": [
            {
                "session": run.session_id,
                "operation": run.operation,
                "parties": [
                    {"party": party.party, "legal_name": party.legal_name, "pinned": party.pinned}
                    for party in run.parties
                ],
                "entries_read": run.read,
            }
            for run in report.runs
        ],
        "runs_without_evidence": report.runs_without_evidence,
    }


def as_text(report: Report) -> str:
    """The report for people, one fact a line."""
    lines = []
    if report.party:
        signed = _origin_of_key(report.party_key_pinned, "--party-key")
        lines.append(f"export    of {report.party}, made {report.created} by {report.operator}{signed}")
        lines.append(f"opened    {report.filter}")
    if report.origin:
        root = base64.b64encode(report.root).decode()
        lines.append(f"log       {report.origin}: {report.size:,} entries, root {root}")
    if report.log_key:
        lines.append(f"log key   {report.log_key}{_origin_of_key(report.log_key_pinned, '--vkey')}")
    lines += cosigned_lines(report.cosigned or ())
    if report.types:
        closed = report.entries - report.opened
        lines.append(f"entries   {report.entries:,} hashed again; {report.opened:,} opened, {closed:,} closed")
        lines += [f"          {name} {count:,}" for name, count in sorted(report.types.items())]
        if report.erased:
            lines.append(f"erased    {report.erased:,} of the closed ones, as an entry of the log says")
        lines.append(f"time      {report.first} to {report.last}")
    if report.since is not None:
        unread = f"; {report.unread:,} of them were not read again" if report.unread else ""
        lines.append(f"since     continues the checkpoint of {report.since:,} entries unchanged{unread}")
    for run in report.runs:
        signed = " and ".join(
            f"{party.party} ({party.legal_name}){_origin_of_key(party.pinned, '--party-key')}" for party in run.parties
        )
        unread = "" if run.read == 2 else " [its entries were not read: pass --whole]"
        lines.append(f"run       {run.session_id} {run.operation} signed by {signed}{unread}")
    if report.runs_without_evidence:
        lines.append(f"note      {report.runs_without_evidence:,} runs in the log came without their evidence file")
    lines += [f"FAIL      {failure.check}: {failure.reason}" for failure in report.failures[:MAX_REASONS]]
    if len(report.failures) > MAX_REASONS:
        lines.append(f"FAIL      and {len(report.failures) - MAX_REASONS:,} more")
    lines.append("OK        every check passed" if report.ok else "FAILED    this export is not what the log promised")
    return "\n".join(printable(line) for line in lines) + "\n"


def cosigned_lines(cosigned: Sequence[tuple[str, int]]) -> list[str]:
    """One line per witness of the policy."""
    return [f"witness   {name} cosigned at {_moment(time)}" for name, time in cosigned]


def _moment(time: int) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return f"{time} s"  # a time that no calendar has, though signed


def printable(line: str) -> str:
    """Replace characters that could steer a terminal: the export's texts are not ours."""
    return "".join(char if char.isprintable() else "?" for char in line)


def _origin_of_key(pinned: bool, option: str) -> str:
    return "" if pinned else f" [key not compared: pass {option}]"
