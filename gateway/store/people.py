"""People of a range of references, read without an object per person: the database joins a column into one text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Column, ColumnElement, Select, Text, cast, func, select

from gateway.errors import StateError
from gateway.route.subject_ref import REF_BYTES, Bytes, as_texts, ascending_order
from gateway.store.connection import StoreConnection

Numbers = npt.NDArray[np.int64]

BORDERS = tuple("34567abcdefghijklmnopqrstuvwxyz")
"""Where a range is cut: a reference is a keyed hash in base32, so that a 32nd of all people lies between two borders.

Of 10^7 people that is a text of 8 MB, of 10^8 one of 80 MB; SQLite's longest is 1 GB.
"""

FEW = 20_000
"""People whom one statement reads whatever the range: some milliseconds; of more the range is cut."""

_NONE = pa.nulls(0, pa.string())


@dataclass(frozen=True, slots=True)
class Range:
    """A range of references, both ends inside."""

    first: str
    last: str

    def parts(self, key: ColumnElement[str]) -> Iterator[ColumnElement[bool]]:
        """Yield conditions on `key` that cut the range at the borders within it, ascending."""
        low = self.first
        for border in BORDERS:
            if low < border <= self.last:
                yield (key >= low) & (key < border)
                low = border
        if low <= self.last:
            yield (key >= low) & (key <= self.last)

    def whole(self, key: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition on `key` that it lies in the range."""
        return (key >= self.first) & (key <= self.last)


async def people_in(connection: StoreConnection, key: Column[str], where: ColumnElement[bool], within: Range) -> Bytes:
    """Return the people of a range for whom a condition holds, (m, 26) ascending.

    Args:
        connection: of the transaction.
        key: the column of their references, each once where the condition holds.
        where: the condition.
        within: the range.

    Raises:
        StateError: LOG_INCONSISTENT when a stored reference is none.
    """
    pieces = [np.empty((0, REF_BYTES), dtype=np.uint8)]
    async for count, text, _ in _joined(connection, key, key, "", where, within):
        refs = refs_from(text, count)
        order = ascending_order(refs)
        pieces.append(refs if order is None else refs[order])
    return np.concatenate(pieces)


async def people_of(connection: StoreConnection, query: Select[str]) -> Bytes:
    """Return whom a query of one column names, each once, (m, 26) ascending."""
    found = query.subquery().c[0]
    refs = await _refs(connection, select(func.count(), func.aggregate_strings(found, "")))
    order = ascending_order(refs)
    return refs if order is None else refs[order]


async def numbered_people(connection: StoreConnection, query: Select[str, int]) -> tuple[Bytes, Numbers]:
    """Return whom a query of two columns names, each once, (m, 26) ascending, and the number beside each, (m,)."""
    found = query.subquery().c
    texts = func.aggregate_strings(found[0], ""), func.aggregate_strings(cast(found[1], Text), ",")
    row = await connection.row(select(func.count(), *texts))
    count, refs, joined = row if row is not None else (0, None, None)
    people = refs_from(refs, count)
    numbers = np.array((joined or "").split(",") if count else [], dtype=np.int64)
    order = ascending_order(people)
    return (people, numbers) if order is None else (people[order], numbers[order])


async def named_people_in(
    connection: StoreConnection, key: Column[str], name: Column[str], where: ColumnElement[bool], within: Range
) -> pa.Table:
    """Return the people of a range with a name that stands beside each.

    Args:
        connection: of the transaction.
        key: as in `people_in`.
        name: a column of texts without line breaks.
        where: the condition.
        within: the range.

    Returns:
        {subject_ref, and `name` under its own name: string} ascending.

    Raises:
        StateError: LOG_INCONSISTENT when a stored reference or name is none.
    """
    found = [named_from("", 0, "", name.name)]
    async for count, refs, names in _joined(connection, key, name, "\n", where, within):
        found.append(named_from(refs, count, names, name.name))
    return pa.concat_tables(found)


