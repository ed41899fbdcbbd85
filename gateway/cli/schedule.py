"""`assent schedule`: jobs that run again and again."""

from __future__ import annotations

from datetime import timedelta

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import show, show_one
from gateway.client import Schedule, SchedulePolicy

app = typer.Typer(no_args_is_help=True)

_COLUMNS = ["name", "operation", "agreement", "cron", "time_zone", "sink", "next_due"]
_RUN = ["due_at", "state", "attempt", "job", "missed", "reason", "next_attempt", "ended_at"]


@app.command()
def create(
    context: typer.Context,
    name: str = typer.Argument(..., help="1 to 63 of a-z, 0-9, _ and -, beginning with a letter."),
    operation: str = typer.Argument(..., help="MATCH, ENRICH, AGGREGATE or OVERLAP."),
    agreement: str = typer.Option(..., help="Id of an agreement in force."),
    purpose: str = typer.Option(..., help="One of its purposes."),
    cron: str = typer.Option(..., help='Minute, hour, day, month, day of week; e.g. "30 2 * * 1-5".'),
    time_zone: str = typer.Option(..., help="IANA name in whose local time they are read, e.g. Asia/Shanghai."),
    column: list[str] = typer.Option([], help="Agreed column wanted (ENRICH, AGGREGATE); repeatable."),
    sink: str = typer.Option("", help="Declared sink into which each result is put."),
    retries: int = typer.Option(0, help="How often a failed run is tried again, 0 to 10; a refusal never is."),
    backoff: int = typer.Option(300, help="Seconds until the first of them; doubled for each further one."),
    retry_on: list[str] = typer.Option(
        [], help="Reason of a failure that is tried again; repeatable, default passing ones."
    ),
    missed: str = typer.Option(
        "run-once", help="Due times while no server ran: run-once, skip, or run-all (with --overlap queue)."
    ),
    catch_up: int = typer.Option(1, help="With run-all: how many of the newest of them run, 1 to 31."),
    overlap: str = typer.Option("skip", help="Due times during a run: skip or queue."),
    request_id: str = typer.Option("", help="uuid; the same id makes one schedule only."),
) -> None:
    """Have a job run by the clock; every run judges consent anew."""
    chosen = options(context)
    policy = SchedulePolicy(
        retries=retries,
        backoff=timedelta(seconds=backoff),
        retry_reasons=tuple(retry_on),
        missed=_word(missed),
        catch_up=catch_up,
        overlap=_word(overlap),
    )
    with chosen.client() as client:
        made = client.schedules.create(
            name,
            agreement,
            operation.upper(),
            purpose,
            column,
            cron=cron,
            time_zone=time_zone,
            sink=sink,
            policy=policy,
            request_id=request_id or None,
        )
    show_one(_record(made), chosen.output)


@app.command("list")
def list_schedules(context: typer.Context) -> None:
    """List schedules by name."""
    chosen = options(context)
    with chosen.client() as client:
        show([_record(schedule) for schedule in client.schedules.list()], _COLUMNS, chosen.output)


@app.command()
def describe(context: typer.Context, name: str) -> None:
    """Show a schedule."""
    chosen = options(context)
    with chosen.client() as client:
        show_one(_record(client.schedules.get(name)), chosen.output)


@app.command()
def pause(context: typer.Context, name: str) -> None:
    """Let nothing of a schedule begin any more; a job under way goes on."""
    chosen = options(context)
    with chosen.client() as client:
        show_one(_record(client.schedules.pause(name)), chosen.output)


@app.command()
def resume(context: typer.Context, name: str) -> None:
    """Let a paused schedule go on with its next due time."""
    chosen = options(context)
    with chosen.client() as client:
        show_one(_record(client.schedules.resume(name)), chosen.output)


@app.command()
def delete(context: typer.Context, name: str) -> None:
    """Remove a schedule and the record of its runs; jobs and the log stay."""
    chosen = options(context)
    with chosen.client() as client:
        client.schedules.delete(name)


@app.command()
def runs(context: typer.Context, name: str) -> None:
    """List what became of due times, the newest first."""
    chosen = options(context)
    with chosen.client() as client:
        found = [
            {
                "due_at": run.due_at,
                "state": run.state,
                "attempt": run.attempt,
                "job": run.job_id,
                "missed": run.missed,
                "reason": run.reason,
                "next_attempt": run.next_attempt,
                "ended_at": run.ended_at,
            }
            for run in client.schedules.runs(name)
        ]
    show(found, _RUN, chosen.output)


def _word(text: str) -> str:
    return text.upper().replace("-", "_")


def _record(schedule: Schedule) -> dict[str, object]:
    policy = schedule.policy
    return {
        "name": schedule.name,
        "operation": schedule.operation,
        "agreement": schedule.agreement_id,
        "purpose": schedule.purpose,
        "columns": list(schedule.columns),
        "cron": schedule.cron,
        "time_zone": schedule.time_zone,
        "sink": schedule.sink,
        "next_due": schedule.next_due or "paused",
        "retries": policy.retries,
        "backoff_s": int(policy.backoff.total_seconds()),
        "retry_on": list(policy.retry_reasons),
        "missed": policy.missed,
        "catch_up": policy.catch_up,
        "overlap": policy.overlap,
        "created_by": schedule.created_by,
        "created_at": schedule.created_at,
        "revision": schedule.revision,
    }
