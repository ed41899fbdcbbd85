"""A home made by `initialise`, and a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gateway.keys.material import initialise
from gateway.route.party import SignedCard

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


class StoppedClock:
    """Shows one time until it is set."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def make_home(home: Path, party: str = "retailer", now: datetime = NOW) -> SignedCard:
    return initialise(
        home,
        party=party,
        legal_name=f"{party} 有限公司",
        contact=f"privacy@{party}.example",
        country="CN",
        peer_endpoint="127.0.0.1:7444",
        tenant_target="tenant.internal:7443",
        dns_name=f"gateway.{party}.example",
        now=now,
    )
