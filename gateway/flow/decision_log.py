"""The log of decisions about single people (PIPL 54, 69): who asked what about whom, and what was answered.

A decision waits for no database: it is put into a buffer, which is written out in batches, once a second
(`gateway.engine`) and before the gateway stops. So a gateway that is killed loses the decisions of the last second:
not their facts, from which each can be had again with the same id, but that they were asked for. Where the buffer is
full, whoever asks next waits until it is written; where it cannot be written, nobody is answered any more.

Runs keep records of their own: who was judged in a cohort, and how, stands there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from gateway.flow.access import require
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.canonical import record_hash, time_text
from gateway.route.decision import AnsweredQuestion, DecisionFilter, LoggedDecision
from gateway.tlog.leaf import LeafType

if TYPE_CHECKING:
    from gateway.flow.ports import House

MOST_WAITING = 10_000
BATCH = 1000  # decisions per transaction
KEPT = timedelta(days=3 * 366)
"""PIPL 56 and NDSR 12 ask for three years."""


class DecisionLog:
    """Decisions that were answered and are not stored yet.

    Args:
        most_waiting: how many it holds at most.
    """

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._waiting: deque[AnsweredQuestion] = deque()
        self._writing = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    async def add(self, house: House, answered: AnsweredQuestion) -> None:
        """Take a decision in; waits only where the buffer is full.

        Raises:
            StateError: it is full and cannot be written.
        """
        if len(self._waiting) >= self._most_waiting:
            await self.write(house)
        self._waiting.append(answered)

    async def write(self, house: House) -> int:
        """Store everything that waits, each batch with one entry of the log; return how many.

        Raises:
            StateError: what was not stored waits on, in its order.
        """
        # Whoever gives up waiting must not leave a batch that is stored and still waits.
        return await asyncio.shield(asyncio.ensure_future(self._write(house)))

    async def _write(self, house: House) -> int:
        count = 0
        async with self._writing:
            while self._waiting:
                batch = list(islice(self._waiting, BATCH))
                async with house.store.begin() as tx:
                    logged = await tx.decisions.append(batch)
                    await tx.audit.append([_entry(house, logged)])
                for _ in batch:
                    self._waiting.popleft()
                count += len(batch)
                house.bells.ring("audit")
        return count


async def list_decisions(
    house: House, caller: Caller, wanted: DecisionFilter, before: int | None, limit: int
) -> list[LoggedDecision]:
    """Return logged decisions, the newest first, with numbers strictly below `before`.

    Decisions of this server are written out first; those of others stand in the log within a second.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    await house.decisions.write(house)
    async with house.store.read() as tx:
        return await tx.decisions.list(wanted, before, limit)


async def purge_decisions(house: House) -> Mapping[str, int]:
    """Delete decisions that were kept long enough."""
    count = 0
    while True:
        now = house.clock.now()
        async with house.store.begin() as tx:
            gone = await tx.decisions.purge(now - KEPT, BATCH)
            if gone:
                payload = {"decisions": gone, "asked_before": time_text(now - KEPT)}
                await tx.audit.append([AuditEvent(LeafType.DECISIONS_PURGED, now, "", payload)])
        count += gone
        if gone < BATCH:
            return {"purged": count}


def _entry(house: House, logged: list[LoggedDecision]) -> AuditEvent:
    """What the audit log says of a batch: which numbers, and a hash over who asked what and was answered how."""
    body = [
        {
            "number": one.number,
            "decision_id": one.answered.decision.decision_id,
            "reason_code": one.answered.decision.reason_code,
            "caller": one.answered.caller,
            "asked_at": time_text(one.answered.asked_at),
        }
        for one in logged
    ]
    payload: dict[str, object] = {
        "first": logged[0].number,
        "last": logged[-1].number,
        "hash": record_hash("decisions", {"decisions": body}).hex(),
    }
    return AuditEvent(LeafType.DECISIONS_LOGGED, house.clock.now(), "", payload)
