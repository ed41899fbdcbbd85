"""Rows of the projection from before they said a plain no (ADR 0010) are made to say it, once for a database.

Nobody waits for this: where a row says nothing, the rule is asked about its person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from consent.history import History
from consent.projection import ProjectionRow, project
from consent.registry import Registry
from gateway.flow.ports import House
from gateway.flow.registry import load_registry

TASK = "settle-projection"
BATCH = 1000  # rows per transaction

DONE = {"settled": 1}


async def settle_projection(house: House) -> Mapping[str, int]:
    """Walk the rows that say neither yes nor no, and write the no where there is one."""
    async with house.store.read() as tx:
        if await tx.tasks.mark(TASK) == DONE:
            return {"rows": 0}
    count, after = 0, (0, "")
    while True:
        async with house.store.read() as tx:  # of a large store this takes its time, and no writer is kept waiting
            found = await tx.projection.unsettled(after, BATCH)
        async with house.store.begin() as tx:
            if not found:
                await tx.tasks.set_mark(TASK, DONE)
                return {"rows": count}
            people = sorted({ref for _, ref in found})
            # What they say meanwhile waits, and makes their rows anew.
            await tx.consents.lock_subjects(people)
            registry, histories = await load_registry(tx, house), await tx.consents.histories(people)
            rows = await asyncio.to_thread(_projected, histories, registry)
            count += await tx.projection.settle(rows)
        after = found[-1]


def _projected(histories: Mapping[str, History], registry: Registry) -> list[ProjectionRow]:
    return [row for history in histories.values() if not history.linked for row in project(history, registry)]
