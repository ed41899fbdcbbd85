"""What the demo tells on stdout: counts, a sample, who was left out and why, and how to check it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from consent.reason import REASONS, ReasonCode
from gateway.cli.cells import readable
from gateway.client import Job
from gateway.main.demo.evidence import Evidence
from gateway.main.demo.groundwork import COLUMNS, LEGAL_NAMES, PLATFORM, RETAILER
from gateway.main.demo.people import CONTROL, People
from gateway.main.demo.runs import Run, Withdrawn
from gateway.main.demo.server import program

SAMPLE_ROWS = 6
_SIDES = (RETAILER, PLATFORM)
_REJECTED = {
    "BAD_MATCH_KEY": "The phone number is none.",
    "EMPTY_MATCH_KEY": "There is no phone number.",
    "SHARED_MATCH_KEY": "Several customers share the number.",
}


@dataclass(frozen=True, slots=True)
class Left:
    """A server that goes on after the demo."""

    home: Path
    target: str
    pid: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that the demo found.

    Attributes:
        directory: where everything lies.
        people: what was generated.
        match: the first run.
        enrich: the second run.
        withdrawn: who withdrew during the second.
        aggregate: the third run.
        evidence: the audit log of each party.
        left: servers that go on.
        steps: (name, seconds) of every step.
        total_s: seconds in all.
    """

    directory: Path
    people: People
    match: Run
    enrich: Run
    withdrawn: Withdrawn
    aggregate: Run
    evidence: Mapping[str, Evidence]
    left: Sequence[Left]
    steps: Sequence[tuple[str, float]]
    total_s: float

    @property
    def released_though_withdrawn(self) -> int:
        """Customers in the enriched result who had withdrawn before it was released; must be 0."""
        gone = {*self.withdrawn.at_retailer, *self.withdrawn.at_platform}
        return len(gone.intersection(self.enrich.customers))

    @property
    def sound(self) -> bool:
        """Whether everything that the demo claims is so."""
        return not self.released_though_withdrawn and all(found.verified for found in self.evidence.values())


def tell(outcome: Outcome, write: Callable[[str], object]) -> None:
    """Write the report.

    Args:
        outcome: what was found.
        write: takes one line.
    """
    parts = (_companies, _matched, _enriched, _withdrawn, _measured, _left_out, _audit, _seconds, _left)
    for number, lines in enumerate(filter(None, (part(outcome) for part in parts))):
        if number:
            write("")
        for line in lines:
            write(line)


def _companies(outcome: Outcome) -> list[str]:
    lines = ["Two gateways on this machine, generated people, one agreement (sandbox)"]
    for party, company in ((RETAILER, outcome.people.retailer), (PLATFORM, outcome.people.platform)):
        lines.append(
            f"  {party:<9}{company.customers.num_rows:>7,} customers {len(company.events):>7,} consent events"
            f"   {LEGAL_NAMES[party]}"
        )
    return lines


def _matched(outcome: Outcome) -> list[str]:
    found, shared = len(outcome.match.customers), len(outcome.people.shared)
    return [
        "MATCH  which customers of the retailer does the platform also have?",
        f"  {found:,} in common with consent on both sides, of {shared:,} people who are customers of both.",
        "  The others did not agree, at the retailer or at the platform; neither side learns who they are.",
    ]


def _enriched(outcome: Outcome) -> list[str]:
    values: dict[str, dict[str, str | None]] = {}
    rows = outcome.enrich.result.select(["customer", "attribute", "value"]).to_pylist()
    for row in rows:
        values.setdefault(row["customer"], {})[row["attribute"]] = row["value"]
    complete = [customer for customer, found in values.items() if None not in found.values()]
    partial = [customer for customer, found in values.items() if None in found.values()]
    sample = sorted(complete[: SAMPLE_ROWS - 1] + partial[:1])
    header = ("customer", *COLUMNS)
    table = [[customer, *(values[customer].get(name) or "-" for name in COLUMNS)] for customer in sample]
    return [
        f"ENRICH  {', '.join(COLUMNS)} of the customers in common",
        *_columns(header, table),
        f"  {len(values):,} customers enriched; {len(partial):,} of them did not agree to every column: those are -",
    ]


