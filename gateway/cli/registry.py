"""`assent registry`: purposes, categories, impact assessments, basis rules; parties and exports to them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import typer

from gateway.cli.gateway_options import options
from gateway.cli.record_file import read_record
from gateway.cli.screen import show, show_one, words
from gateway.cli.times import time_of
from gateway.client import (
    BasisRule,
    Category,
    ExportCounter,
    ExportMechanism,
    ImpactAssessment,
    Party,
    PartyContract,
    PartyEvent,
    Purpose,
)

app = typer.Typer(no_args_is_help=True)

_PURPOSE = ["id", "text", "automated", "personalised_marketing", "owner"]
_CATEGORY = ["id", "text", "sensitive", "written", "derived_from", "anonymous_if_group", "base"]
_ASSESSMENT = [
    "id",
    "version",
    "approved_at",
    "purposes",
    "recipients",
    "own_use",
    "methods",
    "covers_sensitive",
    "next_review",
]
_METHOD = ["id", "publishes", "stores_only"]
_RULE = ["id", "version", "basis", "purpose", "recipients", "own_use", "categories", "owner", "valid_until"]
_PARTY = ["id", "version", "legal_name", "role", "country", "processing_country", "restricted", "created_at"]
_EVENT = ["id", "type", "at", "party", "successor", "notified", "created_at"]
_MECHANISM = ["id", "version", "party", "type", "reference", "valid_from", "valid_until"]
_COUNTER = ["year", "party", "sensitive", "people", "line", "warning", "updated_at"]
_FILE = typer.Option(..., exists=True, help="JSON; its fields are those of the Python client's record.")


@app.command()
def add_purpose(
    context: typer.Context,
    purpose_id: str,
    text: str = typer.Option(..., help="The purpose in the words of the notice."),
    automated: bool = typer.Option(False, help="It profiles or decides automatically (PIPL 24)."),
    marketing: bool = typer.Option(False, help="It pushes content chosen for the person."),
    owner: str = typer.Option("", help="Who answers for it."),
) -> None:
    """Register a purpose."""
    chosen = options(context)
    with chosen.client() as client:
        made = client.registry.create_purpose(Purpose(purpose_id, text, automated, marketing, owner))
    show([_record(made, _PURPOSE)], _PURPOSE, chosen.output)


@app.command()
def add_category(
    context: typer.Context,
    category_id: str,
    text: str = typer.Option(..., help="The category in the words of the notice."),
    sensitive: bool = typer.Option(False, help="Sensitive personal information (PIPL 28)."),
    written: bool = typer.Option(False, help="Another law asks for written consent."),
    derived_from: list[str] = typer.Option([], help="What a label is concluded from; repeatable."),
    base: str = typer.Option("", help="Of an aggregate: the category it is made of."),
    anonymous_if_group: bool = typer.Option(
        False,
        "--anonymous-if-group",
        help="An aggregate, no personal information once its group is large; with --base.",
    ),
) -> None:
    """Register a category of personal information."""
    chosen = options(context)
    with chosen.client() as client:
        made = client.registry.create_category(
            Category(
                category_id,
                text,
                sensitive=sensitive,
                written=written,
                anonymous_if_group=anonymous_if_group,
                base=base,
                derived_from=tuple(derived_from),
            )
        )
    show([_record(made, _CATEGORY)], _CATEGORY, chosen.output)


@app.command()
def add_assessment(
    context: typer.Context,
    assessment_id: str,
    purpose: list[str] = typer.Option(..., help="Covered purpose; repeatable."),
    recipient: list[str] = typer.Option([], help="Covered recipient (party id); repeatable; none is own use."),
    own_use: bool = typer.Option(False, "--own-use", help="It covers use by ourselves beside that of recipients."),
    method: list[str] = typer.Option(["psi_hash"], help="Covered method; repeatable."),
    approved_at: str = typer.Option("", help="When it was approved; by default now."),
    approver: str = typer.Option("", help="Who approved."),
    until: str = typer.Option(
        "", "--until", "--next-review", help="First moment it holds no more, its next review; by default open."
    ),
    sensitive: bool = typer.Option(False, help="It looked at sensitive categories."),
) -> None:
    """Register an approved impact assessment (PIPL 55), or its next version: what is said here is the whole of it."""
    chosen = options(context)
    with chosen.client() as client:
        made = client.registry.create_impact_assessment(
            ImpactAssessment(
                id=assessment_id,
                approved_at=time_of(approved_at, "--approved-at") or datetime.now(UTC),
                purposes=tuple(purpose),
                recipients=tuple(recipient),
                own_use=own_use or not recipient,
                methods=tuple(method),
                covers_sensitive=sensitive,
                approver=approver,
                next_review=time_of(until, "--until"),
            )
        )
    show([_record(made, _ASSESSMENT)], _ASSESSMENT, chosen.output)


@app.command()
def add_party(context: typer.Context, file: Path = _FILE) -> None:
    """Register a legal entity, or its next version: the file is the whole party, with its contracts."""
    chosen = options(context)
    party = read_record(file, Party, without={"created_at"}, within={"contracts": PartyContract})
    with chosen.client() as client:
        made = client.parties.create(party)
    show([_record(made, _PARTY)], _PARTY, chosen.output)


@app.command()
def add_party_event(context: typer.Context, file: Path = _FILE) -> None:
    """Add what happened to a party: suspended, reinstated, succeeded, scope changed, approved, inspected, certified."""
    chosen = options(context)
    event = read_record(file, PartyEvent, without={"created_at"})
    with chosen.client() as client:
        made = client.parties.create_event(event)
    show([_record(made, _EVENT)], _EVENT, chosen.output)


@app.command()
def add_mechanism(context: typer.Context, file: Path = _FILE) -> None:
    """Register what allows exports to a party abroad, or its next version."""
    chosen = options(context)
    mechanism = read_record(file, ExportMechanism, without={"created_at"})
    with chosen.client() as client:
        made = client.parties.create_mechanism(mechanism)
    show([_record(made, _MECHANISM)], _MECHANISM, chosen.output)


@app.command()
def add_basis_rule(context: typer.Context, file: Path = _FILE) -> None:
    """Add a row to the table of how far legal bases other than consent reach, or its next version."""
    chosen = options(context)
    rule = read_record(file, BasisRule, without={"created_at"})
    with chosen.client() as client:
        made = client.registry.create_basis_rule(rule)
    show([_record(made, _RULE)], _RULE, chosen.output)


@app.command("show")
def show_party(
    context: typer.Context,
    party: str = typer.Argument(..., help="Party id."),
    version: int = typer.Option(0, min=0, help="By default the newest."),
) -> None:
    """Show a registered party with its contracts and what happened to it."""
    chosen = options(context)
    with chosen.client() as client:
        found = client.parties.get(party, version)
        happened = [asdict(event) for event in client.parties.events() if party in (event.party, event.successor)]
    show_one({**asdict(found), "events": happened}, chosen.output)


@app.command("list")
def list_all(
    context: typer.Context,
    kind: str = typer.Argument(
        "purposes",
        help="purposes, categories, methods, assessments, basis-rules, parties, events, mechanisms or counters.",
    ),
) -> None:
    """List registered items of one kind; of parties, mechanisms, assessments and basis rules all versions."""
    chosen = options(context)
    with chosen.client() as client:
        calls = {
            "purposes": (client.registry.purposes, _PURPOSE),
            "categories": (client.registry.categories, _CATEGORY),
            "methods": (client.registry.methods, _METHOD),
            "assessments": (client.registry.impact_assessments, _ASSESSMENT),
            "basis-rules": (client.registry.basis_rules, _RULE),
            "parties": (client.parties.list, _PARTY),
            "events": (client.parties.events, _EVENT),
            "mechanisms": (client.parties.mechanisms, _MECHANISM),
            "counters": (client.parties.export_counters, _COUNTER),
        }
        if kind not in calls:
            raise typer.BadParameter(f"must be one of {', '.join(calls)}")
        listing, columns = calls[kind]
        items = list(listing())
    show([_record(item, columns) for item in items], columns, chosen.output)
    _warn([item for item in items if isinstance(item, ExportCounter) and item.warning])


def _warn(counters: list[ExportCounter]) -> None:
    for counter in counters:
        whom = f"to {counter.party}" if counter.party else "by the whole house"
        what = "people with something sensitive" if counter.sensitive else "people"
        words(f"{counter.people} {what} exported {whom} in {counter.year}: the line is {counter.line}.")


def _record(item: object, columns: list[str]) -> dict[str, object]:
    return {name: getattr(item, name) for name in columns}
