"""What decisions read besides people's own histories, as one number that grows with each change of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ScalarSelect, func, select

from gateway.store.counters import Counter
from gateway.store.schema import agreements, counters, partners


def counted(counter: Counter) -> ScalarSelect[Any]:
    """Say a counter's value, inside a statement."""
    return select(counters.c.value).where(counters.c.name == counter.value).scalar_subquery()


# Of each the number only grows: every put of a partner or an agreement raises its revision.
STAND = (
    counted(Counter.REGISTRY)
    + select(func.coalesce(func.sum(partners.c.revision), 0)).scalar_subquery()
    + select(func.coalesce(func.sum(agreements.c.revision), 0)).scalar_subquery()
)

# Asked before every decision: made once, so that its text is known from then on.
ASK_STAND = select(STAND)
