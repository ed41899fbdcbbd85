"""`assent job report`: what became of our customers in a run, as text, JSON or a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from gateway.cli.bars import Bar, Group, check_picture, draw
from gateway.cli.gateway_options import options
from gateway.cli.screen import Output, show, show_one, words
from gateway.client import Job, MatchReport, ReportLine

_COLUMNS = ["section", "item", "count", "of", "rate", "before", "change", "first_rows"]
_TITLES = {
    "rows": "Rows of the source",
    "rejected": "Rejected rows, by reason",
    "match_key_faults": "Rows without a usable match key, by reason",
    "people": "Customers",
    "left_out": "Customers left out, by reason",
    "shared_match_keys": "Customers whose value others have, too, by match key",
    "keys": "Found by each match key",
    "waterfall": "Found first by each match key, of those left for it",
    "fan_out": "Matched rows of the partner, by customers of ours behind each",
    "outcome": "Outcome",
}


def report(
    context: typer.Context,
    job_id: str,
    plot: Path | None = typer.Option(None, "--plot", help="Draw it there (.svg; .png needs the extra `plot`)."),
) -> None:
    """Show who was read, left out, matched and released in a run, and what changed since the run before."""
    if plot is not None:
        check_picture(plot)
    chosen = options(context)
    with chosen.client() as client:
        found, job = client.jobs.report(job_id), client.jobs.get(job_id)
    if chosen.output is Output.JSON:
        show_one(_record(job, found), chosen.output)
    else:
        words(_about(job, found))
        show([_row(line) for line in found.lines], _COLUMNS, chosen.output)
    if plot is not None:
        draw(_about(job, found), list(_groups(found)), plot)
        words(f"drawn in {plot.name}")


def _record(job: Job, found: MatchReport) -> dict[str, object]:
    return {
        "job": found.job_id,
        "side": job.side,
        "operation": job.operation,
        "purpose": job.purpose,
        "partner": job.partner,
        "state": job.state,
        "previous_job": found.previous or None,
        "previous_time": found.previous_at,
        "lines": [
            {
                "section": line.section,
                "item": line.item,
                "count": line.count,
                "of": line.of,
                "rate": line.rate,
                "before": line.before,
                "rate_before": line.rate_before,
                "first_rows": list(line.first_rows),
            }
            for line in found.lines
        ],
    }


def _about(job: Job, found: MatchReport) -> str:
    before = f"; before: {found.previous_at:%Y-%m-%d %H:%M} UTC" if found.previous_at else ""
    return f"{job.operation} as {job.side.lower()} with {job.partner}, {job.purpose}: {job.state}{before}"


def _row(line: ReportLine) -> dict[str, object]:
    return {
        "section": line.section,
        "item": line.item,
        "count": f"{line.count:,}",
        "of": None if line.of is None else f"{line.of:,}",
        "rate": percent(line.rate),
        "before": None if line.before is None else f"{line.before:,}",
        "change": _change(line),
        "first_rows": line.first_rows,
    }


def _change(line: ReportLine) -> str:
    """Say what is different: in points where a rate is meant, for sizes of inputs differ from run to run."""
    if line.before is None:
        return ""
    if (line.count, line.of) == (line.before, line.before_of):
        return "="
    if line.rate is not None and line.rate_before is not None:
        return f"{100 * (line.rate - line.rate_before):+.1f} points"
    return f"{line.count - line.before:+,}"


def percent(rate: float | None) -> str:
    """Write a rate, nothing where none is meant."""
    return "" if rate is None else f"{100 * rate:.1f} %"


def _groups(found: MatchReport) -> Iterator[Group]:
    for section in dict.fromkeys(line.section for line in found.lines):
        lines = [line for line in found.lines if line.section == section]
        # Rates are drawn of what they are a part of, counts of the longest.
        most = max(max(line.of or 0, line.count, line.before or 0) for line in lines)
        bars = [
            Bar(
                line.item,
                line.count / most if most else 0.0,
                None if line.before is None or not most else line.before / most,
                " · ".join(part for part in (f"{line.count:,}", percent(line.rate), _change(line)) if part),
            )
            for line in lines
        ]
        name = section.removeprefix("rejected in ").removeprefix("match_key_faults in ")
        yield Group(_TITLES.get(section, f"{_TITLES[section.split(' in ')[0]]}: {name}"), bars)
