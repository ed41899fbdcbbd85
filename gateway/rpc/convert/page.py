"""Pages of a list: bounded in items and bytes, and a token that names where the last page ended."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal, NoReturn, TypeVar, overload

from google.protobuf.message import Message

from gateway.rpc.convert.field import refuse

DEFAULT_SIZE = 100
MAX_SIZE = 1000
MAX_BYTES = 3 * 1024 * 1024  # a message has at most 4 MiB
MAX_TOKEN = 1000

Item = TypeVar("Item")
Answer = TypeVar("Answer", bound=Message)
Place = tuple[str | int, ...]


def page_size(wanted: int) -> int:
    """Return how many items to send: 0 means 100, more than 1000 means 1000 (google.aip.dev/158)."""
    if wanted < 0:
        refuse("page_size", "must not be negative")
    return min(wanted, MAX_SIZE) or DEFAULT_SIZE


def place_of(token: str, listing: str, shape: tuple[type, ...]) -> Place | None:
    """Read a page token.

    Args:
        token: what the page before came with; empty for the first page.
        listing: the list it belongs to, e.g. "jobs".
        shape: types of the key after which the next page starts.

    Returns:
        The key, or None for the first page.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not token:
        return None
    try:
        found, *place = json.loads(base64.urlsafe_b64decode(token[:MAX_TOKEN].encode()))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        found, place = None, []
    if found != listing or tuple(type(part) for part in place) != shape:
        _not_of(listing)
    return tuple(place)


@overload
def timed_place_of(token: str, listing: str, names: Literal[0]) -> tuple[datetime] | None: ...
@overload
def timed_place_of(token: str, listing: str, names: Literal[1] = 1) -> tuple[datetime, str] | None: ...
@overload
def timed_place_of(token: str, listing: str, names: Literal[2]) -> tuple[datetime, str, str] | None: ...
def timed_place_of(token: str, listing: str, names: int = 1) -> tuple[Any, ...] | None:
    """Read a page token of a list in the order of a time and of names.

    Args:
        token: as in `place_of`.
        listing: as in `place_of`.
        names: how many names follow the time.

    Returns:
        The time and the names after which the next page starts, or None for the first page.

    Raises:
        RequestError: BAD_FIELD.
    """
    place = place_of(token, listing, (str,) * (1 + names))
    if place is None:
        return None
    try:
        at = datetime.fromisoformat(str(place[0]))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        _not_of(listing)
    return at, *place[1:]


def token_of(listing: str, place: Place) -> str:
    """Write a page token."""
    return base64.urlsafe_b64encode(json.dumps([listing, *place]).encode()).decode()


def page_of(
    items: Iterable[Item],
    size: int,
    listing: str,
    place: Callable[[Item], Place],
    to_proto: Callable[[Item], Answer],
) -> tuple[list[Answer], str]:
    """Cut a page out of items of which one more than `size` was asked for.

    Args:
        items: items in order.
        size: most items of the page.
        listing: the list, e.g. "jobs".
        place: item -> the key after which the next page starts.
        to_proto: item -> message.

    Returns:
        The messages, at least one if there are items, and the token of the next
        page, empty when there is none.
    """
    page: list[Answer] = []
    last: Place = ()
    room = MAX_BYTES
    for item in items:
        message = to_proto(item)
        room -= message.ByteSize()
        if len(page) == size or (page and room < 0):
            return page, token_of(listing, last)
        page.append(message)
        last = place(item)
    return page, ""


def _not_of(listing: str) -> NoReturn:
    refuse("page_token", f"is not a token of this list; start again without it to list {listing}")
