"""Rows that must go from sinks: of people whose consent ended, here or at the partner, and of runs past retention.

    removal decided -> row off our disk + noted for every delivery of the run -> row off the sink -> evidence

A delivery that is on its way when a removal is decided may have read the row before: what is noted for it waits until
it lies there, and it compares the result as it read it with the result as it is then, so that no order of the two
leaves the row behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import AssentError, StateError
from gateway.flow.ports import House, StoredRows, Transaction
from gateway.flow.threads import in_thread
from gateway.psi.arrow import whole
from gateway.route.audit import AuditEvent
from gateway.route.delivery import Delivery, DeliveryState
from gateway.route.job import Failure
from gateway.tlog.leaf import LeafType

UNSURE = "STORE_UNAVAILABLE"
"""The failure of a delivery after which its rows may lie in the sink or not."""
TAKEN_TOGETHER = 20_000
"""People whose rows go in one rewriting of a sink."""


async def note_removals(tx: Transaction, job_id: str, subject_refs: Sequence[str]) -> None:
    """Note, in the transaction that takes rows off our disk, that they must go from sinks too."""
    lying = await tx.deliveries.of_job(job_id)
    if lying:
        await tx.deliveries.decide([delivery.delivery_id for delivery in lying], subject_refs)


async def note_tokens(house: House, job_id: str, tokens: Sequence[bytes]) -> None:
    """Note that rows which a partner names must go from sinks, before the result forgets whose they are."""
    async with house.store.read() as tx:
        lying = await tx.deliveries.of_job(job_id)
    stored = await house.results.open(job_id) if lying else None
    if stored is None:
        return
    refs = await in_thread(lambda: [ref for found in _named(stored, tokens) for ref in found])
    async with house.store.begin() as tx:
        await tx.deliveries.decide([delivery.delivery_id for delivery in lying], refs)


def _named(stored: StoredRows, tokens: Sequence[bytes]) -> Iterator[list[str]]:
    """Yield whose rows some tokens name. Blocks."""
    if "row_token" not in stored.schema.names:
        return
    wanted = pa.array(tokens, stored.schema.field("row_token").type)
    for batch in stored.batches():
        held = whole(pa.chunked_array([batch.column("row_token")]))
        yield batch.column("subject_ref").filter(pc.is_in(held, wanted)).to_pylist()


async def settle_job(house: House, job_id: str) -> None:
    """Take what is noted for a job's deliveries out of their sinks, now.

    Raises:
        StateError: STAGE_ORDER while a delivery is on its way; as `SinkPort.take_out`.
    """
    async with house.store.read() as tx:
        lying = await tx.deliveries.of_job(job_id)
    for delivery in lying:
        # One that failed before reads the result anew, without what is gone from it.
        failed = delivery.failure is not None and delivery.failure.reason != UNSURE
        if delivery.state is DeliveryState.WAITING and not (failed and delivery.not_before > house.clock.now()):
            raise StateError("STAGE_ORDER", f"sink {delivery.sink}: the result is on its way there; try again later")
        while await _take_some(house, delivery):
            continue


async def settle_removals(house: House, troubles: list[AssentError], sink: str = "") -> int:
    """Take out of the sinks what is noted; a sink with trouble holds up no other.

    Args:
        house: ports.
        troubles: what was met is added here.
        sink: this one only; "" for all.

    Returns:
        How many people lost a row.
    """
    count = 0
    async with house.store.read() as tx:
        undone = await tx.deliveries.undone(house.spool.spool_id)
    for delivery in undone:
        if sink not in ("", delivery.sink):
            continue
        try:
            while taken := await _take_some(house, delivery):
                count += taken
        except AssentError as error:
            troubles.append(error)
    return count


async def _take_some(house: House, delivery: Delivery) -> int:
    """Take some people's rows of a delivery out of its sink; return how many people, 0 when none is left."""
    async with house.store.read() as tx:
        pending = await tx.deliveries.pending(delivery.delivery_id, TAKEN_TOGETHER)
        run = (await tx.jobs.get(delivery.job_id)).session_id
        delivery = await tx.deliveries.get(delivery.delivery_id)
    if not pending or delivery.state is DeliveryState.WAITING:
        return 0
    now = house.clock.now()
    if delivery.ended_at is None:
        await house.sinks.take_out(delivery.sink, {run: pending}, now)
    async with house.store.begin() as tx:
        fresh = await tx.deliveries.removed(delivery.delivery_id, pending, now)
        await tx.audit.append([_removed(delivery, run, ref, now) for ref in fresh])
    house.bells.ring("audit")
    return len(pending)


def _removed(delivery: Delivery, run: str, ref: str, now: datetime) -> AuditEvent:
    """Make the audit entry of a row that is gone from a sink, under the salt of its person."""
    payload = {"delivery": delivery.delivery_id, "sink": delivery.sink, "job": delivery.job_id, "session": run}
    return AuditEvent(LeafType.SINK_ROW_REMOVED, now, ref, payload)


async def end_retention(house: House, troubles: list[AssentError]) -> int:
    """Delete from the sinks all rows of runs whose retention is over; return how many deliveries that ended."""
    count = 0
    async with house.store.read() as tx:
        over = await tx.deliveries.over(house.clock.now(), house.spool.spool_id)
    for delivery in over:
        try:
            await _empty(house, delivery)
            count += 1
        except AssentError as error:
            troubles.append(error)
    return count


async def _empty(house: House, delivery: Delivery) -> None:
    now = house.clock.now()
    async with house.store.read() as tx:
        run = (await tx.jobs.get(delivery.job_id)).session_id
    # One on its way may have come there before a crash kept it from being noted.
    rows = await house.sinks.take_out(delivery.sink, {run: None}, now)
    ended = replace(delivery, state=DeliveryState.EMPTIED, ended_at=now)
    if delivery.state is not DeliveryState.DELIVERED:
        failure = delivery.failure or Failure("NOT_FOUND", "the retention of the result ended before it was delivered")
        ended = replace(ended, state=DeliveryState.FAILED, failure=failure)
    async with house.store.begin() as tx:
        if (await tx.deliveries.get(delivery.delivery_id)).ended_at is not None:
            return
        await tx.deliveries.update(ended)
        payload = {"delivery": delivery.delivery_id, "sink": delivery.sink, "job": delivery.job_id, "rows": rows}
        await tx.audit.append([AuditEvent(LeafType.SINK_EMPTIED, now, "", payload | {"why": "retention_over"})])
    house.bells.ring("audit")
