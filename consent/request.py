"""What a person asks of us (PIPL 44 to 50), from its receipt to its end.

    received -> identity_verified -> accepted | refused(reason) -> done

Who cannot prove to be that person is refused from `received`.

Nothing is handed out or deleted before we know that it is the person, a guardian or, of somebody who died,
a near relative (PIPL 49) who asks; a refusal needs its reason (PIPL 50).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from consent.errors import FieldError, TransitionError
from consent.event import EventType


class RequestKind(StrEnum):
    """What is asked for."""

    ACCESS = "access"
    COPY = "copy"
    TRANSFER = "transfer"
    CORRECTION = "correction"
    DELETION = "deletion"
    RESTRICTION = "restriction"
    CLOSURE = "closure"
    EXPLANATION = "explanation"


ARTICLES: Mapping[RequestKind, int] = {
    RequestKind.ACCESS: 45,
    RequestKind.COPY: 45,
    RequestKind.TRANSFER: 45,
    RequestKind.CORRECTION: 46,
    RequestKind.DELETION: 47,
    RequestKind.RESTRICTION: 44,
    RequestKind.CLOSURE: 47,
    RequestKind.EXPLANATION: 48,
}
"""The article of PIPL on which each kind rests."""

EVENTS: Mapping[RequestKind, EventType] = {
    RequestKind.DELETION: EventType.DELETION,
    RequestKind.RESTRICTION: EventType.RESTRICTION,
    RequestKind.CLOSURE: EventType.CLOSURE,
}
"""Accepted, these bar uses at once: the event that each puts on file about the person."""


class Requester(StrEnum):
    """Who asks."""

    SUBJECT = "subject"
    GUARDIAN = "guardian"
    RELATIVE = "relative"


class RequestState(StrEnum):
    """Where a request stands."""

    RECEIVED = "received"
    IDENTITY_VERIFIED = "identity_verified"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DONE = "done"


_NEXT: Mapping[RequestState, frozenset[RequestState]] = {
    RequestState.RECEIVED: frozenset({RequestState.IDENTITY_VERIFIED, RequestState.REFUSED}),
    RequestState.IDENTITY_VERIFIED: frozenset({RequestState.ACCEPTED, RequestState.REFUSED}),
    RequestState.ACCEPTED: frozenset({RequestState.DONE}),
    RequestState.REFUSED: frozenset({RequestState.DONE}),
    RequestState.DONE: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsRequest:
    """One request.

    Attributes:
        id: a UUID.
        subject: pseudonymous reference of the person whom it concerns.
        kind: what is asked for.
        requester: who asks.
        channel: how it came in, for people; never who the person is.
        purpose: scope of a deletion or restriction; None is any.
        recipient: scope; None is any.
        categories: scope; empty is any.
        state: where it stands.
        reason: why it was refused; "" otherwise.
        received_at: when it came in.
        due_at: first moment at which it is late.
        verified_at: when the requester's identity was proven.
        decided_at: when it was accepted or refused.
        done_at: when it was carried out, or the refusal was told.
    """

    id: str
    subject: str
    kind: RequestKind
    requester: Requester
    channel: str
    purpose: str | None = None
    recipient: str | None = None
    categories: tuple[str, ...] = ()
    state: RequestState = RequestState.RECEIVED
    reason: str = ""
    received_at: datetime
    due_at: datetime
    verified_at: datetime | None = None
    decided_at: datetime | None = None
    done_at: datetime | None = None

    def __post_init__(self) -> None:
        """Only what bars a use has a scope; an account is closed as a whole."""
        scoped = self.kind in (RequestKind.DELETION, RequestKind.RESTRICTION)
        if not scoped and (self.purpose or self.recipient or self.categories):
            raise FieldError("purpose", "recipient and categories limit a deletion or a restriction only")

    def late(self, now: datetime) -> bool:
        """Return whether it should have been done by now."""
        return self.done_at is None and self.due_at <= now


def advance(request: RightsRequest, to: RequestState, at: datetime, reason: str = "") -> RightsRequest:
    """Move a request on.

    Args:
        request: as it stands.
        to: the next state; the present one changes nothing.
        at: when.
        reason: of a refusal, and only of one.

    Raises:
        TransitionError: that state does not follow.
        FieldError: a refusal without its reason, or a reason without a refusal.
    """
    if to is request.state and reason in ("", request.reason):
        return request
    if to not in _NEXT[request.state]:
        raise TransitionError(f"{to} cannot follow {request.state}")
    if (to is RequestState.REFUSED) != bool(reason.strip()):
        raise FieldError("reason", "is required of a refusal, and of nothing else")
    if to is RequestState.IDENTITY_VERIFIED:
        return replace(request, state=to, verified_at=at)
    if to is RequestState.DONE:
        return replace(request, state=to, done_at=at)
    return replace(request, state=to, decided_at=at, reason=reason)
