"""`assent partner`: cards out and in."""

from __future__ import annotations

from pathlib import Path

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import show, words

app = typer.Typer(no_args_is_help=True)


@app.command()
def invite(context: typer.Context, file: Path = typer.Argument(..., help="Where to write our card.")) -> None:
    """Write our signed card for a partner, and print its fingerprint."""
    chosen = options(context)
    with chosen.client() as client:
        invitation = client.registry.invitation()
    file.write_bytes(invitation.card_file)
    words(f"Send {file.name} to the partner, and read this fingerprint out by phone:")
    typer.echo(invitation.fingerprint)


@app.command()
def accept(
    context: typer.Context,
    file: Path = typer.Argument(..., exists=True, help="The partner's card."),
    fingerprint: str = typer.Option(..., help="The fingerprint that the partner read out."),
) -> None:
    """Accept a partner's card whose fingerprint was read out."""
    chosen = options(context)
    with chosen.client() as client:
        partner = client.registry.accept_partner(file.read_bytes(), fingerprint)
    show([_record(partner)], _COLUMNS, chosen.output)


@app.command("list")
def list_partners(context: typer.Context) -> None:
    """List accepted partners."""
    chosen = options(context)
    with chosen.client() as client:
        show([_record(partner) for partner in client.registry.partners()], _COLUMNS, chosen.output)


_COLUMNS = ["party", "legal_name", "endpoint", "country", "contact"]


def _record(partner: object) -> dict[str, object]:
    return {name: getattr(partner, name) for name in _COLUMNS}
