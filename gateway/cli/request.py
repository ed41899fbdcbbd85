"""`assent request`: what people ask of us, in and on."""

from __future__ import annotations

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import show, words
from gateway.cli.times import time_of
from gateway.client import RightsRequest

app = typer.Typer(no_args_is_help=True)

_ERASED = ["erased_at", "events", "links", "removals", "payloads", "evidence_hold", "keep_until"]
_COLUMNS = ["id", "subject", "kind", "requester", "state", "received_at", "due_at", "done_at", "reason"]


@app.command("open")
def open_request(
    context: typer.Context,
    subject: str = typer.Argument(..., help="The customer, as in the consent file."),
    kind: str = typer.Argument(
        ..., help="access, copy, transfer, correction, deletion, restriction, closure or explanation."
    ),
    channel: str = typer.Option(..., help="How it came in, e.g. app or letter; never who asks."),
    requester: str = typer.Option("subject", help="subject, guardian or relative."),
    subject_type: str = typer.Option("customer", help="What a subject is; the same as in the binding."),
    received_at: str = typer.Option("", help="When it came in; by default now."),
    purpose: str = typer.Option("", help="What a deletion or restriction is limited to."),
    recipient: str = typer.Option("", help="What it is limited to."),
    category: list[str] = typer.Option([], help="What it is limited to; repeatable."),
) -> None:
    """Take a rights request in; it has a due time from then on."""
    chosen = options(context)
    with chosen.client() as client:
        made = client.requests.open(
            subject,
            kind,
            channel=channel,
            requester=requester,
            subject_type=subject_type,
            received_at=time_of(received_at, "--received-at"),
            purpose=purpose,
            recipient=recipient,
            categories=category,
        )
    show([_record(made)], _COLUMNS, chosen.output)


@app.command("list")
def list_requests(context: typer.Context, done: bool = typer.Option(False, help="Also those done.")) -> None:
    """List rights requests by due time."""
    chosen = options(context)
    with chosen.client() as client:
        show([_record(request) for request in client.requests.list(done)], _COLUMNS, chosen.output)


@app.command()
def advance(
    context: typer.Context,
    request_id: str,
    state: str = typer.Argument(..., help="identity_verified, accepted, refused or done."),
    reason: str = typer.Option("", help="Why it is refused."),
) -> None:
    """Move a rights request on; an accepted deletion, restriction or closure stops uses at once."""
    chosen = options(context)
    with chosen.client() as client:
        moved = client.requests.advance(request_id, state, reason)
    show([_record(moved)], _COLUMNS, chosen.output)


@app.command()
def erase(context: typer.Context, request_id: str) -> None:
    """Erase the customer of a deletion or closure that is done: links, removals, events, openings of the log."""
    chosen = options(context)
    with chosen.client() as client:
        erased = client.requests.erase(request_id)
    show([{name: getattr(erased, name) for name in _ERASED}], _ERASED, chosen.output)
    if erased.payloads and not erased.evidence_hold:
        words("No evidence is held: [rights.evidence_officers] names nobody, and all was destroyed at once.")


def _record(request: RightsRequest) -> dict[str, object]:
    return {name: getattr(request, name) for name in _COLUMNS}
