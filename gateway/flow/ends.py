"""How a run can end other than well, as signals inside the routes of a job."""

from __future__ import annotations

from gateway.route.job import Refusal

REFUSAL_CODES = frozenset(
    {
        "AGREEMENT_UNKNOWN",
        "AGREEMENT_HASH_MISMATCH",
        "AGREEMENT_NOT_IN_FORCE",
        "OPERATION_NOT_AGREED",
        "PURPOSE_NOT_AGREED",
        "MATCH_KEY_MISMATCH",
        "SUITE_UNSUPPORTED",
        "SIZE_OVER_CAP",
        "RATE_EXCEEDED",
        "BUDGET_EXHAUSTED",
        "INPUT_TOO_SIMILAR",
        "PIA_MISSING",
        "NOT_READY",
        "COHORT_TOO_SMALL",
        "COMPLEMENT_SUPPRESSED",
        "CONSENT_CHANGED",
    }
)


def consent_changed() -> Refusal:
    """Return the refusal of a run whose judgements of consent grew too old, or no longer hold."""
    return Refusal(
        "CONSENT_CHANGED",
        "consent was withdrawn since the cut, or the run paused longer than the agreed consent age; "
        "nothing was released, run it anew",
    )


class RunRefused(Exception):
    """One of the two sides says no."""

    def __init__(self, refusal: Refusal) -> None:
        """Carry the answer."""
        super().__init__(refusal.reason_code)
        self.refusal = refusal


class SessionExpired(Exception):
    """The session reached its agreed maximum life."""


class PeerEnded(Exception):
    """The partner ended the session."""

    def __init__(self, reason: str, message: str) -> None:
        """Carry the partner's reason code and sentence."""
        super().__init__(reason)
        self.reason = reason
        self.message = message
