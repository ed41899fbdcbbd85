"""The partner's gateway as we dial it: implements `PeerPort` over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from typing import Any, TypeVar

import grpc
import grpc.aio

from gateway.errors import HostileInput, RequestError
from gateway.flow.ports.peer import Acceptance, Closing, Cosigned, Held
from gateway.peer import convert
from gateway.peer.channel import ABORT_DEADLINE_S, UNARY_DEADLINE_S, WITNESS_DEADLINE_S, Channels
from gateway.peer.status import error_of
from gateway.peer.v1 import agreement_exchange_pb2 as agreement_pb
from gateway.peer.v1 import agreement_exchange_pb2_grpc as agreement_grpc
from gateway.peer.v1 import exchange_pb2 as pb
from gateway.peer.v1 import exchange_pb2_grpc as pb_grpc
from gateway.peer.v1 import notice_pb2 as notice_pb
from gateway.peer.v1 import notice_pb2_grpc as notice_grpc
from gateway.peer.v1 import witness_pb2 as witness_pb
from gateway.peer.v1 import witness_pb2_grpc as witness_grpc
from gateway.route.job import Refusal
from gateway.route.notice import Signed
from gateway.route.party import PartyCard
from gateway.route.session import Chunk, SessionOffer, SessionStatus

Answer = TypeVar("Answer")


class GrpcPeer:
    """Calls a partner's Exchange, AgreementExchange, Notice and Witness services."""

    def __init__(self, channels: Channels) -> None:
        """Use these channels."""
        self._channels = channels

    def _exchange(self, card: PartyCard) -> pb_grpc.ExchangeServiceAsyncStub:
        return pb_grpc.ExchangeServiceStub(self._channels.to(card))

    async def open_session(self, partner: PartyCard, offer: SessionOffer) -> Acceptance | Refusal:
        """See `PeerPort`."""
        call = self._exchange(partner).OpenSession(convert.offer_to_proto(offer), timeout=UNARY_DEADLINE_S)
        return convert.answer_from_proto(await _answer(call, partner))

    async def push(self, partner: PartyCard, chunks: AsyncIterator[Chunk]) -> int:
        """See `PeerPort`. What the iteration itself raises cancels the call and reaches the caller as it is."""
        open_call: Any = self._exchange(partner).Push  # the stubs do not know a call without an iterator
        call = open_call()
        # The partner sends its headers early only to say that it needs no more; its status then says why.
        told = asyncio.ensure_future(call.initial_metadata())
        try:
            async for chunk in chunks:
                if told.done():
                    break
                await call.write(pb.PushRequest(chunk=convert.chunk_to_proto(chunk)))
            await call.done_writing()
            response = await call
            return int(response.last_seq)
        except grpc.aio.AioRpcError as error:
            raise error_of(error, partner.party) from error
        finally:
            call.cancel()
            with suppress(asyncio.CancelledError):
                await told

    async def pull(self, partner: PartyCard, session_id: str, stage: int, from_seq: int) -> AsyncIterator[Chunk]:
        """See `PeerPort`."""
        request = pb.PullRequest(session_id=bytes.fromhex(session_id), stage=int(stage), from_seq=from_seq)
        call = self._exchange(partner).Pull(request)
        try:
            async for response in call:
                yield convert.chunk_from_proto(response.chunk)
        except grpc.aio.AioRpcError as error:
            raise error_of(error, partner.party) from error
        finally:
            call.cancel()

    async def get_session(self, partner: PartyCard, session_id: str) -> SessionStatus:
        """See `PeerPort`."""
        request = pb.GetSessionRequest(session_id=bytes.fromhex(session_id))
        call = self._exchange(partner).GetSession(request, timeout=UNARY_DEADLINE_S)
        return convert.status_from_proto(session_id, await _answer(call, partner))

    async def close_session(
        self, partner: PartyCard, session_id: str, half: bytes, record: bytes, signature: bytes
    ) -> Closing:
        """See `PeerPort`."""
        request = pb.CloseSessionRequest(
            session_id=bytes.fromhex(session_id), half=half, record=record, signature=signature
        )
        call = self._exchange(partner).CloseSession(request, timeout=UNARY_DEADLINE_S)
        response = await _answer(call, partner)
        return Closing(response.record, response.signature)

    async def abort_session(self, partner: PartyCard, session_id: str, reason: str) -> None:
        """See `PeerPort`."""
        request = pb.AbortSessionRequest(session_id=bytes.fromhex(session_id), reason=reason)
        await _answer(self._exchange(partner).AbortSession(request, timeout=ABORT_DEADLINE_S), partner)

    async def propose_agreement(self, partner: PartyCard, document: bytes, signature: bytes) -> None:
        """See `PeerPort`."""
        stub = agreement_grpc.AgreementExchangeServiceStub(self._channels.to(partner))
        request = agreement_pb.ProposeAgreementRequest(document=document, signature=signature)
        await _answer(stub.ProposeAgreement(request, timeout=UNARY_DEADLINE_S), partner)

    async def countersign_agreement(self, partner: PartyCard, agreement_id: str, hash: bytes, signature: bytes) -> None:
        """See `PeerPort`."""
        stub = agreement_grpc.AgreementExchangeServiceStub(self._channels.to(partner))
        request = agreement_pb.CountersignAgreementRequest(
            agreement_id=agreement_id, agreement_hash=hash, signature=signature
        )
        await _answer(stub.CountersignAgreement(request, timeout=UNARY_DEADLINE_S), partner)

    async def deliver_notice(self, partner: PartyCard, notice: Signed) -> Signed:
        """See `PeerPort`."""
        request = notice_pb.DeliverRequest(notice=convert.signed_notice_to_proto(notice))
        response = await _answer(self._notices(partner).Deliver(request, timeout=UNARY_DEADLINE_S), partner)
        return _said(response.acknowledgement)

    async def collect_notices(self, partner: PartyCard, limit: int, after: str = "") -> list[Signed]:
        """See `PeerPort`."""
        request = notice_pb.CollectRequest(limit=limit, after=after)
        response = await _answer(self._notices(partner).Collect(request, timeout=UNARY_DEADLINE_S), partner)
        return [_said(notice) for notice in response.notices[:limit]]

    async def acknowledge_notice(self, partner: PartyCard, acknowledgement: Signed) -> None:
        """See `PeerPort`."""
        message = convert.acknowledgement_to_proto(acknowledgement)
        request = notice_pb.AcknowledgeRequest(acknowledgement=message)
        await _answer(self._notices(partner).Acknowledge(request, timeout=UNARY_DEADLINE_S), partner)

    async def add_checkpoint(self, partner: PartyCard, body: bytes) -> Cosigned | Held:
        """See `PeerPort`."""
        request = witness_pb.AddCheckpointRequest(body=body)
        call = self._witness(partner).AddCheckpoint(request, timeout=WITNESS_DEADLINE_S)
        return convert.witness_answer_from_proto(await _answer(call, partner))

    async def compare_checkpoint(self, partner: PartyCard, checkpoint: bytes) -> bytes:
        """See `PeerPort`."""
        request = witness_pb.CompareCheckpointRequest(checkpoint=checkpoint)
        call = self._witness(partner).CompareCheckpoint(request, timeout=WITNESS_DEADLINE_S)
        return (await _answer(call, partner)).checkpoint

    async def prove_consistency(self, partner: PartyCard, old_size: int, size: int) -> tuple[bytes, ...]:
        """See `PeerPort`."""
        request = witness_pb.ProveConsistencyRequest(old_size=old_size, size=size)
        call = self._witness(partner).ProveConsistency(request, timeout=WITNESS_DEADLINE_S)
        return convert.hashes_from_proto(await _answer(call, partner))

    def _witness(self, card: PartyCard) -> witness_grpc.WitnessServiceAsyncStub:
        return witness_grpc.WitnessServiceStub(self._channels.to(card))

    def _notices(self, card: PartyCard) -> notice_grpc.NoticeServiceAsyncStub:
        return notice_grpc.NoticeServiceStub(self._channels.to(card))


def _said(message: notice_pb.SignedNotice | notice_pb.SignedAcknowledgement) -> Signed:
    """Read what a partner answered; what does not fit is its fault, not ours."""
    try:
        return convert.signed_from_proto(message)
    except RequestError as error:
        raise HostileInput("BAD_SHAPE", f"the partner's answer: {error.message}") from error


async def _answer(call: Awaitable[Answer], partner: PartyCard) -> Answer:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise error_of(error, partner.party) from error
