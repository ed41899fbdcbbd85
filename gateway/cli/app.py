"""The command `assent` without what needs this machine's files; `gateway.main` adds that."""

from __future__ import annotations

import typer

from gateway.cli import (
    agreement,
    audit,
    consent,
    dataset,
    identifier,
    identity,
    job,
    notice,
    partner,
    registry,
    request,
    rights,
    schedule,
    sink,
    task,
)
from gateway.cli.gateway_options import set_options

app = typer.Typer(
    name="assent", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, callback=set_options
)
app.add_typer(partner.app, name="partner", help="Exchange cards with partners.")
app.add_typer(registry.app, name="registry", help="Purposes, categories, assessments, basis rules, parties, exports.")
app.add_typer(notice.app, name="notice", help="Notices shown to customers.")
app.add_typer(consent.app, name="consent", help="Consent events and decisions.")
app.add_typer(agreement.app, name="agreement", help="Agreements with partners.")
app.add_typer(dataset.app, name="dataset", help="Data sets declared on this machine.")
app.add_typer(identifier.app, name="identifier", help="What identifiers become before they are compared.")
app.add_typer(identity.app, name="identity", help="Whose the ids of other systems are.")
app.add_typer(job.app, name="job", help="Runs: start, watch, cancel, read.")
app.add_typer(schedule.app, name="schedule", help="Jobs that run again and again.")
app.add_typer(sink.app, name="sink", help="Files and tables into which the gateway puts results.")
app.add_typer(request.app, name="request", help="Rights requests: what people ask of us.")
app.add_typer(task.deletion_app, name="deletion", help="What must be deleted, and when.")
app.add_typer(task.app, name="task", help="Tasks that come round.")
app.add_typer(task.warnings_app, name="warnings", help="What ends soon.")
app.add_typer(rights.app, name="rights", help="Released runs: rows taken out, partners told, who was affected.")
app.add_typer(audit.app, name="audit", help="The audit log: checkpoint, receipts, witnesses, export, verify.")
