"""`assent audit provisions`: what was provided to whom, and on which ground."""

from __future__ import annotations

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import Output, show
from gateway.cli.times import time_of

_COLUMNS = [
    "released_at", "operation", "side", "recipient", "purpose", "categories", "methods", "subject_count",
    "output_class", "minimum_cohort", "contract", "impact_assessments", "session",
]  # fmt: skip
_REST = [
    "provision_id", "handler", "released_to", "basis", "policy_version", "registry_version", "commitment",
    "record_count", "replaced_count", "started_at", "judged_at", "result_hash", "signed_by", "assessed_at",
    "export_mechanisms", "keep_until",
]  # fmt: skip


def provisions(
    context: typer.Context,
    partner: str = typer.Option("", help="Only with this partner."),
    purpose: str = typer.Option("", help="Only for this purpose."),
    since: str = typer.Option("", help="Only released at or after this moment, with its zone."),
    until: str = typer.Option("", help="Only released before this moment, with its zone."),
) -> None:
    """List what was provided to partners, a run a line, the newest first; JSON and CSV say all of it."""
    chosen = options(context)
    with chosen.client() as client:
        found = client.audit.provisions(
            partner=partner, purpose=purpose, since=time_of(since, "--since"), until=time_of(until, "--until")
        )
        rows = [{name: getattr(provision, name) for name in (*_COLUMNS, *_REST)} for provision in found]
    show(rows, _COLUMNS + ([] if chosen.output is Output.TABLE else _REST), chosen.output)
