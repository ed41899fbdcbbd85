"""SinkService: what is declared on this machine, and what lies there."""

from __future__ import annotations

from gateway.flow.ports import House
from gateway.flow.sinks import asked
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.name import id_of
from gateway.rpc.convert.page import page_of, page_size, timed_place_of
from gateway.rpc.convert.sink import delivery_from_proto, delivery_to_proto, sink_to_proto
from gateway.rpc.door import Context, unary
from gateway.v1 import sink_pb2, sink_pb2_grpc

_LISTING = "deliveries"


class SinkServicer(sink_pb2_grpc.SinkServiceServicer):
    """Serves `gateway.flow.sinks`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def ListSinks(self, request: sink_pb2.ListSinksRequest, context: Context) -> sink_pb2.ListSinksResponse:
        """List declared sinks."""
        found = await asked.list_sinks(self._house, current_caller())
        return sink_pb2.ListSinksResponse(sinks=[sink_to_proto(sink) for sink in found])

    @unary
    async def GetSink(self, request: sink_pb2.GetSinkRequest, context: Context) -> sink_pb2.Sink:
        """Describe one sink."""
        return sink_to_proto(await asked.describe_sink(self._house, current_caller(), id_of(request.name, "sinks")))

    @unary
    async def CreateDelivery(self, request: sink_pb2.CreateDeliveryRequest, context: Context) -> sink_pb2.Delivery:
        """Have a result delivered."""
        request_id, sink, job_id = delivery_from_proto(request)
        return delivery_to_proto(await asked.deliver_result(self._house, current_caller(), request_id, sink, job_id))

    @unary
    async def GetDelivery(self, request: sink_pb2.GetDeliveryRequest, context: Context) -> sink_pb2.Delivery:
        """Return a delivery."""
        delivery_id = id_of(request.name, _LISTING)
        return delivery_to_proto(await asked.get_delivery(self._house, current_caller(), delivery_id))

    @unary
    async def ListDeliveries(
        self, request: sink_pb2.ListDeliveriesRequest, context: Context
    ) -> sink_pb2.ListDeliveriesResponse:
        """List deliveries, newest first."""
        size = page_size(request.page_size)
        sink = id_of(request.sink, "sinks", "sink") if request.sink else ""
        after = timed_place_of(request.page_token, _LISTING)
        found = await asked.list_deliveries(self._house, current_caller(), sink, after, size + 1)
        page, token = page_of(
            found, size, _LISTING, lambda one: (one.created_at.isoformat(), one.delivery_id), delivery_to_proto
        )
        return sink_pb2.ListDeliveriesResponse(deliveries=page, next_page_token=token)

    @unary
    async def RefreshSink(self, request: sink_pb2.RefreshSinkRequest, context: Context) -> sink_pb2.RefreshSinkResponse:
        """Take out what must go, at once."""
        people = await asked.refresh_sink(self._house, current_caller(), id_of(request.name, "sinks"))
        return sink_pb2.RefreshSinkResponse(people=people)

    @unary
    async def ForgetSink(self, request: sink_pb2.ForgetSinkRequest, context: Context) -> sink_pb2.ForgetSinkResponse:
        """Note that nothing lies there any more."""
        count = await asked.forget_sink(self._house, current_caller(), id_of(request.name, "sinks"))
        return sink_pb2.ForgetSinkResponse(deliveries=count)
