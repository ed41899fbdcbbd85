"""Uses by their numbers: the projection names millions of times who may use what for what."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import and_, select

from consent.evaluate import ProjectionRow, Use
from gateway.store.connection import StoreConnection
from gateway.store.rows import UseKey, use_key
from gateway.store.schema import consent_uses

_KEY = ("handler", "purpose", "recipient", "category", "method")


async def numbered(connection: StoreConnection, rows: Iterable[ProjectionRow]) -> dict[UseKey, int]:
    """Return the number of every use that rows are about; a use that is new here gets the next.

    Writers of consent come one after another, so that no two of them give the same number.
    """
    wanted = {use_key(row) for row in rows}
    if not wanted:
        return {}
    table = consent_uses.c
    query = select(table.use_id, *(table[name] for name in _KEY))
    known: dict[UseKey, int] = {(a, b, c, d, e): number for number, a, b, c, d, e in await connection.rows(query)}
    last = max(known.values(), default=0)
    new = {key: last + place for place, key in enumerate(sorted(wanted - known.keys()), 1)}
    values = [{"use_id": number, **dict(zip(_KEY, key, strict=True))} for key, number in new.items()]
    await connection.insert_rows(consent_uses, values)
    return known | new


async def number_of(connection: StoreConnection, use: Use) -> int | None:
    """Return the number of a use, None when nobody ever spoke of it."""
    same = (consent_uses.c[name] == value for name, value in zip(_KEY, use_key(use), strict=True))
    number = await connection.scalar(select(consent_uses.c.use_id).where(and_(*same)))
    return None if number is None else int(number)


async def numbers_whoever_receives(connection: StoreConnection, use: Use) -> list[int]:
    """Return the numbers of the uses that differ from one by the recipient at most."""
    same = (consent_uses.c[name] == getattr(use, name) for name in _KEY if name != "recipient")
    return [int(number) for (number,) in await connection.rows(select(consent_uses.c.use_id).where(and_(*same)))]


async def pairs_of(connection: StoreConnection, handler: str, purpose: str, recipient: str) -> list[tuple[str, str]]:
    """Return each category and method that anybody ever spoke of to a handler, for a purpose and a recipient."""
    table = consent_uses.c
    where = and_(table.handler == handler, table.purpose == purpose, table.recipient == recipient)
    query = select(table.category, table.method).where(where).order_by(table.category, table.method)
    return [(category, method) for category, method in await connection.rows(query)]
