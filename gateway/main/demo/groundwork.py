"""What must stand before the first run: cards, registries, notices, one agreement, two bindings."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.client import (
    Agreement,
    Binding,
    Category,
    Client,
    ImpactAssessment,
    Notice,
    NoticeRecipient,
    Purpose,
)
from gateway.main.demo.people import METHODS, MOST_SPENT, Terms

RETAILER, PLATFORM = "retailer", "platform"
LEGAL_NAMES = {RETAILER: "仁里零售有限公司", PLATFORM: "平川数字平台有限公司"}
CONTACT = "privacy@{}.example"

PURPOSE = "profile_enrichment"
MEASUREMENT = "campaign_measurement"
OTHER_PURPOSE = "service_improvement"
PURPOSES = {
    PURPOSE: "补全会员档案，用于个性化的商品推荐",
    MEASUREMENT: "统计营销活动的效果，结果只含分组汇总数据",
    OTHER_PURPOSE: "改进自有服务的质量",
}
PHONE = "phone_hash"
CATEGORIES = {
    PHONE: "手机号码的加密摘要",
    "membership_tier": "会员等级",
    "preferred_channel": "常用渠道",
    "purchase_frequency": "年度订单数量",
    "purchases": "近一个月的消费",
}
ENRICHED = (PHONE, "membership_tier", "preferred_channel", "purchase_frequency")
COLUMNS = ("tier", "channel", "orders")
MEASURED = ("bought", "spend")
NOTICE = "enrichment"
ASSESSMENT = "enrichment-2026"
MATCH_KEY = "phone.e164"
CONSENT_AGE_S = 900
RETENTION_DAYS = 180
# People were asked from then on; the notice was there before.
ASKED_BEFORE = timedelta(days=90)
PUBLISHED_BEFORE = timedelta(days=120)

BINDINGS = {
    RETAILER: Binding(
        dataset="customers",
        subject_column="customer_id",
        subject_type="customer",
        match_key_columns={MATCH_KEY: "phone"},
        value_columns={},
        segment_column="arm",
    ),
    PLATFORM: Binding(
        dataset="customers",
        subject_column="user_id",
        subject_type="customer",
        match_key_columns={MATCH_KEY: "mobile"},
        value_columns={name: name for name in (*COLUMNS, *MEASURED)},
    ),
}


@dataclass(frozen=True, slots=True)
class Both:
    """The two gateways' clients.

    Attributes:
        retailer: asks.
        platform: answers.
    """

    retailer: Client
    platform: Client

    def by_party(self) -> dict[str, Client]:
        """Return the clients by party id."""
        return {RETAILER: self.retailer, PLATFORM: self.platform}


def terms(handler: str, now: datetime) -> Terms:
    """Return what a side's customers were asked: the platform also for what it discloses."""
    return Terms(
        handler=handler,
        recipient=PLATFORM if handler == RETAILER else RETAILER,
        purpose=PURPOSE,
        other_purpose=OTHER_PURPOSE,
        categories=(PHONE,) if handler == RETAILER else ENRICHED,
        declined=() if handler == RETAILER else ("purchase_frequency",),
        measurement=MEASUREMENT,
        measured=(PHONE,) if handler == RETAILER else (PHONE, "purchases"),
        notice=f"{NOTICE}@1",
        asked_at=now - ASKED_BEFORE,
    )


def exchange_cards(both: Both) -> None:
    """Each side accepts the other's card by its fingerprint."""
    for giver, taker in ((both.retailer, both.platform), (both.platform, both.retailer)):
        card = giver.registry.invitation()
        taker.registry.accept_partner(card.card_file, card.fingerprint)


def register(client: Client, party: str, now: datetime) -> None:
    """Register purposes, categories and the impact assessment of one side, and publish its notice.

    Args:
        client: of this side.
        party: this side.
        now: the present (UTC).
    """
    asked = terms(party, now)
    for purpose, text in PURPOSES.items():
        marketing = purpose == PURPOSE
        client.registry.create_purpose(
            Purpose(id=purpose, text=text, automated=marketing, personalised_marketing=marketing)
        )
    for category, text in CATEGORIES.items():
        client.registry.create_category(Category(id=category, text=text))
    client.registry.create_impact_assessment(
        ImpactAssessment(
            id=ASSESSMENT,
            approved_at=now - PUBLISHED_BEFORE,
            purposes=(PURPOSE, MEASUREMENT),
            recipients=(asked.recipient,),
            methods=METHODS,
            approver="privacy office",
        )
    )
    client.notices.create(_notice(asked))
    client.notices.publish(NOTICE, 1, now - PUBLISHED_BEFORE)


