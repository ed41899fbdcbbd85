"""Make the inputs of the example: a retailer's customers, a bank's three systems, and what people agreed to.

    PYTHONPATH=examples python examples/bank_union/make_inputs.py --customers N --out DIR

Half of the retailer's customers have an account, a card or the app of the bank. The bank knows a person by a customer
number; its card system and its app have ids of their own. Drawn with a fixed seed: the same N gives the same files.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import inputs
from inputs import Event, Question

SEED = 20261122
PURPOSE, NOTICE, METHODS = "profile_enrichment", "enrichment", ("psi_hash",)
COLUMNS = {"wealth": "finances", "card": "finances", "channel": "contact"}
NAMES = {"retailer": "仁里零售有限公司", "bank": "平川银行股份有限公司"}
ASKED = datetime(2026, 2, 1, tzinfo=UTC)
WEALTH, GRADES, DEVICES = ("0-10k", "10k-100k", "100k+"), ("standard", "gold", "platinum"), ("phone", "tablet", "web")

Row = tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--customers", type=int, required=True, help="customers of the retailer")
    parser.add_argument("--out", type=Path, required=True, help="where the files go")
    options = parser.parse_args()
    make(options.customers, options.out, random.Random(SEED))


def make(count: int, out: Path, chance: random.Random) -> None:
    """Write everything that run.sh reads."""
    retailer = [(f"R{number:06d}", inputs.phone(number)) for number in range(1, count + 1)]
    inputs.write_rows(out / "retailer.csv", ("customer_id", "phone"), retailer)
    # Of the bank's people the first half are the retailer's customers too.
    people = [(f"B{number:06d}", inputs.phone(number + count // 2)) for number in range(1, count + 1)]
    core, cards, app, cards_links, app_links = (list[Row]() for _ in range(5))
    for place, (person, number) in enumerate(people):
        if place % 10 < 8:
            core.append((person, number, chance.choice(WEALTH)))
        if place % 10 > 5:
            # Some changed their number and told the core system alone.
            known = number if place % 30 != 7 else inputs.phone(9 * count + place)
            grade = chance.choice(GRADES)
            # Everybody's second card says what the first says.
            for card in range(1 + place % 2):
                cards.append((f"{4000 + card}-{place:06d}", known, grade))
                cards_links.append((f"{4000 + card}-{place:06d}", person))
        if place % 4 == 0:
            app.append((f"user{place}", number, chance.choice(DEVICES)))
            if place % 20:
                app_links.append((f"user{place}", person))
    for rows in (core, cards, app):
        chance.shuffle(rows)
    inputs.write_rows(out / "core.csv", ("customer_no", "phone", "asset_band"), core)
    inputs.write_rows(out / "cards.csv", ("card", "mobile", "grade"), cards)
    inputs.write_rows(out / "app.csv", ("user", "phone", "device"), app)
    for name, links in (("cards", cards_links), ("app", app_links)):
        inputs.write_rows(out / f"{name}_links.csv", ("id", "subject"), links)
    asked = {"retailer": (inputs.PHONE,), "bank": (inputs.PHONE, *dict.fromkeys(COLUMNS.values()))}
    for side, other, ids in (("retailer", "bank", retailer), ("bank", "retailer", people)):
        question = Question(side, other, PURPOSE, NOTICE, METHODS)
        events = said(question, [one for one, _ in ids], asked[side], chance)
        inputs.write_events(out / f"{side}_consents.csv", events, inputs.UNLIMITED_FIELDS)
        inputs.write_json(out / f"{side}_notice.json", notice(side, other, asked[side]))
    inputs.write_json(out / "agreement_draft.json", agreement())


def said(
    question: Question, people: Sequence[str], categories: Sequence[str], chance: random.Random
) -> Iterator[Event]:
    """Of twenty people one says nothing, one withdraws, and one agrees to all but the last category."""
    for person in people:
        kind, name = chance.randrange(20), chance.randbytes(10).hex()
        if kind == 0:
            continue
        yield question.given(person, name, ASKED, categories[: -1 if kind == 1 and len(categories) > 1 else None])
        if kind == 2:
            yield question.withdrawn(person, name, ASKED)


def notice(side: str, other: str, categories: Sequence[str]) -> dict[str, object]:
    """What one side tells its customers."""
    terms = {"purposes": [PURPOSE], "methods": list(METHODS), "categories": list(categories)}
    text = f"经您单独同意，{NAMES[side]}将以加密求交的方式与{NAMES[other]}匹配手机号码摘要，用于补全会员档案。"
    begin = inputs.heading(NOTICE, "会员档案补全告知书", text, side, NAMES[side])
    return {**begin, **inputs.KEPT, **terms, "recipients": [inputs.recipient(other, NAMES[other], terms)]}


def agreement() -> dict[str, object]:
    """What both sign."""
    direction = {"operation": "ENRICH", "receiver": "retailer", "sender": "bank", "columns": list(COLUMNS)}
    columns = [
        {"name": name, "category": category, "type": "category", "max_bytes": 16} for name, category in COLUMNS.items()
    ]
    return inputs.draft(NAMES, "enrichment-2026", PURPOSE, [direction], columns)


if __name__ == "__main__":
    main()
