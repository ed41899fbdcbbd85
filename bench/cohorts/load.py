"""A store filled as imports of the same acts would fill it, wave after wave, but without their log.

The rows of subjects, consent_events, consent_projection and of its uses are those of the product, byte for byte
(tests/contract/test_bench_load.py); each story is read, projected and written by the product's own code once, and of
every further person only references and ids are put in. The audit log is left out: nothing that is measured reads it,
and it would be as large as all the rest.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa

from consent.evaluate import History, project
from consent.event import ConsentEvent
from consent.fields import said
from consent.registry import Registry
from gateway import kernel
from gateway.flow.wording import halves
from gateway.store import rows
from gateway.store.column_type import json_text
from gateway.store.counters import Counter
from gateway.store.use_groups import UsePlaces, groups_of, new_groups

from .stories import SUBJECT_TYPE, WAVES, Asked, customer, stories, story_of

_NUMBER = "@NUMBER@"
_PERSON = "@REFERENCE-OF-THE-PERSON@@"
_AT_ONCE = 20_000  # people
_TABLES = {
    "subjects": ("subject_ref", "revision", "changed", "use_set"),
    "consent_events": ("event_id", "subject_ref", "revision", "number", "content_hash", "body"),
    "consent_projection": (
        "use_id",
        "subject_ref",
        "plain",
        "consent_id",
        "effective_from",
        "valid_until",
        "closed_from",
    ),
}
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class _Story:
    """One story as rows, with tokens where each person has their own.

    Attributes:
        events: (content, record) of each.
        projection: values of the columns after subject_ref, and the number of the use or group before.
        use_set: number of the set of those numbers.
    """

    events: tuple[tuple[str, str], ...]
    projection: tuple[tuple[int, int, str, int, int | None, int | None], ...]
    use_set: int


def load(url: str, key: bytes, registry: Registry, asked: Asked, people: int, recorded: Sequence[datetime]) -> int:
    """Fill an opened, else empty store.

    Args:
        url: of the store; nobody else has it open.
        key: the local key.
        registry: as it stands there.
        asked: what people are asked.
        people: how many, up to 10^8.
        recorded: when each wave was taken in (UTC).

    Returns:
        Events written.
    """
    told, named = _told(asked, registry, recorded)
    names = pa.array([customer(number) for number in range(people)], pa.string())
    refs = kernel.subject_refs(key, SUBJECT_TYPE, names, 2).view("S26").reshape(-1)
    order = np.argsort(refs, kind="stable")
    sink = _sqlite if url.startswith("sqlite") else _postgresql
    return sink(url, named, _pieces(told, refs, order), -(-people // _AT_ONCE) * WAVES)


def _told(asked: Asked, registry: Registry, recorded: Sequence[datetime]) -> tuple[list[_Story], Rows]:
    projected, events = [], []
    for acts in stories(asked, _NUMBER):
        story = [
            ConsentEvent.from_mapping({**act, "subject": _PERSON}, recorded_at=at)
            for act, at in zip(acts, recorded, strict=False)
        ]
        events.append(story)
        # As after every wave: a row is there from the moment on at which its use is first spoken of.
        projected.append([project(History(_PERSON, tuple(story[: wave + 1])), registry) for wave in range(len(story))])
    use_ids: dict[rows.UseKey, int] = {}
    groups: dict[tuple[int, ...], int] = {}
    use_sets: dict[tuple[int, ...], int] = {}
    places = UsePlaces(use_ids, groups)
    for wave in range(WAVES):
        after = [story[wave] for story in projected if wave < len(story)]
        for use in sorted({rows.use_key(row) for projection in after for row in projection} - use_ids.keys()):
            use_ids[use] = len(use_ids) + 1
        groups |= new_groups(groups_of(after, use_ids), groups)
        sets = {tuple(sorted(number for number, _ in places.placed(projection))) for projection in after}
        for numbers in sorted(sets - use_sets.keys()):
            use_sets[numbers] = len(use_sets) + 1
    told = []
    for story, said_of in zip(events, projected, strict=True):
        columns = rows.projection_columns(places.placed(said_of[-1]))
        values = [columns[name] for name in _TABLES["consent_projection"] if name != "subject_ref"]
        use_set = use_sets[tuple(sorted(set(columns["use_id"])))]
        told.append(_Story(tuple(_written(event) for event in story), tuple(zip(*values, strict=True)), use_set))
    return told, {
        "consent_uses": [(number, *use) for use, number in use_ids.items()],
        "consent_use_groups": [(number, json_text(list(group))) for group, number in groups.items()],
        "consent_use_sets": [(number, json_text(list(use_set))) for use_set, number in use_sets.items()],
    }


def _written(event: ConsentEvent) -> tuple[str, str]:
    before, after = halves(event.content())
    return f"{before},{after}", f'{before},"recorded_at":"{said(event.recorded_at)}",{after}'


def _pieces(told: Sequence[_Story], refs: Any, order: Any) -> Iterator[Rows]:
    # Of the people of a piece every wave counts as one batch; a first event has no number in it.
    numbers = [count() for _ in range(WAVES)]
    for start in range(0, len(order), _AT_ONCE):
        piece: Rows = {table: [] for table in _TABLES}
        people, events, projection = piece["subjects"], piece["consent_events"], piece["consent_projection"]
        for rank, (place, name) in enumerate(
            zip(order[start : start + _AT_ONCE].tolist(), refs[order[start : start + _AT_ONCE]].tolist(), strict=True),
            start,
        ):
            ref, number, story = name.decode(), f"{rank:08d}", told[story_of(place)]
            append = start // _AT_ONCE * WAVES + len(story.events)
            people.append((ref, len(story.events), append, story.use_set))
            for wave, (content, record) in enumerate(story.events, 1):
                own = content.replace(_NUMBER, number).replace(_PERSON, ref).encode()
                body = record.replace(_NUMBER, number).replace(_PERSON, ref)
                place_in = 0 if wave == 1 else next(numbers[wave - 1])
                events.append((f"{number}-{wave}", ref, wave, place_in, hashlib.sha256(own).hexdigest(), body))
            for use, plain, consent, since, until, closed in story.projection:
                projection.append((use, ref, plain, consent.replace(_NUMBER, number), since, until, closed))
        yield piece


def _sqlite(url: str, named: Rows, pieces: Iterator[Rows], appends: int) -> int:
    written = 0
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as database:
        # A loading that breaks off begins anew: nothing need survive a crash before its end.
        for setting in ("synchronous = OFF", "cache_size = -262144", "foreign_keys = OFF"):
            database.execute(f"PRAGMA {setting}")
        database.execute("BEGIN IMMEDIATE")
        for table, values in named.items():
            database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values[0]))})", values)
        for piece in pieces:
            for table, columns in _TABLES.items():
                marks = ", ".join("?" * len(columns))
                database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", piece[table])
            written += len(piece["consent_events"])
            database.execute("COMMIT")
            database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE counters SET value = ? WHERE name = ?", (appends, Counter.CHANGES.value))
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("ANALYZE")
    return written


def _postgresql(url: str, named: Rows, pieces: Iterator[Rows], appends: int) -> int:
    written = 0
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as database:
        # References are right by construction; checking each would take longer than writing it.
        database.execute("SET session_replication_role = replica")
        database.execute("SET synchronous_commit = off")
        for table, values in named.items():
            database.cursor().executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(values[0]))})", values)
        for piece in pieces:
            for table, columns in _TABLES.items():
                with database.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                    copy.write("".join(_line(row) for row in piece[table]))
            written += len(piece["consent_events"])
        database.execute("UPDATE counters SET value = %s WHERE name = %s", (appends, Counter.CHANGES.value))
        # As autovacuum does within minutes.
        database.execute("VACUUM (ANALYZE)")
    return written


def _line(row: tuple[Any, ...]) -> str:
    return "\t".join("\\N" if value is None else str(value).replace("\\", "\\\\") for value in row) + "\n"
