"""`assent registry`: purposes, categories, impact assessments."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import show
from gateway.cli.times import time_of
from gateway.client import Category, ImpactAssessment, Purpose

app = typer.Typer(no_args_is_help=True)

_PURPOSE = ["id", "text", "automated", "personalised_marketing", "owner"]
_CATEGORY = ["id", "text", "sensitive", "written"]
_ASSESSMENT = ["id", "approved_at", "purposes", "recipients", "methods", "next_review"]


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
) -> None:
    """Register a category of personal information."""
    chosen = options(context)
    with chosen.client() as client:
        made = client.registry.create_category(Category(category_id, text, sensitive=sensitive, written=written))
    show([_record(made, _CATEGORY)], _CATEGORY, chosen.output)


@app.command()
def add_assessment(
    context: typer.Context,
    assessment_id: str,
    purpose: list[str] = typer.Option(..., help="Covered purpose; repeatable."),
    recipient: list[str] = typer.Option(..., help="Covered recipient (party id); repeatable."),
    method: list[str] = typer.Option(["psi_hash"], help="Covered method; repeatable."),
    approved_at: str = typer.Option("", help="When it was approved; by default now."),
    approver: str = typer.Option("", help="Who approved."),
    next_review: str = typer.Option("", help="First moment it holds no more; by default open."),
    sensitive: bool = typer.Option(False, help="It looked at sensitive categories."),
) -> None:
    """Register an approved impact assessment (PIPL 55)."""
    chosen = options(context)
    with chosen.client() as client:
        made = client.registry.create_impact_assessment(
            ImpactAssessment(
                id=assessment_id,
                approved_at=time_of(approved_at, "--approved-at") or datetime.now(UTC),
                purposes=tuple(purpose),
                recipients=tuple(recipient),
                methods=tuple(method),
                covers_sensitive=sensitive,
                approver=approver,
                next_review=time_of(next_review, "--next-review"),
            )
        )
    show([_record(made, _ASSESSMENT)], _ASSESSMENT, chosen.output)


@app.command("list")
def list_all(
    context: typer.Context, kind: str = typer.Argument("purposes", help="purposes, categories or assessments.")
) -> None:
    """List registered items of one kind."""
    chosen = options(context)
    with chosen.client() as client:
        calls = {
            "purposes": (client.registry.purposes, _PURPOSE),
            "categories": (client.registry.categories, _CATEGORY),
            "assessments": (client.registry.impact_assessments, _ASSESSMENT),
        }
        if kind not in calls:
            raise typer.BadParameter("must be purposes, categories or assessments")
        listing, columns = calls[kind]
        show([_record(item, columns) for item in listing()], columns, chosen.output)


def _record(item: object, columns: list[str]) -> dict[str, object]:
    return {name: getattr(item, name) for name in columns}
