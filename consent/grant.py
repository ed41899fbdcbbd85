"""Step 11: does a consent of this person allow this use?

Every item of every grant to the handler walks the same stages in the same order until
one fails. If none gets through, the one that came furthest says what is missing.
"""

from __future__ import annotations

from consent.event import Actor, ConsentEvent, ConsentItem, EventType, Form
from consent.finding import Finding, Stage
from consent.history import explicit, is_child
from consent.matter import Matter
from consent.notice import Notice
from consent.party import PartyEventType
from consent.reason import ReasonCode


def weigh(matter: Matter, grants: list[ConsentEvent]) -> Finding:
    """Return the finding that answers the question on the basis of consent.

    Args:
        matter: what is asked.
        grants: grants to the handler, in effect and not ended by a request.
    """
    best: Finding | None = None
    # The latest first, so that it wins ties.
    for grant in sorted(grants, key=lambda grant: (grant.later, grant.at, grant.event_id), reverse=True):
        for item_no, item in enumerate(grant.items, 1):
            finding = examine(grant, item, matter)
            if best is None or finding.stage > best.stage:
                best = Finding(finding.stage, finding.verdict, grant, item_no)
            if best.stage is Stage.PASSED:
                return best
    if best is not None and best.stage >= Stage.RECIPIENT:
        return best
    if matter.said(EventType.REFUSED):
        return Finding(Stage.PURPOSE, (ReasonCode.CONSENT_REFUSED, (14,)), None)
    if best is not None:
        return best
    if matter.said(EventType.WITHDRAWN):
        return Finding(Stage.PURPOSE, (ReasonCode.CONSENT_WITHDRAWN, (15,)), None)
    return Finding(Stage.PURPOSE, (ReasonCode.NO_CONSENT, (13, 14)), None)


def consents(grant: ConsentEvent, matter: Matter) -> bool:
    """Return whether an act is a consent to this use at all, whatever became of it: informed, explicit."""
    return any(examine(grant, item, matter).stage > Stage.ACT for item in grant.items)


def examine(grant: ConsentEvent, item: ConsentItem, matter: Matter) -> Finding:
    """Walk one item of one grant through the stages."""
    use = matter.use
    if use.purpose != item.purpose:
        return Finding(Stage.PURPOSE, (ReasonCode.SCOPE_MISMATCH, (6, 14)), grant)
    if matter.category.id not in item.categories:
        return Finding(Stage.CATEGORY, (ReasonCode.SCOPE_MISMATCH, (6, 14)), grant)
    if use.method not in item.methods:
        articles = (14, 23) if matter.provision else (14,)
        return Finding(Stage.METHOD, (ReasonCode.SCOPE_MISMATCH, articles), grant)
    named = _named(grant, item, matter)
    if isinstance(named, Finding):
        return named
    names, shown, succeeded = named
    if not grant.evidence or grant.at - grant.recorded_at > matter.registry.policy.clock_tolerance:
        return Finding(Stage.TRUST, (ReasonCode.RECORD_UNTRUSTED, (9, 69)), grant)
    guardian = grant.by is Actor.GUARDIAN
    child_then = is_child(matter.born, grant.at, matter.registry.policy)
    if (matter.child or child_then) and not (guardian and grant.guardian_verified):
        return Finding(Stage.GUARDIAN, (ReasonCode.GUARDIAN_CONSENT_MISSING, (31,)), grant)
    notice = _notice(grant, matter)
    faults = _faults_of_act(grant, notice, shown, matter)
    if faults or notice is None:
        return Finding(Stage.ACT, (ReasonCode.CONSENT_INVALID, (14, *faults)), grant)
    missing = _missing_form(item, matter)
    if missing:
        return Finding(Stage.FORM, (ReasonCode.SEPARATE_CONSENT_MISSING, missing), grant)
    if _undone(EventType.WITHDRAWN, grant, names, matter):
        return Finding(Stage.STANDING, (ReasonCode.CONSENT_WITHDRAWN, (15,)), grant)
    if _undone(EventType.REFUSED, grant, names, matter):
        return Finding(Stage.STANDING, (ReasonCode.CONSENT_REFUSED, (14,)), grant)
    over = _over(grant, names, matter)
    if over:
        return Finding(Stage.TERM, (ReasonCode.CONSENT_EXPIRED, over), grant)
    stale = _stale(grant, notice, names, matter)
    if stale:
        return Finding(Stage.FRESH, (ReasonCode.RECONSENT_REQUIRED, stale), grant)
    return Finding(Stage.PASSED, (ReasonCode.OK_CONSENT, _cited(matter, succeeded)), grant)


def _cited(matter: Matter, succeeded: bool) -> tuple[int, ...]:
    """Return the articles that a consent which allows rests on."""
    entrusted = (21,) if matter.party is not None and matter.party.entrusted else ()
    successor = (22,) if succeeded else ()
    child = (31,) if matter.child else ()
    return (13, 14, *matter.separate_for, *entrusted, *successor, *child)


