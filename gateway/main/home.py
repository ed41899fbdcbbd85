"""A new home: keys, certificate, card, settings, and the files by which our own commands call the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.cli.gateway_options import CLIENT_FOLDER
from gateway.errors import AssentError, StateError
from gateway.keys.custody import HomeKeys
from gateway.keys.material import initialise
from gateway.keys.token import issue_token
from gateway.route.caller import Role
from gateway.route.party import SignedCard
from gateway.settings import write_default

TOKEN_DAYS = 30
FIRST_CALLER = "local-administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHome:
    """What a new home is made of.

    Attributes:
        party: our party id.
        legal_name: legal entity as it must stand in notices.
        contact: how a data subject reaches us.
        country: ISO 3166-1 alpha-2.
        tenant_address: host:port for our own systems.
        peer_address: host:port where partners are listened for.
        endpoint: host:port that partners dial; "" is the peer address.
        dns_name: name in the certificate; "" is PARTY.assent.internal.
        store_url: database; "" is SQLite in the home.
        days: validity of the certificate.
    """

    party: str
    legal_name: str
    contact: str
    country: str = "CN"
    tenant_address: str
    peer_address: str
    endpoint: str = ""
    dns_name: str = ""
    store_url: str = ""
    days: int = 365


def make_home(home: Path, new: NewHome, now: datetime) -> SignedCard:
    """Make a home with development material and a token that has every role.

    Args:
        home: the folder; what is there already is never overwritten.
        new: who and where.
        now: time of issue (UTC).

    Returns:
        The signed card; its fingerprint is read out to partners.

    Raises:
        RequestError: BAD_FIELD.
        StateError: REVISION_CONFLICT when it is a home already; DISK_FULL.
    """
    endpoint = new.endpoint or new.peer_address
    name = new.dns_name or f"{new.party}.assent.internal"
    settings = write_default(
        home,
        {
            "id": new.party,
            "legal_name": new.legal_name,
            "contact": new.contact,
            "country": new.country,
            "endpoint": endpoint,
            "target_name": name,
        },
        {"tenant_address": new.tenant_address, "peer_address": new.peer_address},
        {"url": new.store_url} if new.store_url else None,
    )
    try:
        card = initialise(
            home,
            new.party,
            new.legal_name,
            new.contact,
            new.country,
            endpoint,
            new.tenant_address,
            name,
            now,
            new.days,
        )
        _write_client_folder(home, new, now)
    except AssentError:
        # Settings without keys would stand in the way of the next attempt.
        settings.unlink(missing_ok=True)
        raise
    return card


def _write_client_folder(home: Path, new: NewHome, now: datetime) -> None:
    folder = home / CLIENT_FOLDER
    token = issue_token(home, FIRST_CALLER, list(Role), new.party, now, TOKEN_DAYS)
    try:
        folder.mkdir(mode=0o700)
        (folder / "target").write_text(new.tenant_address + "\n", encoding="utf-8")
        (folder / "ca.pem").write_bytes(HomeKeys.load(home).tls.certificate)
        secret = folder / "token"
        secret.touch(mode=0o600)
        secret.write_text(token + "\n", encoding="utf-8")
    except OSError as error:
        raise StateError("DISK_FULL", f"cannot write the client folder of the home: {error.strerror}") from error
