"""Salts: one secret per subject under which the log commits to what it holds about that subject.

Whoever destroys the salt makes every entry of the subject unlinkable, for ever,
and changes no leaf.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select

from gateway.errors import StateError
from gateway.store.connection import StoreConnection
from gateway.store.schema import subject_salts
from gateway.tlog.leaf import SALT_BYTES

LOG_ITSELF = ""  # whose salt commits to events about nobody
_OWN = select(subject_salts.c.salt).where(subject_salts.c.subject_ref == LOG_ITSELF)
_ATTEMPTS = 3  # one to read, one after creating, one more if the salt was destroyed in between


async def salts_of(connection: StoreConnection, subject_refs: Iterable[str]) -> dict[str, bytes]:
    """Return each subject's salt (32 bytes), creating those that are missing.

    On PostgreSQL the rows stay locked against destruction until the commit, so
    that an erasure that runs meanwhile also finds the payloads written here.

    Raises:
        StateError: REVISION_CONFLICT when a salt is destroyed as often as it is made.
    """
    wanted = sorted(set(subject_refs))  # one order for all writers, so that they never wait in a circle
    if wanted == [LOG_ITSELF] and (own := await connection.scalar(_OWN)) is not None:  # which nobody destroys
        return {LOG_ITSELF: own}
    if wanted != [LOG_ITSELF]:
        # Of an import most are new, and whoever made them all knows them all.
        made = _made(wanted)
        if await _keep(connection, made) == len(wanted):
            return made
    table = subject_salts
    query = select(table.c.subject_ref, table.c.salt).where(
        table.c.subject_ref.in_(select(connection.listed(wanted).c.value))
    )
    if wanted != [LOG_ITSELF]:
        query = query.with_for_update(read=True, key_share=True, of=table)
    for _ in range(_ATTEMPTS):
        found: dict[str, bytes] = {ref: salt for ref, salt in await connection.rows(query)}
        missing = [ref for ref in wanted if ref not in found]
        if not missing:
            return found
        made = _made(missing)
        await _keep(connection, made)
        if not connection.postgresql:
            return found | made  # a writer is alone there
        # Another writer may have made the same one: its salt counts.
    raise StateError("REVISION_CONFLICT", "subjects were erased while they were written about; repeat the request")


def _made(subject_refs: list[str]) -> dict[str, bytes]:
    """Draw salts, all in one call of the operating system's generator."""
    drawn = os.urandom(SALT_BYTES * len(subject_refs))
    return {
        ref: drawn[at : at + SALT_BYTES] for ref, at in zip(subject_refs, range(0, len(drawn), SALT_BYTES), strict=True)
    }


async def _keep(connection: StoreConnection, made: Mapping[str, bytes]) -> int:
    """Store salts of those who have none; return how many there were."""
    columns: dict[str, Sequence[Any]] = {"subject_ref": list(made), "salt": list(made.values())}
    return await connection.insert_columns(subject_salts, columns, "(subject_ref) DO NOTHING")


async def destroy_salt(connection: StoreConnection, subject_ref: str) -> None:
    """Destroy a subject's salt, after every transaction that writes under it has ended."""
    await connection.execute(delete(subject_salts).where(subject_salts.c.subject_ref == subject_ref))
