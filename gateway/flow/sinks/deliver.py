"""Results on their way to sinks: put there whole or not at all, tried again while a sink is away or full."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.errors import AssentError, StateError
from gateway.flow.ports import House
from gateway.flow.recurring.due import backoff
from gateway.flow.sinks.removal import UNSURE, end_retention, settle_removals
from gateway.flow.sinks.rows import sink_rows
from gateway.route.audit import AuditEvent
from gateway.route.delivery import Delivery, DeliveryState, SinkMode
from gateway.route.job import Failure
from gateway.tlog.leaf import LeafType

PAGE = 100


async def deliver_results(house: House) -> Mapping[str, int]:
    """See to the sinks of this spool's results, as a task that comes round: deliver, take out, end retention.

    Raises:
        AssentError: the first trouble met with rows that had to go, after everything else was seen to. What became
            of a delivery stands with it.
    """
    troubles: list[AssentError] = []
    delivered = 0
    while True:
        async with house.store.read() as tx:
            waiting = await tx.deliveries.waiting(house.spool.spool_id, house.clock.now(), PAGE)
        for delivery in waiting:
            delivered += await _attempt(house, delivery)
        if len(waiting) < PAGE:
            break
    removed = await settle_removals(house, troubles)
    emptied = await end_retention(house, troubles)
    if troubles:
        raise troubles[0]
    return {"delivered": delivered, "removed": removed, "emptied": emptied}


async def _attempt(house: House, delivery: Delivery) -> bool:
    """Try to deliver once, and note what came of it; True when it lies there."""
    try:
        put = await _put(house, delivery)
    except AssentError as error:
        await _failed(house, delivery, error, house.clock.now())
        return False
    await _delivered(house, delivery, put, house.clock.now())
    return True


@dataclass(frozen=True, slots=True)
class _Put:
    """What was put into a sink: how many rows, how, and of whom rows went from the result meanwhile."""

    rows: int
    mode: SinkMode
    lost: list[str] = field(repr=False)


async def _put(house: House, delivery: Delivery) -> _Put:
    sink = await house.sinks.describe(delivery.sink)
    rows = await sink_rows(house, delivery.job_id, sink.withdrawn)
    async with aclosing(rows.batches()) as batches:
        count = await house.sinks.store(delivery.sink, rows.key, rows.schema, batches)
    return _Put(count, sink.mode, await rows.lost())


async def _failed(house: House, delivery: Delivery, error: AssentError, now: datetime) -> None:
    """Note a failure; what may be mended without us is tried again."""
    attempt = delivery.attempt + 1
    noted = replace(delivery, attempt=attempt, failure=Failure(error.reason, error.message))
    if isinstance(error, StateError) and attempt <= delivery.retries:
        noted = replace(noted, not_before=now + backoff(delivery.backoff_s, attempt))
    else:
        # A server that went away in the middle of a commit may have kept it: what must go is looked for there still.
        ended_at = None if error.reason == UNSURE else now
        noted = replace(noted, state=DeliveryState.FAILED, ended_at=ended_at)
    async with house.store.begin() as tx:
        if await tx.deliveries.get(delivery.delivery_id) == delivery:
            await tx.deliveries.update(noted)


async def _delivered(house: House, delivery: Delivery, put: _Put, now: datetime) -> None:
    """Note that a result lies in a sink, and that what it replaced does not any more."""
    async with house.store.begin() as tx:
        lying = await tx.deliveries.of_sink(delivery.sink)
        if delivery.delivery_id not in {one.delivery_id for one in lying if one.state is DeliveryState.WAITING}:
            return
        for one in lying:
            if one.delivery_id == delivery.delivery_id:
                there = replace(
                    delivery,
                    state=DeliveryState.DELIVERED,
                    rows=put.rows,
                    attempt=delivery.attempt + 1,
                    failure=None,
                    delivered_at=now,
                )
                await tx.deliveries.update(there)
                await tx.deliveries.decide([delivery.delivery_id], put.lost)
            elif put.mode is SinkMode.REPLACE and one.state is not DeliveryState.WAITING:
                await tx.deliveries.update(replace(one, state=DeliveryState.REPLACED, ended_at=now))
        payload = {
            "delivery": delivery.delivery_id,
            "sink": delivery.sink,
            "job": delivery.job_id,
            "rows": put.rows,
            "mode": put.mode.value,
            "by": delivery.requested_by,
        }
        await tx.audit.append([AuditEvent(LeafType.SINK_DELIVERED, now, "", payload)])
    house.bells.ring("audit")
