"""Integrates pending audit entries soon after they were committed."""

from __future__ import annotations

import asyncio

import structlog

from gateway.errors import StateError
from gateway.flow.audit import sequence
from gateway.flow.ports import House

INTERVAL_S = 1.0
PAUSE_S = 5.0


async def sequence_for_ever(house: House) -> None:
    """Integrate and checkpoint after every ring of "audit", and once a second.

    Raises:
        StateError: LOG_INCONSISTENT; the log must not grow before an operator looked.
    """
    while True:
        try:
            if await sequence(house):
                house.bells.ring("checkpoint")
        except StateError as error:
            if error.reason == "LOG_INCONSISTENT":
                raise
            structlog.get_logger().warning("sequencer_waits", reason=error.reason)
            await asyncio.sleep(PAUSE_S)
        await house.bells.wait("audit", INTERVAL_S)