def _named(grant: ConsentEvent, item: ConsentItem, matter: Matter) -> Finding | tuple[frozenset[str], str | None, bool]:
    """Stage RECIPIENT: is the recipient, or one whose business passed to it, named to the person?

    Returns:
        The parties that count as the recipient of this grant, the one that the notice had to
        show, and whether it is named only through a succession; or the failure. Own use and
        an entrusted party need no naming.
    """
    recipient = matter.use.recipient
    if recipient is None:
        return frozenset(), None, False
    own_name = frozenset({recipient})
    if not matter.provision or recipient in item.recipients:
        return own_name, recipient, False
    reached = [
        before for before in matter.predecessors if before.party in item.recipients and (grant.at <= before.until)
    ]
    for before in reached:
        if before.notified:
            return before.between, before.party, True
    articles = (22,) if reached else (23,)
    return Finding(Stage.RECIPIENT, (ReasonCode.RECIPIENT_MISMATCH, articles), grant)


def _notice(grant: ConsentEvent, matter: Matter) -> Notice | None:
    """Return the notice shown, if such a version was published when the person agreed."""
    notice = matter.registry.notices.get(grant.notice or "")
    if notice is None or (notice.recorded_at is not None and notice.recorded_at > matter.as_known_at):
        return None
    return notice if notice.published_at is None or notice.published_at <= grant.at else None


def _faults_of_act(grant: ConsentEvent, notice: Notice | None, shown: str | None, matter: Matter) -> tuple[int, ...]:
    """Stage ACT: informed, voluntary, explicit, and never declared void.

    Invalidity reaches back: it counts from when it was recorded, for every moment before.
    """
    void = any(
        _meant(event, grant, matter.names, matter) and (event.consent_id is not None or event.at >= grant.at)
        for event in matter.of_type(EventType.INVALIDATED)
    )
    faults: list[int] = [14] if void or not explicit(grant) else []
    if notice is None:
        return (*faults, 17)
    use, needed = matter.use, matter.contents_needed
    missing = needed - notice.contents_present(shown)
    # What the notice tells, it must tell of this use.
    untold = notice.untold(use.purpose, (matter.category.id, use.category), use.method, shown)
    return (*faults, *(missing | untold & needed))


def _missing_form(item: ConsentItem, matter: Matter) -> tuple[int, ...]:
    """Stage FORM: separate where the law says so, written where another law does (PIPL 29)."""
    separate = matter.separate_for if item.form is Form.GENERAL else ()
    written = (29,) if matter.category.written and item.form is not Form.WRITTEN else ()
    return (*separate, *written)


def _meant(event: ConsentEvent, grant: ConsentEvent, names: frozenset[str], matter: Matter) -> bool:
    """Return whether an event speaks of this grant in this use: by its id, or by handler and scope."""
    if event.consent_id is None:
        if event.handler not in (None, matter.use.handler):
            return False
    elif event.consent_id != grant.consent_id:
        return False
    return matter.touches(event, names)


def _undone(kind: EventType, grant: ConsentEvent, names: frozenset[str], matter: Matter) -> bool:
    """Return whether an act of a kind, in effect by now, came at or after the grant, or names it."""
    return any(
        event.type is kind
        and event.earlier <= matter.at
        and (event.consent_id is not None or event.at >= grant.at)
        and _meant(event, grant, names, matter)
        for event in matter.events
    )


def _over(grant: ConsentEvent, names: frozenset[str], matter: Matter) -> tuple[int | str, ...]:
    """Stage TERM: time, uses or the service itself are over."""
    uses = [used for used in matter.of_type(EventType.USED) if used.earlier <= matter.at]
    used = sum(use.consent_id == grant.consent_id for use in uses)
    ended = grant.valid_until is not None and grant.valid_until <= matter.at
    spent = grant.max_uses is not None and used >= grant.max_uses
    articles: tuple[int | str, ...] = ("NDSR-22",) if ended or spent else ()
    return (*articles, 47) if _undone(EventType.REVOKED, grant, names, matter) else articles


def _stale(grant: ConsentEvent, notice: Notice, names: frozenset[str], matter: Matter) -> tuple[int, ...]:
    """Stage FRESH: nothing material changed since: notice, recipient's scope, age."""
    articles: list[int] = []
    if any(later.version > notice.version and material(later, matter) for later in matter.registry.versions[notice.id]):
        articles.append(14)
    if any(
        event.type is PartyEventType.SCOPE_CHANGED
        and event.party in names
        and event.recorded_at <= matter.as_known_at
        and event.earlier <= matter.at
        and event.at >= grant.at
        and event.touches(matter.use.purpose, matter.use.method)
        for event in matter.registry.party_events
    ):
        articles.append(23)
    if grant.by is Actor.GUARDIAN and not matter.child:
        articles.append(31)
    return tuple(articles)


def material(notice: Notice, matter: Matter) -> bool:
    """Return whether a version binds by now and asks for fresh consent to the purpose (PIPL 14(2))."""
    begins = notice.effective_at or notice.published_at
    return (
        matter.use.purpose in notice.material_for
        and (notice.recorded_at is None or notice.recorded_at <= matter.as_known_at)
        and (begins is None or begins <= matter.at)
    )
