"""`assent audit`: checkpoint, entries, tiles, proofs, exports, verify, reconcile; `witness.py`, `provision.py`."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import typer

from gateway.cli import provision, witness
from gateway.cli.gateway_options import options
from gateway.cli.pairs import pairs
from gateway.cli.screen import Output, show, words
from gateway.cli.times import time_of
from gateway.errors import HostileInput, RequestError, StateError

if TYPE_CHECKING:
    from assent_verify import Trust

app = typer.Typer(no_args_is_help=True)
app.command()(witness.receipt)
app.command()(witness.witnesses)
app.command()(witness.policy)
app.command()(provision.provisions)


@app.command()
def checkpoint(context: typer.Context) -> None:
    """Print the newest signed checkpoint, a C2SP signed note."""
    with options(context).client() as client:
        typer.echo(client.audit.checkpoint().note, nl=False)


@app.command()
def entries(
    context: typer.Context,
    start: int = typer.Option(0, help="First index."),
    type: str = typer.Option("", help="Type of the leaf, e.g. run_record."),
    since: str = typer.Option("", help="First moment, with its zone."),
    until: str = typer.Option("", help="First moment that is too late."),
    subject: str = typer.Option("", help="About this customer; the call is on record."),
    subject_type: str = typer.Option("customer"),
    run: str = typer.Option("", metavar="SESSION", help="About this run."),
) -> None:
    """List log entries: index, type and time, never a payload."""
    chosen = options(context)
    person = (subject_type, subject) if subject else None
    times = {"since": time_of(since, "--since"), "until": time_of(until, "--until")}
    with chosen.client() as client:
        found = client.audit.entries(start, type=type, subject=person, session=run, **times)
        rows = [{"index": item.index, "type": item.type, "time": item.time} for item in found]
    show(rows, ["index", "type", "time"], chosen.output)


@app.command()
def tiles(
    context: typer.Context,
    directory: Path = typer.Argument(..., help="Where to; files that are there already stay."),
    paths: list[str] = typer.Argument(..., help="Names of C2SP tlog-tiles: checkpoint, tile/0/000, tile/entries/000."),
) -> None:
    """Fetch files of the log by name."""
    with options(context).client() as client, closing(client.audit.tiles(paths)) as pieces:
        for path, file in groupby(pieces, key=itemgetter(0)):
            _write_new(_inside(directory, path), b"".join(piece for _, piece in file))
    words(f"{len(paths)} files in {directory}")


@app.command()
def consistency(context: typer.Context, old_size: int = typer.Argument(..., help="Entries of the older tree.")) -> None:
    """Print the proof that the log continues an older tree: a hash a line, then the newest checkpoint."""
    with options(context).client() as client:
        proof = client.audit.consistency_proof(old_size)
    typer.echo(f"old {proof.old_size}")
    for value in proof.hashes:
        typer.echo(base64.b64encode(value).decode())
    typer.echo(f"\n{proof.checkpoint.note}", nl=False)


@app.command()
def prove(
    context: typer.Context,
    subject: str = typer.Argument(..., help="The customer, as in consent files."),
    run: str = typer.Option(..., metavar="SESSION", help="The run's session, 64 hex digits; see `assent job show`."),
    file: Path = typer.Option(..., "--output-file", "-o", help="New file for the proof."),
    subject_type: str = typer.Option("customer"),
) -> None:
    """Prove that a customer was, or was not, in the cohort of a run, and under which consent; the call is on record."""
    with options(context).client() as client:
        proof = client.audit.prove_membership(subject_type, subject, run)
    _write_new(file, proof)
    words(f"{len(proof)} bytes in {file}. Verify with: assent-verify membership {file}")


@app.command()
def export(
    context: typer.Context,
    directory: Path = typer.Argument(..., help="New directory for the export."),
    as_known_at: str = typer.Option("", help="Up to the last checkpoint by this moment, with its zone."),
    nobody: bool = typer.Option(False, help="Open only entries about nobody, e.g. for a partner who reconciles runs."),
) -> None:
    """Write an export that proves itself offline."""
    at = time_of(as_known_at, "--as-known-at")
    with options(context).client() as client:
        whole = at is None and not nobody
        with closing(client.audit.export() if whole else client.audit.evidence(at, nobody=nobody)) as pieces:
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
    whole: bool = typer.Option(False, help="With --since: read what the checkpoint covers, too."),
    jobs: int = typer.Option(1, min=1, max=256, help="Processes."),
) -> None:
    """Verify an export offline; needs the package assent-verify."""
    with verifier():
        from assent_verify import verify_export
        from assent_verify.report import as_json, as_text
    trust = _trust(vkey, party_key, since.read_bytes() if since is not None else None, policy)
    report = verify_export(directory, trust, jobs, whole=whole)
    _say(context, report.ok, as_json(report), as_text(report))


@app.command()
def reconcile(
    context: typer.Context,
    ours: Path = typer.Argument(..., exists=True, file_okay=False, help="Our export."),
    theirs: Path = typer.Argument(..., exists=True, file_okay=False, help="The partner's export."),
    vkey: list[str] = typer.Option([], help="Log keys of both, from the parties' cards; repeatable."),
    party_key: list[str] = typer.Option([], help="PARTY=BASE64 agreement key to trust; repeatable."),
    jobs: int = typer.Option(1, min=1, max=256, help="Processes."),
) -> None:
    """Compare two parties' exports of their common runs offline and name every difference."""
    with verifier():
        from assent_verify import reconcile as compare
        from assent_verify.reconciliation import as_json, as_text
    outcome = compare(ours, theirs, _trust(vkey, party_key), jobs)
    _say(context, outcome.ok, as_json(outcome), as_text(outcome))


@contextmanager
def verifier() -> Iterator[None]:
    """Import from the verifier, a distribution of its own: RequestError BAD_FIELD where it is not installed."""
    try:
        yield
    except ImportError as error:
        raise RequestError("BAD_FIELD", "the verifier is not installed; install the package assent-verify") from error


def _trust(vkeys: list[str], keys: list[str], since: bytes | None = None, policy: Path | None = None) -> Trust:
    with verifier():
        from assent_verify import Trust
        from assent_verify.note import parse_vkey
        from assent_verify.signature import decode_base64, trusted_key
    try:
        log_keys = tuple(parse_vkey(text) for text in vkeys)
    except ValueError as error:
        raise RequestError("BAD_FIELD", f"--vkey: {error}") from error
    try:
        party_keys = {party: trusted_key(decode_base64(key)) for party, key in pairs(keys, "--party-key").items()}
    except ValueError as error:
        raise RequestError("BAD_FIELD", f"--party-key: {error}") from error
    try:
        terms = None
        if policy is not None:
            from assent_verify.policy import parse_policy

            terms = parse_policy(policy.read_bytes())
    except ValueError as error:
        raise RequestError("BAD_FIELD", f"--policy: {error}") from error
    return Trust(log_keys, party_keys, since, terms)


def _say(context: typer.Context, ok: bool, found: dict[str, Any], text: str) -> None:
    if options(context).output is Output.JSON:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        typer.echo(text, nl=False)
    if not ok:
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


def _write_new(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            stream.write(content)
    except FileExistsError as error:
        raise RequestError("BAD_FIELD", f"{path.name} exists; name a new file") from error
    except OSError as error:
        raise StateError("DISK_FULL", f"cannot write {path.name}: {error.strerror}") from error


def _inside(root: Path, path: str) -> Path:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise HostileInput("BAD_SHAPE", "the export names a file outside its directory; do not trust this gateway")
    return root.joinpath(*parts)
