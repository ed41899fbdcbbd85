"""What one side registers, through the Python client: purpose, categories, assessment, notice; of the bank, links too.

    python register.py SIDE DIR

One process in the place of a dozen commands; `assent registry`, `assent notice` and `assent identity` do the same.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from gateway.client import Category, Client, ImpactAssessment, Notice, NoticeRecipient, Purpose


def main() -> None:
    side, folder = sys.argv[1], Path(sys.argv[2])
    said = json.loads((folder / f"{side}_notice.json").read_text(encoding="utf-8"))
    recipients = tuple(NoticeRecipient(**recipient) for recipient in said.pop("recipients"))
    with connected(folder / side / "client") as client:
        for purpose in said["purposes"]:
            client.registry.create_purpose(Purpose(id=purpose, text="补全会员档案"))
        for category in ("phone_hash", "finances", "contact"):
            client.registry.create_category(Category(id=category, text=category))
        assessment = ImpactAssessment(
            id="enrichment-2026",
            approved_at=datetime.fromisoformat("2026-01-05T09:00:00+08:00"),
            purposes=tuple(said["purposes"]),
            methods=tuple(said["methods"]),
            recipients=tuple(recipient.party for recipient in recipients),
            approver="privacy office",
        )
        client.registry.create_impact_assessment(assessment)
        client.notices.create(Notice(**said, recipients=recipients))
        client.notices.publish(said["id"], said["version"], datetime.fromisoformat("2026-01-10T09:00:00+08:00"))
        for source in ("cards", "app") if side == "bank" else ():
            report = client.identity.import_links(links(folder / f"{source}_links.csv"), source, "customer")
            print(f"{source}: {report.linked} ids are customers'")


def connected(folder: Path) -> Client:
    """Connect as the command line does, with what `assent keys init` left in the home."""
    read = {name: (folder / name).read_text(encoding="utf-8").strip() for name in ("target", "ca.pem", "token")}
    return Client(read["target"], read["ca.pem"].encode(), read["token"])


def links(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield (row number, id in the other system, customer number)."""
    with path.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), 1):
            yield number, row["id"], row["subject"]


if __name__ == "__main__":
    main()
