"""Make the inputs of the example: a retailer's customers, a bank's three systems, and what people agreed to.

    python make_inputs.py --customers N --out DIR

Half of the retailer's customers have an account, a card or the app of the bank. The bank knows a person by a customer
number; its card system and its app have ids of their own. Drawn with a fixed seed: the same N gives the same files.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED = 20261122
PURPOSE, NOTICE, PHONE = "profile_enrichment", "enrichment", "phone_hash"
COLUMNS = {"wealth": "finances", "card": "finances", "channel": "contact"}
NAMES = {"retailer": "仁里零售有限公司", "bank": "平川银行股份有限公司"}
ASKED = datetime(2026, 2, 1, tzinfo=UTC)
WEALTH, GRADES, DEVICES = ("0-10k", "10k-100k", "100k+"), ("standard", "gold", "platinum"), ("phone", "tablet", "web")
EVENT_FIELDS = (
    "event_id", "type", "at", "subject", "handler", "consent_id", "notice", "by", "mode", "evidence", "channel",
    "purpose", "categories", "methods", "recipients", "form", "recipient",
)  # fmt: skip

Row = tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--customers", type=int, required=True, help="customers of the retailer")
    parser.add_argument("--out", type=Path, required=True, help="where the files go")
    options = parser.parse_args()
    make(options.customers, options.out, random.Random(SEED))


def make(count: int, out: Path, chance: random.Random) -> None:
    """Write everything that run.sh reads."""
    retailer = [(f"R{number:06d}", phone(number)) for number in range(1, count + 1)]
    _write(out / "retailer.csv", ("customer_id", "phone"), retailer)
    # Of the bank's people the first half are the retailer's customers too.
    people = [(f"B{number:06d}", phone(number + count // 2)) for number in range(1, count + 1)]
    core, cards, app, cards_links, app_links = (list[Row]() for _ in range(5))
    for place, (person, number) in enumerate(people):
        if place % 10 < 8:
            core.append((person, number, chance.choice(WEALTH)))
        if place % 10 > 5:
            # Some changed their number and told the core system alone.
            known = number if place % 30 != 7 else phone(9 * count + place)
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
    _write(out / "core.csv", ("customer_no", "phone", "asset_band"), core)
    _write(out / "cards.csv", ("card", "mobile", "grade"), cards)
    _write(out / "app.csv", ("user", "phone", "device"), app)
    for name, links in (("cards", cards_links), ("app", app_links)):
        _write(out / f"{name}_links.csv", ("id", "subject"), links)
    told = (PHONE, *dict.fromkeys(COLUMNS.values()))
    _consents(out, "retailer", "bank", [customer for customer, _ in retailer], (PHONE,), chance)
    _consents(out, "bank", "retailer", [person for person, _ in people], told, chance)
    for side, other in (("retailer", "bank"), ("bank", "retailer")):
        _json(out / f"{side}_notice.json", notice(side, other, told if side == "bank" else (PHONE,)))
    _json(out / "agreement_draft.json", agreement())


def phone(number: int) -> str:
    """The rule: person number -> "150" and the number in eight digits."""
    return f"150{number:08d}"


def _consents(
    out: Path, handler: str, recipient: str, people: Sequence[str], categories: Sequence[str], chance: random.Random
) -> None:
    """Of twenty people one says nothing, one withdraws, and one agrees to all but the last category."""
    with (out / f"{handler}_consents.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, EVENT_FIELDS, restval="", lineterminator="\n")
        writer.writeheader()
        for person in people:
            kind, name = chance.randrange(20), chance.randbytes(10).hex()
            common = {"subject": person, "handler": handler, "by": "subject", "purpose": PURPOSE}
            if kind == 0:
                continue
            named = categories[: -1 if kind == 1 and len(categories) > 1 else None]
            writer.writerow(
                {
                    **common,
                    "event_id": f"{name}-1",
                    "type": "consent_given",
                    "at": ASKED.isoformat(),
                    "consent_id": name,
                    "notice": f"{NOTICE}@1",
                    "mode": "explicit",
                    "evidence": "true",
                    "channel": "app",
                    "categories": ";".join(named),
                    "methods": "psi_hash",
                    "recipients": recipient,
                    "form": "separate",
                }
            )
            if kind == 2:
                at = (ASKED + timedelta(days=5)).isoformat()
                writer.writerow(
                    {**common, "event_id": f"{name}-2", "type": "consent_withdrawn", "at": at, "recipient": recipient}
                )


def notice(side: str, other: str, categories: Sequence[str]) -> dict[str, object]:
    """What one side tells its customers."""
    told = {"purposes": [PURPOSE], "methods": ["psi_hash"], "categories": list(categories)}
    return {
        "id": NOTICE,
        "version": 1,
        "language": "zh-CN",
        "title": "会员档案补全告知书",
        "text": f"经您单独同意，{NAMES[side]}将以加密求交的方式与{NAMES[other]}匹配手机号码摘要，用于补全会员档案。",
        "handler_name": NAMES[side],
        "handler_contact": f"privacy@{side}.example",
        "retention": "自取得之日起180天",
        "after_retention": "删除",
        "rights_channel": "应用内“我的-隐私”",
        "withdrawal_channel": "应用内“我的-隐私-撤回同意”",
        "closure_channel": "应用内“我的-注销账户”",
        **told,
        "recipients": [{"party": other, "name": NAMES[other], "contact": f"privacy@{other}.example", **told}],
    }


def agreement() -> dict[str, object]:
    """What both sign."""
    ends = {"receiver": "retailer", "sender": "bank"}
    return {
        "parties": [{"id": side, "impact_assessment": "enrichment-2026"} for side in NAMES],
        "purposes": [PURPOSE],
        "directions": [{"operation": "ENRICH", **ends, "columns": list(COLUMNS)}],
        "match_keys": [{"name": "phone.e164", "category": PHONE}],
        "columns": [
            {"name": name, "category": category, "type": "category", "max_bytes": 16}
            for name, category in COLUMNS.items()
        ],
        "caps": {"rows_receiver": 1_000_000, "rows_sender": 1_000_000, "runs_per_day": 10},
        "retention_days": 180,
        "valid_from": "2026-01-01T00:00:00+08:00",
        "valid_until": "2031-01-01T00:00:00+08:00",
        "legal_text_hash": "b257dfd6046396c10e06f173d4fd989cf76241b0f5ca5af3965ab9a408e35cd8",
        "sandbox": True,
    }


def _json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
