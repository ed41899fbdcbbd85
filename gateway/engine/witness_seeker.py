"""Asks partners for their cosignatures soon after every checkpoint; nobody waits for one that is away."""

from __future__ import annotations

import asyncio

import structlog

from gateway.errors import AssentError, StateError
from gateway.flow.ports import House
from gateway.flow.witness.seeking import PATIENCE_S, Target, ask, raise_if_inconsistent, target

INTERVAL_S = 1.0
FIRST_PAUSE_S = 1.0  # after a partner did not cosign; doubles
LONGEST_PAUSE_S = 60.0


class WitnessSeeker:
    """One call under way per partner at most."""

    def __init__(self, house: House) -> None:
        """Ask for the log of this house."""
        self._house = house
        self._asking: dict[str, asyncio.Task[bool]] = {}
        self._answered: set[str] = set()
        self._pauses: dict[str, tuple[float, float]] = {}  # party: length of its last pause, and its end

    async def work(self) -> None:
        """Ask for ever.

        Raises:
            StateError: LOG_INCONSISTENT; a partner holds what our log does not continue.
        """
        try:
            while True:
                try:
                    await self._round()
                except StateError as error:
                    if error.reason == "LOG_INCONSISTENT":
                        raise
                    structlog.get_logger().warning("witnesses_wait", reason=error.reason)
                await self._house.bells.wait("checkpoint", INTERVAL_S)
        finally:
            for task in self._asking.values():
                task.cancel()
            await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def _round(self) -> None:
        """Ask for one checkpoint until it is final, or those who are asked have answered."""
        self._collect()
        wanted = await target(self._house, self._answered)
        if wanted is None or not wanted.missing:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        asked = self._ask(wanted, loop.time())
        while asked and not wanted.final and (left := until - loop.time()) > 0:
            _, asked = await asyncio.wait(asked, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            self._collect()
            now = await target(self._house, self._answered)
            if now is None or now.final:
                return

    def _ask(self, wanted: Target, now: float) -> set[asyncio.Task[bool]]:
        started = set()
        for partner in wanted.missing:
            party = partner.card.party
            if party in self._asking or self._pauses.get(party, (0.0, 0.0))[1] > now:
                continue
            task = asyncio.create_task(ask(self._house, partner, wanted.signed))
            self._asking[party] = task
            started.add(task)
        return started

    def _collect(self) -> None:
        """Take what was answered; who did not cosign is left alone for a while."""
        now = asyncio.get_running_loop().time()
        for party, task in list(self._asking.items()):
            if not task.done():
                continue
            del self._asking[party]
            error = task.exception()
            raise_if_inconsistent(error)
            if error is None:
                self._answered.add(party)
                self._pauses.pop(party, None)
                continue
            pause = min(2 * self._pauses.get(party, (FIRST_PAUSE_S / 2, 0.0))[0], LONGEST_PAUSE_S)
            self._pauses[party] = (pause, now + pause)
            reason = error.reason if isinstance(error, AssentError) else ""
            structlog.get_logger().info("not_cosigned", partner=party, reason=reason)
