"""Logged decisions, to messages; what is asked for, from them."""

from __future__ import annotations

from consent.question import Kind
from consent.reason import REASONS
from gateway.route.decision import DecisionFilter, LoggedDecision
from gateway.rpc.convert.consent import decision_to_proto
from gateway.rpc.convert.field import refuse, text_or_empty, time_or_none, time_to_proto
from gateway.rpc.convert.name import id_of, name_of
from gateway.v1 import consent_pb2, decision_pb2

MAX_CALLER = 512  # characters
MAX_ID = 64


def wanted_from_proto(message: decision_pb2.ListDecisionsRequest, subject: str | None) -> DecisionFilter:
    """Parse which decisions are asked for.

    Args:
        message: the request.
        subject: pseudonymous reference of the person that it names, or None.

    Raises:
        RequestError: BAD_FIELD.
    """
    code = text_or_empty(message.reason_code, "reason_code", longest=MAX_ID)
    if code and code not in REASONS:
        refuse("reason_code", "is no reason code, e.g. CONSENT_WITHDRAWN")
    return DecisionFilter(
        subject=subject,
        decision_id=text_or_empty(message.decision_id, "decision_id", longest=MAX_ID) or None,
        caller=text_or_empty(message.caller, "caller", longest=MAX_CALLER) or None,
        purpose=id_of(message.purpose, "purposes", "purpose") if message.purpose else None,
        recipient=id_of(message.recipient, "parties", "recipient") if message.recipient else None,
        reason_code=code or None,
        since=time_or_none(message, "since_time", "since_time"),
        until=time_or_none(message, "until_time", "until_time"),
    )


def logged_to_proto(logged: LoggedDecision) -> decision_pb2.LoggedDecision:
    """Write a logged decision."""
    answered = logged.answered
    use = answered.question.use
    return decision_pb2.LoggedDecision(
        number=logged.number,
        ask_time=time_to_proto(answered.asked_at),
        caller=answered.caller,
        subject=name_of("subjects", answered.question.subject),
        kind=_KINDS[answered.question.kind],
        handler=name_of("parties", use.handler),
        recipient=name_of("parties", use.recipient or ""),
        purpose=name_of("purposes", use.purpose),
        category=name_of("categories", use.category),
        method=use.method,
        basis=use.basis,
        decision=decision_to_proto(answered.decision),
    )


_KINDS = {
    Kind.USE: consent_pb2.QUESTION_KIND_USE,
    Kind.PROMPT: consent_pb2.QUESTION_KIND_PROMPT,
    Kind.REFUSE_SERVICE: consent_pb2.QUESTION_KIND_REFUSE_SERVICE,
}