def _withdrawn(outcome: Outcome) -> list[str]:
    withdrawn = outcome.withdrawn
    if not withdrawn.state:
        return ["WITHDRAWN DURING THE RUN  nobody: the run was over before anybody could"]
    mine, theirs = outcome.enrich.retailer_job, outcome.enrich.platform_job
    return [
        f"WITHDRAWN DURING THE RUN  while the retailer's job was {withdrawn.state}",
        f"  {len(withdrawn.at_retailer)} at the retailer:  {_dropped(mine)}",
        f"  {len(withdrawn.at_platform)} at the platform:  {_dropped(theirs)}",
        f"  {outcome.released_though_withdrawn} of them are in the result",
    ]


def _measured(outcome: Outcome) -> list[str]:
    job = outcome.aggregate.retailer_job
    cells = [readable(cell) for cell in outcome.aggregate.result.to_pylist() if _is_told(cell)]
    names = ("segment", "column", "statistic", "value", "interval", "p_value", "note")
    facts = dict(job.facts)
    return [
        "AGGREGATE  what did the campaign sell? per arm, with noise; neither side learns who bought",
        *_columns(
            ("segment", "column", "statistic", "value", "95 % interval", "p", ""),
            [[c[n] for n in names] for c in cells],
        ),
        f"  counts and sums: interval of the noise alone; lift against {CONTROL}: of noise and chance",
        f"  dummies {facts.get('dummies')}, noise {facts.get('noise')}, {facts.get('scheme')}; "
        f"the platform's ledger was charged before a byte of it left",
    ]


def _is_told(cell: Mapping[str, object]) -> bool:
    """Choose the figures that people look for first."""
    if cell["segment"] is None:
        return False
    told = ("count", "mean", "lift") if cell["column"] == "spend" else ("count", "sum", "mean", "lift", "relative_lift")
    return cell["statistic"] in told


def _dropped(job: Job) -> str:
    """Say how a side's withdrawals left the run; the first two counts stand in the run record that both sign."""
    found = (
        (job.count("replaced"), "replaced by random rows before the data left"),
        (job.count("late_drops"), "dropped after the data had left"),
        (job.count("withdrawn_before_release"), "of these matched and kept out of the release"),
    )
    return ", ".join(f"{count} {how}" for count, how in found if count) or "none in time"


def _left_out(outcome: Outcome) -> list[str]:
    jobs = (outcome.enrich.retailer_job, outcome.enrich.platform_job)
    counts = [
        {count.reason: count.count for count in job.counts if count.group in ("left_out", "rejected")} for job in jobs
    ]
    reasons = sorted({*counts[0], *counts[1]}, key=lambda reason: -sum(side.get(reason, 0) for side in counts))
    table = [[reason, *(f"{side.get(reason, 0):,}" for side in counts), _meaning(reason)] for reason in reasons]
    table.append(["in the run", *(f"{job.count('consented'):,}" for job in jobs), "Valid separate consent."])
    return [
        "LEFT OUT, AND WHY  each side sees its own column only",
        *_columns(("reason", *_SIDES, "meaning"), table, right=(1, 2)),
    ]


def _meaning(reason: str) -> str:
    if reason in ReasonCode.__members__:
        return REASONS[ReasonCode(reason)].meaning
    return _REJECTED.get(reason, "The row cannot be used.")


def _audit(outcome: Outcome) -> list[str]:
    lines = ["AUDIT LOG  signed by both sides under every run"]
    for party, found in outcome.evidence.items():
        lines.append(f"  checkpoint of {party}")
        lines += [f"    {line}" for line in found.checkpoint.splitlines() if line]
        lines.append(f"  verified offline: {'yes' if found.verified else 'NO'}, by this command:")
        lines.append(f"    {found.command}")
        if not found.verified:
            lines += [f"    {line}" for line in found.said.splitlines()]
    return lines


def _seconds(outcome: Outcome) -> list[str]:
    return [
        "SECONDS",
        *(f"  {seconds:5.1f}  {name}" for name, seconds in outcome.steps),
        f"  {outcome.total_s:5.1f}  in all",
    ]


def _left(outcome: Outcome) -> list[str]:
    if not outcome.left:
        return []
    assent = shlex.join(program("assent", "gateway.main"))
    return [
        "STILL RUNNING",
        *(f"  {one.target}  {assent} --home {one.home} job list" for one in outcome.left),
        f"  stop both: kill {' '.join(str(one.pid) for one in outcome.left)}",
    ]


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Align texts in columns; `right` names columns of numbers."""
    lines = [header, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
