"""`assent keys`: make a home, issue tokens."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import words
from gateway.route.caller import Role

app = typer.Typer(no_args_is_help=True)


@app.command()
def init(
    context: typer.Context,
    party: str = typer.Option(..., help="Our party id: a-z, 0-9 and -."),
    legal_name: str = typer.Option(..., help="Legal entity, as it stands in notices."),
    contact: str = typer.Option(..., help="How a data subject reaches us."),
    country: str = typer.Option("CN", help="ISO 3166-1 alpha-2."),
    tenant_address: str = typer.Option("127.0.0.1:7443", help="Where our own systems reach us."),
    peer_address: str = typer.Option("127.0.0.1:7444", help="Where we listen for partners."),
    endpoint: str = typer.Option("", help="host:port that partners dial; by default the peer address."),
    dns_name: str = typer.Option("", help="Name in our certificate; by default PARTY.assent.internal."),
    store_url: str = typer.Option("", help="Database URL; by default SQLite in the home."),
    days: int = typer.Option(365, help="Validity of the certificate."),
) -> None:
    """Make a home with development material: keys, certificate, card, settings, an administrator's token."""
    # Key libraries are loaded by the commands that use them; the others start faster.
    from gateway.main.home import NewHome, make_home

    home = options(context).own_home()
    new = NewHome(
        party=party,
        legal_name=legal_name,
        contact=contact,
        country=country,
        tenant_address=tenant_address,
        peer_address=peer_address,
        endpoint=endpoint,
        dns_name=dns_name,
        store_url=store_url,
        days=days,
    )
    card = make_home(home, new, datetime.now(UTC))
    words(f"Made {home}. Serve it with: assent --home {home} serve")
    typer.echo(card.fingerprint)


@app.command()
def token(
    context: typer.Context,
    subject: str = typer.Argument(..., help="Who will carry it."),
    role: list[Role] = typer.Option(..., help="What it may do; repeatable."),
    days: int = typer.Option(30, help="Lifetime, at most 30 days."),
) -> None:
    """Print a bearer token for the tenant API."""
    from gateway.keys.token import issue_token
    from gateway.settings import load_settings

    home = options(context).own_home()
    party = load_settings(home).party.id
    typer.echo(issue_token(home, subject, role, party, datetime.now(UTC), days))


@app.command()
def fingerprint(context: typer.Context) -> None:
    """Print the fingerprint of our card, to be read out to partners."""
    from gateway.keys.custody import HomeKeys

    typer.echo(HomeKeys.load(options(context).own_home()).own_card().fingerprint)
