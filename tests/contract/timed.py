"""A house with customers whose consents, retention and rights have dates."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.flow import consent, notice, registry
from gateway.flow.ports import House
from gateway.keys.provider import FileKeyProvider
from gateway.keys.sealer import Sealer
from gateway.spool import Results
from tests.unit.gateway.flow.houses import (
    ADMIN,
    CDP,
    NOW,
    OFFICER,
    StoppedClock,
    assessment,
    entries_of,
    furnish,
    open_house,
)
from tests.unit.gateway.flow.houses import notice as notice_body

DAY = timedelta(days=1)
NOTICE = "sharing@1"


@asynccontextmanager
async def timed_house(home: Path, url: str, clock: StoppedClock) -> AsyncIterator[House]:
    """Open a retailer that may be told of own use, with results of its own."""
    # A file is copied with its schema, a server's database is brought up to it.
    async with open_house(home, "retailer", clock, url=None if url.startswith("sqlite") else url) as bare:
        house = replace(bare, results=Results(home / "results", Sealer(FileKeyProvider.load(home))))
        await furnish(house, "platform")
        own_use = assessment("platform", id="pia-own", recipients=[None])
        await registry.create_assessment(house, ADMIN, own_use)
        await registry.create_category(house, ADMIN, {"id": "visits"})
        await notice.create_notice(house, OFFICER, notice_body("platform", recipients=[]))
        await notice.publish_notice(house, OFFICER, "sharing", 1)
        yield house


def given(number: int, valid_until: datetime | None = None, **changes: Any) -> dict[str, Any]:
    """A customer's consent to own use."""
    item = {
        "purpose": "profile_enrichment",
        "categories": ["phone_hash", "purchase_history"],
        "methods": ["psi_hash"],
        "recipients": [],
        "form": "separate",
    }
    row = {
        "event_id": f"e-{number}",
        "type": "consent_given",
        "consent_id": f"c-{number}",
        "by": "subject",
        "mode": "explicit",
        "evidence": True,
        "notice": NOTICE,
        "items": [item],
        **act(number),
    }
    return row | ({} if valid_until is None else {"valid_until": valid_until.isoformat()}) | changes


def act(number: int, type: str = "", at: datetime = NOW, **fields: Any) -> dict[str, Any]:
    """Something that a customer did."""
    row = {"subject": f"C-{number}", "handler": "retailer", "at": at.isoformat()}
    return row | ({"type": type, "event_id": f"{type}-{number}"} if type else {}) | fields


async def take(house: House, *rows: Mapping[str, Any]) -> None:
    """Import events."""

    async def batches() -> AsyncIterator[Sequence[tuple[int, Mapping[str, object]]]]:
        yield list(enumerate(rows, 1))

    report = await consent.import_events(house, CDP, "customer", batches(), all_or_nothing=False)
    assert not report.rejected, report.rejected
    assert report.accepted == len(rows)


async def logged(house: House, kind: str) -> list[dict[str, Any]]:
    """Payloads of the log's entries of a type."""
    return [json.loads(payload or b"{}") for _, payload in await entries_of(house, kinds=lambda found: found == kind)]


def ref(house: House, number: int) -> str:
    """The reference of a customer."""
    return consent.person_ref(house, "customer", f"C-{number}")
