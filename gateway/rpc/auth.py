"""Who is asking: every call on the tenant port carries a bearer token, health checks apart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Protocol

import grpc
import grpc.aio

from gateway.errors import AccessError
from gateway.route.caller import Caller
from gateway.rpc.door import Context, Ended, end_call

# A load balancer has no token; the answer says SERVING or not, nothing else.
OPEN_SERVICE = "/grpc.health.v1.Health/"
SCHEME = "bearer "
MAX_TOKEN_BYTES = 4096

_caller: ContextVar[Caller] = ContextVar("caller")


class TokenVerifier(Protocol):
    """Reads tokens; `gateway.keys` implements it."""

    def verify(self, token: str) -> Caller:
        """Return who holds a valid token of this party.

        Raises:
            AccessError: UNAUTHENTICATED, whatever is wrong with it.
        """
        ...


def current_caller() -> Caller:
    """Return the caller of the call being served.

    Raises:
        AccessError: UNAUTHENTICATED when no interceptor has looked at the call: the door stays closed.
    """
    caller = _caller.get(None)
    if caller is None:
        raise AccessError("UNAUTHENTICATED", "the call was not authenticated")
    return caller


class TokenInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Lets a call through only when a verified token came with it."""

    def __init__(self, verifier: TokenVerifier) -> None:
        """Keep the verifier."""
        self._verifier = verifier

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Verify before the method is even looked up, so that nobody can list methods without a token."""
        if handler_call_details.method.startswith(OPEN_SERVICE):
            return await continuation(handler_call_details)
        try:
            caller = self._verifier.verify(_token(handler_call_details.invocation_metadata))
        except Exception as error:
            return _refusal(handler_call_details.method, error)
        # The servicer runs in this same task, hence in this context.
        _caller.set(caller)
        return await continuation(handler_call_details)


def _token(metadata: Any) -> str:
    found = [value for key, value in metadata or () if key == "authorization"]
    if len(found) != 1 or not isinstance(found[0], str):
        raise AccessError("UNAUTHENTICATED", "the call carries no single authorization header")
    header = found[0]
    if header[: len(SCHEME)].lower() != SCHEME or len(header) > MAX_TOKEN_BYTES:
        raise AccessError("UNAUTHENTICATED", "the authorization header is not a bearer token of at most 4 KiB")
    return header[len(SCHEME) :].strip()


def _refusal(method: str, error: Exception) -> grpc.RpcMethodHandler[Any, Any]:
    """Answer any kind of call with the error, without looking at a message of it."""

    async def refuse(requests: AsyncIterator[bytes], context: Context) -> None:
        await end_call(context, Ended(method), error, requests)

    return grpc.stream_stream_rpc_method_handler(refuse)
