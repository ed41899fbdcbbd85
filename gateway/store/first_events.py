"""Events of people of whom nothing was on file: most of an import, written without an object per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.route.consent import FirstEvents
from gateway.store import rows
from gateway.store.column_type import to_micros
from gateway.store.connection import StoreConnection
from gateway.store.schema import consent_events, consent_projection

FIRST_REVISION = 1


async def add_first_events(connection: StoreConnection, first: FirstEvents) -> None:
    """Insert the events and their projection; their subjects stand in their table, with FIRST_REVISION."""
    count = len(first.subjects)
    events: dict[str, Sequence[Any]] = {
        "event_id": first.event_ids,
        "subject_ref": first.subjects,
        "revision": [FIRST_REVISION] * count,
        "number": [0] * count,
        "content_hash": first.content_hashes,
        "body": first.records,
    }
    await connection.insert_columns(consent_events, events)
    await connection.insert_columns(consent_projection, _projected(first))


def _projected(first: FirstEvents) -> Mapping[str, Sequence[Any]]:
    """Return the columns of the projection, person by person; those with the same rows have the same object."""
    alike: dict[int, list[int]] = {}
    for place, projection in enumerate(first.projections):
        alike.setdefault(id(projection), []).append(place)
    since, until = _micros(first.effective_from), _micros(first.valid_until)
    columns = rows.projection_columns(())
    for places in alike.values():
        uses = rows.projection_columns(first.projections[places[0]])
        times = range(len(uses["subject_ref"]))
        own: dict[str, list[Any]] = {
            "subject_ref": [first.subjects[place] for place in places for _ in times],
            "consent_id": [first.consent_ids[place] for place in places for _ in times],
            "effective_from": [since[place] for place in places for _ in times],
            "valid_until": [until[place] for place in places for _ in times],
        }
        for name, values in uses.items():
            columns[name] += own[name] if name in own else values * len(places)
    if all(time is None for time in columns["valid_until"]):
        del columns["valid_until"]  # null by itself, which SQLite's driver takes longer to say
    return columns


def _micros(times: Sequence[datetime | None]) -> list[int | None]:
    counted = {time: to_micros(time) for time in set(times) if time is not None}
    return [None if time is None else counted[time] for time in times]
