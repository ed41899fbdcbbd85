"""Hash tiles of the log's tree, the widest version of each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sqlalchemy import BigInteger, Integer, Select, Text, bindparam, func, literal, select

from gateway.errors import Misuse, StateError
from gateway.flow.ports.store import TileWrite
from gateway.store.connection import StoreConnection, listed_table
from gateway.store.schema import audit_tiles
from gateway.tlog.tile import HASH_BYTES, TILE_WIDTH

LEVEL_BITS = 3
LEVELS = 1 << LEVEL_BITS  # a log has less than 2^63 entries, hence tiles of levels 0 to 7


class SqlTiles:
    """Tiles inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def read(self, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Return {(level, index): hashes} of those that are stored, with one query for all levels."""
        if not wanted:
            return {}
        names = self._connection.list_text([index << LEVEL_BITS | level for level, index in wanted])
        found = await self._connection.rows(_named(self._connection.postgresql), {"names": names})
        return {(level, number): hashes for level, number, hashes in found}

    async def count(self) -> int:
        """Return how many are stored."""
        return int(await self._connection.scalar(select(func.count()).select_from(audit_tiles)))

    async def write(self, tiles: Sequence[TileWrite]) -> None:
        """Store tiles, each replacing narrower versions of itself; a tile only ever grows at its end.

        Raises:
            StateError: LOG_INCONSISTENT when a tile does not begin with the hashes stored of it.
            Misuse: for a tile whose width is not that of its hashes.
        """
        stored = await self.read([(tile.level, tile.index) for tile in tiles])
        widest = dict(stored)
        for tile in tiles:
            if not 0 < tile.width <= TILE_WIDTH or len(tile.hashes) != tile.width * HASH_BYTES:
                raise Misuse("a tile has 1 to 256 hashes of 32 bytes, as many as its width")
            name = (tile.level, tile.index)
            old = widest.get(name, b"")
            shorter, longer = sorted((old, tile.hashes), key=len)
            if not longer.startswith(shorter):
                raise StateError("LOG_INCONSISTENT", f"tile {name} contradicts the one stored; restore a backup")
            widest[name] = longer
        changed = [
            {"level": level, "number": number, "hashes": hashes}
            for (level, number), hashes in widest.items()
            if stored.get((level, number)) != hashes
        ]
        if changed:
            upsert = self._connection.insert(audit_tiles)
            upsert = upsert.on_conflict_do_update(
                index_elements=["level", "number"], set_={"hashes": upsert.excluded.hashes}
            )
            await self._connection.execute(upsert, changed)


@cache
def _named(postgresql: bool) -> Select[tuple[int, int, bytes]]:
    """Select tiles by level and index, both in one number; made once, because that takes longer than the query."""
    name = listed_table(bindparam("names", type_=Text()), BigInteger(), postgresql=postgresql).c.value
    table = audit_tiles.c
    return select(table.level, table.number, table.hashes).where(
        table.level == name.bitwise_and(LEVELS - 1), table.number == name.bitwise_rshift(literal(LEVEL_BITS, Integer))
    )
