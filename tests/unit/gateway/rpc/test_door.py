"""Every call ends in one place: errors become statuses, bugs become a sentence and a correlation id."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any, NoReturn, cast

import grpc
import pytest

from consent.errors import FieldError
from gateway.errors import Misuse, RequestError, StateError
from gateway.rpc.door import Context, stream, unary
from gateway.telemetry import configure_log

SECRET = "13800138000"


class Aborted(Exception):
    def __init__(self, code: grpc.StatusCode, details: str, trailers: Any) -> None:
        super().__init__(code)
        self.code, self.details, self.trailers = code, details, trailers


class Call:
    """As much of a call as the door touches."""

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> NoReturn:
        raise Aborted(code, details, trailing_metadata)


CALL = cast(Context, Call())


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    kept, root.handlers, raised = root.handlers, [], logging.raiseExceptions
    out = io.StringIO()
    configure_log("info", stream=out)
    yield out
    root.handlers, logging.raiseExceptions = kept, raised


def _logged(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


class Doors:
    closed = False

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    @unary
    async def Once(self, request: str, context: Context) -> str:
        if self.error is not None:
            raise self.error
        return request.upper()

    @stream
    async def Many(self, request: int, context: Context) -> AsyncIterator[int]:
        try:
            for number in range(request):
                yield number
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


async def test_an_answer_passes_and_is_logged_without_values(lines: io.StringIO) -> None:
    assert await Doors().Once(SECRET + "a", CALL) == SECRET + "A"
    (line,) = _logged(lines)
    assert (line["event"], line["method"], line["code"]) == ("call", "Doors.Once", "OK")
    assert line["duration_ms"] >= 0
    assert SECRET not in lines.getvalue()


async def test_a_stream_passes_and_counts_its_messages(lines: io.StringIO) -> None:
    doors = Doors()
    assert [number async for number in doors.Many(3, CALL)] == [0, 1, 2]
    assert doors.closed
    assert _logged(lines)[0]["messages"] == 3


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RequestError("BAD_FIELD", "field job.columns[1] is no agreed column"), grpc.StatusCode.INVALID_ARGUMENT),
        (StateError("PEER_UNAVAILABLE", "platform-b does not answer"), grpc.StatusCode.UNAVAILABLE),
        (FieldError("at", "is required"), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_known_errors_keep_their_words(lines: io.StringIO, error: Exception, code: grpc.StatusCode) -> None:
    with pytest.raises(Aborted) as once:
        await Doors(error).Once("", CALL)
    with pytest.raises(Aborted) as many:
        [number async for number in Doors(error).Many(1, CALL)]
    for raised in (once.value, many.value):
        assert raised.code is code
        assert str(error) in raised.details
    assert {line["code"] for line in _logged(lines)} == {code.name}
    assert all(line["reason"] for line in _logged(lines))


@pytest.mark.parametrize("error", [ValueError(SECRET), Misuse(f"of {SECRET}"), KeyError(SECRET)])
async def test_bugs_tell_nothing(lines: io.StringIO, error: Exception) -> None:
    with pytest.raises(Aborted) as raised:
        await Doors(error).Once(SECRET, CALL)
    assert raised.value.code is grpc.StatusCode.INTERNAL
    assert SECRET not in raised.value.details
    assert SECRET.encode() not in b"".join(value for _, value in raised.value.trailers)
    failed, ended = _logged(lines)
    assert failed["exception"] == type(error).__name__
    assert any("test_door.py" in place for place in failed["places"])
    assert failed["correlation_id"] == ended["correlation_id"]
    assert failed["correlation_id"] in raised.value.details
    assert SECRET not in lines.getvalue()


async def test_a_cancelled_call_stays_cancelled(lines: io.StringIO) -> None:
    with pytest.raises(asyncio.CancelledError):
        await Doors(asyncio.CancelledError()).Once("", CALL)
    assert _logged(lines)[0]["code"] == "CANCELLED"


async def test_a_stream_that_is_left_early_is_closed_to_its_end(lines: io.StringIO) -> None:
    doors = Doors()
    numbers = cast(Any, doors.Many(10, CALL))
    assert await anext(numbers) == 0
    await numbers.aclose()
    assert doors.closed
    assert _logged(lines)[0]["code"] == "CANCELLED"
