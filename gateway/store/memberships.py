"""Cohorts of runs as bitmaps over numbered people."""

from __future__ import annotations

import hmac
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import numpy as np
from sqlalchemy import ColumnElement, delete, func, insert, select, update

from gateway import kernel
from gateway.flow.ports.membership import BLOCK, Bytes, Numbers
from gateway.route.job import Side
from gateway.route.membership import Membership
from gateway.route.subject_ref import as_texts
from gateway.store.connection import AnyRow, StoreConnection
from gateway.store.counters import Counter, lock_counter, read_counter, set_counter, take_numbers
from gateway.store.people import Range, numbered_people
from gateway.store.schema import jobs, subjects
from gateway.store.schema_members import member_numbers, membership_apart, membership_blocks, memberships

OTHERS = 4
"""A range may hold so many times those that are asked for, before it costs more than naming them."""


class SqlMembershipStore:
    """Memberships inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def put(self, membership: Membership) -> None:
        """Store one that is not numbered yet; a job's first stands."""
        values = asdict(membership) | {"side": membership.side.value}
        await self._connection.execute(self._connection.insert(memberships).values(values).on_conflict_do_nothing())

    async def get(self, session_id: str) -> Membership | None:
        """Return the cohort of a session, or None."""
        row = await self._connection.row(select(memberships).where(memberships.c.session_id == session_id))
        return None if row is None else _membership(row)

    async def waiting(self, spool_id: str, limit: int) -> list[Membership]:
        """Return those of a spool's ended jobs that are not numbered yet, the oldest first."""
        query = select(memberships).join(jobs, jobs.c.job_id == memberships.c.job_id)
        query = query.where(
            memberships.c.numbered.is_(False), jobs.c.spool_id == spool_id, jobs.c.finished_at.is_not(None)
        )
        query = query.order_by(memberships.c.kept_at, memberships.c.job_id).limit(limit)
        return [_membership(row) for row in await self._connection.rows(query)]

    async def next_number(self) -> int:
        """Return the number that will be given next."""
        return await read_counter(self._connection, Counter.MEMBERS)

    async def numbers(self, refs: Bytes) -> Numbers:
        """Return each person's number, (n,), -1 for none; see the port."""
        found = np.full(len(refs), -1, dtype=np.int64)
        if len(refs):
            # A range is read in one go, unless it holds many others: those asked for are then named one by one.
            most = OTHERS * len(refs)
            ends = as_texts(refs[[0, -1]]).to_pylist()
            key = member_numbers.c.subject_ref
            people, numbers = await self._people(Range(*ends).whole(key), most + 1)
            if len(people) > most:
                listed = self._connection.listed(as_texts(refs).to_pylist())
                people, numbers = await self._people(key.in_(select(listed.c.value)), len(refs))
            places = kernel.find_rows(people, refs)
            found[places >= 0] = numbers[places[places >= 0]]
        return found

    async def assign(self, refs: Bytes, expected: int) -> bool:
        """Number people who have none and are on file; see the port."""
        if await lock_counter(self._connection, Counter.MEMBERS) != expected:
            return False
        key = subjects.c.subject_ref
        number = func.row_number().over(order_by=key) + (expected - 1)
        listed = self._connection.listed(as_texts(refs).to_pylist())
        on_file = select(key, number).where(key.in_(select(listed.c.value)))
        given = await self._connection.execute(
            insert(member_numbers)
            .from_select([member_numbers.c.subject_ref, member_numbers.c.number], on_file)
            .execution_options(preserve_rowcount=True)
        )
        await set_counter(self._connection, Counter.MEMBERS, expected + given.rowcount)
        return True

    async def number(self, job_id: str, blocks: Mapping[int, bytes], apart: Sequence[bytes], expected: int) -> bool:
        """Store a cohort's bits and the leaves of members without number; see the port."""
        if await lock_counter(self._connection, Counter.MEMBERS) != expected:
            return False
        this = memberships.c.job_id == job_id
        whole = await self._connection.execute(
            update(memberships).where(this, memberships.c.numbered.is_(False)).values(numbered=True)
        )
        if whole.rowcount:
            bits = [{"job_id": job_id, "block": block, "bits": content} for block, content in sorted(blocks.items())]
            await self._connection.insert_rows(membership_blocks, bits)
            rows = [{"job_id": job_id, "mac": mac} for mac in sorted(apart)]
            await self._connection.insert_rows(membership_apart, rows)
        return True

    async def holds(self, membership: Membership, subject_ref: str) -> bool:
        """Return whether a person was in a cohort that is numbered."""
        person = member_numbers.c.subject_ref == subject_ref
        number = await self._connection.scalar(select(member_numbers.c.number).where(person))
        if number is None:
            leaf = membership_apart.c.mac == hmac.digest(membership.salt, subject_ref.encode(), "sha256")
            apart = select(membership_apart.c.mac).where(membership_apart.c.job_id == membership.job_id, leaf)
            return await self._connection.scalar(apart) is not None
        block, place = divmod(number, BLOCK)
        table = membership_blocks.c
        query = select(table.bits).where(table.job_id == membership.job_id, table.block == block)
        bits = await self._connection.scalar(query)
        return bits is not None and _bit(bits, place)

    async def blocks(self, job_id: str) -> dict[int, bytes]:
        """Return a cohort's bits."""
        table = membership_blocks.c
        query = select(table.block, table.bits).where(table.job_id == job_id)
        return {block: bits for block, bits in await self._connection.rows(query)}

    async def apart(self, job_id: str) -> list[bytes]:
        """Return the leaves of members without number, ascending."""
        query = select(membership_apart.c.mac).where(membership_apart.c.job_id == job_id)
        return sorted(mac for (mac,) in await self._connection.rows(query))

    async def people(self, after: str, limit: int) -> tuple[Bytes, Numbers]:
        """Return numbered people in order, (n, 26) and (n,), strictly after `after`."""
        return await self._people(member_numbers.c.subject_ref > after, limit)

    async def _people(self, where: ColumnElement[bool], limit: int) -> tuple[Bytes, Numbers]:
        table = member_numbers.c
        some = select(table.subject_ref, table.number).where(where).order_by(table.subject_ref).limit(limit)
        return await numbered_people(self._connection, some)

    async def over(self, before: datetime, limit: int) -> list[Membership]:
        """Return cohorts kept before a time, the oldest first."""
        query = select(memberships).where(memberships.c.kept_at < before)
        query = query.order_by(memberships.c.kept_at, memberships.c.job_id).limit(limit)
        return [_membership(row) for row in await self._connection.rows(query)]

    async def destroy(self, job_id: str) -> bool:
        """Destroy a cohort; False when it was not there."""
        for table in (membership_blocks, membership_apart):
            await self._connection.execute(delete(table).where(table.c.job_id == job_id))
        gone = await self._connection.execute(delete(memberships).where(memberships.c.job_id == job_id))
        return gone.rowcount > 0

    async def forget(self, subject_ref: str) -> None:
        """Take a person's number away, and leave of each membership the leaf that the others' proofs need.

        A number is taken without being given, so that nobody who is at numbering a cohort overlooks this.
        """
        await take_numbers(self._connection, Counter.MEMBERS, 1)
        this = member_numbers.c.subject_ref == subject_ref
        number = await self._connection.scalar(select(member_numbers.c.number).where(this))
        if number is None:
            return
        block, place = divmod(number, BLOCK)
        table = membership_blocks.c
        query = select(table.job_id, table.bits, memberships.c.salt)
        query = query.join(memberships, memberships.c.job_id == table.job_id).where(table.block == block)
        leaves = [
            {"job_id": job_id, "mac": hmac.digest(salt, subject_ref.encode(), "sha256")}
            for job_id, bits, salt in await self._connection.rows(query)
            if _bit(bits, place)
        ]
        await self._connection.insert_rows(membership_apart, leaves, skip_known=True)
        await self._connection.execute(delete(member_numbers).where(this))


def _bit(block: bytes, place: int) -> bool:
    return bool(zlib.decompress(block)[place // 8] >> (7 - place % 8) & 1)


def _membership(row: AnyRow) -> Membership:
    values = {name: getattr(row, name) for name in memberships.c.keys() if name != "side"}  # noqa: SIM118
    return Membership(side=Side(row.side), **values)
