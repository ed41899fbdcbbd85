"""What every servicer method goes through: one place that ends a call, well or badly.

    class JobServicer(job_pb2_grpc.JobServiceServicer):
        @unary
        async def GetJob(self, request, context): ...

        @stream
        async def WatchJob(self, request, context): ...
            yield ...

A method converts, calls a route and converts back. Errors become statuses by
`gateway.rpc.status`; the log gets the method, the code and the duration, never
a value of the request.
"""

from __future__ import annotations

import asyncio
import functools
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import grpc
import grpc.aio

from gateway.errors import Misuse
from gateway.rpc.status import family_error, public_of, status_of, status_of_bug, wire_status
from gateway.telemetry import get_logger

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]
else:  # generic in the stubs only
    Context = grpc.aio.ServicerContext

FINISH_S = 2.0  # seconds that a sender has to notice that its call is being refused

Servicer = TypeVar("Servicer")
Request = TypeVar("Request")
Answer = TypeVar("Answer")
Value = TypeVar("Value")


@dataclass(slots=True)
class Ended:
    """The end of one call, for the log.

    Attributes:
        method: static name of the method.
        started: seconds of a monotonic clock.
        messages: answers sent so far, for streams.
    """

    method: str
    started: float = field(default_factory=time.monotonic)
    messages: int = 0

    def log(self, code: str, **more: object) -> None:
        """Write the one line of a call."""
        duration = round((time.monotonic() - self.started) * 1000, 1)
        known = {"messages": self.messages} if self.messages else {}
        get_logger().info("call", method=self.method, code=code, duration_ms=duration, **known, **more)


def unary(
    serve: Callable[[Servicer, Request, Context], Awaitable[Answer]],
) -> Callable[[Servicer, Request, Context], Coroutine[Any, Any, Answer]]:
    """Guard a method that answers once; its request may be one message or a stream of them."""

    @functools.wraps(serve)
    async def guarded(self: Servicer, request: Request, context: Context) -> Answer:
        ended = Ended(serve.__qualname__)
        try:
            answer = await serve(self, request, context)
        except asyncio.CancelledError:
            ended.log("CANCELLED")
            raise
        except Exception as error:
            await end_call(context, ended, error, request if isinstance(request, AsyncIterable) else None)
        ended.log("OK")
        return answer

    return guarded


def stream(
    serve: Callable[[Servicer, Request, Context], AsyncIterator[Answer]],
) -> Callable[[Servicer, Request, Context], AsyncIterator[Answer]]:
    """Guard an async generator method; it is closed with the call, however that ends."""

    @functools.wraps(serve)
    async def guarded(self: Servicer, request: Request, context: Context) -> AsyncIterator[Answer]:
        ended = Ended(serve.__qualname__)
        try:
            async with closing(serve(self, request, context)) as answers:
                async for answer in answers:
                    yield answer
                    ended.messages += 1
        except (asyncio.CancelledError, GeneratorExit):
            # grpc.aio closes the generator of a cancelled stream instead of cancelling its task.
            ended.log("CANCELLED")
            raise
        except Exception as error:
            await end_call(context, ended, error)
        ended.log("OK")

    return guarded


def closing(values: AsyncIterator[Value]) -> aclosing[AsyncGenerator[Value, None]]:
    """Close a route's generator at the end of a block, also when the block is left early.

    Args:
        values: an async generator; routes declare theirs as iterators.
    """
    return aclosing(cast(AsyncGenerator[Value, None], values))


async def end_call(
    context: Context, ended: Ended, error: Exception, requests: AsyncIterable[Any] | None = None
) -> NoReturn:
    """End a call with an error.

    Args:
        context: the call.
        ended: what the log is told of it.
        error: what was raised. Anything outside our tree, and Misuse, is a bug:
            the caller gets a fixed sentence and a correlation id.
        requests: the caller's stream, if it may still be sending.

    Raises:
        grpc.aio.AbortError: always; grpc.aio ends the call with it.
    """
    known = family_error(error)
    if known is None or isinstance(known, Misuse):
        correlation_id = secrets.token_hex(8)
        get_logger().error("call_failed", method=ended.method, correlation_id=correlation_id, exc_info=error)
        status = status_of_bug(correlation_id)
        ended.log("INTERNAL", reason="BUG", correlation_id=correlation_id)
    else:
        status = status_of(known)
        ended.log(public_of(known).code.name, reason=known.reason)
    if requests is not None:
        await _tell_to_finish(context, requests)
    wire = wire_status(status)
    await context.abort(wire.code, wire.details, wire.trailing_metadata)


async def _tell_to_finish(context: Context, requests: AsyncIterable[Any]) -> None:
    """Give a sender the time to stop before its call is ended.

    A client of grpc.aio whose write fails because the call has ended reports
    INTERNAL and forgets the status that says why. Early headers tell it to stop;
    what is on its way is read and dropped.
    """
    await context.send_initial_metadata(())
    await let_finish(requests)


async def let_finish(requests: AsyncIterable[Any]) -> None:
    """Read and drop what a sender that was told to stop has on its way, for a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(FINISH_S):
            async for _ in requests:
                continue
