"""What comes before any run, for both companies: cards, registries, notices, one agreement, its bindings.

    python prepare.py DIR

One process in the place of twenty commands; `assent partner`, `registry`, `notice` and `agreement` do the same. In
earnest each company does its part on its own, and reads the other's fingerprint out by phone.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

from gateway.client import Binding, Category, Client, ImpactAssessment, Notice, NoticeRecipient, Purpose

SIDES = ("retailer", "shop")
MATCH_KEYS = {"phone.e164": "phone"}
COLUMNS = {name: name for name in ("bought", "spend", "usual")}


def main() -> None:
    folder = Path(sys.argv[1])
    with connected(folder, "retailer") as retailer, connected(folder, "shop") as shop:
        for host, guest in ((retailer, shop), (shop, retailer)):
            card = guest.registry.invitation()
            host.registry.accept_partner(card.card_file, card.fingerprint)
        for side, client in zip(SIDES, (retailer, shop), strict=True):
            register(client, json.loads((folder / f"{side}_notice.json").read_text(encoding="utf-8")))
        proposed = retailer.agreements.propose((folder / "agreement_draft.json").read_bytes())
        agreement = shop.agreements.accept(proposed.agreement_id, proposed.hash)
        (folder / "agreement.txt").write_text(agreement.agreement_id + "\n", encoding="utf-8")
        bind(retailer, shop, agreement.agreement_id, ("customers", "audience"), "users")


def bind(retailer: Client, shop: Client, agreement: str, ours: tuple[str, str], theirs: str) -> None:
    """Bind data sets: the retailer's with the column that says who is in which segment, the shop's with its values."""
    dataset, segments = ours
    retailer.agreements.bind(agreement, Binding(dataset, "customer_id", "customer", MATCH_KEYS, {}, segments))
    shop.agreements.bind(agreement, Binding(theirs, "user_id", "customer", MATCH_KEYS, COLUMNS))


def register(client: Client, said: dict[str, object]) -> None:
    """Register purpose, categories, assessment and notice of one side."""
    told = said.pop("recipients")
    assert isinstance(told, list)
    recipients = tuple(NoticeRecipient(**recipient) for recipient in told)
    notice = Notice(**said, recipients=recipients)  # type: ignore[arg-type]
    for purpose in notice.purposes:
        client.registry.create_purpose(Purpose(id=purpose, text="规划营销活动并衡量其效果"))
    for category in ("phone_hash", "purchase"):
        client.registry.create_category(Category(id=category, text=category))
    assessment = ImpactAssessment(
        id="campaign-2026",
        approved_at=datetime.fromisoformat("2026-01-05T09:00:00+08:00"),
        purposes=tuple(notice.purposes),
        methods=tuple(notice.methods),
        recipients=tuple(recipient.party for recipient in recipients),
        approver="privacy office",
    )
    client.registry.create_impact_assessment(assessment)
    client.notices.create(notice)
    client.notices.publish(notice.id, 1, datetime.fromisoformat("2026-01-10T09:00:00+08:00"))


def connected(folder: Path, side: str) -> Client:
    """Connect as the command line does, with what `assent keys init` left in the home."""
    home = folder / side / "client"
    read = {name: (home / name).read_text(encoding="utf-8").strip() for name in ("target", "ca.pem", "token")}
    return Client(read["target"], read["ca.pem"].encode(), read["token"])


if __name__ == "__main__":
    main()
