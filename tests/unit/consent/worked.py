"""Worked cases in one line each, read into a document for `consent.cases.decide`.

A line is `title | what happened | what is asked | the answer`. An event is `day word name=value ...`, where
`5@9` happened on day 5 and was recorded on day 9, and a day may carry `+14h`, `-1s`; a `+` of its own opens
another item of the same yes. What a line leaves out is the yes of `YES` and the question of `QUESTION`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

CASES = Path(__file__).with_name("worked_cases.txt")
START = datetime.fromisoformat("2026-01-01T10:00:00+08:00")
FOREVER = {"from": "2020-01-01T10:00:00+08:00", "to": "2032-01-01T10:00:00+08:00"}
UNITS = {"h": 3600, "m": 60, "s": 1}

WORDS = {
    "ask": "consent_requested",
    "close": "consent_deferred",
    "yes": "consent_given",
    "no": "consent_refused",
    "withdraw": "consent_withdrawn",
    "void": "consent_invalidated",
    "ended": "consent_revoked_by_handler",
    "used": "consent_used",
    "born": "birthdate_recorded",
    "dead": "subject_deceased",
    "merge": "identity_merged",
    "part": "identity_unmerged",
    "collected": "collected",
    "hold": "statutory_hold",
    "delete": "deletion_requested",
    "restrict": "restriction_requested",
    "closed": "account_closed",
    "optout": "personalisation_opt_out",
    "optin": "personalisation_opt_in",
    "public-no": "public_info_refused",
    "alert": "integrity_alert",
    "cleared": "integrity_cleared",
    "suspended": "recipient_suspended",
    "reinstated": "recipient_reinstated",
    "succeeded": "recipient_succeeded",
    "scope-changed": "recipient_scope_changed",
    "approved": "competent_authority_approval",
    "notice": "notice_published",
    "assessed": "pia_approved",
}
FOR_EVERYBODY = {"suspended", "reinstated", "succeeded", "scope-changed", "approved", "notice", "assessed"}

YES = {"for": "enrichment", "cat": "phone", "via": "psi_hash", "to": "platform", "form": "separate"}
QUESTION = {"for": "enrichment", "cat": "phone", "via": "psi_hash", "to": "platform"}


@dataclass(frozen=True)
class Line:
    """One worked case."""

    title: str
    happened: str
    asked: str
    answer: str


def lines() -> list[Line]:
    text = CASES.read_text(encoding="utf-8").splitlines()
    return [Line(*map(str.strip, line.split("|"))) for line in text if line and not line.startswith("#")]


def time(day: str) -> str:
    """`100+14h-1s`: a day, and hours, minutes or seconds more or less."""
    number, *steps = re.findall(r"^\d+|[+-]\d+[hms]", day)
    assert number + "".join(steps) == day, day
    moved = sum(int(step[:-1]) * UNITS[step[-1]] for step in steps)
    return (START + timedelta(days=int(number), seconds=moved)).isoformat()


def said(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) if "=" in word else (word, "yes") for word in words)


def listed(text: str) -> list[str]:
    return [] if text == "-" else text.split(",")


def item(words: dict[str, str]) -> list[dict[str, Any]]:
    agreed = YES | words
    return [
        {
            "purpose": purpose,
            "categories": listed(agreed["cat"]),
            "methods": listed(agreed["via"]),
            "recipients": listed(agreed["to"]),
            "form": agreed["form"],
        }
        for purpose in agreed["for"].split("+")
    ]


def event(text: str, number: int) -> dict[str, Any]:
    """Read one event; every word of the line must have been understood."""
    when, word, *rest = text.split()
    first, *more = f" {' '.join(rest)}".split(" + ")
    words = said(first.split())
    at, _, recorded = when.partition("@")
    found: dict[str, Any] = {"type": WORDS[word], "at": time(at)}
    if recorded:
        found["recorded_at"] = time(recorded)
    if word == "born":
        found["birthdate"] = next(name for name in words if name[0].isdigit())
        words.pop(found["birthdate"])
    if word in FOR_EVERYBODY:
        found |= happened_to_everybody(word, words)
    else:
        who = words.pop("who", "ann")
        if word in ("merge", "part"):
            found["subjects"] = [who, *words.pop("with").split(",")]
        else:
            found["subject"] = who
    if word == "yes":
        notice = words.pop("notice", "share@1")
        found |= {} if notice == "-" else {"notice": notice}
        found["consent_id"] = words.pop("id", f"consent {number}")
        found["items"] = item({name: words.pop(name) for name in YES if name in words})
        found["items"] += [one for more_words in more for one in item(said(more_words.split()))]
    for name, field in (("for", "purpose"), ("via", "method"), ("to", "recipient"), ("id", "consent_id")):
        if name in words:
            found[field] = words.pop(name)
    if "cat" in words:
        found["categories"] = listed(words.pop("cat"))
    for name, field in (("retention", "retention_until"), ("until", "valid_until" if word == "yes" else "until")):
        if name in words:
            found[field] = time(words.pop(name))
    if "uses" in words:
        found["max_uses"] = int(words.pop("uses"))
    for name, field in (("verified", "guardian_verified"), ("evidence", "evidence")):
        if name in words:
            found[field] = words.pop(name) == "yes"
    found |= {name: words.pop(name) for name in ("by", "mode", "handler", "channel") if name in words}
    assert not words, (text, words)
    return found


def happened_to_everybody(word: str, words: dict[str, str]) -> dict[str, Any]:
    party = words.pop("party", "platform")
    if word == "notice":
        reference = next(name for name in words if "@" in name)
        words.pop(reference)
        found: dict[str, Any] = {"notice": reference, "material_for": listed(words.pop("material", "-"))}
        return found | ({"effective_at": time(words.pop("effective"))} if "effective" in words else {})
    if word == "assessed":
        pia = {
            "id": "NEW",
            "purposes": listed(words.pop("for", "enrichment")),
            "recipients": listed(words.pop("to")),
            "methods": listed(words.pop("via", "psi_hash")),
        }
        return {"pia": pia | ({"next_review": time(words.pop("review"))} if "review" in words else {})}
    if word == "succeeded":
        return {"from": party, "to": words.pop("to"), "notified": words.pop("told", "no") == "yes"}
    found = {"recipient": party}
    if word == "scope-changed":
        found |= {
            name: listed(words.pop(key)) for key, name in (("for", "purposes"), ("via", "methods")) if key in words
        }
    return found


def question(text: str) -> dict[str, Any]:
    words = said(text.split())
    asked = QUESTION | words
    found: dict[str, Any] = {
        "subject": "ann",
        "purpose": asked.pop("for"),
        "category": asked.pop("cat"),
        "method": asked.pop("via"),
        "recipient": None if asked["to"] == "-" else asked["to"],
        "at": time(asked.pop("at", "100")),
    }
    asked.pop("to")
    if "known" in asked:
        found["as_known_at"] = time(asked.pop("known"))
    counts = {
        "group": "group_size",
        "exported": "exported_this_year",
        "sensitive-exported": "sensitive_exported_this_year",
    }
    for name, field in counts.items():
        if name in asked:
            found[field] = int(asked.pop(name))
    for name, field in (("linkable", "linkable"), ("necessary", "necessary_for_service")):
        if name in asked:
            found[field] = asked.pop(name) == "yes"
    found |= {name: asked.pop(name) for name in ("kind", "basis", "handler") if name in asked}
    assert not asked, (text, asked)
    return found


def case(number: int, happened: str, asked: str) -> dict[str, Any]:
    events = [event(text.strip(), place) for place, text in enumerate(happened.split(";")) if text.strip()]
    return {"id": str(number), "events": events, "question": question(asked)}


def document(cases: list[dict[str, Any]]) -> dict[str, Any]:
    handler = {"question": {"properties": {"handler": {"default": "shop"}}}}
    return {"case_schema": {"properties": handler}, "fixtures": FIXTURES, "cases": cases}


def shown(answer: dict[str, Any]) -> str:
    """`OK_CONSENT 13 14 23`, as in the table."""
    return " ".join([answer["reason_code"], *(article.removeprefix("PIPL-") for article in answer["articles"])])


# ---- the world of the cases -----------------------------------------------------------------------------------------


def party(role: str = "handler", country: str = "CN", **more: Any) -> dict[str, Any]:
    return {"role": role, "country": country, "name": "某公司", "contact": "dpo@example", "contract": FOREVER} | more


def days(begin: int, end: int) -> dict[str, str]:
    return {"from": time(str(begin)), "to": time(str(end))}


ENTRUSTED = {**FOREVER, "purposes": ["enrichment", "delivery"]}
PARTIES = {
    "shop": party(),
    "sister": party(),
    "platform": party(),
    "heir": party(),
    "joint": party("joint"),
    "courier": party(),
    "newcomer": party(),  # nobody assessed it
    "modest": party(),  # assessed, but not for what is sensitive
    "brief": party(contract=days(1, 60)),
    "informal": {"role": "handler", "country": "CN"},  # no contract
    "cloud": party("entrusted", contract=ENTRUSTED),
    "cloud-sg": party("entrusted", "SG", contract=ENTRUSTED),
    "sub-unapproved": party("entrusted", contract=ENTRUSTED, sub_processor_of="cloud", sub_processing_approved=False),
    "sub-approved": party("entrusted", contract=ENTRUSTED, sub_processor_of="cloud", sub_processing_approved=True),
    "singapore": party(country="SG"),
    "islands": party(country="SG"),  # by the exemption of small volumes
    "assessed": party(country="SG"),  # by a security assessment
    "nowhere": party(country="US"),  # no way out of the country
    "hongkong": party(country="HK"),
    "remote": party(processing_country="SG"),
    "listed": party(country="US", restricted_list=True, contract=days(1, 2)),
    "court": {"role": "foreign_authority", "country": "US"},
}
UNASSESSED = {"newcomer", "modest", "court"}
ALL_METHODS = ["psi_hash", "he_aggregate", "plaintext_api", "internal_join", "push_message", "publish", "store_only"]
FIXTURES: dict[str, Any] = {
    "timezone": "Asia/Shanghai",
    "methods": ALL_METHODS,
    "purposes": {
        "enrichment": {"adm": True},
        "marketing": {"adm": True, "adm_marketing": True},
        "measurement": {},
        "delivery": {},
        "safety": {},
        "tax": {},
    },
    "categories": {
        "phone": {},
        "purchases": {},
        "invoice": {},
        "profile": {},
        "location": {"sensitive": True},
        "credit": {"sensitive": True, "written_required": True},
        "deeds": {"written_required": True},
        "pregnancy": {"sensitive": True, "derived_from": ["purchases"]},
        "home": {"derived_from": ["location"]},
        "score": {"derived_from": ["credit", "purchases"]},
        "stats": {"anonymous_if_k": True, "base": "purchases"},
        "crowd": {"anonymous_if_k": True, "base": "location"},
    },
    "parties": PARTIES,
    "mechanisms": [
        {"party": "singapore", "type": "standard_contract", **days(10, 500)},
        {"party": "cloud-sg", "type": "certification", **days(0, 500)},
        {"party": "islands", "type": "exempt_small_volume", **FOREVER},
        {"party": "assessed", "type": "security_assessment", **FOREVER},
    ],
    "notices": {
        "bare@1": {"contents": ["art23"]},
        "general@1": {"contents": ["art17"]},
        "share@1": {"contents": ["art17", "art23"]},
        "share@2": {"contents": ["art17", "art23"]},
        "other@1": {"contents": ["art17", "art23"]},
        "other@2": {"contents": ["art17", "art23"]},
        "private@1": {"contents": ["art17", "art23", "art30"]},
        "private@2": {"contents": ["art17", "art23", "art30"]},
        "export@1": {"contents": ["art17", "art23", "art39"]},
        "export-private@1": {"contents": ["art17", "art23", "art30", "art39"]},
    },
    "pias": [
        {
            "id": "ALL",
            "approved_at": "2025-12-01T10:00:00+08:00",
            "purposes": ["enrichment", "marketing", "measurement"],
            "recipients": [None, *sorted(PARTIES.keys() - UNASSESSED)],
            "methods": ALL_METHODS,
            "covers_sensitive": True,
        },
        {
            "id": "COURIER",
            "approved_at": "2025-12-01T10:00:00+08:00",
            "purposes": ["delivery"],
            "recipients": ["courier", "platform"],
            "methods": ["plaintext_api", "psi_hash"],
            "covers_sensitive": True,
        },
        {
            "id": "SAFETY",
            "approved_at": "2025-12-01T10:00:00+08:00",
            "purposes": ["safety"],
            "recipients": [None],
            "methods": ["internal_join"],
            "covers_sensitive": True,
        },
        {
            "id": "MODEST",
            "approved_at": "2025-12-01T10:00:00+08:00",
            "purposes": ["enrichment"],
            "recipients": ["modest"],
            "methods": ["psi_hash"],
        },
    ],
    "basis_rules": [
        {"basis": "contract", "purpose": "delivery", "recipients": [None, "courier"], "categories": ["purchases"]},
        {"basis": "statutory_duty", "purpose": "tax", "recipients": [None], "categories": ["invoice"]},
        {"basis": "legitimate_interest", "purpose": "tax", "recipients": [None], "categories": ["invoice"]},
        {"basis": "emergency", "purpose": "safety", "recipients": [None], "categories": ["location"]},
        {"basis": "public_info", "purpose": "enrichment", "recipients": [None], "categories": ["profile"]},
    ],
}
