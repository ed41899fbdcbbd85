"""How a job may end without a result and without an error."""

from __future__ import annotations


class Refused(Exception):
    """The answer is no: a decision of one of the gateways, not a failure.

    Attributes:
        reason_code: stable code, e.g. "PURPOSE_NOT_AGREED".
        message: one sentence for people.
    """

    def __init__(self, reason_code: str, message: str) -> None:
        """Keep code and sentence."""
        super().__init__(f"{reason_code}: {message}")
        self.reason_code = reason_code
        self.message = message


class Cancelled(Exception):
    """Somebody ended the job before its release."""

    def __init__(self, job_id: str) -> None:
        """Keep the job's id."""
        super().__init__(f"job {job_id} was cancelled; nothing was released")
        self.job_id = job_id
