"""`assent notice`: drafts in, versions published."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import show
from gateway.cli.times import time_of
from gateway.client import Notice, NoticeRecipient
from gateway.errors import RequestError

app = typer.Typer(no_args_is_help=True)

_COLUMNS = ["id", "version", "state", "title", "purposes", "categories", "published_at", "content_hash"]
_SET_BY_SERVER = {"state", "published_at", "recorded_at", "content_hash"}


@app.command()
def create(context: typer.Context, file: Path = typer.Argument(..., exists=True, help="The notice, JSON.")) -> None:
    """Store a draft."""
    chosen = options(context)
    with chosen.client() as client:
        made = client.notices.create(read_notice(file))
    show([_record(made)], _COLUMNS, chosen.output)


@app.command()
def publish(
    context: typer.Context,
    notice_id: str,
    version: int = typer.Option(1, help="The draft's version."),
    at: str = typer.Option("", help="When people could first see it; by default now."),
) -> None:
    """Publish a draft; refused while it lacks what the law asks it to say."""
    chosen = options(context)
    with chosen.client() as client:
        made = client.notices.publish(notice_id, version, time_of(at, "--at"))
    show([_record(made)], _COLUMNS, chosen.output)


@app.command("list")
def list_notices(context: typer.Context) -> None:
    """List all versions of all notices."""
    chosen = options(context)
    with chosen.client() as client:
        show([_record(notice) for notice in client.notices.list()], _COLUMNS, chosen.output)


def read_notice(file: Path) -> Notice:
    """Read a notice from a JSON file whose fields are those of `Notice`.

    Raises:
        RequestError: BAD_FIELD naming what is unknown or of the wrong kind.
    """
    try:
        body = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise RequestError("BAD_FIELD", f"{file.name} is not readable JSON in UTF-8") from error
    known = {item.name for item in fields(Notice)} - _SET_BY_SERVER
    if not isinstance(body, dict) or not set(body) <= known:
        raise RequestError("BAD_FIELD", f"{file.name}: must be an object with fields of: {', '.join(sorted(known))}")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
    effective_at = values.get("effective_at")
    if effective_at is not None:
        values["effective_at"] = time_of(str(effective_at), "effective_at")
    try:
        values["recipients"] = tuple(NoticeRecipient(**_tuples(told)) for told in values.get("recipients", ()))
        return Notice(**values)
    except (TypeError, AttributeError) as error:
        raise RequestError("BAD_FIELD", f"{file.name}: a recipient has unknown fields or is no object") from error


def _tuples(told: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}


def _record(notice: Notice) -> dict[str, object]:
    return {name: getattr(notice, name) for name in _COLUMNS}
