"""Sinks and deliveries, from and to messages."""

from __future__ import annotations

from gateway.flow.ports.sinks import SinkDescription
from gateway.route.delivery import Delivery, DeliveryState, SinkMode, Withdrawn
from gateway.rpc.convert.field import refuse, request_id, time_to_proto
from gateway.rpc.convert.name import id_of, name_of
from gateway.v1 import job_pb2, sink_pb2

_MODES = {SinkMode.REPLACE: sink_pb2.SINK_MODE_REPLACE, SinkMode.UPSERT: sink_pb2.SINK_MODE_UPSERT}
_WITHDRAWN = {
    Withdrawn.DELETE: sink_pb2.WITHDRAWN_ROWS_DELETE,
    Withdrawn.TOMBSTONE: sink_pb2.WITHDRAWN_ROWS_TOMBSTONE,
}


def sink_to_proto(sink: SinkDescription) -> sink_pb2.Sink:
    """Write a sink."""
    return sink_pb2.Sink(
        name=name_of("sinks", sink.name),
        format=sink.format,
        mode=_MODES[sink.mode],
        withdrawn_rows=_WITHDRAWN[sink.withdrawn],
    )


def delivery_from_proto(message: sink_pb2.CreateDeliveryRequest) -> tuple[str, str, str]:
    """Return request_id, sink and job of a delivery that is asked for.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not message.HasField("delivery"):
        refuse("delivery", "is required")
    asked = message.delivery
    sink = id_of(asked.sink, "sinks", "delivery.sink")
    return request_id(message.request_id), sink, id_of(asked.job, "jobs", "delivery.job")


def delivery_to_proto(delivery: Delivery) -> sink_pb2.Delivery:
    """Write a delivery."""
    failure = delivery.failure
    return sink_pb2.Delivery(
        name=name_of("deliveries", delivery.delivery_id),
        sink=name_of("sinks", delivery.sink),
        job=name_of("jobs", delivery.job_id),
        state=f"DELIVERY_STATE_{delivery.state.name}",
        rows=delivery.rows,
        attempt=delivery.attempt,
        failure=None if failure is None else job_pb2.Failure(reason=failure.reason, message=failure.message),
        requested_by=delivery.requested_by,
        create_time=time_to_proto(delivery.created_at),
        next_time=time_to_proto(delivery.not_before) if delivery.state is DeliveryState.WAITING else None,
        deliver_time=time_to_proto(delivery.delivered_at),
        end_time=time_to_proto(delivery.ended_at),
    )
