"""Uses by their numbers: the projection names millions of times who may use what for what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import ColumnElement, Text, and_, delete, func, select, type_coerce, union_all

from consent.evaluate import ProjectionRow
from gateway.store.column_type import json_text
from gateway.store.connection import StoreConnection
from gateway.store.rows import UseKey, use_key
from gateway.store.schema import consent_projection, consent_use_groups, consent_use_sets, consent_uses

UseSet = tuple[int, ...]
"""Numbers of uses, or of them and groups of them, each once, ascending."""

USE_KEY = ("handler", "purpose", "recipient", "category", "method")


async def numbered(connection: StoreConnection, rows: Iterable[ProjectionRow]) -> dict[UseKey, int]:
    """Return the number of every use that rows are about; a use that is new here gets the next.

    Writers of consent come one after another, so that no two of them give the same number.
    """
    wanted = {use_key(row) for row in rows}
    if not wanted:
        return {}
    table = consent_uses.c
    query = select(table.use_id, *(table[name] for name in USE_KEY))
    known: dict[UseKey, int] = {(a, b, c, d, e): number for number, a, b, c, d, e in await connection.rows(query)}
    last = max(known.values(), default=0)
    new = {key: last + place for place, key in enumerate(sorted(wanted - known.keys()), 1)}
    values = [{"use_id": number, **dict(zip(USE_KEY, key, strict=True))} for key, number in new.items()]
    await connection.insert_rows(consent_uses, values)
    return known | new


async def sets_numbered(connection: StoreConnection, wanted: Collection[UseSet]) -> dict[UseSet, int]:
    """Return the number of every set; one that is new here gets the next, as with uses."""
    if not wanted:
        return {}
    table = consent_use_sets.c
    by_text = {json_text(list(one)): one for one in wanted}
    query = select(table.set_id, table.use_ids).where(
        type_coerce(table.use_ids, Text).in_(select(connection.listed(sorted(by_text)).c.value))
    )
    known = {tuple(use_ids): number for number, use_ids in await connection.rows(query)}
    new = sorted(set(by_text.values()).difference(known))
    if new:
        last = await connection.scalar(select(func.coalesce(func.max(table.set_id), 0)))
        known |= {one: last + place for place, one in enumerate(new, 1)}
        await connection.insert_rows(consent_use_sets, [{"set_id": known[one], "use_ids": list(one)} for one in new])
    return known


async def uses_of_sets(connection: StoreConnection, numbers: Collection[int]) -> Mapping[int, UseSet]:
    """Return the uses and groups of each set."""
    if not numbers:
        return {}
    table = consent_use_sets.c
    query = select(table.set_id, table.use_ids).where(
        table.set_id.in_(select(connection.listed(sorted(numbers)).c.value))
    )
    return {number: tuple(use_ids) for number, use_ids in await connection.rows(query)}


async def drop_rows(connection: StoreConnection, use_sets: Mapping[str, int | None]) -> None:
    """Take people out of the projection, looked for under the uses and groups of which they have rows.

    Args:
        connection: of the transaction.
        use_sets: of each, the number of the set of those; None is any.
    """
    by_set: defaultdict[int | None, list[str]] = defaultdict(list)
    for ref, number in use_sets.items():
        by_set[number].append(ref)
    uses_of = await uses_of_sets(connection, [number for number in by_set if number is not None])
    table = consent_projection.c
    for number, refs in by_set.items():
        if number is None:
            any_number = union_all(select(consent_uses.c.use_id), select(consent_use_groups.c.group_id))
            under: ColumnElement[bool] = table.use_id.in_(any_number)
        elif uses_of[number]:
            under = table.use_id.in_(select(connection.listed(uses_of[number]).c.value))
        else:
            continue
        among = table.subject_ref.in_(select(connection.listed(refs).c.value))
        await connection.execute(delete(consent_projection).where(under, among))


async def pairs_of(
    connection: StoreConnection, handler: str, purpose: str, recipient: str | None
) -> list[tuple[str, str]]:
    """Return each category and method that anybody ever spoke of to a handler, for a purpose and recipient, or any."""
    table = consent_uses.c
    where = and_(table.handler == handler, table.purpose == purpose)
    if recipient is not None:
        where = and_(where, table.recipient == recipient)
    query = select(table.category, table.method).where(where).distinct().order_by(table.category, table.method)
    return [(category, method) for category, method in await connection.rows(query)]
