"""Decisions, consents and import reports, to messages; questions, from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from consent.basis import CONSENT
from consent.event import Actor, Form
from consent.fields import MAX_INTEGER
from consent.question import Decision, Kind, Use
from consent.reason import REASONS, ReasonCode
from consent.record import ConsentRecord, State
from gateway.flow.consent import Circumstances
from gateway.flow.import_report import ImportReport, Settled
from gateway.flow.intake import RowError
from gateway.rpc.convert.event import MAX_SUBJECT_TYPE
from gateway.rpc.convert.field import choice, refuse, text, text_or_empty, time_to_proto
from gateway.rpc.convert.name import id_of, name_of
from gateway.v1 import consent_pb2

MAX_SUBJECT = 512  # characters
MAX_METHOD = 64
MAX_ERRORS = 1000  # rows named in one answer: some 100 KB


class _AboutSubject(Protocol):
    @property
    def subject_type(self) -> str: ...

    @property
    def subject(self) -> str: ...


def subject_from_proto(message: _AboutSubject) -> tuple[str, str]:
    """Return the type and raw value of the customer that a request is about.

    Raises:
        RequestError: BAD_FIELD, never with the value.
    """
    return (
        text(message.subject_type, "subject_type", longest=MAX_SUBJECT_TYPE),
        text(message.subject, "subject", longest=MAX_SUBJECT),
    )


def use_from_proto(message: consent_pb2.EvaluateConsentRequest, own_party: str) -> Use:
    """Parse the use that is asked about.

    Args:
        message: the request.
        own_party: the handler where none is named.

    Raises:
        RequestError: BAD_FIELD.
    """
    return Use(
        handler=id_of(message.handler, "parties", "handler") if message.handler else own_party,
        recipient=id_of(message.recipient, "parties", "recipient") if message.recipient else None,
        purpose=id_of(message.purpose, "purposes", "purpose"),
        category=id_of(message.category, "categories", "category"),
        method=text(message.method, "method", longest=MAX_METHOD),
        basis=text_or_empty(message.basis, "basis", longest=MAX_METHOD) or CONSENT,
    )


def circumstances_from_proto(message: consent_pb2.EvaluateConsentRequest) -> Circumstances:
    """Parse what is asked besides person, use and times.

    Raises:
        RequestError: BAD_FIELD.
    """
    counts: dict[str, int | None] = {}
    for name in ("group_size", "exported_this_year", "sensitive_exported_this_year"):
        counts[name] = getattr(message, name) if message.HasField(name) else None
        if not 0 <= (counts[name] or 0) <= MAX_INTEGER:
            refuse(name, f"must be an integer of 0 to {MAX_INTEGER}")
    return Circumstances(
        kind=choice(message.kind, _KINDS, "kind"),
        group_size=counts["group_size"],
        linkable=message.linkable,
        exported_this_year=counts["exported_this_year"],
        sensitive_exported_this_year=counts["sensitive_exported_this_year"],
        necessary_for_service=message.necessary_for_service,
    )


def decision_to_proto(decision: Decision) -> consent_pb2.Decision:
    """Write a decision with the meaning of its code."""
    reason = REASONS[ReasonCode(decision.reason_code)]
    return consent_pb2.Decision(
        allowed=decision.allowed,
        reason_code=decision.reason_code,
        articles=decision.articles,
        consent_id=decision.consent_id or "",
        notice=decision.notice or "",
        decide_time=time_to_proto(decision.decided_at),
        as_known_time=time_to_proto(decision.as_known_at),
        meaning=reason.meaning,
        repair=reason.repair,
        decision_id=decision.decision_id,
        consent_item_no=decision.consent_item_no or 0,
        notice_hash=decision.notice_hash or "",
        impact_assessment=name_of("impactAssessments", decision.assessment_id or ""),
        contract_id=decision.contract_id or "",
        export_mechanism=decision.mechanism_id or "",
        basis_rule=decision.basis_rule_id or "",
        policy_version=decision.policy_version,
        registry_version=decision.registry_version,
        expire_time=time_to_proto(decision.expires_at),
    )


def consent_to_proto(record: ConsentRecord, at: datetime) -> consent_pb2.Consent:
    """Write a consent.

    Args:
        record: the consent.
        at: when it is looked at; its state depends on that.
    """
    return consent_pb2.Consent(
        name=f"subjects/{record.subject}/consents/{record.consent_id or '-'}",
        state=_STATES[record.state_at(at)],
        handler=name_of("parties", record.handler),
        purpose=name_of("purposes", record.purpose or ""),
        recipient=name_of("parties", record.recipient or ""),
        categories=[name_of("categories", category) for category in record.categories],
        methods=record.methods,
        withdrawn_parts=[
            consent_pb2.ConsentPart(category=name_of("categories", category), method=method)
            for category, method in sorted(record.undone)
        ],
        form=consent_pb2.CONSENT_FORM_UNSPECIFIED if record.form is None else _FORMS[record.form],
        supersedes=record.supersedes,
        notice=record.notice or "",
        effective_time=time_to_proto(record.effective_from),
        valid_until_time=time_to_proto(record.valid_until),
        max_uses=record.max_uses or 0,
        uses=record.uses,
        event_ids=record.event_ids,
        indicated_time=time_to_proto(record.indicated_at),
        indicated_by=_ACTORS[record.indicated_by],
        channel=record.channel or "",
        kept_until_time=time_to_proto(record.kept_until),
    )


def import_report_to_proto(report: ImportReport) -> consent_pb2.ImportEventsResponse:
    """Write what became of an import."""
    return consent_pb2.ImportEventsResponse(
        accepted=report.accepted,
        replayed=report.replayed,
        rejected_count=report.rejected_count,
        rejected=[row_error_to_proto(error) for error in report.rejected],
        warned_count=report.warned_count,
        warned=[row_error_to_proto(error) for error in report.warned],
    )


_KINDS = {
    consent_pb2.QUESTION_KIND_UNSPECIFIED: Kind.USE,
    consent_pb2.QUESTION_KIND_USE: Kind.USE,
    consent_pb2.QUESTION_KIND_PROMPT: Kind.PROMPT,
    consent_pb2.QUESTION_KIND_REFUSE_SERVICE: Kind.REFUSE_SERVICE,
}


def progress_to_proto(step: Settled) -> Iterator[consent_pb2.ImportProgress]:
    """Write what became of a batch, in as many answers as its errors need; the last one settles it."""
    errors, warned = ([row_error_to_proto(error) for error in rows] for rows in (step.rejected, step.warned))
    while len(errors) > MAX_ERRORS or len(warned) > MAX_ERRORS:
        yield consent_pb2.ImportProgress(rejected=errors[:MAX_ERRORS], warned=warned[:MAX_ERRORS])
        errors, warned = errors[MAX_ERRORS:], warned[MAX_ERRORS:]
    yield consent_pb2.ImportProgress(
        settled_row=step.row, accepted=step.accepted, replayed=step.replayed, rejected=errors, warned=warned
    )


def row_error_to_proto(error: RowError) -> consent_pb2.RowError:
    """Write why a row was not kept."""
    return consent_pb2.RowError(row=error.row, field=error.field, reason=error.reason)


_STATES = {
    State.GIVEN: consent_pb2.CONSENT_STATE_CONSENT_GIVEN,
    State.RENEWED: consent_pb2.CONSENT_STATE_RENEWED_CONSENT_GIVEN,
    State.UNKNOWN: consent_pb2.CONSENT_STATE_CONSENT_UNKNOWN,
    State.REQUESTED: consent_pb2.CONSENT_STATE_CONSENT_REQUESTED,
    State.DEFERRED: consent_pb2.CONSENT_STATE_CONSENT_REQUEST_DEFERRED,
    State.REFUSED: consent_pb2.CONSENT_STATE_CONSENT_REFUSED,
    State.WITHDRAWN: consent_pb2.CONSENT_STATE_CONSENT_WITHDRAWN,
    State.REVOKED: consent_pb2.CONSENT_STATE_CONSENT_REVOKED,
    State.EXPIRED: consent_pb2.CONSENT_STATE_CONSENT_EXPIRED,
    State.INVALIDATED: consent_pb2.CONSENT_STATE_CONSENT_INVALIDATED,
}
_ACTORS = {
    None: consent_pb2.CONSENT_ACTOR_UNSPECIFIED,
    Actor.SUBJECT: consent_pb2.CONSENT_ACTOR_SUBJECT,
    Actor.GUARDIAN: consent_pb2.CONSENT_ACTOR_GUARDIAN,
    Actor.STAFF: consent_pb2.CONSENT_ACTOR_STAFF,
}
_FORMS = {
    Form.GENERAL: consent_pb2.CONSENT_FORM_GENERAL,
    Form.SEPARATE: consent_pb2.CONSENT_FORM_SEPARATE,
    Form.WRITTEN: consent_pb2.CONSENT_FORM_WRITTEN,
}
