"""Purposes, categories, methods, impact assessments and notices, in versions."""

from __future__ import annotations

from sqlalchemy import select, tuple_

from gateway.errors import StateError
from gateway.flow.ports.store import RegistryItem
from gateway.store import rows
from gateway.store.column_type import json_text
from gateway.store.connection import StoreConnection
from gateway.store.counters import Counter, lock_counter, read_counter, set_counter
from gateway.store.schema import registry_items
from gateway.store.stand import ASK_STAND

_FINAL = "active"  # a notice goes on from draft to published to superseded; nothing else changes once it is active


class SqlRegistryStore:
    """The registry inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def put(self, item: RegistryItem) -> None:
        """Insert a version or change its state.

        Raises:
            StateError: REVISION_CONFLICT when the version is active with another body.
        """
        # Before the look, so that of two writers of one id the second sees what the first wrote.
        revision = await lock_counter(self._connection, Counter.REGISTRY)
        values = {"state": item.state, "body": item.body, "at": item.at}
        stored = await self._version(item.kind, item.item_id, item.version)
        if stored is not None and stored.state == _FINAL and json_text(stored.body) != json_text(item.body):
            raise StateError(
                "REVISION_CONFLICT", f"this {item.kind} is active with other contents; create a new version"
            )
        key = {"kind": item.kind, "item_id": item.item_id, "version": item.version}
        upsert = self._connection.insert(registry_items).values(key | values)
        await self._connection.execute(upsert.on_conflict_do_update(index_elements=list(key), set_=values))
        await set_counter(self._connection, Counter.REGISTRY, revision + 1)

    async def get(self, kind: str, item_id: str, version: int = 0) -> RegistryItem:
        """Return one version, 0 = the latest.

        Raises:
            StateError: NOT_FOUND.
        """
        item = await self._version(kind, item_id, version)
        if item is None:
            raise StateError("NOT_FOUND", f"the registry has no such {kind}; list them to see which there are")
        return item

    async def revision(self) -> int:
        """Return a number that grows with every put."""
        return await read_counter(self._connection, Counter.REGISTRY)

    async def stand(self) -> int:
        """Return a number that grows with every put here, of a partner and of an agreement."""
        return int(await self._connection.scalar(ASK_STAND))

    async def _version(self, kind: str, item_id: str, version: int) -> RegistryItem | None:
        table = registry_items.c
        query = select(registry_items).where(table.kind == kind, table.item_id == item_id)
        if version:
            query = query.where(table.version == version)
        row = await self._connection.row(query.order_by(table.version.desc()).limit(1))
        return None if row is None else rows.registry_item(row)

    async def list(self, kind: str, after: tuple[str, int] = ("", 0), limit: int = 1000) -> list[RegistryItem]:
        """Return items ordered by (id, version), strictly after `after`."""
        table = registry_items.c
        query = (
            select(registry_items)
            .where(table.kind == kind, tuple_(table.item_id, table.version) > after)
            .order_by(table.item_id, table.version)
            .limit(limit)
        )
        return [rows.registry_item(row) for row in await self._connection.rows(query)]
