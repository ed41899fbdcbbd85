"""`assent evidence`: keys of the officers to whom evidence of erased people is sealed, and opening it, two together."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import show, words
from gateway.errors import RequestError, StateError
from gateway.route.caller import Caller

app = typer.Typer(no_args_is_help=True)

_COLUMNS = ["id", "name", "request", "held_at", "keep_until", "officers", "entries"]


@app.command()
def key(
    officer: str = typer.Argument(..., help="The officer's name, as in tokens."),
    output: Path = typer.Option(..., "-o", help="File for the private key; the officer's, not the home's."),
    passphrase_file: Path | None = typer.Option(None, exists=True, dir_okay=False, help="By default it is asked for."),
) -> None:
    """Make an officer's key and print the line for assent.toml; without the file nothing held is ever opened."""
    from gateway.keys.evidence import new_key

    given = _passphrase(passphrase_file, officer, confirm=True)
    pem, public = new_key(given)
    _write(output, pem)
    typer.echo(f'"{officer}" = "{public}"')
    words("Put the line under [rights.evidence_officers] of assent.toml, restart the gateway, and keep the file apart.")


@app.command("list")
def list_(
    context: typer.Context,
    officer_token: Path = typer.Option(..., exists=True, dir_okay=False, help="An officer's token."),
) -> None:
    """List what is held, of whom under the name that an erasure leaves."""
    chosen = options(context)
    show(asyncio.run(_list(chosen.own_home(), officer_token)), _COLUMNS, chosen.output)


@app.command("open")
def open_hold(
    context: typer.Context,
    hold: str = typer.Argument(..., help="Id of the hold."),
    officer_token: list[Path] = typer.Option(..., exists=True, dir_okay=False, help="An officer's token; two."),
    officer_key: list[Path] = typer.Option(
        ..., exists=True, dir_okay=False, help="The key of the officer whose token stands at the same place; two."
    ),
    passphrase_file: list[Path] = typer.Option([], exists=True, dir_okay=False, help="By default they are asked for."),
    reason: str = typer.Option(..., help="Why; it becomes an entry of the log."),
    output: Path = typer.Option(..., "-o", help="File for what was held, which nobody else may read."),
) -> None:
    """Open what is held of an erased person, with two officers' keys; that is on record before it is written."""
    if len(officer_token) != 2 or len(officer_key) != 2 or len(passphrase_file) not in (0, 2):
        raise RequestError("BAD_FIELD", "give two tokens and two keys, and two passphrase files or none")
    home = options(context).own_home()
    if output.exists():
        raise StateError("REVISION_CONFLICT", f"{output} is there already; nothing was opened")
    files: list[Path | None] = [*passphrase_file] or [None, None]
    record = asyncio.run(_open(home, hold, officer_token, officer_key, files, reason))
    _write(output, (json.dumps(record, ensure_ascii=False, indent=2) + "\n").encode())
    words(f"{len(record['entries'])} entries of the log are opened in {output}; the log says who opened them, and why.")


async def _list(home: Path, token: Path) -> list[dict[str, object]]:
    # Adapters are loaded by the commands that use them; the others start faster.
    from gateway.flow.evidence_hold import PAGE, list_holds
    from gateway.settings import load_settings
    from gateway.store import open_store

    (caller,) = _callers(home, [token])
    store = await open_store(load_settings(home).store.url.get_secret_value())
    found: list[dict[str, object]] = []
    try:
        after = ""
        while page := await list_holds(store, caller, after):
            for one in page:
                values = (one.hold_id, one.name, one.request_id, one.held_at, one.keep_until, " ".join(one.officers))
                found.append(dict(zip(_COLUMNS, (*values, one.entries), strict=True)))
            if len(page) < PAGE:
                break
            after = page[-1].hold_id
    finally:
        await store.close()
    return found


async def _open(
    home: Path, hold: str, tokens: list[Path], key_files: list[Path], passphrase_files: list[Path | None], reason: str
) -> dict[str, Any]:
    from gateway.flow.evidence_hold import open_evidence
    from gateway.flow.log_recovery import two_officers
    from gateway.keys.evidence import open_record, read_key
    from gateway.keys.provider import FileKeyProvider
    from gateway.keys.sealer import Sealer
    from gateway.settings import load_settings
    from gateway.store import open_store

    officers = _callers(home, tokens)
    two_officers(officers)
    keys = {
        officer.subject: read_key(path.read_bytes(), _passphrase(given, officer.subject))
        for officer, path, given in zip(officers, key_files, passphrase_files, strict=True)
    }
    sealer = Sealer(FileKeyProvider.load(home))
    store = await open_store(load_settings(home).store.url.get_secret_value())
    try:
        record = await open_evidence(
            store,
            sealer,
            officers,
            hold,
            reason,
            lambda hold_id, sealed: open_record(hold_id, sealed, keys),
            datetime.now(UTC),
        )
    finally:
        await store.close()
    return dict(record)


def _callers(home: Path, tokens: list[Path]) -> list[Caller]:
    from gateway.engine import SystemClock
    from gateway.keys.custody import HomeKeys
    from gateway.keys.token import TokenVerifier
    from gateway.settings import load_settings

    keys = HomeKeys.load(home, load_settings(home).log.signer)
    verifier = TokenVerifier.load(home, keys.party, SystemClock())
    return [verifier.verify(path.read_text(encoding="utf-8").strip()) for path in tokens]


def _passphrase(file: Path | None, officer: str, confirm: bool = False) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    asked: str = typer.prompt(f"Passphrase of {officer}", hide_input=True, confirmation_prompt=confirm, err=True)
    return asked


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads; one that is there already stays."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise StateError("REVISION_CONFLICT", f"{path} is there already; give another name") from error
    except OSError as error:
        raise StateError("DISK_FULL", f"{path} cannot be written ({error.strerror}); give another place") from error
