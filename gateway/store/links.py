"""Which people an event joins or parts: their histories are only complete together."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, exists, select

from consent.event import ConsentEvent
from gateway.store.connection import StoreConnection
from gateway.store.schema import consent_links

# A part of a statement about other things, which is cheaper than one of its own: nearly always nobody is joined.
ANYBODY_JOINED = exists(consent_links.select()).label("anybody_joined")


def named_by(event: ConsentEvent) -> set[str]:
    """Return everybody whom an event is about: its subject, and those whom it joins or parts."""
    return {event.subject, *event.subjects}


async def add_links(connection: StoreConnection, events: Sequence[ConsentEvent]) -> None:
    """Note whom the events name besides their subject."""
    links = [
        {"subject_ref": ref, "event_id": event.event_id}
        for event in events
        if event.subjects
        for ref in sorted(named_by(event))
    ]
    await connection.insert_rows(consent_links, links)


async def linked_groups(connection: StoreConnection, subject_refs: Sequence[str]) -> dict[str, set[str]]:
    """Return the group of each subject that is linked to others at all, itself included.

    A group is closed: who is linked to a member is a member. Which links hold, and when, is for the rule to say.
    """
    group: dict[str, set[str]] = {}
    asked: set[str] = set()
    ask = set(subject_refs)
    while ask:
        asked |= ask
        pairs = await _pairs(connection, sorted(ask))
        for one, other in pairs:
            joined = group.get(one, {one}) | group.get(other, {other})
            group.update(dict.fromkeys(joined, joined))
        ask = {other for _, other in pairs} - asked
    return group


async def _pairs(connection: StoreConnection, subject_refs: Sequence[str]) -> list[tuple[str, str]]:
    near, far = consent_links.alias(), consent_links.alias()
    query = select(near.c.subject_ref, far.c.subject_ref).where(
        and_(
            near.c.subject_ref.in_(select(connection.listed(subject_refs).c.value)),
            far.c.event_id == near.c.event_id,
            far.c.subject_ref != near.c.subject_ref,
        )
    )
    return [(one, other) for one, other in await connection.rows(query)]
