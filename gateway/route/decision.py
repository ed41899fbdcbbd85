"""A decision about one person, as it was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from consent.question import Decision, Question


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    """A question that somebody asked, and the answer.

    Attributes:
        asked_at: when (UTC).
        caller: who asked: the subject of the token.
        question: about whom, by pseudonymous reference, and what.
        decision: on record.
    """

    asked_at: datetime
    caller: str
    question: Question
    decision: Decision


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """One of the log of decisions.

    Attributes:
        number: 1, 2, ... in the order in which they were stored.
        answered: question and answer.
    """

    number: int
    answered: AnsweredQuestion


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Which decisions are wanted; None is any.

    Attributes:
        subject: pseudonymous reference of the person.
        decision_id: of a decision.
        caller: who asked.
        purpose: purpose id.
        recipient: party id; "" is own use.
        reason_code: of the answer.
        since: asked at or after.
        until: asked before.
    """

    subject: str | None = None
    decision_id: str | None = None
    caller: str | None = None
    purpose: str | None = None
    recipient: str | None = None
    reason_code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
