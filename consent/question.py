"""What is asked of the rule, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consent.basis import CONSENT
from consent.event import ConsentEvent
from consent.mechanism import Exported
from consent.reason import REASONS, ReasonCode, citations


@dataclass(frozen=True, slots=True)
class Use:
    """A use of personal information, whoever the person is.

    Attributes:
        handler: who uses or provides it, and answers for it.
        recipient: who receives it; None is own use.
        purpose: purpose id.
        category: category id.
        method: method id.
        basis: `consent`, or one of the other bases of PIPL 13.
    """

    handler: str
    recipient: str | None
    purpose: str
    category: str
    method: str
    basis: str = CONSENT


class Kind(StrEnum):
    """What is asked: may we use, may we ask again, may we refuse the service?"""

    USE = "use"
    PROMPT = "prompt"
    REFUSE_SERVICE = "refuse_service"


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one person.

    Attributes:
        subject: pseudonymous reference of the person.
        use: what is intended.
        at: the moment asked about.
        as_known_at: only what was recorded by then counts; live decisions ask with `at`.
        kind: use, prompt or refuse_service.
        group_size: people in the aggregate that is to be released; None when it is none.
        linkable: the aggregate can be linked to a person.
        exported_this_year: people whose information went abroad since 1 January;
            None is unknown, and an unknown number is not below any limit.
        sensitive_exported_this_year: those of them of whom something sensitive went.
        necessary_for_service: the service cannot be had without this processing (PIPL 16).
    """

    subject: str
    use: Use
    at: datetime
    as_known_at: datetime
    kind: Kind = Kind.USE
    group_size: int | None = None
    linkable: bool = False
    exported_this_year: int | None = None
    sensitive_exported_this_year: int | None = None
    necessary_for_service: bool = False

    @property
    def exported(self) -> Exported:
        """How many people were exported this year, as far as known."""
        return Exported(self.exported_this_year, self.sensitive_exported_this_year)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer: yes or no, always with a reason and the articles.

    Attributes:
        allowed: yes or no.
        reason_code: one of `consent.reason.ReasonCode`.
        articles: `PIPL-n` and `NDSR-n`, sorted.
        consent_id: the consent that allows, or the one that came furthest.
        consent_item_no: which of its items, from 1.
        notice: `id@version` under which it was given.
        decided_at: the moment asked about.
        as_known_at: what was known by then was weighed.

    What follows is of a decision on record, see `consent.decision`; it is empty of others:

    Attributes:
        decision_id: the same for the same question, answered from the same facts.
        notice_hash: content hash of that notice; None without one.
        contract_id: the contract with the recipient that covers the use.
        mechanism_id: the way out of the country that carries it, `id@version`.
        assessment_id: the impact assessment that covers it.
        basis_rule_id: the row of the basis rule table that reaches it, `id@version`.
        policy_version: the rule and the numbers of the house that it was answered by.
        registry_version: what was registered of all that the question touches.
        expires_at: first moment at which it is to be asked again.
    """

    allowed: bool
    reason_code: str
    articles: tuple[str, ...]
    consent_id: str | None
    notice: str | None
    decided_at: datetime
    as_known_at: datetime
    consent_item_no: int | None = None
    decision_id: str = ""
    notice_hash: str | None = None
    contract_id: str | None = None
    mechanism_id: str | None = None
    assessment_id: str | None = None
    basis_rule_id: str | None = None
    policy_version: str = ""
    registry_version: str = ""
    expires_at: datetime | None = None


Verdict = tuple[ReasonCode, tuple[int | str, ...]]
"""A reason and the articles it cites: numbers of PIPL, or `NDSR-n`."""


def answer(
    verdict: Verdict, question: Question, grant: ConsentEvent | None = None, item_no: int | None = None
) -> Decision:
    """Return a verdict as the decision of a moment, with the item of the grant that it rests on."""
    code, articles = verdict
    return Decision(
        allowed=REASONS[code].allowed,
        reason_code=str(code),
        articles=citations(articles),
        consent_id=None if grant is None else grant.consent_id,
        notice=None if grant is None else grant.notice,
        decided_at=question.at,
        as_known_at=question.as_known_at,
        consent_item_no=item_no,
    )
