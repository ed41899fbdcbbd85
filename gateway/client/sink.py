"""Sinks declared on the gateway's machine, and the results that lie there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from gateway.client.connection import Connection
from gateway.client.record import PAGE_SIZE, bare, named, new_request_id, pages, required_time, time_of
from gateway.v1 import sink_pb2, sink_pb2_grpc


@dataclass(frozen=True, slots=True)
class Sink:
    """What a person may know of a sink: never its path or connection.

    Attributes:
        format: "parquet", "csv", "sqlite" or "postgresql".
        mode: "REPLACE" (the last result alone) or "UPSERT" (rows of the same customer give way).
        withdrawn: "DELETE" or "TOMBSTONE": what becomes of rows that consent does not cover any more.
    """

    name: str
    format: str
    mode: str
    withdrawn: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One result on its way to a sink, or lying there.

    Attributes:
        id: uuid.
        state: "WAITING", "DELIVERED", "FAILED", "REPLACED" or "EMPTIED".
        rows: put there.
        attempt: attempts so far.
        failure: (reason, sentence) of the last attempt, or None.
        next_attempt: while it waits.
        ended_at: when nothing of it was left there, or it was given up.
    """

    id: str
    sink: str
    job_id: str
    state: str
    rows: int
    attempt: int
    failure: tuple[str, str] | None
    requested_by: str
    created_at: datetime
    next_attempt: datetime | None
    delivered_at: datetime | None
    ended_at: datetime | None


class AsyncSinks:
    """Calls of SinkService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = sink_pb2_grpc.SinkServiceStub(connection.channel)

    async def get(self, name: str) -> Sink:
        """Describe a sink."""
        request = sink_pb2.GetSinkRequest(name=named("sinks", name))
        return _sink(await self._connection.call(self._stub.GetSink, request))

    async def deliver(self, sink: str, job_id: str, request_id: str | None = None) -> Delivery:
        """Have the result of a job that SUCCEEDED put into a sink; it goes on when this process ends.

        Args:
            sink: its name.
            job_id: the job.
            request_id: uuid; repeating a call with it returns the same delivery. Made anew when left out.
        """
        delivery = sink_pb2.Delivery(sink=named("sinks", sink), job=named("jobs", job_id))
        request = sink_pb2.CreateDeliveryRequest(delivery=delivery, request_id=request_id or new_request_id())
        return _delivery(await self._connection.call(self._stub.CreateDelivery, request))

    async def delivery(self, delivery_id: str) -> Delivery:
        """Return a delivery as it is now."""
        request = sink_pb2.GetDeliveryRequest(name=named("deliveries", delivery_id))
        return _delivery(await self._connection.call(self._stub.GetDelivery, request))

    async def deliveries(self, sink: str = "") -> AsyncIterator[Delivery]:
        """Yield deliveries, newest first, of one sink or of all."""

        async def fetch(token: str) -> tuple[list[Delivery], str]:
            request = sink_pb2.ListDeliveriesRequest(sink=named("sinks", sink), page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListDeliveries, request)
            return [_delivery(delivery) for delivery in answer.deliveries], answer.next_page_token

        async for delivery in pages(fetch):
            yield delivery

    async def refresh(self, name: str) -> int:
        """Take out of a sink at once what must go; return how many people lost a row of a result."""
        request = sink_pb2.RefreshSinkRequest(name=named("sinks", name))
        people: int = (await self._connection.call(self._stub.RefreshSink, request)).people
        return people

    async def forget(self, name: str) -> int:
        """Say that nothing of ours lies any more in a sink that is not declared; return how many results did.

        Raises:
            StateError: STAGE_ORDER for a declared one.
        """
        request = sink_pb2.ForgetSinkRequest(name=named("sinks", name))
        count: int = (await self._connection.call(self._stub.ForgetSink, request)).deliveries
        return count

    async def list(self) -> AsyncIterator[Sink]:
        """Yield declared sinks by name."""
        answer = await self._connection.call(self._stub.ListSinks, sink_pb2.ListSinksRequest())
        for sink in answer.sinks:
            yield _sink(sink)


def _sink(message: sink_pb2.Sink) -> Sink:
    return Sink(
        name=bare(message.name),
        format=message.format,
        mode=sink_pb2.SinkMode.Name(message.mode).removeprefix("SINK_MODE_"),
        withdrawn=sink_pb2.WithdrawnRows.Name(message.withdrawn_rows).removeprefix("WITHDRAWN_ROWS_"),
    )


def _delivery(message: sink_pb2.Delivery) -> Delivery:
    failure = message.failure
    return Delivery(
        id=bare(message.name),
        sink=bare(message.sink),
        job_id=bare(message.job),
        state=sink_pb2.DeliveryState.Name(message.state).removeprefix("DELIVERY_STATE_"),
        rows=message.rows,
        attempt=message.attempt,
        failure=(failure.reason, failure.message) if message.HasField("failure") else None,
        requested_by=message.requested_by,
        created_at=required_time(message, "create_time"),
        next_attempt=time_of(message, "next_time"),
        delivered_at=time_of(message, "deliver_time"),
        ended_at=time_of(message, "end_time"),
    )
