"""`assent sink`: files and tables outside, and the results that lie there."""

from __future__ import annotations

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import show, show_one, words
from gateway.client import Delivery, Sink

app = typer.Typer(no_args_is_help=True)

_SINK = ["name", "format", "mode", "withdrawn"]
_DELIVERY = ["delivery", "sink", "job", "state", "rows", "attempt", "why", "delivered_at", "ended_at"]


@app.command("list")
def list_sinks(context: typer.Context) -> None:
    """List declared sinks."""
    chosen = options(context)
    with chosen.client() as client:
        show([_sink(sink) for sink in client.sinks.list()], _SINK, chosen.output)


@app.command()
def describe(context: typer.Context, name: str) -> None:
    """Show a sink, never its path or connection."""
    chosen = options(context)
    with chosen.client() as client:
        show_one(_sink(client.sinks.get(name)), chosen.output)


@app.command()
def deliver(
    context: typer.Context,
    name: str,
    job_id: str,
    request_id: str = typer.Option("", help="uuid; the same id delivers once only."),
) -> None:
    """Have the result of a job put into a sink; the gateway does it, and tries again while the sink is away."""
    chosen = options(context)
    with chosen.client() as client:
        show_one(_delivery(client.sinks.deliver(name, job_id, request_id or None)), chosen.output)


@app.command()
def deliveries(context: typer.Context, name: str = typer.Argument("", help="Of this sink only.")) -> None:
    """List what was put into sinks, newest first."""
    chosen = options(context)
    with chosen.client() as client:
        show([_delivery(delivery) for delivery in client.sinks.deliveries(name)], _DELIVERY, chosen.output)


@app.command()
def refresh(context: typer.Context, name: str) -> None:
    """Take out of a sink at once what must go from it; else the gateway does within seconds."""
    chosen = options(context)
    with chosen.client() as client:
        people = client.sinks.refresh(name)
    words(f"{people} people's rows went from {name}")


@app.command()
def forget(context: typer.Context, name: str) -> None:
    """Say that nothing of ours lies any more in a sink that is not declared any more."""
    chosen = options(context)
    with chosen.client() as client:
        count = client.sinks.forget(name)
    words(f"{count} results were lying in {name}")


def _sink(sink: Sink) -> dict[str, object]:
    return {"name": sink.name, "format": sink.format, "mode": sink.mode, "withdrawn": sink.withdrawn}


def _delivery(delivery: Delivery) -> dict[str, object]:
    why = delivery.failure
    return {
        "delivery": delivery.id,
        "sink": delivery.sink,
        "job": delivery.job_id,
        "state": delivery.state,
        "rows": delivery.rows,
        "attempt": delivery.attempt,
        "why": f"{why[0]}: {why[1]}" if why else None,
        "requested_by": delivery.requested_by,
        "created_at": delivery.created_at,
        "next_attempt": delivery.next_attempt,
        "delivered_at": delivery.delivered_at,
        "ended_at": delivery.ended_at,
    }
