"""Where a text file cannot be read on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a file cannot be read on.

    Attributes:
        reason: of SourceError.
        offset: of the first byte that is wrong, in UTF-8, behind a byte order mark.
        problem: what is wrong, with a place for the row's number.
    """

    reason: str
    offset: int
    problem: str
