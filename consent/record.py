"""Consent records: the state of one consent, as events moved it there.

A record is per person, handler, purpose, recipient, set of categories and set of
methods; one act may move many. States bear the names of the W3C Data Privacy
Vocabulary. Only the moves of `TRANSITIONS` exist: nothing leads to a consent without a
new act, nothing leads back from invalid under the same consent id. An act that is not
explicit, or not the person's or the guardian's, or without evidence, moves no record; where
there is none it opens one that shows what became of it.

A record shows where things stand; whether a use is allowed is for `evaluate.may_use`
to say, which also knows the notice, the recipient and the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from consent.errors import TransitionError
from consent.event import Actor, ConsentEvent, ConsentItem, EventType, Form
from consent.history import History, explicit, known

FOREVER = datetime.max.replace(tzinfo=UTC)


class State(StrEnum):
    """Consent status, DPV 2.3; only the first two are valid for processing."""

    GIVEN = "ConsentGiven"
    RENEWED = "RenewedConsentGiven"
    UNKNOWN = "ConsentUnknown"
    REQUESTED = "ConsentRequested"
    DEFERRED = "ConsentRequestDeferred"
    REFUSED = "ConsentRefused"
    WITHDRAWN = "ConsentWithdrawn"
    REVOKED = "ConsentRevoked"
    EXPIRED = "ConsentExpired"
    INVALIDATED = "ConsentInvalidated"


_VALID = (State.GIVEN, State.RENEWED)
_OPEN = (State.REQUESTED, State.DEFERRED)

TRANSITIONS: Mapping[tuple[State, EventType], State] = MappingProxyType(
    {
        (State.REQUESTED, EventType.DEFERRED): State.DEFERRED,
        (State.DEFERRED, EventType.REQUESTED): State.REQUESTED,
        # Asked again, after the cool-down: the standing answer becomes an open question.
        (State.REFUSED, EventType.REQUESTED): State.REQUESTED,
        **{(state, EventType.REFUSED): State.REFUSED for state in _OPEN},
        # A later no to what was agreed to ends it as a withdrawal does.
        **{(state, EventType.REFUSED): State.REFUSED for state in _VALID},
        **{
            (state, EventType.GIVEN): State.GIVEN
            for state in (*_OPEN, State.REFUSED, State.WITHDRAWN, State.EXPIRED, State.REVOKED, State.INVALIDATED)
        },
        **{(state, EventType.GIVEN): State.RENEWED for state in _VALID},
        **{(state, EventType.WITHDRAWN): State.WITHDRAWN for state in _VALID},
        **{(state, EventType.REVOKED): State.REVOKED for state in _VALID},
        # A use moves a record only when it was the last one.
        **{(state, EventType.USED): state for state in _VALID},
        **{
            (state, EventType.INVALIDATED): State.INVALIDATED
            for state in (*_VALID, State.WITHDRAWN, State.EXPIRED, State.REFUSED, State.REVOKED)
        },
    }
)
"""From a state, by an event, to a state; what is not here moves nothing. Alerts are apart: they cast doubt on any.

