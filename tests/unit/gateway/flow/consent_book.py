"""A store of consent alone, filled as an import would fill it, for tests of the gate."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from consent.event import ConsentEvent
from consent.projection import project
from consent.registry import Registry
from gateway.flow.ports.store import RegistryItem
from gateway.route.subject_ref import Bytes
from gateway.store import SqlStore, open_store
from tests.empty_stores import empty_sqlite

_empty: list[bytes] = []


def person(number: int) -> str:
    """A subject_ref. Some begin alike, some do not; they ascend with the number."""
    letters = "234567abcdefghijklmnopqrstuvwxyz"
    high, middle, low = number // 1024 % 32, number // 32 % 32, number % 32
    digits = [letters[high], letters[middle], *("m" * 20), letters[low], *("z" * 3)]
    return "".join(digits)


def as_refs(subjects: Sequence[str]) -> Bytes:
    return np.frombuffer("".join(subjects).encode(), dtype=np.uint8).reshape(-1, 26).copy()


class ConsentBook:
    """Consent events in a database of its own, in a new directory."""

    def __init__(self, store: SqlStore, home: tempfile.TemporaryDirectory[str]) -> None:
        self.store = store
        self._home = home
        self._items = 0

    @classmethod
    async def open(cls) -> ConsentBook:
        """Open an empty one."""
        home = tempfile.TemporaryDirectory(prefix="assent-book-")
        path = Path(home.name) / "assent.db"
        path.write_bytes(empty_sqlite())
        return cls(await open_store(f"sqlite:///{path}"), home)

    async def close(self) -> None:
        await self.store.close()
        self._home.cleanup()

    async def take(self, registry: Registry, events: Sequence[ConsentEvent]) -> None:
        """Store events with the projection of everybody whom they concern, as the import does."""
        said: dict[str, list[ConsentEvent]] = {}
        for event in events:
            said.setdefault(event.subject, []).append(event)
        merged = {ref for event in events for ref in event.subjects}
        async with self.store.begin() as tx:
            await tx.consents.lock_subjects(sorted(said))
            histories = await tx.consents.histories(list(said))
            projection = {
                ref: ()
                if ref in merged
                else project(replace(histories[ref], events=(*histories[ref].events, *told)), registry)
                for ref, told in said.items()
            }
            await tx.consents.append([(event, event.event_id) for event in events], projection)

    async def change_registry(self, at: datetime) -> None:
        """Let the registry's revision grow, as every change of it does."""
        self._items += 1
        async with self.store.begin() as tx:
            await tx.registry.put(RegistryItem("purpose", f"p{self._items}", 1, "active", {}, at))
