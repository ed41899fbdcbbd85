"""Writes the log of decisions out, soon after they were answered."""

from __future__ import annotations

import asyncio

import structlog

from gateway.errors import StateError
from gateway.flow.ports import House

INTERVAL_S = 1.0
PAUSE_S = 5.0


async def write_decisions_for_ever(house: House) -> None:
    """Write out what waits, once a second; what cannot be written waits on."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        await write_decisions(house, PAUSE_S)


async def write_decisions(house: House, pause_s: float = 0.0) -> None:
    """Write out what waits; a database that is away is said, and tried again by whoever calls next."""
    try:
        await house.decisions.write(house)
    except StateError as error:
        structlog.get_logger().warning("decisions_wait", reason=error.reason, decisions=len(house.decisions))
        await asyncio.sleep(pause_s)