def named_from(refs: str | None, count: int, names: str | None, name: str = "consent_id") -> pa.Table:
    """Read people with a name each from texts that a database joined.

    Args:
        refs: their references, one after another.
        count: how many.
        names: their names, a line each.
        name: of the second column.

    Returns:
        {subject_ref, `name`: string} ascending.

    Raises:
        StateError: LOG_INCONSISTENT when they do not fit.
    """
    people = refs_from(refs, count)
    values = pc.split_pattern(pa.array([names or ""], pa.string()), "\n").flatten() if count else _NONE
    if len(values) != count:
        raise _damaged()
    order = ascending_order(people)
    if order is not None:
        people, values = people[order], values.take(pa.array(order))
    return pa.table({"subject_ref": as_texts(people), name: values})


async def pairs_in(
    connection: StoreConnection, key: Column[str], other: Column[str], where: ColumnElement[bool], within: Range
) -> tuple[Bytes, Bytes]:
    """Return two columns of references of the rows of a range for which a condition holds.

    Args:
        connection: of the transaction.
        key: each reference once where the condition holds.
        other: the second column.
        where: the condition.
        within: the range of `key`.

    Returns:
        (m, 26) ascending, and (m, 26) beside it.

    Raises:
        StateError: LOG_INCONSISTENT when a stored reference is none.
    """
    empty = np.empty((0, REF_BYTES), dtype=np.uint8)
    keys, others = [empty], [empty]
    async for count, text, text_beside in _joined(connection, key, other, "", where, within):
        refs, beside = refs_from(text, count), refs_from(text_beside, count)
        order = ascending_order(refs)
        keys.append(refs if order is None else refs[order])
        others.append(beside if order is None else beside[order])
    return np.concatenate(keys), np.concatenate(others)


async def _joined(
    connection: StoreConnection,
    key: Column[str],
    beside: Column[str],
    between: str,
    where: ColumnElement[bool],
    within: Range,
) -> AsyncIterator[tuple[int, str | None, str | None]]:
    """Yield how many rows there are, and two columns of them joined to texts; pieces of the range ascending."""

    def texts(key: ColumnElement[str], beside: ColumnElement[str]) -> list[ColumnElement[Any]]:
        # Both are made of the same rows in the same order. Without a subquery that puts rows in order, which costs
        # half as much again: they come in the key's order.
        second = () if beside is key else (func.aggregate_strings(beside, between),)
        return [func.count(), func.aggregate_strings(key, ""), *second]

    columns = (key,) if beside is key else (key, beside)
    some = select(*columns).where(where, within.whole(key)).limit(FEW + 1).subquery().c
    row = await connection.row(select(*texts(some[0], some[len(columns) - 1])))
    if row is not None and row[0] <= FEW:
        yield row[0], row[1], row[-1]
        return
    for part in within.parts(key):
        row = await connection.row(select(*texts(key, beside)).where(where, part))
        if row is not None:
            yield row[0], row[1], row[-1]


async def _refs(connection: StoreConnection, query: Select[int, str | None]) -> Bytes:
    row = await connection.row(query)
    return refs_from(row[1], row[0]) if row else refs_from(None, 0)


def refs_from(text: str | None, count: int) -> Bytes:
    """Read references that a database joined, (count, 26) in its order.

    Raises:
        StateError: LOG_INCONSISTENT when they do not fit.
    """
    try:
        rows = np.frombuffer(bytearray(text or "", "ascii"), dtype=np.uint8)
    except UnicodeEncodeError as error:
        raise _damaged() from error
    if rows.size != count * REF_BYTES:
        raise _damaged()
    return rows.reshape(count, REF_BYTES)


def _damaged() -> StateError:
    return StateError(
        "LOG_INCONSISTENT", "a stored reference cannot be read; stop this gateway and restore a backup of the store"
    )
