"""`assent task`, `assent warnings`, `assent deletion`: what time brings about."""

from __future__ import annotations

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import show
from gateway.client.task import DeletionEvidence

app = typer.Typer(no_args_is_help=True)
warnings_app = typer.Typer(no_args_is_help=True)
deletion_app = typer.Typer(no_args_is_help=True)
warnings_app.callback()(lambda: None)
app.callback()(lambda: None)

_TASK = ["name", "last_start", "last_end", "outcome", "counts", "next_run", "running_on"]
_WARNING = ["kind", "item", "ends_at", "days", "raised_at"]
_DELETION = [
    "id", "subject", "cause", "state", "due_at", "held_until", "purpose", "recipient", "categories", "done_at",
    "done_by", "evidence",
]  # fmt: skip


@app.command("list")
def list_tasks(context: typer.Context) -> None:
    """List the tasks that come round: last run, its result, next run."""
    chosen = options(context)
    with chosen.client() as client:
        show([_record(item, _TASK) for item in client.tasks.list()], _TASK, chosen.output)


@warnings_app.command("list")
def list_warnings(context: typer.Context, past: bool = typer.Option(False, help="Also of what has ended.")) -> None:
    """List what ends soon: assessments, agreements, contracts, export mechanisms, certificates, times to delete."""
    chosen = options(context)
    with chosen.client() as client:
        show([_record(item, _WARNING) for item in client.tasks.warnings(past)], _WARNING, chosen.output)


@deletion_app.command("list")
def list_deletions(context: typer.Context, done: bool = typer.Option(False, help="Also those done.")) -> None:
    """List what must be deleted, by due time."""
    chosen = options(context)
    with chosen.client() as client:
        show([_record(item, _DELETION) for item in client.tasks.deletions(done)], _DELETION, chosen.output)


@deletion_app.command("done")
def complete_deletion(context: typer.Context, deletion_id: str) -> None:
    """Say that what a task names is deleted."""
    chosen = options(context)
    with chosen.client() as client:
        show([_record(client.tasks.complete_deletion(deletion_id), _DELETION)], _DELETION, chosen.output)


def _record(item: object, columns: list[str]) -> dict[str, object]:
    return {name: _shown(getattr(item, name)) for name in columns}


def _shown(value: object) -> object:
    """Return the evidence of a deletion as a line per run; other values as they are."""
    if not (isinstance(value, tuple) and value and isinstance(value[0], DeletionEvidence)):
        return value
    return [
        f"{one.job_id}: removed {one.removed_at.isoformat()}"
        + (f", acknowledged {one.acknowledged_at.isoformat()}" if one.acknowledged_at else "")
        + "".join(f", out of sink {sink.sink} {sink.removed_at.isoformat()}" for sink in one.sinks)
        for one in value
    ]
