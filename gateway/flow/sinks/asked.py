"""What people ask about sinks: which there are, put this result there, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.errors import AssentError, StateError
from gateway.flow.access import require
from gateway.flow.ports import House
from gateway.flow.ports.sinks import SinkDescription
from gateway.flow.sinks.removal import settle_removals
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.delivery import Delivery, DeliveryState
from gateway.route.job import JobState
from gateway.tlog.leaf import LeafType

RETRIES = 5
BACKOFF_S = 60
"""Of a delivery that a person asks for; those of a schedule have its own."""

_READERS = (Role.CDP_JOB, Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR)


async def list_sinks(house: House, caller: Caller) -> list[SinkDescription]:
    """Return declared sinks by name."""
    require(caller, *_READERS)
    return [await house.sinks.describe(name) for name in await house.sinks.names()]


async def describe_sink(house: House, caller: Caller, name: str) -> SinkDescription:
    """Return what may be known of a sink."""
    require(caller, *_READERS)
    return await house.sinks.describe(name)


async def deliver_result(house: House, caller: Caller, request_id: str, sink: str, job_id: str) -> Delivery:
    """Have a result put into a sink; a server with the job's files does it.

    Args:
        house: ports.
        caller: with the role of those who read results.
        request_id: uuid; the same one again returns the same delivery.
        sink: a declared one.
        job_id: a job that SUCCEEDED.

    Raises:
        StateError: NOT_FOUND for a job or sink; STAGE_ORDER for a job that has not succeeded.
    """
    require(caller, Role.CDP_JOB)
    await house.sinks.describe(sink)
    async with house.store.begin() as tx:
        job = await tx.jobs.get(job_id)
        if job.state is not JobState.SUCCEEDED:
            raise StateError("STAGE_ORDER", f"job {job_id} has no result to deliver: it is {job.state.value}")
        now = house.clock.now()
        wanted = new_delivery(request_id, sink, job_id, RETRIES, BACKOFF_S, caller.subject, now)
        stored = await tx.deliveries.create(wanted)
    house.bells.ring("tasks")
    return stored


def new_delivery(
    delivery_id: str, sink: str, job_id: str, retries: int, backoff_s: int, requested_by: str, now: datetime
) -> Delivery:
    """Return a delivery that waits to be carried out."""
    return Delivery(
        delivery_id=delivery_id,
        sink=sink,
        job_id=job_id,
        state=DeliveryState.WAITING,
        rows=0,
        attempt=0,
        retries=retries,
        backoff_s=backoff_s,
        not_before=now,
        failure=None,
        requested_by=requested_by,
        created_at=now,
    )


async def refresh_sink(house: House, caller: Caller, name: str) -> int:
    """Take out of a sink at once what must go from it; return how many people lost a row.

    Raises:
        AssentError: the first trouble met, after everything else was taken out.
    """
    require(caller, *_READERS)
    await house.sinks.describe(name)
    troubles: list[AssentError] = []
    people = await settle_removals(house, troubles, name)
    if troubles:
        raise troubles[0]
    return people


async def forget_sink(house: House, caller: Caller, name: str) -> int:
    """Note a person's word that nothing of ours lies any more in a sink that is not declared; return how much did.

    Raises:
        StateError: STAGE_ORDER for one that is declared: the gateway empties that itself.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    if name in await house.sinks.names():
        raise StateError("STAGE_ORDER", f"sink {name} is declared, so that the gateway sees to it; refresh it")
    now = house.clock.now()
    async with house.store.begin() as tx:
        lying = await tx.deliveries.of_sink(name)
        for delivery in lying:
            state = DeliveryState.EMPTIED if delivery.state is DeliveryState.DELIVERED else DeliveryState.FAILED
            await tx.deliveries.update(replace(delivery, state=state, ended_at=now))
            payload = {"delivery": delivery.delivery_id, "sink": name, "job": delivery.job_id, "rows": delivery.rows}
            why = {"why": "stated", "by": caller.subject}
            await tx.audit.append([AuditEvent(LeafType.SINK_EMPTIED, now, "", payload | why)])
    for key in ("tasks", "audit"):
        house.bells.ring(key)
    return len(lying)


async def get_delivery(house: House, caller: Caller, delivery_id: str) -> Delivery:
    """Return a delivery."""
    require(caller, *_READERS)
    async with house.store.read() as tx:
        return await tx.deliveries.get(delivery_id)


async def list_deliveries(
    house: House, caller: Caller, sink: str, after: tuple[datetime, str] | None, limit: int
) -> list[Delivery]:
    """Return deliveries, newest first, of one sink or of all."""
    require(caller, *_READERS)
    async with house.store.read() as tx:
        return await tx.deliveries.list(sink, after, limit)
