"""Links from ids in other systems to people, in versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select, update

from gateway.flow.ports.people import IdentityLink
from gateway.route.subject_ref import Bytes
from gateway.store.column_type import to_micros
from gateway.store.connection import StoreConnection
from gateway.store.counters import Counter, read_counter, take_numbers
from gateway.store.people import Range, pairs_in, people_of
from gateway.store.schema import ENDED, LINKED, identity_links


class SqlIdentityStore:
    """The map inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def next_version(self) -> int:
        """Number a change of the map; whoever is next waits for our commit."""
        return (await take_numbers(self._connection, Counter.IDENTITY, 1)).stop

    async def version(self) -> int:
        """Return the number of the map's last change, 0 before the first."""
        return await read_counter(self._connection, Counter.IDENTITY)

    async def ended(self, sources: Sequence[str], since: int) -> Bytes:
        """Return whose links of some systems ended by a later change than `since`, (m, 26) ascending, each once."""
        table = identity_links.c
        query = select(table.subject_ref).where(ENDED, table.ended > since, table.source.in_(sources)).distinct()
        return await people_of(self._connection, query)

    async def current(self, source: str, link_refs: Sequence[str]) -> dict[str, str]:
        """Return {link_ref: subject_ref} of those ids that are linked."""
        table = identity_links.c
        query = select(table.link_ref, table.subject_ref).where(self._of(source, link_refs))
        return {link: subject for link, subject in await self._connection.rows(query)}

    async def link(
        self, source: str, version: int, at: datetime, link_refs: Sequence[str], people: Sequence[str]
    ) -> None:
        """Make links of ids that have none, as columns of one length.

        Raises:
            StateError: REVISION_CONFLICT when an id is linked already.
        """
        count = len(link_refs)
        columns: dict[str, Sequence[object]] = {
            "source": [source] * count,
            "link_ref": link_refs,
            "version": [version] * count,
            "subject_ref": people,
            "ended": [0] * count,
            "at": [to_micros(at)] * count,
        }
        self._connection.check_writable()
        await self._connection.insert_columns(identity_links, columns)

    async def unlink(self, source: str, version: int, link_refs: Sequence[str]) -> None:
        """End the links of ids."""
        if link_refs:
            await self._connection.execute(
                update(identity_links).where(self._of(source, link_refs)).values(ended=version)
            )

    async def of_person(self, subject_ref: str) -> list[IdentityLink]:
        """Return every link of a person there ever was, by source and version."""
        table = identity_links.c
        query = (
            select(identity_links)
            .where(table.subject_ref == subject_ref)
            .order_by(table.source, table.version, table.link_ref)
        )
        return [
            IdentityLink(row.source, row.link_ref, row.subject_ref, row.version, row.ended, row.at)
            for row in await self._connection.rows(query)
        ]

    async def pairs(self, source: str, first: str, last: str) -> tuple[Bytes, Bytes]:
        """Return the links that hold of a range of link_refs: (m, 26) link_refs ascending, (m, 26) subject_refs."""
        table = identity_links.c
        where = and_(table.source == source, LINKED)
        return await pairs_in(self._connection, table.link_ref, table.subject_ref, where, Range(first, last))

    def _of(self, source: str, link_refs: Sequence[str]) -> ColumnElement[bool]:
        table = identity_links.c
        return and_(
            table.source == source, LINKED, table.link_ref.in_(select(self._connection.listed(link_refs).c.value))
        )
