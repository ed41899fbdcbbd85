"""Whose acts can bear on a use at all: the question behind every answer for many people at once."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from consent.basis import CONSENT
from consent.matter import predecessors
from consent.question import Use
from consent.registry import Registry


class Reach(Enum):
    """What somebody must have agreed to, for the rule to allow a use."""

    NAMED = "named"
    """To this very handler, purpose, recipient, category and method."""
    ANY_RECIPIENT = "any recipient"
    """To this handler, purpose, category and method, whoever receives."""
    ANYTHING = "anything"
    """Perhaps to nothing: another basis, storage under a statutory hold, an aggregate."""


def reach(use: Use, at: datetime, registry: Registry) -> Reach:
    """Return the least that must be on file of somebody whom the rule may allow a use.

    Args:
        use: registered in all its parts.
        at: the moment of the judgement, also what is known.
        registry: all that is registered now.
    """
    if (
        use.basis != CONSENT
        or registry.methods[use.method].stores_only
        or registry.categories[use.category].base is not None
    ):
        return Reach.ANYTHING
    return Reach.ANY_RECIPIENT if serves_unnamed(use.recipient, at, registry) else Reach.NAMED


def serves_unnamed(recipient: str | None, at: datetime, registry: Registry) -> bool:
    """Return whether a consent that does not name a recipient may serve it: own use, on instruction, by succession."""
    if recipient is None:
        return True
    party = registry.party(recipient, at)
    return party is not None and (party.entrusted or bool(predecessors(recipient, at, at, registry)))
