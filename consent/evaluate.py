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
from consent.event import EventType
from consent.grant import weigh
from consent.history import History, members, stands
from consent.hold import held, opted_out, surviving
from consent.matter import Matter
from consent.projection import ProjectionRow, plain_floor, project
from consent.question import Decision, Kind, Question, Use, Verdict, answer
from consent.reason import ReasonCode
from consent.registry import Registry
from consent.rights import may_prompt, may_refuse_service
from consent.standing import barred, basis_rule, standing, unregistered

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
    if len({decision.allowed for decision in answers}) == 1:
        return answers[0]
    if question.kind is Kind.PROMPT:
        return next(decision for decision in answers if not decision.allowed)
    return answer((ReasonCode.IDENTITY_CONFLICT, (8, 14)), question)


def _ask(question: Question, history: History, registry: Registry, person_only: bool) -> Decision:
    """All steps for one person of a profile."""
    if question.kind is Kind.REFUSE_SERVICE:
        return answer(may_refuse_service(question), question)
    # 1
    against = unregistered(question, registry)
    if against is not None:
        return answer(against, question)
    matter = Matter.of(question, history, registry)
    if question.kind is Kind.PROMPT:
        return answer(may_prompt(matter), question)
    # 2 to 10
    verdict = _before_consent(question, matter, person_only)
    if verdict is not None:
        return answer(verdict, question)
    # 11
    finding = weigh(matter, surviving(matter))
    return answer(finding.verdict, question, finding.grant, finding.item_no)


def _before_consent(question: Question, matter: Matter, person_only: bool) -> Verdict | None:
    """Steps 2 to 10: the first that answers, or None."""
    use, at, registry = matter.use, matter.at, matter.registry
    # 2
    cleared = matter.of_type(EventType.INTEGRITY_CLEARED)
    if any(stands(alert, cleared, at) for alert in matter.of_type(EventType.INTEGRITY_ALERT)):
        return ReasonCode.RECORD_UNTRUSTED, (9, 69)
    # 3
    large = question.group_size is not None and question.group_size >= registry.policy.smallest_group
    if registry.categories[use.category].anonymous_if_group and large and not question.linkable:
        return ReasonCode.OK_ANONYMOUS, (4, 73)
    # 4
    if any(death.earlier <= at for death in matter.of_type(EventType.DECEASED)):
        return ReasonCode.SUBJECT_DECEASED, (49,)
    # 5, 6, 7; 8; 9
    against = (None if person_only else barred(matter)) or held(matter) or opted_out(matter)
    if against is not None or use.basis == CONSENT:
        return against
    # 10
    if basis_rule(matter) is not None:
        return ReasonCode.OK_OTHER_BASIS, (13,)
    return ReasonCode.BASIS_NOT_EXTENDING, (13, 23) if matter.provision else (13,)
