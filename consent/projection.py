"""Who plainly agreed: rows that answer step 11 without judging each person anew.

A row is *plain* when the answer of `may_use` can be read off it. The law, tested:

    the row is plain, it was made from all events of the person recorded by T,
    `standing(use, T, registry)` is None, plain_floor(use, T, registry) <= effective_from,
    and effective_from <= T < valid_until
        =>  may_use(Question(subject, use, at=T, as_known_at=T), ...) is OK_CONSENT.

A row is *closed* from a moment on when the answer after it is plainly no. The law, tested, for provision to R:

    closed_from <= T, and R is registered, not entrusted, and stands for nobody but itself at T
        =>  may_use of the same question is a denial, whatever the registry says;

    somebody whom no merge ever named has no row of the use at all
        =>  the same, at any T.

Anything subtle is neither and is judged one by one: children, merged identities,
deaths, holds, opt-outs, limited uses, doubtful clocks or evidence, an old notice.

What changes later for everybody must not leave a wrong row in force. Therefore:

* a row never looks at parties. It asks what provision to a handler at home asks, which
  is no less than what own use or an entrusted party at home asks; for a recipient
  abroad the floor trusts no row at all;
* a row looks at categories, methods and notice versions, which never change under one
  id; what was not registered when it was made gives a row that is not plain;
* a material notice version or a change of the recipient's scope recorded after the row
  was made raises the floor: rows that took effect before it are judged one by one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from consent.ending import NEVER_BEGAN, end_of
from consent.event import ConsentEvent, EventType
from consent.finding import Stage
from consent.grant import examine
from consent.history import History, known
from consent.matter import Matter
from consent.party import PartyEventType
from consent.purpose import Category
from consent.question import Use
from consent.record import FOREVER, ConsentRecord, State, records, same_scope
from consent.registry import Registry

TRUST_ALL = datetime.min.replace(tzinfo=UTC)
TRUST_NONE = FOREVER

_AGAINST = (EventType.REFUSED, EventType.WITHDRAWN)
_SIMPLE = (EventType.GIVEN, EventType.REQUESTED, EventType.DEFERRED, EventType.USED, *_AGAINST)
"""With only these on file, nothing but the grant and the acts against it bears on step 11."""


@dataclass(frozen=True, slots=True)
class ProjectionRow:
    """What one person said to one handler about one use, at most one row for each.

    Attributes:
        subject: pseudonymous reference of the person.
        handler: to whom it was said.
        purpose: for what.
        recipient: who receives; None is own use.
        category: which category.
        method: by which method.
        state: of the record, its DPV name; the end of validity is not counted in.
        form: of the consent.
        effective_from: the later of the grant's two clocks.
        valid_until: its end; None is open.
        notice: `id@version` shown.
        consent_id: of the act.
        plain: see the module.
        closed_from: see the module; None while something may still allow the use, NEVER_BEGAN when nothing ever did.
    """

    subject: str
    handler: str
    purpose: str
    recipient: str | None
    category: str
    method: str
    state: str
    form: str
    effective_from: datetime
    valid_until: datetime | None
    notice: str | None
    consent_id: str
    plain: bool
    closed_from: datetime | None = None


def project(history: History, registry: Registry) -> tuple[ProjectionRow, ...]:
    """Return the rows of one person: a plain one before another, a later one before an earlier.

    Args:
        history: all events of the person.
        registry: all that is registered now.
    """
    events = known(history, FOREVER)
    simple = not history.linked and all(event.type in _SIMPLE for event in events)
    quiet = all(event.type not in _AGAINST for event in events)
    grants = {event.consent_id: event for event in events if event.type is EventType.GIVEN}
    rows: dict[tuple[str, str, str | None, str, str], ProjectionRow] = {}
    for record in records(history):
        grant = grants.get(record.consent_id)
        if grant is None or record.purpose is None or record.form is None:
            continue  # asked or refused: nothing was agreed to
        sound = simple and _sound(grant, registry)
        verdicts: dict[tuple[object, ...], bool] = {}
        for category in record.categories:
            for method in record.methods:
                plain = False
                kind = registry.categories.get(category)
                if sound and kind is not None and kind.base is None and method in registry.methods:
                    # With no act against anything, categories of one item differ by what the law asks of them only.
                    untold = registry.notices[grant.notice or ""].untold(
                        record.purpose, (category,), method, record.recipient
                    )
                    like = (kind.sensitive, kind.written, untold, method) if quiet else (category, method)
                    if like not in verdicts:
                        verdicts[like] = _passes(grant, record, kind, method, events, registry)
                    plain = verdicts[like]
                key = (record.handler, record.purpose, record.recipient, category, method)
                other = rows.get(key)
                if other is None or (plain, grant.later) > (other.plain, other.effective_from):
                    rows[key] = ProjectionRow(
                        subject=history.subject,
                        handler=record.handler,
                        purpose=record.purpose,
                        recipient=record.recipient,
                        category=category,
                        method=method,
                        state=_state(record, category, method).value,
                        form=record.form.value,
                        effective_from=grant.later,
                        valid_until=grant.valid_until,
                        notice=grant.notice,
                        consent_id=grant.consent_id or "",
                        plain=plain,
                        closed_from=_closed_from(grant, record.recipient, record.purpose, category, method, events),
                    )
    return tuple(rows.values())


def _state(record: ConsentRecord, category: str, method: str) -> State:
    if record.doubted or record.unproven:
        return State.UNKNOWN
    return State.WITHDRAWN if (category, method) in record.undone else record.state


def _sound(grant: ConsentEvent, registry: Registry) -> bool:
    """Return whether the grant is unlimited in use and its notice was on file when it took effect."""
    notice = registry.notices.get(grant.notice or "")
    return (
        grant.max_uses is None
        and notice is not None
        and (notice.recorded_at is None or notice.recorded_at <= grant.later)
    )


def _passes(
    grant: ConsentEvent,
    record: ConsentRecord,
    category: Category,
    method: str,
    events: list[ConsentEvent],
    registry: Registry,
) -> bool:
    """Walk what the grant says of the record through the stages of step 11, at the last moment of its validity.

    By then all has come into effect that is on file, also a notice that binds from a later
    day and a withdrawal dated ahead: what passes then has passed ever since the grant.
    """
    last = FOREVER
    if grant.valid_until is not None:
        last = grant.valid_until - timedelta.resolution if grant.valid_until > grant.later else grant.later
    matter = Matter(
        use=Use(record.handler, record.recipient, record.purpose or "", category.id, method),
        at=last,
        as_known_at=FOREVER,
        registry=registry,
        category=category,
        method=registry.methods[method],
        party=None,
        events=events,
        born=None,
        child=False,
        predecessors=(),
    )
    return any(
        examine(grant, item, matter).stage is Stage.PASSED
        for item in grant.items
        if same_scope(record, item, record.recipient)
    )


def _closed_from(
    grant: ConsentEvent, recipient: str | None, purpose: str, category: str, method: str, events: list[ConsentEvent]
) -> datetime | None:
    """Return since when no grant to the same handler allows one provision any more."""
    if recipient is None:
        return None  # what names anybody serves own use too
    last = NEVER_BEGAN
    for one in events:
        if one.type is EventType.GIVEN and one.handler == grant.handler:
            if not _names(one, recipient, purpose, category, method):
                continue
            end = end_of(one, recipient, purpose, category, method, events)
            if end is None:
                return None
            last = max(last, end)
    return last


def _names(grant: ConsentEvent, recipient: str, purpose: str, category: str, method: str) -> bool:
    return any(
        item.purpose == purpose
        and category in item.categories
        and method in item.methods
        and recipient in item.recipients
        for item in grant.items
    )


@dataclass(frozen=True, slots=True)
class Timeline:
    """Every moment at which something registered begins or changes.

    What `project` says of somebody who acted once depends on the words of the act, and on how its times stand to
    these moments and to each other. So people who said the same, with the same `place` on the timeline, get the same
    rows: only the person, the consent id and the times of effect and end are their own. The law, tested:

        words(one) == words(other) and place(one) == place(other)
            =>  project(one) == project(other), but for subject, consent_id, effective_from and valid_until, and
                closed_from, which is valid_until for both unless it is None or NEVER_BEGAN for both.

    Attributes:
        moments: in order.
        clock_tolerance: of the house's policy.
    """

    moments: tuple[datetime, ...]
    clock_tolerance: timedelta

    @classmethod
    def of(cls, registry: Registry) -> Timeline:
        """Collect the moments of a registry."""
        notices = [notice for versions in registry.versions.values() for notice in versions]
        moments = {
            time for notice in notices for time in (notice.recorded_at, notice.published_at, notice.effective_at)
        }
        moments |= {time for event in registry.party_events for time in (event.at, event.recorded_at)}
        return cls(tuple(sorted(time for time in moments if time is not None)), registry.policy.clock_tolerance)

    def place(
        self, at: datetime, recorded_at: datetime, valid_until: datetime | None
    ) -> tuple[tuple[int, bool], tuple[int, bool], tuple[int, bool] | None, bool, bool]:
        """Return how the times of an act stand.

        Args:
            at: when it happened.
            recorded_at: when our server took it in.
            valid_until: first moment the consent holds no more; None is open.

        Returns:
            Where act, effect and last moment of validity lie among the moments, whether the end lies after
            the beginning, and whether the act is dated too far ahead.
        """
        later = recorded_at if at < recorded_at else at
        ends_after = valid_until is None or valid_until > later
        last = None
        if valid_until is not None:
            last = self._among(valid_until - timedelta.resolution if ends_after else later)
        too_far_ahead = at - recorded_at > self.clock_tolerance
        return self._among(at), self._among(later), last, ends_after, too_far_ahead

    def _among(self, time: datetime) -> tuple[int, bool]:
        """Return how many moments are not after a time, and whether it is one of them."""
        passed = bisect_right(self.moments, time)
        return passed, passed > 0 and self.moments[passed - 1] == time


def plain_floor(use: Use, at: datetime, registry: Registry) -> datetime:
    """Return since when rows must have taken effect to be trusted as plain.

    A notice or a change of scope that a row did not know of was recorded after it. Twice
    the clock tolerance is added: once for grants dated ahead of their recording, once for
    writers under way while the registry changed.

    Args:
        use: the use that the rows are about.
        at: the moment of the decision, also what is known.
        registry: all that is registered now.

    Returns:
        TRUST_ALL when nothing has changed, TRUST_NONE for a recipient abroad, else a moment.
    """
    party = None if use.recipient is None else registry.party(use.recipient, at)
    if party is not None and party.abroad:
        return TRUST_NONE
    changes = [
        notice.recorded_at
        for versions in registry.versions.values()
        for notice in versions
        if notice.recorded_at is not None
        and notice.version > 1
        and use.purpose in notice.material_for
        and (notice.effective_at is None or notice.effective_at <= at)
    ]
    changes += [
        event.recorded_at
        for event in registry.party_events
        if event.type is PartyEventType.SCOPE_CHANGED and event.party == use.recipient
    ]
    known_changes = [recorded_at for recorded_at in changes if recorded_at <= at]
    if not known_changes:
        return TRUST_ALL
    return max(known_changes) + 2 * registry.policy.clock_tolerance
