"""`assent rights`: what became of customers in released runs, and what partners were told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import typer

from gateway.cli.gateway_options import options
from gateway.cli.job import check_kind, write_table
from gateway.cli.screen import show
from gateway.client import PartnerNotice, Removal, RunTrace

app = typer.Typer(no_args_is_help=True)

TRACE_COLUMNS = [
    "job", "operation", "side", "partner", "presence", "left_open", "judged_at", "reason_code", "articles", "consent",
    "received", "removed_at", "removed_for", "timing", "told", "acknowledged_at",
]  # fmt: skip
_REMOVAL_COLUMNS = ["job", "reason_code", "timing", "delay", "channel", "decided_at", "removed_at", "notice"]
_NOTICE_COLUMNS = ["notice", "direction", "partner", "kind", "job", "rows", "state", "made_at", "due_at", "done_at"]
_AFFECTED_COLUMNS = ["job", "evidence", "customers"]


@app.command()
def removals(
    context: typer.Context,
    timing: str = typer.Option("", help="Only after, late_known or violation."),
) -> None:
    """List rows taken out of released runs; late_known came to us late, with the delay of its channel."""
    chosen = options(context)
    with chosen.client() as client:
        show([_removal(removal) for removal in client.rights.removals(timing.upper())], _REMOVAL_COLUMNS, chosen.output)


@app.command()
def notices(context: typer.Context) -> None:
    """List notices to and from partners: due, late or done."""
    chosen = options(context)
    with chosen.client() as client:
        show([_notice(notice) for notice in client.rights.notices()], _NOTICE_COLUMNS, chosen.output)


@app.command()
def incident(
    context: typer.Context,
    job: list[str] = typer.Option(..., help="Job of an affected run; repeatable."),
    file: Path | None = typer.Option(None, "--file", help="Write the customers there (.csv or .parquet)."),
    tell_partner: bool = typer.Option(False, help="Tell the partners of these runs that a breach touches them."),
) -> None:
    """Count who was in affected runs, and write their raw values to a file if asked; the look is on record."""
    chosen = options(context)
    if file is not None:
        check_kind(file)
    with chosen.client() as client:
        people = client.rights.affected(job)
        counted = Counter(zip(people.column("job").to_pylist(), people.column("evidence").to_pylist(), strict=True))
        if file is not None:
            write_table(people, file)
        if tell_partner:
            for job_id in dict.fromkeys(job):
                client.rights.notify(job_id, "INCIDENT")
    rows = [{"job": found, "evidence": how, "customers": count} for (found, how), count in sorted(counted.items())]
    show(rows, _AFFECTED_COLUMNS, chosen.output)


@app.command()
def suspend(context: typer.Context, job_id: str) -> None:
    """Ask the partner of a run not to use its result until further notice."""
    _tell(context, job_id, "SUSPEND")


@app.command()
def resume(context: typer.Context, job_id: str) -> None:
    """Tell the partner that a run's result may be used again."""
    _tell(context, job_id, "RESUME")


def _tell(context: typer.Context, job_id: str, kind: str) -> None:
    chosen = options(context)
    with chosen.client() as client:
        show([_notice(client.rights.notify(job_id, kind))], _NOTICE_COLUMNS, chosen.output)


def trace_record(run: RunTrace) -> dict[str, object]:
    """Return a run of a trace as a record to show."""
    return {
        "job": run.job_id,
        "operation": run.operation,
        "side": run.side,
        "partner": run.partner,
        "presence": run.presence,
        "left_open": list(run.left_open),
        "judged_at": run.judged_at,
        "reason_code": run.reason_code,
        "articles": list(run.articles),
        "consent": run.consent_id,
        "received": list(run.received),
        "removed_at": run.removal.removed_at if run.removal else None,
        # `reason_code` is why the row left: what became of that stands apart.
        "removed_for": run.removal.reason_code if run.removal else "",
        "timing": run.removal.timing if run.removal else "",
        "told": run.notice.state if run.notice else "",
        "acknowledged_at": run.notice.done_at if run.notice else None,
    }


def _removal(removal: Removal) -> dict[str, object]:
    return {
        "job": removal.job_id,
        "reason_code": removal.reason_code,
        "timing": removal.timing,
        "delay": "" if removal.delay is None else str(removal.delay),
        "channel": removal.channel,
        "decided_at": removal.decided_at,
        "removed_at": removal.removed_at,
        "notice": removal.notice_id,
    }


def _notice(notice: PartnerNotice) -> dict[str, object]:
    return {
        "notice": notice.notice_id,
        "direction": "to" if notice.ours else "from",
        "partner": notice.partner,
        "kind": notice.kind,
        "job": notice.job_id,
        "rows": notice.rows,
        "state": notice.state,
        "made_at": notice.made_at,
        "due_at": notice.due_at,
        "done_at": notice.done_at,
    }
