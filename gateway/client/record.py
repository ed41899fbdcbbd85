"""What all records of the client share: names, times, pages."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

Item = TypeVar("Item")

PAGE_SIZE = 200


def new_request_id() -> str:
    """Return a fresh UUID; a call that is repeated must carry the same one."""
    return str(uuid.uuid4())


def bare(name: str) -> str:
    """Return the id in a resource name, e.g. "profile_enrichment" of "purposes/profile_enrichment"."""
    return name.partition("/")[2]


def named(collection: str, found: str) -> str:
    """Return the resource name of an id; a name stays as it is."""
    if not found:
        return ""
    return found if found.startswith(f"{collection}/") else f"{collection}/{found}"


def time_of(message: Any, field: str) -> datetime | None:
    """Return a time in UTC, or None where it is not set."""
    return getattr(message, field).ToDatetime(tzinfo=UTC) if message.HasField(field) else None


def required_time(message: Any, field: str) -> datetime:
    """Return a time that the gateway always sets."""
    found: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return found


def stamp(at: datetime | None) -> Timestamp | None:
    """Write a time; a time without a zone is taken as local time."""
    if at is None:
        return None
    written = Timestamp()
    written.FromDatetime(at.astimezone(UTC))
    return written


async def pages(fetch: Callable[[str], Awaitable[tuple[list[Item], str]]]) -> AsyncIterator[Item]:
    """Yield all items of a list, page after page.

    Args:
        fetch: page token -> (items, next page token, "" at the end).
    """
    token = ""
    while True:
        items, token = await fetch(token)
        for item in items:
            yield item
        if not token:
            return
