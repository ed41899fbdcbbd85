"""A gRPC server with the bounds that both ports share, and gRPC health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio

from gateway.errors import RequestError

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_METADATA_BYTES = 16 * 1024
MAX_CONCURRENT_STREAMS = 256  # per connection

OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.max_concurrent_streams", MAX_CONCURRENT_STREAMS),
    # A dead network is noticed within 40 seconds; callers may ping every ten.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A second server on the same port would share its calls silently.
    ("grpc.so_reuseport", 0),
)


@dataclass(frozen=True, slots=True)
class Listener:
    """A server that holds its port.

    Attributes:
        server: not started yet.
        port: TCP port it is bound to.
        health: what gRPC health answers; nothing serves before `start`.
    """

    server: grpc.aio.Server
    port: int
    health: Any
    services: tuple[str, ...]

    async def start(self) -> None:
        """Serve, and say so."""
        await self.server.start()
        for service in ("", *self.services):
            await self.health.set(service, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_s: float) -> None:
        """Say NOT_SERVING, take no new calls, and end the present ones after `grace_s` seconds."""
        await self.health.enter_graceful_shutdown()
        await self.server.stop(grace_s)


def new_server(
    interceptors: Sequence[grpc.aio.ServerInterceptor[Any, Any]] = (), options: Sequence[tuple[str, int]] = ()
) -> grpc.aio.Server:
    """Make a server with the shared bounds and further channel options; servicers are added by the caller."""
    return grpc.aio.server(interceptors=list(interceptors), options=[*OPTIONS, *options])


def listen(
    server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials, services: Sequence[str]
) -> Listener:
    """Bind a server to its address and add gRPC health.

    Args:
        server: with its servicers added.
        address: host:port; port 0 takes a free one.
        credentials: TLS; there is no other way to listen.
        services: full names of the services, for gRPC health.

    Raises:
        RequestError: BAD_FIELD when the address cannot be bound.
    """
    health = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        port = 0
        cause: Exception | None = error
    else:
        cause = None
    if port == 0:
        raise RequestError(
            "BAD_FIELD", "a listen address cannot be bound; another process may hold it, or the host is not ours"
        ) from cause
    return Listener(server, port, health, tuple(services))
