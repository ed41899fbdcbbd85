"""NoticeService of the peer port: what partners tell each other once a run is released."""

from __future__ import annotations

from collections.abc import Callable

from gateway.flow import notices
from gateway.flow.ports import House
from gateway.peer import convert
from gateway.peer.v1 import notice_pb2 as pb
from gateway.peer.v1 import notice_pb2_grpc as pb_grpc
from gateway.route.party import Partner
from gateway.rpc.door import Context, unary

Identify = Callable[[bytes], Partner]


def caller_of(identify: Identify, context: Context) -> Partner:
    """Return the partner behind the call's client certificate."""
    found = list(context.auth_context().get("x509_pem_cert") or [b""])
    return identify(bytes(found[0]))


class PeerNoticeServicer(pb_grpc.NoticeServiceServicer):
    """Serves `gateway.flow.notices`."""

    def __init__(self, house: House, identify: Identify) -> None:
        """Serve this house's notices to partners that `identify` knows."""
        self._house = house
        self._identify = identify

    @unary
    async def Deliver(self, request: pb.DeliverRequest, context: Context) -> pb.DeliverResponse:
        """Carry out the caller's notice."""
        partner = caller_of(self._identify, context)
        answer = await notices.receive_notice(self._house, partner, convert.signed_from_proto(request.notice))
        return pb.DeliverResponse(acknowledgement=convert.acknowledgement_to_proto(answer))

    @unary
    async def Collect(self, request: pb.CollectRequest, context: Context) -> pb.CollectResponse:
        """Return what waits for the caller."""
        partner = caller_of(self._identify, context)
        after = convert.notice_id_from_proto(request.after)
        waiting = await notices.waiting_notices(self._house, partner, request.limit, after)
        return pb.CollectResponse(notices=[convert.signed_notice_to_proto(notice) for notice in waiting])

    @unary
    async def Acknowledge(self, request: pb.AcknowledgeRequest, context: Context) -> pb.AcknowledgeResponse:
        """Keep the caller's acknowledgement."""
        partner = caller_of(self._identify, context)
        acknowledgement = convert.signed_from_proto(request.acknowledgement)
        await notices.take_acknowledgement(self._house, partner, acknowledgement)
        return pb.AcknowledgeResponse()
