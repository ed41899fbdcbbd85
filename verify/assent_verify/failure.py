"""Why an export does not verify."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed check and its reason in one line."""

    check: str
    reason: str


class CheckError(Exception):
    """A check failed; the caller turns it into a Failure and goes on with what does not depend on it."""

    def __init__(self, check: str, reason: str) -> None:
        """Keep check and reason."""
        super().__init__(f"{check}: {reason}")
        self.failure = Failure(check, reason)
