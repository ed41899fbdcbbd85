"""One channel to our own gateway, with the token on every call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

import grpc
import grpc.aio

from gateway.client.status import error_of_call
from gateway.errors import StateError

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
# The server allows a ping every ten seconds; a silent network is noticed within 40.
OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_http_proxy", 0),
)

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Connection:
    """A TLS channel and a token; the token shows in no repr."""

    def __init__(
        self, target: str, ca_pem: bytes, token: str, target_name: str | None = None, timeout_s: float = 30.0
    ) -> None:
        """Prepare a channel; nothing is dialled before the first call.

        Args:
            target: host:port of the gateway's tenant port.
            ca_pem: certificates in PEM that the gateway's certificate must descend from; no other is trusted.
            token: bearer token.
            target_name: name expected in the certificate, when it is not the host.
            timeout_s: seconds until a call that answers once is given up.
        """
        names = () if target_name is None else (("grpc.ssl_target_name_override", target_name),)
        credentials = grpc.ssl_channel_credentials(root_certificates=ca_pem)
        self.channel = grpc.aio.secure_channel(target, credentials, options=(*OPTIONS, *names))
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._timeout_s = timeout_s

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Answer],
        request: Request,
        timeout_s: float | None = None,
    ) -> Answer:
        """Call a method that answers once.

        Raises:
            AssentError: as the gateway raised it, or PEER_UNAVAILABLE when it cannot be reached.
        """
        try:
            return await method(request, metadata=self._metadata, timeout=timeout_s or self._timeout_s)
        except grpc.aio.AioRpcError as error:
            raise error_of_call(error) from error

    async def upload(
        self, method: grpc.aio.StreamUnaryMultiCallable[Request, Answer], requests: Iterable[Request]
    ) -> Answer:
        """Call a method that takes a stream and answers once; it takes as long as it takes.

        What the iteration itself raises cancels the call and reaches the caller as it is.
        """
        open_call: Any = method  # the stubs do not know a call without an iterator
        call = open_call(metadata=self._metadata)
        # The gateway sends its headers early only to say that it needs no more; its status then says why. A write
        # that comes too late would fail, and the status with it.
        told = asyncio.ensure_future(call.initial_metadata())
        try:
            for request in requests:
                if told.done():
                    break
                await call.write(request)
            await call.done_writing()
            answer: Answer = await call
            return answer
        except grpc.aio.AioRpcError as error:
            raise error_of_call(error) from error
        finally:
            call.cancel()
            with suppress(asyncio.CancelledError):
                await told

    async def exchange(
        self,
        method: grpc.aio.StreamStreamMultiCallable[Request, Answer],
        opening: Request,
        requests: Iterable[Request],
        ended: Callable[[Answer], bool],
    ) -> AsyncGenerator[Answer, None]:
        """Call a method that answers while it takes a stream; it takes as long as it takes.

        The rest is sent once the opening was answered. What the iteration itself raises cancels the call and reaches
        the caller as it is.

        Args:
            method: of the stub.
            opening: the first message.
            requests: all others.
            ended: whether an answer says that the gateway reads no more; the call then fails, and says why.
        """
        open_call: Any = method  # the stubs do not know a call without an iterator
        call = open_call(metadata=self._metadata)
        sending: asyncio.Task[None] | None = None
        enough = broken = False

        async def send() -> None:
            nonlocal broken
            try:
                for request in requests:
                    if enough:
                        break
                    await call.write(request)
                await call.done_writing()
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                broken = True  # the call has ended: whoever reads the answers learns why
            except BaseException:
                call.cancel()
                raise

        try:
            await call.write(opening)
            async for answer in call:
                sending = sending or asyncio.create_task(send())
                enough = enough or ended(answer)
                if not enough:
                    yield answer
            if sending is not None:
                await sending
        except (grpc.aio.AioRpcError, asyncio.CancelledError) as error:
            if sending is not None and sending.done() and not sending.cancelled():
                await sending  # what reading the rows raised comes before what the call made of it
            if isinstance(error, grpc.aio.AioRpcError):
                if broken and error.code() is grpc.StatusCode.INTERNAL:
                    # What gRPC makes of a write into a connection that is gone; the gateway's own status is lost.
                    said = "the connection to the gateway broke off; call again once it runs"
                    raise StateError("PEER_UNAVAILABLE", said) from error
                raise error_of_call(error) from error
            raise
        finally:
            call.cancel()
            if sending is not None:
                await asyncio.wait({sending})

    async def download(
        self, method: grpc.aio.UnaryStreamMultiCallable[Request, Answer], request: Request
    ) -> AsyncGenerator[Answer, None]:
        """Call a method that answers with a stream; leaving the iteration cancels it."""
        call: Any = method(request, metadata=self._metadata)
        try:
            async for answer in call:
                yield answer
        except grpc.aio.AioRpcError as error:
            raise error_of_call(error) from error
        finally:
            call.cancel()

    async def close(self) -> None:
        """Give the channel back."""
        await self.channel.close(grace=None)
