"""Groups of uses: what is said alike of several uses of a person stands in one row of the projection.

An act mostly covers several uses at once. A row for each of them is most of what an import would write, each row in
another place of the table. So the uses of which all the same is said are a group, whose number is below zero, and have
one row under it. Whoever asks about a use looks under its own number and under those of the groups that it is in.

There are as many groups as acts have wordings, a few dozen. People who tick boxes of their own could make very many:
above MAX_GROUPS a use that would need a new one has a row of its own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Text, and_, cast, null, select, type_coerce, union_all

from consent.evaluate import Use
from consent.projection import ProjectionRow
from gateway.store.connection import StoreConnection
from gateway.store.rows import PlacedRow, UseKey, use_key
from gateway.store.schema import consent_use_groups, consent_uses
from gateway.store.uses import USE_KEY, UseSet, numbered

MAX_GROUPS = 256


@dataclass(frozen=True, slots=True)
class UsePlaces:
    """Under which numbers rows of the projection stand.

    Attributes:
        use_ids: numbers of uses.
        groups: numbers of groups.
    """

    use_ids: Mapping[UseKey, int]
    groups: Mapping[UseSet, int]

    def placed(self, projection: Sequence[ProjectionRow]) -> list[PlacedRow]:
        """Return a person's rows with their numbers, one of each group for all of it."""
        placed: list[PlacedRow] = []
        for use_ids, rows in alike(projection, self.use_ids):
            group = self.groups.get(use_ids)
            if group is None:
                placed += [(self.use_ids[use_key(row)], row) for row in rows]
            else:
                placed.append((group, rows[0]))
        return placed


async def places_of(connection: StoreConnection, projections: Collection[Sequence[ProjectionRow]]) -> UsePlaces:
    """Return where the rows of people stand; uses and groups that are new here get the next numbers.

    Args:
        connection: of the transaction. Writers of consent come one after another, so that no two of them give the
            same number.
        projections: all rows of a person each.
    """
    use_ids = await numbered(connection, (row for projection in projections for row in projection))
    wanted = groups_of(projections, use_ids)
    if not wanted:
        return UsePlaces(use_ids, {})
    table = consent_use_groups.c
    known = {
        tuple(of_group): number for number, of_group in await connection.rows(select(table.group_id, table.use_ids))
    }
    new = new_groups(wanted, known)
    values = [{"group_id": number, "use_ids": list(of_group)} for of_group, number in new.items()]
    await connection.insert_rows(consent_use_groups, values)
    return UsePlaces(use_ids, known | new)


def groups_of(projections: Iterable[Sequence[ProjectionRow]], use_ids: Mapping[UseKey, int]) -> set[UseSet]:
    """Return the uses, several each, of which people's rows say the same."""
    return {group for projection in projections for group, _ in alike(projection, use_ids) if len(group) > 1}


def new_groups(wanted: Collection[UseSet], known: Mapping[UseSet, int]) -> dict[UseSet, int]:
    """Number the groups that are not known, as far as there may be more."""
    new = sorted(set(wanted).difference(known))[: max(0, MAX_GROUPS - len(known))]
    return {group: -len(known) - place for place, group in enumerate(new, 1)}


def alike(
    projection: Sequence[ProjectionRow], use_ids: Mapping[UseKey, int]
) -> list[tuple[UseSet, list[ProjectionRow]]]:
    """Part a person's rows by what they say, with the numbers of their uses, ascending."""
    parted: dict[tuple[object, ...], list[ProjectionRow]] = {}
    for row in projection:
        says = row.plain, row.consent_id, row.effective_from, row.valid_until, row.closed_from
        parted.setdefault(says, []).append(row)
    return [(tuple(sorted(use_ids[use_key(row)] for row in rows)), rows) for rows in parted.values()]


async def numbers_of(connection: StoreConnection, use: Use) -> list[int]:
    """Return the numbers under which rows of a use stand; none when nobody ever spoke of it."""
    return await _numbers(connection, dict(zip(USE_KEY, use_key(use), strict=True)))


async def numbers_whoever_receives(connection: StoreConnection, use: Use) -> list[int]:
    """Return the numbers under which rows stand of uses that differ from one by the recipient at most."""
    return await _numbers(connection, {name: getattr(use, name) for name in USE_KEY if name != "recipient"})


async def _numbers(connection: StoreConnection, said: Mapping[str, str]) -> list[int]:
    """Return the numbers of the uses of which this is true, and of the groups that have one of them."""
    same: list[ColumnElement[bool]] = [consent_uses.c[name] == value for name, value in said.items()]
    own = select(consent_uses.c.use_id, cast(null(), Text)).where(and_(*same))
    groups = select(consent_use_groups.c.group_id, type_coerce(consent_use_groups.c.use_ids, Text))
    found = await connection.rows(union_all(own, groups))
    use_ids = {number for number, of_group in found if of_group is None}
    within = [number for number, of_group in found if of_group is not None and use_ids & {*json.loads(of_group)}]
    return [*within, *sorted(use_ids)] if use_ids else []
