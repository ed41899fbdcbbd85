"""What comes before any run, for both companies: cards, registries, notices, one agreement, its bindings.

    PYTHONPATH=examples python examples/campaign/prepare.py DIR

One process in the place of twenty commands; `assent partner`, `registry`, `notice` and `agreement` do the same. In
earnest each company does its part on its own, and reads the other's fingerprint out by phone.
"""

from __future__ import annotations

import sys
from pathlib import Path

from company import connected, register

from gateway.client import Binding, Client

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
            register(
                client,
                folder,
                side,
                purpose_text="规划营销活动并衡量其效果",
                categories=("phone_hash", "purchase"),
                assessment="campaign-2026",
            )
        proposed = retailer.agreements.propose((folder / "agreement_draft.json").read_bytes())
        agreement = shop.agreements.accept(proposed.agreement_id, proposed.hash)
        (folder / "agreement.txt").write_text(agreement.agreement_id + "\n", encoding="utf-8")
        bind(retailer, shop, agreement.agreement_id, ("customers", "audience"), "users")


def bind(retailer: Client, shop: Client, agreement: str, ours: tuple[str, str], theirs: str) -> None:
    """Bind data sets: the retailer's with the column that says who is in which segment, the shop's with its values."""
    dataset, segments = ours
    retailer.agreements.bind(agreement, Binding(dataset, "customer_id", "customer", MATCH_KEYS, {}, segments))
    shop.agreements.bind(agreement, Binding(theirs, "user_id", "customer", MATCH_KEYS, COLUMNS))


if __name__ == "__main__":
    main()
