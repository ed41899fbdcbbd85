"""Make the inputs of the example from a campaign's table in CSV: two customer files and two of consent events.

    PYTHONPATH=examples python examples/email_lift/make_inputs.py --csv FILE --out DIR
        [--noise on|off] [--reverse] [--strangers N]

Every row of FILE is a person whom the mailer wrote to, or left alone. The shop has 70 % of them and 20,000 strangers.
Who is in which group is decided by the order of SHA-256 over "LABEL PHONE", as README.md says: no random generator,
so that anyone can make the same files.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from inputs import (
    KEPT,
    PHONE,
    Event,
    Question,
    as_typed,
    draft,
    heading,
    people_of,
    phone,
    recipient,
    stranger_phone,
    write_events,
    write_json,
    write_rows,
)

SHARED = 70  # of 100 people are the shop's customers, too
STRANGERS = 20_000  # the shop's other customers, by default
PURPOSE = "campaign_measurement"
METHODS = ("psi_hash", "he_aggregate")
NOTICE = "lift"
# Agreed column -> category that the consent must name.
COLUMNS = {"visit": "shop_visit", "conversion": "purchase", "spend": "purchase"}
CATEGORIES = (PHONE, "shop_visit", "purchase")
ASKED_FROM = datetime(2026, 2, 1, tzinfo=UTC)
ASKED_DAYS = 60

# What customers did when asked, of 100: 90 of the mailer's and 95 of the shop's gave a valid separate consent.
MAILER_KINDS = {
    "separate": 90, "withdrew": 3, "silent": 2, "general": 1, "refused": 1, "expired": 1, "preticked": 1,
    "one_method": 1,
}  # fmt: skip
SHOP_KINDS = {"separate": 95, "withdrew": 2, "silent": 1, "one_category": 1, "one_method": 1}

NAMES = {"retailer": "仁里零售有限公司", "partner": "平川数字平台有限公司"}
WORDS = {
    PHONE: "手机号码的加密摘要",
    "shop_visit": "活动期内是否到店或访问网站",
    "purchase": "活动期内是否购买及消费金额",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--csv", type=Path, required=True, help="table with segment, visit, conversion and spend")
    parser.add_argument("--out", type=Path, required=True, help="where the files go")
    parser.add_argument("--noise", choices=("on", "off"), default="on", help="off: exact figures, signed by both")
    parser.add_argument("--reverse", action="store_true", help="the partner mails, the retailer is the shop")
    parser.add_argument("--strangers", type=int, default=STRANGERS, help="the shop's other customers")
    options = parser.parse_args()
    people = people_of(options.csv, ("segment", *COLUMNS), parser)
    mailer, shop = ("partner", "retailer") if options.reverse else ("retailer", "partner")
    make(people, options.strangers, mailer, shop, options.out)
    for side, partner, categories in ((mailer, shop, (PHONE,)), (shop, mailer, CATEGORIES)):
        write_json(options.out / f"{side}_notice.json", notice(side, partner, categories))
    write_json(options.out / "agreement_draft.json", agreement(mailer, shop, noise=options.noise == "on"))
    return 0


def make(people: Sequence[tuple[str, ...]], strangers: int, mailer: str, shop: str, out: Path) -> None:
    """Write the mailer's and the shop's customers and consent events.

    Args:
        people: segment, visit, conversion, spend of every row.
        strangers: customers of the shop alone.
        mailer: party id of who holds the segments; its people are the rows.
        shop: party id of who holds the values.
        out: folder.
    """
    rows = {phone(number): row for number, row in enumerate(people, 1)}
    both = ranked("shop", rows)[: round(SHARED * len(rows) / 100)]
    theirs = {one: rows[one][1:] for one in both}
    for number in range(1, strangers + 1):
        # A stranger looks like anybody else: what some person of the table did.
        like = int.from_bytes(digest("like", stranger_phone(number))[:8], "big") % len(people)
        theirs[stranger_phone(number)] = people[like][1:]
    mailed = {one: f"M{number:06d}" for number, one in enumerate(rows, 1)}
    bought = {one: f"S{number:06d}" for number, one in enumerate(ranked("order", theirs), 1)}

    names = {"retailer": "customer_id", "partner": "user_id"}
    write_rows(
        out / f"{mailer}.csv",
        (names[mailer], "phone", "segment"),
        ((customer, as_typed(one), rows[one][0]) for one, customer in mailed.items()),
    )
    write_rows(
        out / f"{shop}.csv",
        (names[shop], "phone", *COLUMNS),
        ((customer, one, *theirs[one]) for one, customer in bought.items()),
    )
    question = Question(mailer, shop, PURPOSE, NOTICE, METHODS)
    write_events(out / f"{mailer}_consents.csv", said("mailer", question, mailed, MAILER_KINDS, (PHONE,)))
    question = Question(shop, mailer, PURPOSE, NOTICE, METHODS)
    write_events(out / f"{shop}_consents.csv", said("shop", question, bought, SHOP_KINDS, CATEGORIES))


def digest(label: str, one: str) -> bytes:
    """What decides: SHA-256 over "LABEL PHONE"."""
    return hashlib.sha256(f"{label} {one}".encode()).digest()


def ranked(label: str, phones: Iterable[str]) -> list[str]:
    """Phones in the order of their digests."""
    return sorted(phones, key=lambda one: digest(label, one))


def said(
    label: str, question: Question, subjects: Mapping[str, str], kinds: Mapping[str, int], categories: Sequence[str]
) -> Iterator[Event]:
    """Yield what every customer said, in the order of being asked.

    Args:
        label: what the digests begin with.
        question: of the company whose customers they are.
        subjects: phone -> customer id.
        kinds: what customers did, of 100.
        categories: what a full consent names; the last one is what "one_category" leaves out.
    """
    order, ends, total = ranked(f"{label} consent", subjects), [], 0
    for share in kinds.values():
        total += share
        ends.append(round(len(order) * total / 100))
    done = {one: kind for kind, start, end in zip(kinds, [0, *ends], ends, strict=False) for one in order[start:end]}
    span = ASKED_DAYS * 24 * 3600
    asked = {one: int.from_bytes(digest(f"{label} asked", one)[:8], "big") % span for one in subjects}
    # Numbered as they come in: ids are stored as they are and must not tell whose they are.
    for number, one in enumerate(sorted(subjects, key=lambda one: (asked[one], one)), 1):
        kind, at, name = done[one], ASKED_FROM + timedelta(seconds=asked[one]), f"{label}-{number:06d}"
        if kind == "silent":
            continue
        if kind == "refused":
            yield question.refused(subjects[one], f"{name}-2", at)
            continue
        yield question.given(
            subjects[one],
            name,
            at,
            categories[:-1] if kind == "one_category" else categories,
            mode="preticked" if kind == "preticked" else "explicit",
            valid_until=(at + timedelta(days=30)).isoformat() if kind == "expired" else "",
            methods=";".join(METHODS[:1] if kind == "one_method" else METHODS),
            form="general" if kind == "general" else "separate",
        )
        if kind == "withdrew":
            yield question.withdrawn(subjects[one], name, at)


def notice(side: str, partner: str, categories: Sequence[str]) -> dict[str, Any]:
    """What customers of `side` read before they agreed."""
    words = "、".join(WORDS[one] for one in categories)
    terms = {"purposes": [PURPOSE], "methods": list(METHODS), "categories": list(categories)}
    text = (
        f"经您单独同意，{NAMES[side]}将以加密求交和同态加密的方式与{NAMES[partner]}处理您的{words}，"
        "仅得出各分组的统计数字，不识别个人，用于衡量营销活动的效果。您可以随时撤回同意。"
    )
    begin = heading(NOTICE, "活动效果统计告知书", text, side, NAMES[side])
    return {**begin, **terms, **KEPT, "recipients": [recipient(partner, NAMES[partner], terms)]}


def agreement(mailer: str, shop: str, *, noise: bool) -> dict[str, Any]:
    """The draft that the retailer proposes: statistics per segment, to the retailer alone."""
    flag = {"type": "number", "min": "0", "max": "1", "scale": 0}
    kinds = {"visit": flag, "conversion": flag, "spend": {"type": "number", "min": "0", "max": "500", "scale": 2}}
    # A person moves the sum by 500 and the sum of squares by 250,000: they need more than a flag does.
    losses = {"visit": {"sum": "0.5"}, "conversion": {"sum": "0.5"}, "spend": {"sum": "1", "sum_of_squares": "1"}}
    exact = {name: dict.fromkeys(epsilon, "0") for name, epsilon in losses.items()}
    private = {"epsilon_count": "1", "epsilon_receiver": "1", "delta": "0.000001"}
    ends = {"receiver": mailer, "sender": shop}
    direction = {"operation": "AGGREGATE", **ends, "columns": list(COLUMNS), "result_to": ["retailer"]}
    columns = [{"name": name, "category": COLUMNS[name], **kind} for name, kind in kinds.items()]
    statistics = {
        "segments": 8,
        "minimum_cohort": 50,
        "dummies": "LAPLACE" if noise else "NONE",
        "noise": "LAPLACE" if noise else "NONE",
        **(private if noise else {}),
        "epsilon_cap": "10",
        "delta_cap": "0.00001",
        "period_days": 30,
        "measures": [{"column": name, "epsilon": epsilon} for name, epsilon in (losses if noise else exact).items()],
    }
    return draft(NAMES, "lift-2026", PURPOSE, [direction], columns, aggregate=statistics)


if __name__ == "__main__":
    sys.exit(main())
