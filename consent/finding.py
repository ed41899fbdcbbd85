"""What became of one item of one grant before step 11 of the rule, and how far it came."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from consent.event import ConsentEvent
from consent.question import Verdict


class Stage(IntEnum):
    """Where an item of a grant failed, in the order of the rule."""

    PURPOSE = 1
    CATEGORY = 2
    METHOD = 3
    RECIPIENT = 4
    TRUST = 5
    GUARDIAN = 6
    ACT = 7
    FORM = 8
    STANDING = 9
    TERM = 10
    FRESH = 11
    PASSED = 12


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one item of one grant.

    Attributes:
        stage: where it failed, or PASSED.
        verdict: what to answer if no other item came further.
        grant: the grant; None when there is none to speak of.
        item_no: which of its items, from 1.
    """

    stage: Stage
    verdict: Verdict
    grant: ConsentEvent | None
    item_no: int | None = None
