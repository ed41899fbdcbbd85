"""The peer port: sessions, agreements, notices and witnesses, for partners with a pinned certificate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import grpc

from gateway.errors import RequestError
from gateway.flow import agreement, session
from gateway.flow.ports import House
from gateway.peer import convert
from gateway.peer.v1 import agreement_exchange_pb2 as agreement_pb
from gateway.peer.v1 import agreement_exchange_pb2_grpc as agreement_grpc
from gateway.peer.v1 import exchange_pb2 as pb
from gateway.peer.v1 import exchange_pb2_grpc as pb_grpc
from gateway.peer.v1 import notice_pb2 as notice_pb
from gateway.peer.v1 import notice_pb2_grpc as notice_grpc
from gateway.peer.v1 import witness_pb2 as witness_pb
from gateway.peer.v1 import witness_pb2_grpc as witness_grpc
from gateway.rpc.door import Context, stream, unary
from gateway.rpc.listener import Listener, listen, new_server
from gateway.rpc.peer_notice import Identify, PeerNoticeServicer, caller_of
from gateway.rpc.peer_witness import PeerWitnessServicer

SERVICES = tuple(
    service.full_name
    for file in (pb, agreement_pb, notice_pb, witness_pb)
    for service in file.DESCRIPTOR.services_by_name.values()
)


class ExchangeServicer(pb_grpc.ExchangeServiceServicer):
    """Serves `gateway.flow.session`."""

    def __init__(self, house: House, identify: Identify) -> None:
        """Serve this house's sessions to partners that `identify` knows."""
        self._house = house
        self._identify = identify

    @unary
    async def OpenSession(self, request: pb.OpenSessionRequest, context: Context) -> pb.OpenSessionResponse:
        """Answer an offer."""
        partner = caller_of(self._identify, context)
        answer = await session.open_session(self._house, partner, convert.offer_from_proto(request))
        return convert.answer_to_proto(answer)

    @unary
    async def Push(self, request: AsyncIterator[pb.PushRequest], context: Context) -> pb.PushResponse:
        """Take chunks; the reply names the last durable one."""
        partner = caller_of(self._identify, context)
        last = -1
        async for message in request:
            last = await session.receive_chunk(self._house, partner, convert.chunk_from_proto(message.chunk))
        return pb.PushResponse(last_seq=last)

    @stream
    async def Pull(self, request: pb.PullRequest, context: Context) -> AsyncIterator[pb.PullResponse]:
        """Serve a stage."""
        partner = caller_of(self._identify, context)
        session_id = convert.session_id_from_proto(request.session_id)
        stage = convert.stage_from_proto(request.stage)
        async with aclosing(session.serve_stage(self._house, partner, session_id, stage, request.from_seq)) as chunks:
            async for chunk in chunks:
                yield pb.PullResponse(chunk=convert.chunk_to_proto(chunk))

    @unary
    async def GetSession(self, request: pb.GetSessionRequest, context: Context) -> pb.GetSessionResponse:
        """Tell how far each stage is durable."""
        partner = caller_of(self._identify, context)
        session_id = convert.session_id_from_proto(request.session_id)
        return convert.status_to_proto(await session.session_status(self._house, partner, session_id))

    @unary
    async def CloseSession(self, request: pb.CloseSessionRequest, context: Context) -> pb.CloseSessionResponse:
        """Exchange the run record."""
        partner = caller_of(self._identify, context)
        closing = await session.close_session(
            self._house,
            partner,
            convert.session_id_from_proto(request.session_id),
            request.half,
            request.record,
            request.signature,
        )
        return pb.CloseSessionResponse(record=closing.record, signature=closing.signature)

    @unary
    async def AbortSession(self, request: pb.AbortSessionRequest, context: Context) -> pb.AbortSessionResponse:
        """End a session at the partner's word."""
        partner = caller_of(self._identify, context)
        if len(request.reason) > 64:
            raise RequestError("BAD_FIELD", "reason: must be at most 64 characters")
        session_id = convert.session_id_from_proto(request.session_id)
        await session.abort_session(self._house, partner, session_id, request.reason)
        return pb.AbortSessionResponse()


class AgreementExchangeServicer(agreement_grpc.AgreementExchangeServiceServicer):
    """Serves the partner's side of `gateway.flow.agreement`."""

    def __init__(self, house: House, identify: Identify) -> None:
        """Serve this house's agreements to partners that `identify` knows."""
        self._house = house
        self._identify = identify

    @unary
    async def ProposeAgreement(
        self, request: agreement_pb.ProposeAgreementRequest, context: Context
    ) -> agreement_pb.ProposeAgreementResponse:
        """Store a partner's proposal."""
        partner = caller_of(self._identify, context)
        if len(request.document) > 256 * 1024:
            raise RequestError("BAD_FIELD", "document: must be at most 256 KiB")
        copy = await agreement.receive_proposal(self._house, partner, request.document, request.signature)
        return agreement_pb.ProposeAgreementResponse(agreement_hash=copy.agreement.hash)

    @unary
    async def CountersignAgreement(
        self, request: agreement_pb.CountersignAgreementRequest, context: Context
    ) -> agreement_pb.CountersignAgreementResponse:
        """Store a partner's countersignature."""
        partner = caller_of(self._identify, context)
        copy = await agreement.receive_countersignature(
            self._house, partner, request.agreement_id, request.agreement_hash, request.signature
        )
        return agreement_pb.CountersignAgreementResponse(agreement_hash=copy.agreement.hash)


def peer_server(
    house: House,
    identify: Identify,
    anchors: Callable[[], bytes],
    address: str,
    certificate_chain: bytes,
    private_key: bytes,
) -> Listener:
    """Make the peer server, bound but not started: mutual TLS, anchors read again at every handshake.

    Args:
        house: ports.
        identify: PEM client certificate -> partner, or AccessError.
        anchors: current PEM anchors of all partners.
        address: host:port; port 0 takes a free one.
        certificate_chain: leaf first, PEM.
        private_key: of the leaf, PEM.

    Raises:
        RequestError: BAD_FIELD when the address cannot be bound.
    """

    def configuration() -> grpc.ServerCertificateConfiguration:
        # Without any partner our own certificate stands in: TLS needs an anchor, and no card pins it.
        return grpc.ssl_server_certificate_configuration(
            [(private_key, certificate_chain)], root_certificates=anchors() or certificate_chain
        )

    server = new_server()
    pb_grpc.add_ExchangeServiceServicer_to_server(ExchangeServicer(house, identify), server)
    agreement_grpc.add_AgreementExchangeServiceServicer_to_server(AgreementExchangeServicer(house, identify), server)
    notice_grpc.add_NoticeServiceServicer_to_server(PeerNoticeServicer(house, identify), server)
    witness_grpc.add_WitnessServiceServicer_to_server(PeerWitnessServicer(house, identify), server)
    credentials = grpc.dynamic_ssl_server_credentials(
        configuration(), configuration, require_client_authentication=True
    )
    return listen(server, address, credentials, SERVICES)
