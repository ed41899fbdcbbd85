"""Events of people of whom nothing was on file: most of an import, written without an object per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from consent.ending import NEVER_BEGAN
from gateway.route.consent import FirstEvents
from gateway.store import rows
from gateway.store.column_type import to_micros
from gateway.store.connection import StoreConnection
from gateway.store.schema import consent_projection
from gateway.store.use_groups import UsePlaces

FIRST_REVISION = 1
_NEVER_BEGAN = to_micros(NEVER_BEGAN)


def first_event_columns(first: FirstEvents) -> dict[str, Sequence[Any]]:
    """Return the rows of the events, as columns; their subjects stand in their table, with FIRST_REVISION."""
    count = len(first.subjects)
    return {
        "event_id": first.event_ids,
        "subject_ref": first.subjects,
        "revision": [FIRST_REVISION] * count,
        "number": [0] * count,
        "content_hash": first.content_hashes,
        "body": first.records,
    }


async def add_first_projection(connection: StoreConnection, first: FirstEvents, places: UsePlaces) -> None:
    """Insert the projection.

    Args:
        connection: of the transaction.
        first: the events.
        places: of all rows of their projection.
    """
    await connection.insert_columns(consent_projection, _projected(first, places))


def _projected(first: FirstEvents, uses: UsePlaces) -> Mapping[str, Sequence[Any]]:
    """Return the columns of the projection, person by person; those with the same rows have the same object."""
    alike: dict[int, list[int]] = {}
    for place, projection in enumerate(first.projections):
        alike.setdefault(id(projection), []).append(place)
    since, until = _micros(first.effective_from), _micros(first.valid_until)
    columns = rows.projection_columns(())
    for places in alike.values():
        said = rows.projection_columns(uses.placed(first.projections[places[0]]))
        times = range(len(said["subject_ref"]))
        own: dict[str, list[Any]] = {
            "subject_ref": [first.subjects[place] for place in places for _ in times],
            "consent_id": [first.consent_ids[place] for place in places for _ in times],
            "effective_from": [since[place] for place in places for _ in times],
            "valid_until": [until[place] for place in places for _ in times],
            # Of a first act: never, from the beginning, or with the consent's own end.
            "closed_from": [
                end if end is None or end == _NEVER_BEGAN else until[place]
                for place in places
                for end in said["closed_from"]
            ],
        }
        for name, values in said.items():
            columns[name] += own[name] if name in own else values * len(places)
    for name in ("valid_until", "closed_from"):
        if all(time is None for time in columns[name]):
            del columns[name]  # null by itself, which SQLite's driver takes longer to say
    return columns


def _micros(times: Sequence[datetime | None]) -> list[int | None]:
    counted = {time: to_micros(time) for time in set(times) if time is not None}
    return [None if time is None else counted[time] for time in times]
