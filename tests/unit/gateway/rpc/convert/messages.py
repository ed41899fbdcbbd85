"""Messages that pass, for tests that break one field at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.errors import RequestError

UUID = "7f1c2c1e-6f0e-4d2a-9a53-0f5d0f6a2b11"
OTHER_UUID = "2c0f6c0a-54e2-4f0e-8f0c-3f3b1d1a7c55"
WHEN = datetime(2026, 2, 1, 2, 0, 0, 123456, tzinfo=UTC)


def stamp(at: datetime = WHEN) -> Timestamp:
    written = Timestamp()
    written.FromDatetime(at)
    return written


def refused(parse: Callable[[Any], object], message: Any, path: str) -> None:
    """Assert that a message is refused for one field, named by its path, without its value."""
    with pytest.raises(RequestError) as raised:
        parse(message)
    assert raised.value.reason == "BAD_FIELD"
    assert raised.value.message.startswith(f"field {path} "), raised.value.message
    assert "13800138000" not in raised.value.message
