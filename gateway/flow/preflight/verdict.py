"""How a look at one thing before a run ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.route.job import Refusal


class Verdict(StrEnum):
    """OK, WARNING: the run would start and may disappoint; NO: it would be refused or fail."""

    OK = "OK"
    WARNING = "WARNING"
    NO = "NO"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        reason_code: that a run would give; "" where nothing stands in the way.
        text: what was found, and what to do.
    """

    name: str
    verdict: Verdict
    reason_code: str
    text: str


def fine(name: str, text: str) -> Check:
    """Return a look that found nothing in the way."""
    return Check(name, Verdict.OK, "", text)


def warning(name: str, reason_code: str, text: str) -> Check:
    """Return a look that found what may disappoint."""
    return Check(name, Verdict.WARNING, reason_code, text)


def no(name: str, reason_code: str, text: str) -> Check:
    """Return a look that found what would end a run."""
    return Check(name, Verdict.NO, reason_code, text)


def of_refusal(name: str, refusal: Refusal | None, text: str) -> Check:
    """Return what a run would answer, or that it would go on."""
    return fine(name, text) if refusal is None else no(name, refusal.reason_code, refusal.message)
