"""Processes that write into one log, each with connections and a signer's handle of its own."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection
from pathlib import Path

from gateway.flow.audit import sequence
from gateway.route.audit import AuditEvent
from tests.unit.gateway.flow.houses import NOW, open_house

EACH = 25
TOGETHER = 6


def append(home: str, url: str, number: int, told: Connection) -> None:
    """Append one entry after the other, and say so after each commit."""
    asyncio.run(_append(home, url, number, told, EACH, sequencing=False))


def append_and_sequence(home: str, url: str, number: int, told: Connection) -> None:
    """The same, integrating and signing after each."""
    asyncio.run(_append(home, url, number, told, EACH, sequencing=True))


def append_together(home: str, url: str, number: int, told: Connection) -> None:
    """Append entries that wait for the same commits, and say of each that it is committed."""
    asyncio.run(_append_together(home, url, number, told, EACH))


async def _append_together(home: str, url: str, number: int, told: Connection, count: int) -> None:
    async with open_house(Path(home), "retailer", url=url) as house:

        async def one(row: int) -> None:
            await house.store.append([AuditEvent("job_state", NOW, "", {"job": f"{number}-{row}"})])
            told.send(f"{number}-{row}")

        for first in range(0, count, TOGETHER):
            await asyncio.gather(*(one(row) for row in range(first, min(first + TOGETHER, count))))


async def _append(home: str, url: str, number: int, told: Connection, count: int, *, sequencing: bool) -> None:
    async with open_house(Path(home), "retailer", url=url) as house:
        for row in range(count):
            name = f"{number}-{row}"
            async with house.store.begin() as tx:
                await tx.audit.append([AuditEvent("job_state", NOW, "", {"job": name})])
            told.send(name)
            if sequencing:
                await sequence(house)
