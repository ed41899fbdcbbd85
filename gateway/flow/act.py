"""One act about one person, put on file as an import would put it there."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from consent.event import ConsentEvent
from consent.fields import said
from consent.projection import project
from gateway.flow.intake import check_references
from gateway.flow.ports import House, Transaction
from gateway.flow.registry import load_registry, reading
from gateway.flow.wording import halves


async def put_on_file(tx: Transaction, house: House, event: ConsentEvent) -> None:
    """Store an event that joins nobody, with the person's projection and the audit entry.

    Args:
        tx: for writing.
        house: ports.
        event: recorded now, by our server.

    Raises:
        RequestError: BAD_FIELD naming what is not registered.
        StateError: REVISION_CONFLICT when its id is known.
    """
    registry = await load_registry(tx, house)
    with reading():
        check_references(event, registry)
    await tx.consents.lock_subjects([event.subject])
    history = (await tx.consents.histories([event.subject]))[event.subject]
    projection = project(replace(history, events=(*history.events, event)), registry)
    before, after = halves(event.content())
    content_hash = hashlib.sha256(f"{before},{after}".encode()).hexdigest()
    # What one of several merged people says bears on all of them.
    joined = {other.subject: () for other in history.linked}
    await tx.consents.append([(event, content_hash)], joined | {event.subject: projection})
    record = f'{before},"recorded_at":"{said(event.recorded_at)}",{after}'
    await tx.audit.append_acts(event.recorded_at, [event.subject], [event.event_id], [record])
