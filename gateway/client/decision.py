"""Decisions of the rule, and the log of those about single customers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from gateway.client.connection import Connection
from gateway.client.record import PAGE_SIZE, bare, named, pages, required_time, stamp, time_of
from gateway.v1 import consent_pb2, decision_pb2, decision_pb2_grpc


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of the rule.

    Attributes:
        reason_code: e.g. "OK_CONSENT", "CONSENT_WITHDRAWN".
        articles: e.g. "PIPL-13", sorted.
        consent_id: the consent that allows, or the one that came furthest; may be "".
        notice: `id@version` under which it was given; may be "".
        meaning: what the code means.
        repair: what usually helps; "" when nothing is wrong.
        decision_id: the same for the same question with the same `decided_at` and `as_known_at`, whenever it is asked.
        consent_item_no: which item of the consent, from 1; 0 without one.
        notice_hash: SHA-256 of the notice's content; may be "".
        impact_assessment: id of the assessment that covers the use; may be "".
        contract_id: of the contract with the recipient that covers it; may be "".
        export_mechanism: `id@version` of the way out of the country that carries it; may be "".
        basis_rule: `id@version` of the row of the rule table that reaches it; may be "".
        policy_version: the rule and the numbers of the house.
        registry_version: digest of what was registered of all that the question touches.
        expires_at: first moment at which to ask again.
    """

    allowed: bool
    reason_code: str
    articles: tuple[str, ...]
    consent_id: str
    notice: str
    decided_at: datetime
    as_known_at: datetime
    meaning: str
    repair: str
    decision_id: str
    consent_item_no: int
    notice_hash: str
    impact_assessment: str
    contract_id: str
    export_mechanism: str
    basis_rule: str
    policy_version: str
    registry_version: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """A question about a customer, and its answer.

    Attributes:
        number: 1, 2, ... in the order in which they were stored.
        asked_at: when.
        caller: who asked.
        subject: pseudonymous reference.
        kind: "USE", "PROMPT" or "REFUSE_SERVICE".
        recipient: "" is own use.
        decision: the answer.
    """

    number: int
    asked_at: datetime
    caller: str
    subject: str
    kind: str
    handler: str
    recipient: str
    purpose: str
    category: str
    method: str
    basis: str
    decision: Decision


class AsyncDecisions:
    """Calls of DecisionService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = decision_pb2_grpc.DecisionServiceStub(connection.channel)

    async def list(
        self,
        *,
        subject: str = "",
        subject_type: str = "",
        decision_id: str = "",
        caller: str = "",
        purpose: str = "",
        recipient: str = "",
        reason_code: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[LoggedDecision]:
        """Yield logged decisions, the newest first; what is left out asks for any.

        Args:
            subject: only about this customer: the raw value; it is neither stored nor logged.
            subject_type: what a subject is, e.g. "customer"; with `subject`.
            decision_id: only this decision, however often it was asked for.
            caller: only what this caller asked.
            purpose: purpose id.
            recipient: party id.
            reason_code: e.g. "CONSENT_WITHDRAWN".
            since: only asked at or after this moment.
            until: only asked before this moment.
        """

        async def fetch(token: str) -> tuple[list[LoggedDecision], str]:
            request = decision_pb2.ListDecisionsRequest(
                subject=subject,
                subject_type=subject_type,
                decision_id=decision_id,
                caller=caller,
                purpose=named("purposes", purpose),
                recipient=named("parties", recipient),
                reason_code=reason_code,
                since_time=stamp(since),
                until_time=stamp(until),
                page_size=PAGE_SIZE,
                page_token=token,
            )
            answer = await self._connection.call(self._stub.ListDecisions, request)
            return [_logged(found) for found in answer.decisions], answer.next_page_token

        async for logged in pages(fetch):
            yield logged


def decision_of(found: consent_pb2.Decision) -> Decision:
    """Read a decision."""
    return Decision(
        allowed=found.allowed,
        reason_code=found.reason_code,
        articles=tuple(found.articles),
        consent_id=found.consent_id,
        notice=found.notice,
        decided_at=required_time(found, "decide_time"),
        as_known_at=required_time(found, "as_known_time"),
        meaning=found.meaning,
        repair=found.repair,
        decision_id=found.decision_id,
        consent_item_no=found.consent_item_no,
        notice_hash=found.notice_hash,
        impact_assessment=bare(found.impact_assessment),
        contract_id=found.contract_id,
        export_mechanism=found.export_mechanism,
        basis_rule=found.basis_rule,
        policy_version=found.policy_version,
        registry_version=found.registry_version,
        expires_at=time_of(found, "expire_time"),
    )


def _logged(found: decision_pb2.LoggedDecision) -> LoggedDecision:
    return LoggedDecision(
        number=found.number,
        asked_at=required_time(found, "ask_time"),
        caller=found.caller,
        subject=bare(found.subject),
        kind=consent_pb2.QuestionKind.Name(found.kind).removeprefix("QUESTION_KIND_"),
        handler=bare(found.handler),
        recipient=bare(found.recipient),
        purpose=bare(found.purpose),
        category=bare(found.category),
        method=found.method,
        basis=found.basis,
        decision=decision_of(found.decision),
    )
