"""Results on their way to sinks: put there whole or not at all, tried again while a sink is away or full."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime

from gateway.errors import AssentError, StateError
from gateway.flow.ports import House
from gateway.flow.recurring.due import backoff
from gateway.flow.sinks.removal import end_retention, settle_removals
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
        rows, mode = await _put(house, delivery)
    except AssentError as error:
        await _failed(house, delivery, error, house.clock.now())
        return False
    await _delivered(house, delivery, rows, mode, house.clock.now())
    return True


async def _put(house: House, delivery: Delivery) -> tuple[int, SinkMode]:
    sink = await house.sinks.describe(delivery.sink)
    rows = await sink_rows(house, delivery.job_id, sink.withdrawn)
    async with aclosing(rows.batches()) as batches:
        return await house.sinks.store(delivery.sink, rows.key, rows.schema, batches), sink.mode


async def _failed(house: House, delivery: Delivery, error: AssentError, now: datetime) -> None:
    """Note a failure; what may be mended without us is tried again."""
    attempt = delivery.attempt + 1
    noted = replace(delivery, attempt=attempt, failure=Failure(error.reason, error.message))
    if isinstance(error, StateError) and attempt <= delivery.retries:
        noted = replace(noted, not_before=now + backoff(delivery.backoff_s, attempt))
    else:
        noted = replace(noted, state=DeliveryState.FAILED, ended_at=now)
    async with house.store.begin() as tx:
        if await tx.deliveries.get(delivery.delivery_id) == delivery:
            await tx.deliveries.update(noted)


async def _delivered(house: House, delivery: Delivery, rows: int, mode: SinkMode, now: datetime) -> None:
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
                    rows=rows,
                    attempt=delivery.attempt + 1,
                    failure=None,
                    delivered_at=now,
                )
                await tx.deliveries.update(there)
            elif mode is SinkMode.REPLACE and one.state is DeliveryState.DELIVERED:
                await tx.deliveries.update(replace(one, state=DeliveryState.REPLACED, ended_at=now))
        payload = {
            "delivery": delivery.delivery_id,
            "sink": delivery.sink,
            "job": delivery.job_id,
            "rows": rows,
            "mode": mode.value,
            "by": delivery.requested_by,
        }
        await tx.audit.append([AuditEvent(LeafType.SINK_DELIVERED, now, "", payload)])
    house.bells.ring("audit")
