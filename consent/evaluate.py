"""The rule: may this person's information be used so, now, as far as we know?

`may_use` is the whole of it, step by step; the first step that fails answers.

    before 1  merged identities: every person behind the profile is asked
    1   purpose, category and method are registered
    2   no integrity alert is open
    3   an anonymous aggregate is no personal information
    4   the person is alive
    5   the recipient may receive
    6   an export has its mechanism
    7   an impact assessment covers the use
    8   retention and rights
    9   opt-out of personalised marketing
    10  another legal basis, if one is claimed
    11  consent

Nothing here reads a clock or a database. `standing` answers steps 1, 5, 6 and 7 for
everybody at once; `project` and `plain_floor` say for whom step 11 is plainly yes.
"""

from __future__ import annotations

from dataclasses import replace

from consent.basis import CONSENT
from consent.event import ConsentEvent, EventType
from consent.grant import weigh
from consent.history import History, birthdate, is_child, known, members, stands
from consent.hold import held, opted_out, surviving
from consent.matter import Matter, predecessors
from consent.projection import ProjectionRow, plain_floor, project
from consent.question import Decision, Kind, Question, Use, Verdict, answer
from consent.reason import ReasonCode
from consent.registry import Registry
from consent.rights import may_prompt, may_refuse_service
from consent.standing import barred, judged_category, standing, unregistered

__all__ = [
    "Decision",
    "History",
    "Kind",
    "ProjectionRow",
    "Question",
    "Use",
    "may_use",
    "plain_floor",
    "project",
    "standing",
]


def may_use(question: Question, history: History, registry: Registry, *, person_only: bool = False) -> Decision:
    """Answer one question about one person.

    Args:
        question: who, what, when, and by which knowledge.
        history: what is on file about the person, with those merged with them.
        registry: snapshot of everything that concerns nobody in particular.
        person_only: leave steps 5 to 7 out: whether the person still agrees to what was done, whatever became of
            the recipient, its contract and the assessment since.

    Returns:
        Yes or no with one reason and the articles; never an exception for what is on file.
    """
    everybody = members(history, question.at, question.as_known_at)
    if len(everybody) == 1:
        return _ask(question, history, registry, person_only)
    answers = [_ask(replace(question, subject=one.subject), one, registry, person_only) for one in everybody]
    if len({decision.allowed for decision in answers}) > 1:
        if question.kind is Kind.PROMPT:
            return next(decision for decision in answers if not decision.allowed)
        return answer((ReasonCode.IDENTITY_CONFLICT, (8, 14)), question.at, question.as_known_at)
    return answers[0]


def _ask(question: Question, history: History, registry: Registry, person_only: bool) -> Decision:
    """All steps for one person of a profile."""
    at, by = question.at, question.as_known_at
    if question.kind is Kind.REFUSE_SERVICE:
        return answer(may_refuse_service(question), at, by)
    # 1
    against = unregistered(question.use, registry)
    if against is not None:
        return answer(against, at, by)
    matter = _matter(question, history, registry)
    if question.kind is Kind.PROMPT:
        return answer(may_prompt(matter), at, by)
    # 2 to 10, of which 8 and 9 weigh the grants as well
    grants = [
        event
        for event in matter.events
        if event.type is EventType.GIVEN and event.later <= at and event.handler == matter.use.handler
    ]
    verdict = _before_consent(question, matter, grants, person_only)
    if verdict is not None:
        return answer(verdict, at, by)
    # 11
    finding = weigh(matter, surviving(matter, grants))
    grant = finding.grant
    if grant is None:
        return answer(finding.verdict, at, by)
    return answer(finding.verdict, at, by, grant.consent_id, grant.notice, finding.item_no)


def _before_consent(
    question: Question, matter: Matter, grants: list[ConsentEvent], person_only: bool
) -> Verdict | None:
    """Steps 2 to 10: the first that answers, or None."""
    use, at, registry = matter.use, matter.at, matter.registry
    # 2
    cleared = matter.of(EventType.INTEGRITY_CLEARED)
    if any(stands(alert, cleared, at) for alert in matter.of(EventType.INTEGRITY_ALERT)):
        return ReasonCode.RECORD_UNTRUSTED, (9, 69)
    # 3
    asked = registry.categories[question.use.category]
    group = question.group_size
    if (
        asked.anonymous_if_group
        and group is not None
        and group >= registry.policy.smallest_group
        and not question.linkable
    ):
        return ReasonCode.OK_ANONYMOUS, (4, 73)
    # 4
    if any(death.earlier <= at for death in matter.of(EventType.DECEASED)):
        return ReasonCode.SUBJECT_DECEASED, (49,)
    # 5, 6, 7
    if not person_only:
        against = barred(use, at, matter.as_known_at, registry, question.exported, matter.child)
        if against is not None:
            return against
    # 8, 9
    stopped = held(matter, grants) or opted_out(matter)
    if stopped is not None:
        return stopped
    # 10
    if use.basis == CONSENT:
        return None
    rules = registry.rules(at, matter.as_known_at)
    if any(rule.reaches(use.basis, use.purpose, use.recipient, matter.category.id) for rule in rules):
        return ReasonCode.OK_OTHER_BASIS, (13,)
    return ReasonCode.BASIS_NOT_EXTENDING, (13, 23) if matter.provision else (13,)


def _matter(question: Question, history: History, registry: Registry) -> Matter:
    use, at, by = question.use, question.at, question.as_known_at
    events = known(history, by)
    born = birthdate(events)
    return Matter(
        use=use,
        at=at,
        as_known_at=by,
        registry=registry,
        category=judged_category(use.category, registry),
        method=registry.methods[use.method],
        party=None if use.recipient is None else registry.party(use.recipient, by),
        events=events,
        born=born,
        child=is_child(born, at, registry.policy),
        predecessors=predecessors(use.recipient, at, by, registry),
    )
