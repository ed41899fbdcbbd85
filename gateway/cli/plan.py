"""`assent job plan`: whether a job would run, and what it would take, before anything is sent."""

from __future__ import annotations

from dataclasses import asdict

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import Output, show, show_one, words
from gateway.client import Forecast, JobPlan

_COLUMNS = ["look", "verdict", "reason", "text"]
_CROWDED = 1.5
_MINUTE = 90  # seconds, from which on minutes are easier to read


def plan(
    context: typer.Context,
    operation: str = typer.Argument(..., help="MATCH, ENRICH, AGGREGATE or OVERLAP."),
    agreement: str = typer.Option(..., help="Id of the agreement."),
    purpose: str = typer.Option(..., help="One of its purposes."),
    column: list[str] = typer.Option([], help="Agreed column wanted (ENRICH, AGGREGATE); repeatable."),
    partner_rows: int = typer.Option(0, min=0, help="Records of the partner; by default those of the last run."),
) -> None:
    """Say whether a job would run, and foretell minutes, bytes, disk and memory; nothing is sent.

    Ends with 1 where the run would be refused or fail.
    """
    chosen = options(context)
    with chosen.client() as client:
        found = client.jobs.plan(agreement, operation.upper(), purpose, column, partner_rows)
    if chosen.output is Output.JSON:
        show_one({"runs": found.runs, **asdict(found)}, chosen.output)
    else:
        looks = [(one.name, one.verdict, one.reason_code, one.text) for one in found.checks]
        looks += [(name, "", "", text) for name, text in _told(found)]
        show([dict(zip(_COLUMNS, look, strict=True)) for look in looks], _COLUMNS, chosen.output)
    words("the run would start" if found.runs else "the run would not go through")
    if not found.runs:
        raise typer.Exit(1)


def _told(found: JobPlan) -> list[tuple[str, str]]:
    """Return the forecast in lines for people."""
    if found.forecast is None or found.calibration is None:
        return []
    one, measured = found.forecast, found.calibration
    crowded = f"; other work slows it {measured.crowding:.1f} times" if measured.crowding > _CROWDED else ""
    shares = ", ".join(f"{name} {cpu_s:.1f}" for name, cpu_s in one.shares if cpu_s >= 0.05)
    return [
        ("rows", f"{one.own_rows:,} ({one.own_rows_from}), of them {one.own_records:,} records to send"),
        ("partner", f"{one.partner_records:,} records ({one.partner_records_from})"),
        ("time", _time(one)),
        ("processor", f"{one.cpu_s:.1f} s ours, {one.partner_cpu_s:.1f} s the partner's; of both: {shares}"),
        ("wire", f"{_bytes(one.wire_bytes)}, of it a table of {_bytes(one.table_bytes)}"),
        ("disk", f"{_bytes(one.spool_bytes)} of the spool"),
        ("memory", _bytes(one.memory_bytes)),
        (
            "measured",
            f"{measured.isa}, {measured.threads} threads: {measured.blind_per_cpu_s:,.0f} blinded and "
            f"{measured.evaluate_per_cpu_s:,.0f} evaluated, {measured.read_per_cpu_s:,.0f} rows read a CPU second; "
            f"{measured.seconds:.1f} s, {measured.sampled_rows:,} rows{crowded}",
        ),
    ]


def _time(one: Forecast) -> str:
    told = f"{one.wall_s:.1f} s" if one.wall_s < _MINUTE else f"{one.wall_s / 60:.1f} minutes"
    where = "both gateways on this machine" if one.shared_machine else "the partner's machine taken to be like ours"
    return f"{told}, {where}"


def _bytes(count: int) -> str:
    if count < 10**6:
        return f"{count / 1e3:,.0f} kB"
    return f"{count / 1e6:,.1f} MB" if count < 10**9 else f"{count / 1e9:,.2f} GB"
