"""Partners whose cards were accepted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from gateway.errors import StateError
from gateway.route.party import KnownCard, Partner, SignedCard
from gateway.store import rows
from gateway.store.connection import StoreConnection
from gateway.store.schema import partner_cards, partners


class SqlPartnerStore:
    """Partners inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def put(self, card: SignedCard, accepted_at: datetime) -> None:
        """Insert a partner or replace its card; its revision grows by one."""
        values = rows.partner_values(card) | {"accepted_at": accepted_at}
        upsert = self._connection.insert(partners).values(values | {"revision": 1})
        upsert = upsert.on_conflict_do_update(
            index_elements=["party"], set_=values | {"revision": partners.c.revision + 1}
        )
        revision = await self._connection.scalar(upsert.returning(partners.c.revision))
        known = {"party": card.card.party, "revision": revision, "card": values["card"], "known_at": accepted_at}
        await self._connection.insert_rows(partner_cards, [known])

    async def get(self, party: str) -> Partner:
        """Return a partner.

        Raises:
            StateError: NOT_FOUND.
        """
        row = await self._connection.row(select(partners).where(partners.c.party == party))
        if row is None:
            raise StateError("NOT_FOUND", "no card of this party was accepted; accept it first")
        return rows.partner(row)

    async def cards(self) -> list[KnownCard]:
        """Return every card there ever was, by party, oldest first."""
        query = select(partner_cards).order_by(partner_cards.c.party, partner_cards.c.revision)
        return [rows.known_card(row) for row in await self._connection.rows(query)]

    async def list(self) -> list[Partner]:
        """Return all partners ordered by id."""
        return [rows.partner(row) for row in await self._connection.rows(select(partners).order_by(partners.c.party))]
