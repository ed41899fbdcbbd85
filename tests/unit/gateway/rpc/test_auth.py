"""Nothing but health is reachable without a verified token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest

from gateway.errors import AccessError
from gateway.route.caller import Caller, Role
from gateway.rpc.auth import TokenInterceptor, current_caller

KNOWN = Caller("nightly", frozenset({Role.CDP_JOB}))
METHOD = "/gateway.v1.JobService/GetJob"


class OneToken:
    seen: str | None = None

    def verify(self, token: str) -> Caller:
        self.seen = token
        if token == "broken":
            raise RuntimeError("13800138000")
        if token != "good":
            raise AccessError("UNAUTHENTICATED", "the bearer token has expired")
        return KNOWN


def _call(method: str, *metadata: tuple[str, str | bytes]) -> grpc.HandlerCallDetails:
    return cast(grpc.HandlerCallDetails, SimpleNamespace(method=method, invocation_metadata=metadata))


async def _pass(details: grpc.HandlerCallDetails) -> Any:
    return current_caller()


async def _open(details: grpc.HandlerCallDetails) -> Any:
    return "health"


class Ended(Exception):
    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(code, details)
        self.code, self.details = code, details


class Call:
    async def send_initial_metadata(self, metadata: Any) -> None:
        """Headers carry nothing."""

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> None:
        raise Ended(code, details)


async def _no_messages() -> AsyncIterator[bytes]:
    for message in ():
        yield message


async def _refused(interceptor: TokenInterceptor, details: grpc.HandlerCallDetails) -> Ended:
    async def never(_: grpc.HandlerCallDetails) -> Any:
        raise AssertionError("the method was looked up for a call without a token")

    handler: Any = await interceptor.intercept_service(never, details)
    assert handler.request_streaming
    assert handler.response_streaming
    with pytest.raises(Ended) as raised:
        await handler.stream_stream(_no_messages(), Call())
    return raised.value


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER "])
async def test_a_good_token_names_the_caller(scheme: str) -> None:
    found: Any = await TokenInterceptor(OneToken()).intercept_service(
        _pass, _call(METHOD, ("authorization", scheme + "good"))
    )
    assert found is KNOWN


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "good"),),
        (("authorization", "Basic good"),),
        (("authorization", "Bearer stale"),),
        (("authorization", "Bearer "),),
        (("authorization", "Bearer good"), ("authorization", "Bearer good")),
        (("authorization", b"Bearer good"),),
        (("authorization", "Bearer " + "g" * 5000),),
        (("x-token", "good"),),
    ],
)
async def test_anything_else_is_unauthenticated(metadata: tuple[tuple[str, str | bytes], ...]) -> None:
    ended = await _refused(TokenInterceptor(OneToken()), _call(METHOD, *metadata))
    assert ended.code is grpc.StatusCode.UNAUTHENTICATED


async def test_a_method_that_does_not_exist_is_not_told_apart() -> None:
    ended = await _refused(TokenInterceptor(OneToken()), _call("/gateway.v1.JobService/DropEverything"))
    assert ended.code is grpc.StatusCode.UNAUTHENTICATED


async def test_a_verifier_that_breaks_tells_nothing() -> None:
    ended = await _refused(TokenInterceptor(OneToken()), _call(METHOD, ("authorization", "Bearer broken")))
    assert ended.code is grpc.StatusCode.INTERNAL
    assert "13800138000" not in ended.details


async def test_health_needs_no_token_and_gets_no_caller() -> None:
    verifier = OneToken()
    found: Any = await TokenInterceptor(verifier).intercept_service(_open, _call("/grpc.health.v1.Health/Check"))
    assert found == "health"
    assert verifier.seen is None


@pytest.mark.parametrize("method", ["/grpc.health.v1.HealthX/Check", "/x/grpc.health.v1.Health/Check"])
async def test_a_name_like_health_is_not_health(method: str) -> None:
    assert (await _refused(TokenInterceptor(OneToken()), _call(method))).code is grpc.StatusCode.UNAUTHENTICATED


async def test_without_an_interceptor_the_door_stays_closed() -> None:
    with pytest.raises(AccessError):
        current_caller()
