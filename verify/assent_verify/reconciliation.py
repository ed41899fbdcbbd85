"""Two parties' exports of the runs that they made together: where they agree, and every difference by name.

Each export is verified by itself first; then the evidence of every common run is
compared field by field. A party cannot have signed two records of one session
without this showing it: both records stand there with its signature.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assent_verify import canonical
from assent_verify.report import MAX_REASONS, Report, printable
from assent_verify.trust import Trust
from assent_verify.verify import verify_export

_RECORDS = ("opening", "run")
_ABSENT = object()  # where null would be a value


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the two exports say differently.

    Attributes:
        session: of the run, "" for the exports as wholes.
        what: MISSING, PARTIES, OPENING, RUN, SIGNATURE or EVIDENCE.
        field: which field, e.g. "run.receiver.transcript"; "" for whole runs.
        ours: its value in the first export, None where it is absent; of a whole run True where it is there.
        theirs: its value in the second export.
        reason: one line in words.
    """

    session: str
    what: str
    field: str
    ours: Any
    theirs: Any
    reason: str


@dataclass(slots=True)
class Reconciliation:
    """The outcome.

    Attributes:
        ours: report of the first export.
        theirs: report of the second export.
        agreed: sessions whose evidence is the same in both.
        differences: empty when all is well.
        others: runs with third parties, left out, of the first and the second export.
    """

    ours: Report
    theirs: Report
    agreed: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    others: tuple[int, int] = (0, 0)

    @property
    def ok(self) -> bool:
        """Whether both exports verify and say the same of every common run."""
        return self.ours.ok and self.theirs.ok and not self.differences


def reconcile(ours: Path, theirs: Path, trust: Trust, jobs: int = 1) -> Reconciliation:
    """Compare two exports.

    Args:
        ours: directory of the first export.
        theirs: directory of the second export, the partner's.
        trust: keys that the reader brought along, of both logs and parties; no earlier checkpoint.
        jobs: processes that hash and match entries.
    """
    outcome = Reconciliation(_verified(ours, trust, jobs), _verified(theirs, trust, jobs))
    parties = {outcome.ours.party, outcome.theirs.party}
    if len(parties) != 2 or "" in parties:
        reason = "the two exports are not of two parties: give the partner's export, not our own, as the second"
        difference = Difference("", "PARTIES", "party", outcome.ours.party, outcome.theirs.party, reason)
        outcome.differences.append(difference)
        return outcome
    kept = [_Evidence.of(ours, outcome.ours), _Evidence.of(theirs, outcome.theirs)]
    common = [{session for session, run in one.runs.items() if _parties_of(run) == parties} for one in kept]
    outcome.others = (len(kept[0].runs) - len(common[0]), len(kept[1].runs) - len(common[1]))
    for session in sorted((common[0] | common[1]) - kept[0].unreadable - kept[1].unreadable):
        one, other = (evidence.runs.get(session) for evidence in kept)
        found = list(
            _missing(session, outcome, kept, one is None)
            if one is None or other is None
            else _compared(session, outcome, one, other)
        )
        outcome.differences += found
        if not found:
            outcome.agreed.append(session)
    outcome.differences += _unreadable(outcome, kept)
    return outcome


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Run evidence of an export: by session what could be read, and the sessions whose file could not."""

    runs: Mapping[str, Mapping[str, Any]]
    unreadable: frozenset[str]
    logged: frozenset[str]

    @classmethod
    def of(cls, root: Path, report: Report) -> _Evidence:
        runs: dict[str, Mapping[str, Any]] = {}
        unreadable = set()
        for path in sorted((root / "runs").glob("*.json")):
            try:
                record = canonical.parse(path.read_bytes())
            except (OSError, ValueError):
                record = None
            if _is_evidence(record):
                runs[path.stem] = record
            else:
                unreadable.add(path.stem)
        return cls(runs, frozenset(unreadable), frozenset(report.sessions_without_evidence))


def _verified(root: Path, trust: Trust, jobs: int) -> Report:
    # The trust names keys of both logs; each export has to be signed by the one whose name it bears.
    try:
        name = (root / "log.vkey").read_text(encoding="utf-8").split("+", 1)[0]
    except (OSError, ValueError):
        name = ""
    own = tuple(key for key in trust.log_keys if key.name == name)
    return verify_export(root, Trust(own or trust.log_keys, trust.party_keys), jobs)


def _is_evidence(record: object) -> bool:
    """Whether the parts that are compared are there, in form; `verify_export` says what else is wrong."""
    if not isinstance(record, dict):
        return False
    parties, signatures = record.get("parties"), record.get("signatures")
    return (
        all(isinstance(record.get(kind), dict) for kind in _RECORDS)
        and isinstance(parties, list)
        and all(isinstance(party, dict) and isinstance(party.get("party"), str) for party in parties)
        and isinstance(signatures, dict)
        and all(isinstance(signatures.get(kind), dict) for kind in _RECORDS)
    )


def _parties_of(run: Mapping[str, Any]) -> set[str]:
    return {party["party"] for party in run["parties"]}


def _missing(session: str, outcome: Reconciliation, kept: list[_Evidence], ours_lacks: bool) -> Iterator[Difference]:
    lacking, report = (kept[0], outcome.ours) if ours_lacks else (kept[1], outcome.theirs)
    held = kept[1] if ours_lacks else kept[0]
    if session in lacking.logged:
        why = f"the log of {report.party} has entries of it, but its evidence was not exported"
    elif report.created and _ended(held.runs[session]) > report.created:
        why = f"the export of {report.party} was made before it ended; ask for a newer one"
    else:
        why = f"the log of {report.party} has no opened entry of it"
    reason = f"missing in the export of {report.party}: {why}"
    yield Difference(session, "MISSING", "", None if ours_lacks else True, True if ours_lacks else None, reason)


def _ended(run: Mapping[str, Any]) -> str:
    """The later destruction of keys, the last thing that a run record states; times are texts of one width."""
    halves = [run["run"].get(role) for role in ("receiver", "sender")]
    times = [half.get("keys_destroyed_at") for half in halves if isinstance(half, dict)]
    return max((time for time in times if isinstance(time, str)), default="")


def _compared(
    session: str, outcome: Reconciliation, ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> Iterator[Difference]:
    names = (outcome.ours.party, outcome.theirs.party)
    keys = [{party["party"]: party.get("agreement_key") for party in run["parties"]} for run in (ours, theirs)]
    for party in sorted(names):
        one, other = (by_party.get(party) for by_party in keys)
        if one != other:
            reason = f"the exports name different keys of {party}"
            yield Difference(session, "PARTIES", f"{party}.agreement_key", one, other, reason)
    for kind in _RECORDS:
        differing = list(_fields(kind, ours[kind], theirs[kind]))
        for path, one, other in differing:
            reason = f"{path} is {_shown(one)} for {names[0]} and {_shown(other)} for {names[1]}"
            yield Difference(session, kind.upper(), path, _or_none(one), _or_none(other), reason)
        for party in sorted(names):
            one, other = (run["signatures"][kind].get(party) for run in (ours, theirs))
            if one == other:
                continue
            reason = f"the exports hold different signatures of {party} under the {kind} record"
            if differing and outcome.ours.ok and outcome.theirs.ok:
                reason = f"{party} signed two {kind} records of one session: both signatures verify"
            yield Difference(session, "SIGNATURE", f"{kind}.{party}", one, other, reason)


def _fields(path: str, ours: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:
    """Every leaf that differs, with its path."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted(ours.keys() | theirs.keys()):
            yield from _fields(f"{path}.{name}", ours.get(name, _ABSENT), theirs.get(name, _ABSENT))
    elif _shape(ours) != _shape(theirs):
        yield path, ours, theirs


