"""The people of a use, told apart by the projection in one walk: plainly allowed, and to be asked about.

Who is neither is plainly not allowed: their row is closed, or they have none and no merge names them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select

from consent.projection import TRUST_ALL
from gateway import kernel
from gateway.flow.ports.people import Told
from gateway.route.subject_ref import REF_BYTES, Bytes, as_keys, from_keys, from_texts
from gateway.store.connection import StoreConnection
from gateway.store.people import Range, named_from, people_of, refs_from
from gateway.store.schema import consent_links, consent_projection


def plainly_yes(floor: datetime, at: datetime) -> ColumnElement[bool]:
    """Say which rows of a use allow it at a time by themselves.

    Args:
        floor: since when rows must have taken effect.
        at: the moment of the judgement.
    """
    if floor > at:
        return false()
    table = consent_projection.c
    return and_(
        table.plain,
        # A comparison is a tenth of what a row costs.
        *([] if floor == TRUST_ALL else [table.effective_from >= floor]),
        table.effective_from <= at,
        or_(table.valid_until.is_(None), table.valid_until > at),
    )


async def told_apart(
    connection: StoreConnection,
    numbers: Sequence[int],
    others: Sequence[int] | None,
    floor: datetime,
    at: datetime,
    within: Range,
) -> Told:
    """Part the people of a range.

    Args:
        connection: of the transaction.
        numbers: under which rows of the use stand; none when nobody ever spoke of it.
        others: numbers under which any row makes its person one to be asked about; None when rows of
            this use alone bear on it.
        floor: since when rows must have taken effect.
        at: the moment of the judgement.
        within: the range, as much as is held in memory at once.

    Raises:
        StateError: LOG_INCONSISTENT when a stored reference or id cannot be read.
    """
    table, yes = consent_projection.c, plainly_yes(floor, at)
    open_yet = or_(table.closed_from.is_(None), table.closed_from > at)
    open_question = and_(not_(yes), open_yet) if others is None else false()
    plain, doubtful = named_from("", 0, ""), [np.empty((0, REF_BYTES), dtype=np.uint8)]
    if numbers:
        # All texts are made of the same rows in the same order: one walk of the range.
        query = select(
            func.count().filter(yes),
            func.aggregate_strings(table.subject_ref, "").filter(yes),
            func.aggregate_strings(table.consent_id, "\n").filter(yes),
            func.count().filter(open_question),
            func.aggregate_strings(table.subject_ref, "").filter(open_question),
        ).where(table.use_id.in_(numbers), _inside(table.subject_ref, within))
        row = await connection.row(query)
        if row is not None:
            plain = named_from(row[1], row[0], row[2])
            doubtful.append(refs_from(row[4], row[3]))
    joined = select(consent_links.c.subject_ref).where(_inside(consent_links.c.subject_ref, within)).distinct()
    doubtful.append(await people_of(connection, joined))
    if others:
        named = select(table.subject_ref).where(table.use_id.in_(others), _inside(table.subject_ref, within)).distinct()
        doubtful.append(await people_of(connection, named))
    return Told(plain, _without(np.concatenate(doubtful), plain))


def _inside(key: ColumnElement[str], within: Range) -> ColumnElement[bool]:
    return and_(key >= within.first, key <= within.last)


def _without(people: Bytes, plain: pa.Table) -> Bytes:
    """Return people each once, ascending, without those of a table."""
    if not len(people):
        return people
    each = from_keys(np.unique(as_keys(people)))
    known = from_texts(plain.column("subject_ref").combine_chunks())
    return each[kernel.find_rows(known, each) < 0]
