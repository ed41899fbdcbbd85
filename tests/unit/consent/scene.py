"""A small world for the tests of consent: a shop, its partners, its notices, and people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from consent.assessment import Assessment
from consent.basis import BasisRule
from consent.evaluate import Decision, History, Question, Use, may_use
from consent.event import Actor, ConsentEvent, ConsentItem, EventType, Form, Mode
from consent.mechanism import ExportMechanism, MechanismType
from consent.notice import Notice, NoticeState, RecipientTold
from consent.party import Contract, Party, PartyEvent, PartyEventType, Role
from consent.purpose import Category, Purpose
from consent.registry import Registry

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, 2, tzinfo=UTC)
END = START + 3000 * DAY

PURPOSES = (
    Purpose("enrichment", "画像补充", automated=True),
    Purpose("marketing", "个性化营销", automated=True, personalised_marketing=True),
    Purpose("measurement", "广告效果衡量"),
    Purpose("delivery", "订单履约"),
)
CATEGORIES = (
    Category("phone"),
    Category("purchases"),
    Category("location", sensitive=True),
    Category("credit", sensitive=True, written=True),
    Category("statistics", anonymous_if_group=True, base="purchases"),
)
CONTRACT = Contract(START - 10 * DAY, END, frozenset({"enrichment", "delivery"}))
PARTIES = (
    Party("shop", "零售商", "privacy@shop.example", contracts=(CONTRACT,)),
    Party("platform", "平台", "dpo@platform.example", contracts=(CONTRACT,)),
    Party("heir", "承继公司", "dpo@heir.example", contracts=(CONTRACT,)),
    Party("joint", "共同处理方", "dpo@joint.example", Role.JOINT, contracts=(CONTRACT,)),
    Party("cloud", "云厂商", "sec@cloud.example", Role.ENTRUSTED, contracts=(CONTRACT,)),
    Party("singapore", "新加坡平台", "dpo@sg.example", country="SG", contracts=(CONTRACT,)),
    Party("court", "境外法院", "-", Role.FOREIGN_AUTHORITY, country="US"),
)
NAMES = tuple(party.id for party in PARTIES)
METHODS = ("psi_hash", "he_aggregate", "plaintext_api", "internal_join", "push_message", "publish", "store_only")


def told(party: str, *, rights_channel: str = "") -> RecipientTold:
    return RecipientTold(
        party, "平台", "dpo@platform.example", ("enrichment",), ("psi_hash",), ("phone",), rights_channel
    )


def notice(name: str = "N", version: int = 1, recipients: Iterable[RecipientTold] | None = None, **more: Any) -> Notice:
    """A published notice with the contents of articles 17 and 23; `necessity` and `impact` add 30."""
    values: dict[str, Any] = {
        "text": "我们将……",
        "handler_name": "零售商",
        "handler_contact": "privacy@shop.example",
        "purposes": ("enrichment",),
        "categories": ("phone",),
        "methods": ("psi_hash",),
        "retention": "180 天",
        "after_retention": "删除",
        "rights_channel": "app://privacy",
        "withdrawal_channel": "app://privacy/withdraw",
        "closure_channel": "app://account/close",
        "recipients": tuple(map(told, NAMES)) if recipients is None else tuple(recipients),
        "state": NoticeState.PUBLISHED,
        "published_at": START - 5 * DAY,
    }
    return Notice(name, version, **(values | more))


def telling_all(one: Notice) -> Notice:
    """The notice, telling of every use whatever it tells of any; others are for the tests of what is told."""
    everything = {
        "purposes": tuple(purpose.id for purpose in PURPOSES),
        "categories": tuple(category.id for category in CATEGORIES),
        "methods": METHODS,
    }

    def widened(part: Any) -> Any:
        return replace(part, **{name: ids for name, ids in everything.items() if getattr(part, name)})

    return widened(replace(one, recipients=tuple(map(widened, one.recipients))))


NOTICES = (
    notice(),
    notice("SENSITIVE", necessity="need", impact="impact"),
    notice("EXPORT", recipients=[told("singapore", rights_channel="sg.example/rights"), told("platform")]),
    notice("OWN", recipients=[]),
    notice("DRAFT", state=NoticeState.DRAFT, published_at=None),
)
ASSESSMENTS = (
    Assessment(
        "A1",
        START - 2 * DAY,
        frozenset(purpose.id for purpose in PURPOSES),
        frozenset({None, *NAMES}),
        frozenset(METHODS),
        covers_sensitive=True,
    ),
)
MECHANISMS = (ExportMechanism("singapore", MechanismType.STANDARD_CONTRACT, START, END),)
BASIS_RULES = (BasisRule("contract", "delivery", frozenset({None, "platform"}), frozenset({"phone"})),)

REGISTRY = Registry.of(
    purposes=PURPOSES,
    categories=CATEGORIES,
    parties=PARTIES,
    notices=tuple(map(telling_all, NOTICES)),
    assessments=ASSESSMENTS,
    mechanisms=MECHANISMS,
    basis_rules=BASIS_RULES,
)


def world(**changes: Any) -> Registry:
    """The registry with some of its parts replaced; `more_notices` are added."""
    parts: dict[str, Any] = {
        "purposes": PURPOSES,
        "categories": CATEGORIES,
        "parties": PARTIES,
        "notices": tuple(map(telling_all, (*NOTICES, *changes.pop("more_notices", ())))),
        "assessments": ASSESSMENTS,
        "mechanisms": MECHANISMS,
        "basis_rules": BASIS_RULES,
    }
    return Registry.of(**(parts | changes))


def day(number: float) -> datetime:
    """The given day of the story, counted from 0."""
    return START + number * DAY


_numbers = count()


def event(kind: EventType, at: float, recorded: float | None = None, **more: Any) -> ConsentEvent:
    """An event of person `ann`, recorded on the day it happened unless said otherwise."""
    more.setdefault("event_id", f"e{next(_numbers)}")
    more.setdefault("subject", "ann")
    for name in ("valid_until", "retention_until", "until"):
        if isinstance(more.get(name), int | float):
            more[name] = day(more[name])
    return ConsentEvent(type=kind, at=day(at), recorded_at=day(at if recorded is None else recorded), **more)


def item(
    purpose: str = "enrichment",
    categories: Iterable[str] = ("phone",),
    methods: Iterable[str] = ("psi_hash",),
    recipients: Iterable[str] = ("platform",),
    form: Form = Form.SEPARATE,
) -> ConsentItem:
    return ConsentItem(purpose, tuple(categories), tuple(methods), tuple(recipients), form)


def gives(at: float, recorded: float | None = None, *items: ConsentItem, **more: Any) -> ConsentEvent:
    """A sound separate consent to enrichment with the platform, unless said otherwise."""
    values: dict[str, Any] = {
        "handler": "shop",
        "consent_id": f"c{next(_numbers)}",
        "notice": "N@1",
        "by": Actor.SUBJECT,
        "mode": Mode.EXPLICIT,
        "evidence": True,
        "items": items or (item(),),
    }
    return event(EventType.GIVEN, at, recorded, **(values | more))


def withdraws(at: float, recorded: float | None = None, **more: Any) -> ConsentEvent:
    return event(EventType.WITHDRAWN, at, recorded, **({"handler": "shop"} | more))


def refuses(at: float, recorded: float | None = None, **more: Any) -> ConsentEvent:
    return event(EventType.REFUSED, at, recorded, **({"handler": "shop"} | more))


def born(on: date, recorded: float = 0) -> ConsentEvent:
    return event(EventType.BIRTHDATE, recorded, birthdate=on)


def happens(kind: PartyEventType, at: float, party: str = "platform", **more: Any) -> PartyEvent:
    recorded = more.pop("recorded", at)
    return PartyEvent(kind, day(at), day(recorded), party, **more)


USE = Use("shop", "platform", "enrichment", "phone", "psi_hash")


def asks(at: float = 100, known: float | None = None, use: Use = USE, **more: Any) -> Question:
    """A question about `ann`; fields of the use may be given by name."""
    names = ("handler", "recipient", "purpose", "category", "method", "basis")
    use = replace(use, **{name: more.pop(name) for name in names if name in more})
    return Question("ann", use, day(at), day(at if known is None else known), **more)


def decides(
    events: Iterable[ConsentEvent], question: Question | None = None, registry: Registry = REGISTRY
) -> Decision:
    return may_use(question or asks(), History("ann", tuple(events)), registry)


def says(decision: Decision) -> str:
    """The code and the articles in one line: `OK_CONSENT 13 14 23`."""
    return " ".join([decision.reason_code, *(article.removeprefix("PIPL-") for article in decision.articles)])