A consent that ended, however it did, is followed by a new act under a new consent id only. A no to what was agreed
to ends it, and can be found void with it. The end of validity and of retention is read off the clock (`state_at`).
"""

_PROTECTIVE = frozenset(
    {EventType.REFUSED, EventType.WITHDRAWN, EventType.INVALIDATED, EventType.REVOKED, EventType.INTEGRITY_ALERT}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """One consent and its state.

    Attributes:
        subject: pseudonymous reference of the person.
        handler: to whom it was said.
        purpose: for what; None of a request or refusal that named none.
        recipient: who receives; None of own use, or of a request or refusal that named none.
        categories: which categories; empty of a request or refusal.
        methods: by which methods; empty of a request or refusal.
        undone: pairs of category and method taken out by a withdrawal of a part.
        state: where it stands, time and doubt apart; see `state_at`.
        form: of the consent.
        consent_id: of the act that gave it last.
        supersedes: consent ids of the acts before, oldest first.
        notice: `id@version` shown with that act.
        effective_from: when that act took effect, the later of its clocks.
        indicated_at: when the act or finding happened that led to the state.
        indicated_by: who acted then; None where nobody is named.
        channel: where that was.
        valid_until: its end.
        kept_until: first moment at which nothing that it is about may be kept any more; None when no end was told.
        max_uses: how often it may be used.
        uses: how often it was.
        doubted: an integrity alert is open.
        unproven: no evidence of that act is kept.
        event_ids: the events that moved it, in order.
    """

    subject: str
    handler: str
    purpose: str | None
    recipient: str | None
    categories: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    undone: frozenset[tuple[str, str]] = frozenset()
    state: State
    form: Form | None = None
    consent_id: str | None = None
    supersedes: tuple[str, ...] = ()
    notice: str | None = None
    effective_from: datetime | None = None
    indicated_at: datetime | None = None
    indicated_by: Actor | None = None
    channel: str | None = None
    valid_until: datetime | None = None
    kept_until: datetime | None = None
    max_uses: int | None = None
    uses: int = 0
    doubted: bool = False
    unproven: bool = False
    event_ids: tuple[str, ...] = ()

    def state_at(self, at: datetime) -> State:
        """Return the state as it shows at a time: doubt, the end of validity and of retention counted in."""
        if self.doubted or self.unproven:
            return State.UNKNOWN
        over = any(end is not None and end <= at for end in (self.valid_until, self.kept_until))
        return State.EXPIRED if over and self.state in _VALID else self.state

    def touched_by(self, event: ConsentEvent) -> bool:
        """Return whether an event speaks of this record; what the event leaves open is any."""
        if event.consent_id is not None:
            meant = event.consent_id == self.consent_id
        else:
            meant = event.handler in (None, self.handler)
        return (
            meant
            and (event.purpose is None or event.purpose == self.purpose)
            and (event.recipient is None or event.recipient == self.recipient)
            and (not event.categories or not self.categories or bool(set(event.categories) & set(self.categories)))
            and (event.method is None or not self.methods or event.method in self.methods)
        )


def apply(record: ConsentRecord, event: ConsentEvent) -> ConsentRecord:
    """Return the record after an event that speaks of it.

    Args:
        record: where it stood.
        event: a request, deferral, grant, refusal, withdrawal, revocation, use, invalidation or alert.

    Raises:
        TransitionError: no rule leads on from here: a replayed grant, a withdrawal of nothing...
    """
    seen = (*record.event_ids, event.event_id)
    if event.type is EventType.INTEGRITY_ALERT:
        return replace(record, doubted=True, event_ids=seen)
    if event.type is EventType.INTEGRITY_CLEARED:
        return replace(record, doubted=False, event_ids=seen)
    to = TRANSITIONS.get((record.state, event.type))
    if to is None:
        raise TransitionError(f"{event.type} cannot follow {record.state}")
    if event.type is EventType.GIVEN:
        return _given(record, event)
    if event.type is EventType.USED:
        uses = record.uses + 1
        spent = record.max_uses is not None and uses >= record.max_uses
        used = replace(record, uses=uses, event_ids=seen)
        return _moved(used, State.EXPIRED, event) if spent else used
    if event.type in (EventType.WITHDRAWN, EventType.REFUSED) and record.categories:
        cells = {(category, method) for category in record.categories for method in record.methods}
        undone = record.undone | {
            (category, method)
            for category, method in cells
            if (not event.categories or category in event.categories) and event.method in (None, method)
        }
        partly = replace(record, undone=undone, event_ids=seen)
        return _moved(partly, to, event) if undone >= cells else partly
    return _moved(replace(record, event_ids=seen), to, event)


def _moved(record: ConsentRecord, to: State, event: ConsentEvent) -> ConsentRecord:
    return replace(record, state=to, indicated_at=event.at, indicated_by=event.by, channel=event.channel)


def _given(record: ConsentRecord, event: ConsentEvent) -> ConsentRecord:
    if event.consent_id is None or event.consent_id in (record.consent_id, *record.supersedes):
        raise TransitionError(f"{event.type} again under the same consent id gives nothing")
    if not _sound(event):
        raise TransitionError(
            f"{event.type} that is not explicit, not the person's own, or without evidence gives nothing"
        )
    for item in event.items:
        for recipient in item.recipients or (None,):
            if same_scope(record, item, recipient):
                return _renewed(record, begin(event, item, recipient))
    raise TransitionError(f"{event.type} does not speak of this record")


def _sound(act: ConsentEvent) -> bool:
    """Return whether an act may lead to a consent: explicit, by the right person, its evidence kept."""
    return explicit(act) and act.evidence


def _renewed(record: ConsentRecord, fresh: ConsentRecord) -> ConsentRecord:
    """Let a new act, as the record that it would open, take the place of what stood before."""
    state = record.state
    ended = fresh.effective_from is not None and (record.valid_until or FOREVER) <= fresh.effective_from
    if state in _VALID and (record.unproven or ended):
        state = State.EXPIRED  # there is nothing to renew
    return replace(
        fresh,
        doubted=record.doubted,
        state=TRANSITIONS[state, EventType.GIVEN],
        supersedes=() if record.consent_id is None else (*record.supersedes, record.consent_id),
        event_ids=(*record.event_ids, *fresh.event_ids),
    )


def same_scope(record: ConsentRecord, item: ConsentItem, recipient: str | None) -> bool:
    """Return whether an item, for one of its recipients, speaks of a record, or answers the question it is."""
    if not record.categories:  # a question asked, or a no, that this act answers
        return record.purpose in (None, item.purpose) and record.recipient in (None, recipient)
    return (
        record.purpose == item.purpose
        and record.recipient == recipient
        and set(record.categories) == set(item.categories)
        and set(record.methods) == set(item.methods)
    )


def begin(event: ConsentEvent, item: ConsentItem | None = None, recipient: str | None = None) -> ConsentRecord:
    """Return the record that an event opens.

    Args:
        event: a grant; or a request, deferral or refusal.
        item: of a grant, the item.
        recipient: of a grant, one of the item's recipients, or None.

    Raises:
        TransitionError: no record begins with such an event.
    """
    handler = event.handler
    if handler is None:
        raise TransitionError(f"{event.type} to no handler in particular opens no record")
    if item is not None and event.type is EventType.GIVEN:
        return ConsentRecord(
            subject=event.subject,
            handler=handler,
            purpose=item.purpose,
            recipient=recipient,
            categories=item.categories,
            methods=item.methods,
            state=State.GIVEN if explicit(event) else State.INVALIDATED,
            form=item.form,
            consent_id=event.consent_id,
            notice=event.notice,
            effective_from=event.later,
            indicated_at=event.at,
            indicated_by=event.by,
            channel=event.channel,
            valid_until=event.valid_until,
            max_uses=event.max_uses,
            unproven=not event.evidence,
            event_ids=(event.event_id,),
        )
    opened = {
        EventType.REQUESTED: State.REQUESTED,
        EventType.DEFERRED: State.DEFERRED,
        EventType.REFUSED: State.REFUSED,
    }.get(event.type)
    if opened is None:
        raise TransitionError(f"no record begins with {event.type}")
    return ConsentRecord(
        subject=event.subject,
        handler=handler,
        purpose=event.purpose,
        recipient=event.recipient,
        state=opened,
        indicated_at=event.at,
        indicated_by=event.by,
        channel=event.channel,
        event_ids=(event.event_id,),
    )


def records(history: History, as_known_at: datetime = FOREVER) -> tuple[ConsentRecord, ...]:
    """Return the records of a person, by the events known at a time.

    Events move records in the order in which they happened, of two at once the protective
    one last; what names a consent came after it, whatever its clock says. Where no rule
    leads on, an event moves nothing.
    """
    events = known(history, as_known_at)
    if len(events) > 1:
        given_at = {event.consent_id: event.at for event in events if event.type is EventType.GIVEN}

        def order(event: ConsentEvent) -> tuple[datetime, bool, datetime, str]:
            at = max(event.at, given_at.get(event.consent_id, event.at))
            return at, event.type in _PROTECTIVE, event.recorded_at, event.event_id

        events.sort(key=order)
    book: list[ConsentRecord] = []
    doubted = False
    for event in events:
        if event.type is EventType.GIVEN:
            for item in event.items:
                for recipient in item.recipients or (None,):
                    _enter(book, event, item, recipient)
            continue
        if event.type in (EventType.INTEGRITY_ALERT, EventType.INTEGRITY_CLEARED):
            book = [apply(record, event) for record in book]
            doubted = event.type is EventType.INTEGRITY_ALERT
            continue
        touched = False
        for position, record in enumerate(book):
            if record.touched_by(event):
                touched = True
                if (record.state, event.type) in TRANSITIONS:
                    book[position] = apply(record, event)
        if not touched and event.type in (EventType.REQUESTED, EventType.DEFERRED, EventType.REFUSED):
            book.append(begin(event))
    book = [record if record.doubted is doubted else replace(record, doubted=doubted) for record in book]
    collected = [event for event in events if event.type is EventType.COLLECTED]
    if collected:
        book = [replace(record, kept_until=_kept_until(record, collected)) for record in book]
    return tuple(book)


def _kept_until(record: ConsentRecord, collected: list[ConsentEvent]) -> datetime | None:
    """Return when the last of a record's categories may be kept no more; of each the latest collection governs."""
    ends: list[datetime] = []
    for category in record.categories:
        told = [
            (event.at, event.retention_until or FOREVER)
            for event in collected
            if event.handler in (None, record.handler) and (not event.categories or category in event.categories)
        ]
        latest = max((at for at, _ in told), default=None)
        ends.append(min((end for at, end in told if at == latest), default=FOREVER))
    last = max(ends, default=FOREVER)
    return None if last == FOREVER else last


def _enter(book: list[ConsentRecord], event: ConsentEvent, item: ConsentItem, recipient: str | None) -> None:
    """Let one item for one recipient move the record of its scope, answer an open question, or open a record."""
    fresh = begin(event, item, recipient)
    for asked in (False, True):
        for position, record in enumerate(book):
            if (
                bool(record.categories) is not asked
                and record.handler == event.handler
                and same_scope(record, item, recipient)
            ):
                # An act may have two items of the same scope.
                if _sound(event) and event.event_id not in record.event_ids:
                    book[position] = _renewed(record, fresh)
                return
    book.append(fresh)
