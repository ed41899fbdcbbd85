"""Our copies of agreements and what they are bound to on this machine."""

from __future__ import annotations

from sqlalchemy import and_, select

from gateway.errors import StateError
from gateway.route.agreement import AgreementBinding, AgreementCopy
from gateway.store import rows
from gateway.store.connection import StoreConnection
from gateway.store.fields import to_json
from gateway.store.schema import agreement_bindings, agreements


class SqlAgreementStore:
    """Agreements inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def put(self, copy: AgreementCopy) -> None:
        """Insert or replace by agreement id; a replacement carries a higher revision than the stored copy.

        So of two writers that both read one revision the second is refused, not the first one's signature lost.

        Raises:
            StateError: REVISION_CONFLICT when the id is stored with another hash, or at this revision or later with
                other signatures.
        """
        values = rows.agreement_values(copy)
        table = agreements.c
        upsert = self._connection.insert(agreements).values(values)
        upsert = upsert.on_conflict_do_update(
            index_elements=["agreement_id"],
            set_=values,
            where=and_(table.hash == copy.agreement.hash, table.revision < copy.revision),
        )
        if await self._connection.row(upsert.returning(table.agreement_id)) is not None:
            return
        stored = await self.get(copy.agreement.agreement_id)
        if stored.agreement.hash != copy.agreement.hash:
            raise StateError(
                "REVISION_CONFLICT", "this agreement id is stored with another document; propose it under a new id"
            )
        if stored != copy:
            raise StateError("REVISION_CONFLICT", "the agreement was changed meanwhile; read it again and repeat")

    async def get(self, agreement_id: str) -> AgreementCopy:
        """Return our copy.

        Raises:
            StateError: NOT_FOUND.
        """
        row = await self._connection.row(select(agreements).where(agreements.c.agreement_id == agreement_id))
        if row is None:
            raise StateError("NOT_FOUND", "there is no such agreement here; list them to see which there are")
        return rows.agreement_copy(row)

    async def bind(self, binding: AgreementBinding) -> None:
        """Insert or replace the binding of an agreement.

        Raises:
            StateError: NOT_FOUND when there is no such agreement.
        """
        known = select(agreements.c.agreement_id).where(agreements.c.agreement_id == binding.agreement_id)
        if await self._connection.row(known) is None:
            raise StateError("NOT_FOUND", "there is no such agreement here to bind; propose or receive it first")
        values = {"agreement_id": binding.agreement_id, "binding": to_json(binding)}
        upsert = self._connection.insert(agreement_bindings).values(values)
        await self._connection.execute(upsert.on_conflict_do_update(index_elements=["agreement_id"], set_=values))

    async def binding(self, agreement_id: str) -> AgreementBinding | None:
        """Return the binding, or None."""
        table = agreement_bindings
        row = await self._connection.row(select(table).where(table.c.agreement_id == agreement_id))
        return None if row is None else rows.binding(row)

    async def list(self, after: str = "", limit: int = 1000) -> list[AgreementCopy]:
        """Return copies ordered by id, strictly after `after`."""
        key = agreements.c.agreement_id
        query = select(agreements).where(key > after).order_by(key).limit(limit)
        return [rows.agreement_copy(row) for row in await self._connection.rows(query)]
