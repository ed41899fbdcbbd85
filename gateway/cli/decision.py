"""Decisions on the screen, and `assent consent decisions`: the log of those about single customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import Output, show
from gateway.cli.times import time_of

if TYPE_CHECKING:
    from gateway.client.decision import Decision

_COLUMNS = [
    "number", "asked_at", "caller", "subject", "purpose", "recipient", "category", "method", "kind", "allowed",
    "reason_code", "decision_id",
]  # fmt: skip
_ASKED = (*_COLUMNS[:9], "handler", "basis")
_REST = [
    "handler", "basis", "articles", "meaning", "repair", "consent", "consent_item_no", "notice", "notice_hash",
    "impact_assessment", "contract", "export_mechanism", "basis_rule", "policy_version", "registry_version",
    "decided_at", "as_known_at", "expires_at",
]  # fmt: skip


def decision_record(found: Decision) -> dict[str, object]:
    """Return a decision with all that it rests on."""
    return {
        "allowed": found.allowed,
        "reason_code": found.reason_code,
        "articles": list(found.articles),
        "meaning": found.meaning,
        "repair": found.repair,
        "consent": found.consent_id,
        "consent_item_no": found.consent_item_no,
        "notice": found.notice,
        "notice_hash": found.notice_hash,
        "impact_assessment": found.impact_assessment,
        "contract": found.contract_id,
        "export_mechanism": found.export_mechanism,
        "basis_rule": found.basis_rule,
        "decision_id": found.decision_id,
        "policy_version": found.policy_version,
        "registry_version": found.registry_version,
        "decided_at": found.decided_at,
        "as_known_at": found.as_known_at,
        "expires_at": found.expires_at,
    }


def decisions(
    context: typer.Context,
    subject: str = typer.Option("", help="Only about this customer, as in the consent file."),
    subject_type: str = typer.Option("customer"),
    decision_id: str = typer.Option("", help="Only this decision, however often it was asked for."),
    caller: str = typer.Option("", help="Only what this caller asked."),
    purpose: str = typer.Option("", help="Only for this purpose."),
    recipient: str = typer.Option("", help="Only about this recipient."),
    reason: str = typer.Option("", help="Only with this answer, such as CONSENT_WITHDRAWN."),
    since: str = typer.Option("", help="Only asked at or after this moment."),
    until: str = typer.Option("", help="Only asked before this moment."),
    most: int = typer.Option(1000, min=1, help="Most decisions to show."),
) -> None:
    """List the decisions about single customers that were asked for, the newest first; pseudonyms only."""
    chosen = options(context)
    rows: list[dict[str, object]] = []
    with chosen.client() as client:
        for logged in client.decisions.list(
            subject=subject,
            subject_type=subject_type if subject else "",
            decision_id=decision_id,
            caller=caller,
            purpose=purpose,
            recipient=recipient,
            reason_code=reason,
            since=time_of(since, "--since"),
            until=time_of(until, "--until"),
        ):
            asked = {name: getattr(logged, name) for name in _ASKED}
            rows.append(asked | decision_record(logged.decision))
            if len(rows) == most:
                break
    show(rows, _COLUMNS + (_REST if chosen.output is Output.JSON else []), chosen.output)
