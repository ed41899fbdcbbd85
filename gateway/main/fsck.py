"""`assent audit fsck`: the whole log derived again from its entries, on the home's own files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import Output

if TYPE_CHECKING:
    from gateway.flow.log_check import LogCheck


def fsck(context: typer.Context) -> None:
    """Hash all entries of this home again; compare tiles, checkpoints, counters, signer and payloads. Reads only."""
    chosen = options(context)
    found = asyncio.run(_check(chosen.own_home()))
    typer.echo(_as_json(found) if chosen.output is Output.JSON else _as_text(found))
    if found.faults:
        raise typer.Exit(1)


async def _check(home: Path) -> LogCheck:
    # Adapters are loaded by the commands that use them; the others start faster.
    from gateway.flow.log_check import check_log
    from gateway.keys.custody import HomeKeys
    from gateway.settings import load_settings
    from gateway.store import open_store

    settings = load_settings(home)
    store = await open_store(settings.store.url.get_secret_value())
    try:
        return await check_log(store, HomeKeys.load(home, settings.log.signer))
    finally:
        await store.close()


def _as_json(found: LogCheck) -> str:
    figures = {
        "ok": not found.faults,
        "appended": found.appended,
        "integrated": found.integrated,
        "pending": found.pending,
        "signed": found.signed,
        "checkpoints": found.checkpoints,
        "opened": found.opened,
        "faults": list(found.faults),
    }
    return json.dumps(figures, ensure_ascii=False, indent=2)


def _as_text(found: LogCheck) -> str:
    lines = [
        f"entries   {found.appended:,}: {found.integrated:,} in the tree, {found.opened:,} of them opened, "
        f"{found.pending:,} pending",
        f"signed    {found.signed:,}; {found.checkpoints:,} checkpoints",
        *(f"FAIL      {fault}" for fault in found.faults),
    ]
    if not found.faults:
        lines.append("OK        entries, payloads, tiles, checkpoints, counters and the signer's memory agree")
    return "\n".join(lines)
