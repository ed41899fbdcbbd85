"""When what a person agreed to ended for good, so far as their own acts and the consent's own term say it.

Whatever else the rule asks may change: contracts, notices, who succeeds whom. This does not, except by a new act.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from consent.event import Actor, ConsentEvent, EventType, Mode

NEVER_BEGAN = datetime.min.replace(tzinfo=UTC)

_ENDING = frozenset({EventType.REFUSED, EventType.WITHDRAWN, EventType.REVOKED, EventType.INVALIDATED})


def end_of(
    grant: ConsentEvent, recipient: str, purpose: str, category: str, method: str, events: Iterable[ConsentEvent]
) -> datetime | None:
    """Return since when a grant allows one provision no more, known at that time; the law is that of `projection`.

    Args:
        grant: of an item that names all four.
        recipient: who receives, standing for nobody but itself.
        purpose: purpose id.
        category: category id.
        method: method id.
        events: all that is known of the person.

    Returns:
        The moment; NEVER_BEGAN for an act that never was a consent; None while it may allow.
    """
    if not grant.evidence or grant.by not in (Actor.SUBJECT, Actor.GUARDIAN) or grant.mode is not Mode.EXPLICIT:
        return NEVER_BEGAN
    ends = [
        event.recorded_at
        for event in events
        if event.type in _ENDING
        and (
            event.at >= grant.at and event.handler in (None, grant.handler)
            if event.consent_id is None
            else event.consent_id == grant.consent_id
        )
        and event.purpose in (None, purpose)
        and event.recipient in (None, recipient)
        and (not event.categories or category in event.categories)
        and event.method in (None, method)
    ]
    if grant.valid_until is not None:
        ends.append(grant.valid_until)
    return min(ends, default=None)
