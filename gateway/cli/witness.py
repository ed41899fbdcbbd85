"""`assent audit receipt`, `assent audit witnesses`, `assent audit policy`."""

from __future__ import annotations

from pathlib import Path

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import Output, show, show_one, words
from gateway.errors import RequestError, StateError

_COLUMNS = ["kind", "party", "log", "tree_size", "at", "says"]


def receipt(
    context: typer.Context,
    entry: str = typer.Argument(..., help="Index of the entry, or id of the event, session or job that it is about."),
    type: str = typer.Option("", help="Type of the entry where it is named by an id; a consent event by default."),
    out: Path | None = typer.Option(None, help="Write it there, as .tlog-proof; by default it is printed."),
    wait: float = typer.Option(0.0, min=0.0, max=600.0, help="Seconds to wait until it is final."),
) -> None:
    """Prove an entry offline: a receipt with the cosignatures of witnesses."""
    chosen = options(context)
    index = int(entry) if entry.isascii() and entry.isdigit() and len(entry) < 19 and not type else None
    with chosen.client() as client:
        found = client.witnesses.receipt(index or 0, key="" if index is not None else entry, type=type, wait_s=wait)
    if out is not None:
        _write(out, found.content)
    elif chosen.output is not Output.JSON:
        typer.echo(found.content.decode(), nl=False)
    record = {
        "index": found.index,
        "tree_size": found.tree_size,
        "final": found.final,
        "witnesses": list(found.witnesses),
        "file": "" if out is None else str(out),
    }
    if chosen.output is Output.JSON:
        show_one(record | {"receipt": found.content.decode()}, chosen.output)
    else:
        standing = "final" if found.final else "not final yet: too few witnesses have cosigned"
        words(f"Entry {found.index} under a checkpoint of {found.tree_size} entries, {standing}.")


def witnesses(
    context: typer.Context,
    note: str = typer.Option("", help="Print the checkpoint that we hold of this party's log, as its owner signed it."),
) -> None:
    """List who cosigned our log, whose log we witness, and logs that contradicted themselves."""
    chosen = options(context)
    with chosen.client() as client:
        found = client.witnesses.get()
    if note:
        # A log that was begun anew has another name; the newest one is what its owner asks for.
        held = [item for item in found.logs if item.party == note]
        if not held:
            raise StateError("NOT_FOUND", "we hold no checkpoint of this party's log; it asks us once it grows")
        typer.echo(max(held, key=lambda item: item.cosigned_at).note, nl=False)
        return
    rows: list[dict[str, object]] = [
        {
            "kind": "witness",
            "party": item.party,
            "log": "ours",
            "tree_size": item.tree_size,
            "at": item.cosigned_at,
            "says": item.vkey,
        }
        for item in found.witnesses
    ]
    rows += [
        {
            "kind": "log",
            "party": item.party,
            "log": item.origin,
            "tree_size": item.tree_size,
            "at": item.cosigned_at,
            "says": "cosigned",
        }
        for item in found.logs
    ]
    rows += [
        {
            "kind": "fork",
            "party": item.party,
            "log": item.origin,
            "tree_size": None,
            "at": item.found_at,
            "says": item.reason,
        }
        for item in found.forks
    ]
    show(rows, _COLUMNS, chosen.output)


def policy(context: typer.Context) -> None:
    """Print the policy by which receipts are final (C2SP tlog-policy), for `assent-verify --policy`."""
    with options(context).client() as client:
        typer.echo(client.witnesses.policy().decode("utf-8", "replace"), nl=False)


def _write(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise RequestError("BAD_FIELD", f"{path.name} exists; a receipt goes to a new file") from error
    except OSError as error:
        raise StateError("DISK_FULL", f"cannot write the receipt: {error.strerror}") from error
