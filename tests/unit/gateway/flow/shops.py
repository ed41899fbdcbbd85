"""A retailer that takes consent in: its setting, and acts of its customers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consent.evaluate import Use
from gateway.flow.agreement import accept, propose
from gateway.flow.consent import ImportReport, decide, import_events
from gateway.flow.notice import create_notice, publish_notice
from gateway.flow.ports import House, Limits
from tests.unit.gateway.flow.houses import (
    ADMIN,
    CDP,
    NOW,
    OFFICER,
    Neighbours,
    StoppedClock,
    befriend,
    copy_built,
    draft,
    entries_of,
    furnish,
    notice,
    open_house,
)

USE = Use("retailer", "platform", "profile_enrichment", "phone_hash", "psi_hash")
PHONE = "13800138000"
ALL = ("2" * 26, "z" * 26)


def given(number: int, **changes: Any) -> dict[str, Any]:
    """A separate consent of customer C<number> to everything that the notice tells."""
    item = {
        "purpose": "profile_enrichment",
        "categories": ["phone_hash", "purchase_history"],
        "methods": ["psi_hash"],
        "recipients": ["platform"],
        "form": "separate",
    }
    fields: dict[str, Any] = {
        "event_id": f"e{number}",
        "type": "consent_given",
        "at": "2026-11-01T10:00:00+08:00",
        "subject": f"C{number}",
        "handler": "retailer",
        "consent_id": f"c{number}",
        "notice": "sharing@1",
        "by": "subject",
        "mode": "explicit",
        "evidence": True,
        "items": [item],
    }
    return {name: entry for name, entry in (fields | changes).items() if entry is not None}


def item(**changes: Any) -> list[dict[str, Any]]:
    return [given(0)["items"][0] | changes]


def withdrawn(number: int, at: str = "2026-11-19T10:00:00+08:00") -> dict[str, Any]:
    return {
        "event_id": f"w{number}",
        "type": "consent_withdrawn",
        "at": at,
        "subject": f"C{number}",
        "handler": "retailer",
        "purpose": "profile_enrichment",
    }


async def pieces(rows: Sequence[dict[str, Any]], size: int = 1000) -> AsyncIterator[list[tuple[int, dict[str, Any]]]]:
    numbered = list(enumerate(rows, 1))
    for start in range(0, len(numbered), size):
        yield numbered[start : start + size]


async def take(house: House, rows: Sequence[dict[str, Any]], size: int = 1000, *, whole: bool = False) -> ImportReport:
    return await import_events(house, CDP, "customer", pieces(rows, size), whole)


@dataclass
class Shop:
    """A retailer with an agreement in force and a published notice."""

    house: House
    folder: Path

    def cut_to(self, **limits: int) -> House:
        return replace(self.house, limits=Limits(**limits))


async def build_shop(folder: Path, url: str | None = None) -> None:
    """A retailer with an agreement in force and a published notice, and its partner."""
    neighbours = Neighbours()
    async with (
        open_house(folder / "retailer", "retailer", neighbours=neighbours, url=url) as retailer,
        open_house(folder / "platform", "platform", neighbours=neighbours) as platform,
    ):
        await befriend(retailer, platform)
        await furnish(retailer, "platform")
        await furnish(platform, "retailer")
        proposed = await propose(retailer, ADMIN, draft(), "5f0c2f1e-2c4f-4f0a-8d0c-9a1b2c3d4e5f")
        await accept(platform, ADMIN, proposed.agreement.agreement_id, "")
        await create_notice(retailer, OFFICER, notice("platform"))
        await publish_notice(retailer, OFFICER, "sharing", 1, NOW - timedelta(days=100))


@asynccontextmanager
async def open_shop(folder: Path, url: str | None = None) -> AsyncIterator[Shop]:
    clock = StoppedClock(NOW + timedelta(minutes=1))
    async with open_house(folder / "retailer", "retailer", clock, url=url) as retailer:
        yield Shop(retailer, folder / "retailer")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    await copy_built("shop", build_shop, tmp_path)
    async with open_shop(tmp_path) as opened:
        yield opened


async def reason(house: House, number: int, **changes: Any) -> str:
    return (await decide(house, OFFICER, "customer", f"C{number}", replace(USE, **changes))).reason_code


async def consent_entries(house: House) -> list[dict[str, Any]]:
    found = await entries_of(house, kinds=lambda kind: kind == "consent_event")
    return [json.loads(payload) for _, payload in found if payload is not None]
