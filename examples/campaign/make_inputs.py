"""Make the inputs of the example: a year of a shop's orders, a retailer's customers, and what people agreed to.

    PYTHONPATH=examples python examples/campaign/make_inputs.py before --customers N --out DIR
    PYTHONPATH=examples python examples/campaign/make_inputs.py after --out DIR

`before` writes everything that is there when the campaign is planned. `after` reads which audiences were chosen
(chosen.json), sends the message to half of their customers, lets a fortnight of orders happen, and writes what both
companies then have. Drawn with a fixed seed: the same N and the same choice give the same files.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import inputs
from inputs import Event, Question

SEED = 20261122
PURPOSE, NOTICE, PURCHASE = "campaign_measurement", "campaign", "purchase"
METHODS = ("psi_hash", "he_aggregate")
NAMES = {"retailer": "仁里零售有限公司", "shop": "平川数字平台有限公司"}
# Audience -> of a hundred of its customers, how many the shop has, too.
AUDIENCES = {"gold": 70, "silver": 55, "bronze": 15}
YEAR, CAMPAIGN = (date(2025, 2, 2), date(2026, 2, 2)), (date(2026, 2, 2), date(2026, 2, 16))
FORTNIGHTS = 26  # of a year
BUYS = {"message": 0.45, "control": 0.25, "nobody": 0.25}  # chance of an order in the fortnight
ASKED = datetime(2026, 1, 15, tzinfo=UTC)

Order = tuple[str, date, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("when", choices=("before", "after"))
    parser.add_argument("--customers", type=int, default=900, help="customers of the retailer")
    parser.add_argument("--out", type=Path, required=True, help="where the files go")
    options = parser.parse_args()
    if options.when == "before":
        before(options.customers, options.out, random.Random(SEED))
    else:
        after(options.out, random.Random(SEED + 1))


def before(count: int, out: Path, chance: random.Random) -> None:
    """Write customers, a year of orders, consents, notices and the agreement."""
    audiences = list(AUDIENCES)
    retailer = [(f"R{number:06d}", inputs.phone(number), audiences[number % 3]) for number in range(1, count + 1)]
    shared = [one for _, one, audience in retailer if chance.randrange(100) < AUDIENCES[audience]]
    strangers = [inputs.phone(number) for number in range(count + 1, count + 1 + count // 3)]
    phones = shared + strangers
    chance.shuffle(phones)
    shop = [(f"S{number:06d}", one) for number, one in enumerate(phones, 1)]
    inputs.write_rows(out / "customers.csv", ("customer_id", "phone", "audience"), retailer)
    days = (YEAR[1] - YEAR[0]).days
    orders = [
        (user, YEAR[0] + timedelta(days=chance.randrange(days)), cents(chance))
        for user, _ in shop
        for _ in range(chance.randrange(12))
    ]
    _orders(out / "orders_year.csv", orders)
    last = [order for order in orders if order[1] >= YEAR[1] - timedelta(days=14)]
    _bought(out / "users.csv", shop, last, orders)
    asked = {"retailer": (inputs.PHONE,), "shop": (inputs.PHONE, PURCHASE)}
    customers, users = [row[0] for row in retailer], [row[0] for row in shop]
    for side, other, ids in (("retailer", "shop", customers), ("shop", "retailer", users)):
        events = said(Question(side, other, PURPOSE, NOTICE, METHODS), ids, asked[side], chance)
        inputs.write_events(out / f"{side}_consents.csv", events, inputs.UNLIMITED_FIELDS)
        inputs.write_json(out / f"{side}_notice.json", notice(side, other, asked[side]))
    inputs.write_json(out / "agreement_draft.json", agreement())


def after(out: Path, chance: random.Random) -> None:
    """Write who got the message, the orders of the fortnight, and what the shop knows of its customers by then."""
    chosen = json.loads((out / "chosen.json").read_text(encoding="utf-8"))
    arms = [
        (row["customer_id"], row["phone"], chance.choice(("message", "control")))
        for row in _read(out / "customers.csv")
        if row["audience"] in chosen
    ]
    inputs.write_rows(out / "arms.csv", ("customer_id", "phone", "arm"), arms)
    arm_of, users = {one: arm for _, one, arm in arms}, _read(out / "users.csv")
    days = (CAMPAIGN[1] - CAMPAIGN[0]).days
    orders = [
        (row["user_id"], CAMPAIGN[0] + timedelta(days=chance.randrange(days)), cents(chance))
        for row in users
        if chance.random() < BUYS[arm_of.get(row["phone"], "nobody")]
        for _ in range(1 + chance.randrange(2))
    ]
    _orders(out / "orders_campaign.csv", orders)
    year = [
        (row["user_id"], date.fromisoformat(row["day"]), round(100 * float(row["amount"])))
        for row in _read(out / "orders_year.csv")
    ]
    _bought(out / "buyers.csv", [(row["user_id"], row["phone"]) for row in users], orders, year)


def _bought(path: Path, users: Iterable[tuple[str, str]], fortnight: list[Order], year: list[Order]) -> None:
    """Write what the shop's table says of its customers: what they bought in a fortnight, and in a usual one."""
    spent, usual = Counter[str](), Counter[str]()
    for orders, into in ((fortnight, spent), (year, usual)):
        for user, _, paid in orders:
            into[user] += paid
    rows = (
        (user, one, int(user in spent), amount(spent[user]), amount(usual[user] // FORTNIGHTS)) for user, one in users
    )
    inputs.write_rows(path, ("user_id", "phone", "bought", "spend", "usual"), rows)


def cents(chance: random.Random) -> int:
    """What an order costs."""
    return chance.randrange(500, 30_000)


def amount(paid: int) -> str:
    """Cents as yuan."""
    return f"{paid // 100}.{paid % 100:02d}"


def _orders(path: Path, orders: Iterable[Order]) -> None:
    rows = sorted(orders, key=lambda order: (order[1], order[0]))
    numbered = ((number, user, day.isoformat(), amount(paid)) for number, (user, day, paid) in enumerate(rows, 1))
    inputs.write_rows(path, ("order_id", "user_id", "day", "amount"), numbered)


def said(
    question: Question, people: Sequence[str], categories: Sequence[str], chance: random.Random
) -> Iterator[Event]:
    """Of twenty people one says nothing, one withdraws, and one refuses."""
    for person in people:
        kind, name = chance.randrange(20), chance.randbytes(10).hex()
        if kind == 0:
            continue
        if kind == 1:
            yield question.refused(person, f"{name}-1", ASKED)
            continue
        yield question.given(person, name, ASKED, categories)
        if kind == 2:
            yield question.withdrawn(person, name, ASKED)


def notice(side: str, other: str, categories: Sequence[str]) -> dict[str, object]:
    """What one side tells its customers."""
    terms = {"purposes": [PURPOSE], "methods": list(METHODS), "categories": list(categories)}
    text = (
        f"经您单独同意，{NAMES[side]}将以加密求交和同态加密的方式与{NAMES[other]}共同统计营销活动的覆盖与效果，"
        "仅得出各分组的统计数字，不识别个人。"
    )
    begin = inputs.heading(NOTICE, "活动规划与效果统计告知书", text, side, NAMES[side])
    return {**begin, **inputs.KEPT, **terms, "recipients": [inputs.recipient(other, NAMES[other], terms)]}


def agreement() -> dict[str, object]:
    """What both sign: counts per audience, then exact sums of three columns per arm, to the retailer alone."""
    ends = {"receiver": "retailer", "sender": "shop", "result_to": ["retailer"]}
    columns = [
        {"name": "bought", "category": PURCHASE, "type": "number", "min": "0", "max": "1", "scale": 0},
        {"name": "spend", "category": PURCHASE, "type": "number", "min": "0", "max": "500", "scale": 2},
        {"name": "usual", "category": PURCHASE, "type": "number", "min": "0", "max": "500", "scale": 2},
    ]
    exact = {"bought": {"sum": "0"}, "spend": {"sum": "0", "sum_of_squares": "0"}, "usual": {"sum": "0"}}
    directions = [{"operation": "OVERLAP", **ends}, {"operation": "AGGREGATE", **ends, "columns": list(exact)}]
    statistics = {
        "segments": 8,
        "minimum_cohort": 50,
        "dummies": "NONE",
        "noise": "NONE",
        "epsilon_cap": "10",
        "delta_cap": "0.00001",
        "period_days": 30,
        "measures": [{"column": name, "epsilon": loss} for name, loss in exact.items()],
    }
    return inputs.draft(NAMES, "campaign-2026", PURPOSE, directions, columns, aggregate=statistics)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    main()
