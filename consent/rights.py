"""Questions other than use: may we ask again, may we refuse the service?"""

from __future__ import annotations

from consent.event import EventType
from consent.grant import consents
from consent.matter import Matter
from consent.question import Question, Verdict
from consent.reason import ReasonCode


def may_prompt(matter: Matter) -> Verdict:
    """May the person be asked for this consent now?

    The regulations forbid asking "frequently" after a refusal (NDSR 22(5)); the cool-down is
    policy, and its end exclusive. A consent given after the refusal ends it.
    """
    cooldown = matter.registry.policy.reprompt_cooldown
    grants = [grant for grant in matter.grants if consents(grant, matter)]
    if any(
        refusal.earlier <= matter.at
        and matter.at - refusal.earlier < cooldown
        and matter.concerns(refusal)
        and not any(grant.at > refusal.at for grant in grants)
        for refusal in matter.of_type(EventType.REFUSED)
    ):
        return ReasonCode.REPROMPT_BARRED, ("NDSR-22",)
    return ReasonCode.OK_ACTION, (14,)


def may_refuse_service(question: Question) -> Verdict:
    """May the service be refused to someone who said no? Only if it cannot be had without (PIPL 16)."""
    code = ReasonCode.OK_ACTION if question.necessary_for_service else ReasonCode.SERVICE_REFUSAL_BARRED
    return code, (16,)
