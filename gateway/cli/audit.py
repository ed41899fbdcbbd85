"""`assent audit`: checkpoint, export, verify; receipts and witnesses in `witness.py`."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath

import typer

from gateway.cli import witness
from gateway.cli.gateway_options import options
from gateway.cli.pairs import pairs
from gateway.cli.screen import Output, show, words
from gateway.errors import HostileInput, RequestError, StateError

app = typer.Typer(no_args_is_help=True)
app.command()(witness.receipt)
app.command()(witness.witnesses)
app.command()(witness.policy)


@app.command()
def checkpoint(context: typer.Context) -> None:
    """Print the newest signed checkpoint, a C2SP signed note."""
    with options(context).client() as client:
        typer.echo(client.audit.checkpoint().note, nl=False)


@app.command()
def entries(context: typer.Context, start: int = typer.Option(0, help="First index.")) -> None:
    """List log entries: index, type and time, never a payload."""
    chosen = options(context)
    with chosen.client() as client:
        rows = [{"index": item.index, "type": item.type, "time": item.time} for item in client.audit.entries(start)]
    show(rows, ["index", "type", "time"], chosen.output)


@app.command()
def export(context: typer.Context, directory: Path = typer.Argument(..., help="New directory for the export.")) -> None:
    """Write an export that proves itself offline."""
    with options(context).client() as client, closing(client.audit.export()) as pieces:
        count = write_export(pieces, directory)
    words(f"{count} files in {directory}. Verify with: assent-verify {directory}")


@app.command()
def verify(
    context: typer.Context,
    directory: Path = typer.Argument(..., exists=True, file_okay=False, help="An export."),
    policy: Path | None = typer.Option(None, exists=True, dir_okay=False, help="Logs and witnesses to trust."),
    vkey: list[str] = typer.Option([], help="Log key to trust, from the party's card; repeatable."),
    party_key: list[str] = typer.Option([], help="PARTY=BASE64 agreement key to trust; repeatable."),
    since: Path | None = typer.Option(None, exists=True, dir_okay=False, help="An earlier checkpoint to continue."),
) -> None:
    """Verify an export offline; needs the package assent-verify."""
    try:
        from assent_verify import Trust, verify_export
        from assent_verify.note import parse_vkey
        from assent_verify.policy import parse_policy
        from assent_verify.report import as_json, as_text
        from assent_verify.signature import decode_base64, trusted_key
    except ImportError as error:
        raise RequestError("BAD_FIELD", "the verifier is not installed; install the package assent-verify") from error
    try:
        log_keys = tuple(parse_vkey(text) for text in vkey)
    except ValueError as error:
        raise RequestError("BAD_FIELD", f"--vkey: {error}") from error
    try:
        party_keys = {party: trusted_key(decode_base64(key)) for party, key in pairs(party_key, "--party-key").items()}
    except ValueError as error:
        raise RequestError("BAD_FIELD", f"--party-key: {error}") from error
    try:
        terms = parse_policy(policy.read_bytes()) if policy is not None else None
    except ValueError as error:
        raise RequestError("BAD_FIELD", f"--policy: {error}") from error
    trust = Trust(log_keys, party_keys, since.read_bytes() if since is not None else None, terms)
    report = verify_export(directory, trust)
    if options(context).output is Output.JSON:
        typer.echo(json.dumps(as_json(report), ensure_ascii=False, indent=2))
    else:
        typer.echo(as_text(report), nl=False)
    if not report.ok:
        raise typer.Exit(1)


def write_export(pieces: Iterable[tuple[str, bytes]], directory: Path) -> int:
    """Write the pieces of an export into a new directory, which appears only when it is whole.

    Args:
        pieces: (path in the export, next bytes); pieces of one file follow each other.
        directory: where; it must not exist.

    Returns:
        How many files it has.

    Raises:
        RequestError: BAD_FIELD when the directory exists.
        HostileInput: BAD_SHAPE for a path that leads out of it.
        StateError: DISK_FULL.
    """
    if directory.exists():
        raise RequestError("BAD_FIELD", f"{directory.name} exists; an export goes to a new directory")
    part: Path | None = None
    count = 0
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        for path, file in groupby(pieces, key=itemgetter(0)):
            target = _inside(part, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as stream:
                stream.writelines(piece for _, piece in file)
            count += 1
        part.rename(directory)
    except OSError as error:
        raise StateError("DISK_FULL", f"cannot write the export: {error.strerror}; nothing was kept") from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
    return count


def _inside(root: Path, path: str) -> Path:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise HostileInput("BAD_SHAPE", "the export names a file outside its directory; do not trust this gateway")
    return root.joinpath(*parts)