def _unreadable(outcome: Reconciliation, kept: list[_Evidence]) -> Iterator[Difference]:
    for evidence, report, ours in ((kept[0], outcome.ours, True), (kept[1], outcome.theirs, False)):
        for session in sorted(evidence.unreadable):
            reason = f"the evidence in the export of {report.party} cannot be read, so nothing can be compared"
            yield Difference(session, "EVIDENCE", "", True if ours else None, None if ours else True, reason)


def _or_none(value: Any) -> Any:
    return None if value is _ABSENT else value


def _shape(value: Any) -> bytes:
    """Bytes that only equal values of equal types have: to Python, [0] and [false] are the same."""
    return b"" if value is _ABSENT else canonical.serialize(value)


def _shown(value: Any) -> str:
    text = _shape(value).decode() or "absent"
    return text if len(text) <= 80 else f"{text[:79]}…"


def as_json(outcome: Reconciliation) -> dict[str, Any]:
    """The outcome for programs."""

    def side(report: Report) -> dict[str, Any]:
        return {
            "party": report.party,
            "created": report.created,
            "origin": report.origin,
            "size": report.size,
            "ok": report.ok,
            "failures": [{"check": failure.check, "reason": failure.reason} for failure in report.failures],
        }

    return {
        "ok": outcome.ok,
        "ours": side(outcome.ours),
        "theirs": side(outcome.theirs),
        "agreed": outcome.agreed,
        "differences": [
            {
                "session": difference.session,
                "what": difference.what,
                "field": difference.field,
                "ours": difference.ours,
                "theirs": difference.theirs,
                "reason": difference.reason,
            }
            for difference in outcome.differences
        ],
        "runs_with_others": {"ours": outcome.others[0], "theirs": outcome.others[1]},
    }


def as_text(outcome: Reconciliation) -> str:
    """The outcome for people, one fact a line."""
    lines = []
    for title, report in (("ours", outcome.ours), ("theirs", outcome.theirs)):
        verdict = "verifies" if report.ok else "does not verify"
        lines.append(f"{title:<9} {report.party or '?'}, made {report.created or '?'}: {verdict}")
        lines += [f"FAIL      {failure.check}: {failure.reason}" for failure in report.failures[:MAX_REASONS]]
        if len(report.failures) > MAX_REASONS:
            lines.append(f"FAIL      and {len(report.failures) - MAX_REASONS:,} more")
    lines += [f"same      run {session}" for session in outcome.agreed]
    lines += [f"DIFF      {f'run {d.session}' if d.session else 'exports'}: {d.reason}" for d in outcome.differences]
    if any(outcome.others):
        lines.append(
            f"note      runs with others, not compared: {outcome.others[0]:,} ours, {outcome.others[1]:,} theirs"
        )
    agreed = len(outcome.agreed)
    if outcome.ok:
        lines.append(f"OK        both exports say the same of {agreed:,} {'run' if agreed == 1 else 'runs'}")
    else:
        lines.append(f"FAILED    {len(outcome.differences):,} differences; {agreed:,} runs agree")
    return "\n".join(printable(line) for line in lines) + "\n"
