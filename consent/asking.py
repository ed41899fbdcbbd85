"""Whom it would help to ask: denials that a new consent repairs, and those whom nobody may ask again yet."""

from __future__ import annotations

from consent.event import EventType
from consent.history import History
from consent.question import Decision
from consent.reason import ReasonCode

_ASK = frozenset(
    {
        ReasonCode.GUARDIAN_CONSENT_MISSING,
        ReasonCode.CONSENT_INVALID,
        ReasonCode.CONSENT_REFUSED,
        ReasonCode.CONSENT_EXPIRED,
        ReasonCode.RECONSENT_REQUIRED,
        ReasonCode.SCOPE_MISMATCH,
        ReasonCode.RECIPIENT_MISMATCH,
        ReasonCode.SEPARATE_CONSENT_MISSING,
        ReasonCode.BASIS_NOT_EXTENDING,
        ReasonCode.NO_CONSENT,
    }
)
"""Codes whose usual repair is to ask. A withdrawal is none of them: it is to be respected, not to be talked over."""


def asking_helps(decision: Decision) -> bool:
    """Return whether a new consent of the person usually repairs a denial that `standing` did not give.

    A record that cannot be trusted is repaired so when the doubt is about an act, not when an alert is open.
    """
    code = ReasonCode(decision.reason_code)
    return code in _ASK or (code is ReasonCode.RECORD_UNTRUSTED and decision.consent_id is not None)


def may_have_refused(history: History) -> bool:
    """Return whether the cool-down after a no may bar asking: somebody who never said no may be asked at any time."""
    return bool(history.linked) or any(event.type in (EventType.REFUSED, EventType.MERGED) for event in history.events)
