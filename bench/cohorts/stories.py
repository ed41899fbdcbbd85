"""What customers say: five stories of two or three acts, 2.5 events each on average, told in waves.

Of a thousand people 500 agree twice and stay, 200 renew what they withdrew, 200 withdraw everything, 90 agree to
something else and refuse this, 10 agree to a limited number of uses, so that only the rule can answer about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

WAVES = 3
SUBJECT_TYPE = "customer"
DAY = timedelta(days=1)

Act = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """What people are asked.

    Attributes:
        handler: who asks.
        recipient: who receives.
        purpose: the use whose cohort is measured.
        other_purpose: another one.
        categories: of the first, the first of them also of the other.
        notice: `id@version` shown.
        since: the first act is a day later.
    """

    handler: str
    recipient: str
    purpose: str
    other_purpose: str
    categories: tuple[str, ...]
    notice: str
    since: datetime


def customer(number: int) -> str:
    """Name a customer."""
    return f"L{number:08d}"


def story_of(number: int) -> int:
    """Return which story the person of a number lives."""
    thousandth = number % 1000
    return 0 if thousandth < 500 else 1 if thousandth < 700 else 2 if thousandth < 900 else 3 if thousandth < 990 else 4


def stories(asked: Asked, number: str) -> tuple[tuple[Act, ...], ...]:
    """Return the acts of every story, a wave each; `subject` is for the caller to add.

    Args:
        asked: what people are asked.
        number: of the person, eight characters; it makes ids of events and consents.
    """
    this = _item(asked, asked.purpose, asked.categories, ("psi_hash",))
    other = _item(asked, asked.other_purpose, asked.categories[:1], ("psi_hash", "he_aggregate"))
    no_more = {"purpose": asked.purpose, "recipient": asked.recipient}

    def told(*acts: Mapping[str, object]) -> tuple[Act, ...]:
        return tuple(
            {
                "event_id": f"{number}-{wave}",
                "at": (asked.since + wave * DAY).isoformat(),
                "handler": asked.handler,
                **act,
                **({"consent_id": f"{number}-c{wave}"} if act["type"] == "consent_given" else {}),
                **({"consent_id": f"{number}-c1"} if act["type"] == "consent_used" else {}),
            }
            for wave, act in enumerate(acts, 1)
        )

    return (
        told(_grant(asked, this), _grant(asked, other)),
        told(_grant(asked, this), {"type": "consent_withdrawn", **no_more}, _grant(asked, this)),
        told(_grant(asked, this), _grant(asked, other), {"type": "consent_withdrawn"}),
        told(_grant(asked, other), {"type": "consent_requested", **no_more}, {"type": "consent_refused", **no_more}),
        told(_grant(asked, this) | {"max_uses": 9}, {"type": "consent_used"}, {"type": "consent_used"}),
    )


def _item(asked: Asked, purpose: str, categories: tuple[str, ...], methods: tuple[str, ...]) -> Mapping[str, object]:
    return {
        "purpose": purpose,
        "categories": list(categories),
        "methods": list(methods),
        "recipients": [asked.recipient],
        "form": "separate",
    }


def _grant(asked: Asked, item: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "consent_given",
        "notice": asked.notice,
        "by": "subject",
        "mode": "explicit",
        "evidence": True,
        "channel": "app",
        "items": [item],
    }
