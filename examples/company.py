"""One company's gateway through the Python client: connected to, and told what comes before any agreement.

One process in the place of a dozen commands; `assent registry` and `assent notice` do the same. run.sh says where this
lies, as with inputs.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gateway.client import Category, Client, ImpactAssessment, Notice, NoticeRecipient, Purpose

APPROVED_AT = datetime.fromisoformat("2026-01-05T09:00:00+08:00")
PUBLISHED_AT = datetime.fromisoformat("2026-01-10T09:00:00+08:00")


def connected(folder: Path, side: str) -> Client:
    """Connect as the command line does, with what `assent keys init` left in the home."""
    home = folder / side / "client"
    read = {name: (home / name).read_text(encoding="utf-8").strip() for name in ("target", "ca.pem", "token")}
    return Client(read["target"], read["ca.pem"].encode(), read["token"])


def register(
    client: Client, folder: Path, side: str, *, purpose_text: str, categories: Sequence[str], assessment: str
) -> None:
    """Register what one side's notice tells of: purposes, categories, the assessment, and the notice, published."""
    said = json.loads((folder / f"{side}_notice.json").read_text(encoding="utf-8"))
    recipients = tuple(NoticeRecipient(**recipient) for recipient in said.pop("recipients"))
    notice = Notice(**said, recipients=recipients)
    for purpose in notice.purposes:
        client.registry.create_purpose(Purpose(id=purpose, text=purpose_text))
    for category in categories:
        client.registry.create_category(Category(id=category, text=category))
    client.registry.create_impact_assessment(
        ImpactAssessment(
            id=assessment,
            approved_at=APPROVED_AT,
            purposes=tuple(notice.purposes),
            methods=tuple(notice.methods),
            recipients=tuple(recipient.party for recipient in recipients),
            approver="privacy office",
        )
    )
    client.notices.create(notice)
    client.notices.publish(notice.id, notice.version, PUBLISHED_AT)
