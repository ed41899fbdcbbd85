"""Rights that stop a use: retention over, deletion, restriction, closure, refusals (steps 8 and 9)."""

from __future__ import annotations

from consent.basis import CONSENT, PUBLIC_INFO
from consent.event import Actor, ConsentEvent, EventType
from consent.grant import consents
from consent.history import stands
from consent.matter import Matter
from consent.question import Verdict
from consent.reason import ReasonCode

_REQUESTS = {EventType.DELETION: 47, EventType.RESTRICTION: 44, EventType.CLOSURE: 47}
_REQUEST_TYPES = tuple(_REQUESTS)


def held(matter: Matter) -> Verdict | None:
    """Step 8: retention and rights.

    Under a statutory duty to keep, mere storage passes what else would stop it (PIPL 47(2)).
    """
    rights = _rights(matter)
    over = _retention_over(matter)
    if not (over or rights):
        return None
    if matter.method.stores_only and _must_be_kept(matter):
        return ReasonCode.OK_ACTION, (47,)
    return (ReasonCode.RETENTION_EXPIRED, (19, 47)) if over else (ReasonCode.RIGHTS_HOLD, tuple(rights))


def _rights(matter: Matter) -> set[int]:
    """The articles under which the person stopped the use; a new consent lifts what it covers.

    On the basis of consent step 11 says what is wrong with a new act. On another basis nobody looks at it again, so
    that one which is no consent lifts nothing.
    """
    made = requests(matter)
    lifts = covers if matter.use.basis == CONSENT else consents
    grants = [grant for grant in matter.grants if lifts(grant, matter)] if made else []
    articles = {_REQUESTS[request.type] for request in made if not any(grant.at > request.at for grant in grants)}
    if matter.use.basis == PUBLIC_INFO and matter.said(EventType.PUBLIC_INFO_REFUSED):
        articles.add(27)
    return articles


def opted_out(matter: Matter) -> Verdict | None:
    """Step 9: personalised marketing ends with an opt-out (PIPL 24), until the person opts in again."""
    if not matter.registry.purposes[matter.use.purpose].personalised_marketing:
        return None
    back_in = [event for event in matter.of_type(EventType.OPT_IN) if matter.concerns(event)]
    back_in = [event for event in back_in if event.by is not Actor.STAFF]
    if any(matter.concerns(event) and stands(event, back_in, matter.at) for event in matter.of_type(EventType.OPT_OUT)):
        return ReasonCode.OPTED_OUT, (24,)
    return None


def requests(matter: Matter) -> list[ConsentEvent]:
    """Return the deletions, restrictions and closures that touch this use, made by the moment asked about."""
    return [
        request
        for request in matter.events
        if request.type in _REQUEST_TYPES
        and request.earlier <= matter.at
        and (request.until is None or matter.at < request.until)
        and matter.concerns(request)
    ]


def surviving(matter: Matter) -> list[ConsentEvent]:
    """Return the grants to the handler that no request has ended: those given after the last one.

    A new consent lifts a deletion, a restriction or a closure for what it covers; what was
    agreed before stays ended, or a narrow or void new act would revive it.
    """
    last = max((request.at for request in requests(matter)), default=None)
    return [grant for grant in matter.grants if last is None or grant.at > last]


def covers(grant: ConsentEvent, matter: Matter) -> bool:
    """Return whether a grant speaks of this use, by purpose, category, method and recipient."""
    return any(
        item.purpose == matter.use.purpose
        and matter.category.id in item.categories
        and matter.use.method in item.methods
        and (not matter.provision or not matter.names.isdisjoint(item.recipients))
        for item in grant.items
    )


def _retention_over(matter: Matter) -> bool:
    """The latest collection governs; one that we learnt of late extends nothing before we did."""
    collected = [
        event for event in matter.of_type(EventType.COLLECTED) if event.earlier <= matter.at and matter.concerns(event)
    ]
    if not collected:
        return False
    latest = max((event.later <= matter.at, event.at) for event in collected)
    return any(
        event.retention_until is not None and event.retention_until <= matter.at
        for event in collected
        if (event.later <= matter.at, event.at) == latest
    )


def _must_be_kept(matter: Matter) -> bool:
    return any(
        event.later <= matter.at and (event.until is None or matter.at < event.until) and matter.concerns(event)
        for event in matter.of_type(EventType.STATUTORY_HOLD)
    )
