"""`assent identifier`: what identifiers become before they are compared; runs without any gateway."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import show
from gateway.errors import RequestError

_COLUMNS = ["id", "valid", "normalised", "reason", "md5", "sha256", "sm3"]

app = typer.Typer(no_args_is_help=True)
app.callback()(lambda: None)


@app.command()
def normalise(
    context: typer.Context,
    cases: Path = typer.Option(..., exists=True, dir_okay=False, help="JSON: cases of id, type, raw, default_region."),
) -> None:
    """Bring raw identifiers of a file of cases to their canonical form, with its hashes, or say why not."""
    from gateway.identifier import normalise_cases  # Arrow, which other commands do without

    try:
        document = json.loads(cases.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError("BAD_FIELD", f"{cases.name} is not readable JSON in UTF-8") from error
    show(normalise_cases(document), _COLUMNS, options(context).output)