def sign_agreement(both: Both, now: datetime) -> Agreement:
    """The retailer proposes, the platform reads the hash and countersigns, both bind their data."""
    proposed = both.retailer.agreements.propose(json.dumps(_document(now), ensure_ascii=False).encode())
    agreement = both.platform.agreements.accept(proposed.agreement_id, proposed.hash)
    for party, client in both.by_party().items():
        client.agreements.bind(agreement.agreement_id, BINDINGS[party])
    return agreement


def _notice(asked: Terms) -> Notice:
    handler, recipient = LEGAL_NAMES[asked.handler], LEGAL_NAMES[asked.recipient]
    categories = tuple(dict.fromkeys((*asked.categories, *asked.measured)))
    told = "、".join(CATEGORIES[category] for category in categories)
    return Notice(
        id=NOTICE,
        version=1,
        language="zh-CN",
        title="会员档案补全与营销效果统计告知书",
        text=f"经您单独同意，{handler}将以加密求交和同态汇总的方式向{recipient}提供您的{told}，"
        "用于补全会员档案、统计营销活动的效果。您可以随时撤回同意。",
        handler_name=handler,
        handler_contact=CONTACT.format(asked.handler),
        purposes=tuple(PURPOSES),
        categories=categories,
        methods=METHODS,
        retention=f"自取得之日起{RETENTION_DAYS}天",
        after_retention="删除",
        rights_channel="应用内“我的-隐私”",
        withdrawal_channel="应用内“我的-隐私-撤回同意”",
        closure_channel="应用内“我的-注销账户”",
        recipients=(
            NoticeRecipient(
                party=asked.recipient,
                name=recipient,
                contact=CONTACT.format(asked.recipient),
                purposes=tuple(PURPOSES),
                methods=METHODS,
                categories=categories,
            ),
        ),
        automated_effect="根据档案自动选择推荐的商品，不影响价格；可在应用内关闭。",
        automated_categories=categories,
    )


def _document(now: datetime) -> dict[str, object]:
    def text(name: str, category: str, kind: str) -> dict[str, object]:
        return {"name": name, "category": category, "type": kind, "max_bytes": 16}

    number = {"name": "orders", "category": "purchase_frequency", "type": "number", "min": "0", "max": "1000"}
    direction = {"receiver": RETAILER, "sender": PLATFORM}
    legal_text = f"数据合作协议：{LEGAL_NAMES[RETAILER]}与{LEGAL_NAMES[PLATFORM]}（演示）"
    return {
        "parties": [{"id": party, "impact_assessment": ASSESSMENT} for party in (RETAILER, PLATFORM)],
        "purposes": [PURPOSE, MEASUREMENT],
        "directions": [
            {"operation": "MATCH", **direction},
            {"operation": "ENRICH", **direction, "columns": list(COLUMNS)},
            {"operation": "OVERLAP", **direction},
            {"operation": "AGGREGATE", **direction, "columns": list(MEASURED)},
        ],
        "match_keys": [{"name": MATCH_KEY, "category": PHONE}],
        "columns": [
            text("tier", "membership_tier", "band"),
            text("channel", "preferred_channel", "category"),
            number,
            {"name": "bought", "category": "purchases", "type": "number", "min": "0", "max": "1"},
            {
                "name": "spend",
                "category": "purchases",
                "type": "number",
                "min": "0",
                "max": str(MOST_SPENT),
                "scale": 2,
            },
        ],
        # Noise is on by default; the loss of one run is 1 for the counts and 1 for each statistic.
        "aggregate": {"segments": 8, "measures": [{"column": name} for name in MEASURED]},
        "caps": {"rows_receiver": 2_000_000, "rows_sender": 2_000_000, "runs_per_day": 20},
        "consent_age_s": CONSENT_AGE_S,
        "retention_days": RETENTION_DAYS,
        "valid_from": (now - timedelta(hours=1)).isoformat(),
        "valid_until": (now + timedelta(days=365)).isoformat(),
        "legal_text_hash": hashlib.sha256(legal_text.encode()).hexdigest(),
        "sandbox": True,
    }
