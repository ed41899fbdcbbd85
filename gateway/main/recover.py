"""`assent audit recover`: what two officers decide when database and signer of the log disagree."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from gateway.cli.gateway_options import options
from gateway.cli.screen import words
from gateway.errors import RequestError, StateError
from gateway.route.caller import Caller


def recover(
    context: typer.Context,
    officer_token: list[Path] = typer.Option(..., exists=True, dir_okay=False, help="An officer's token; two."),
    last: Path | None = typer.Option(
        None, exists=True, dir_okay=False, help="The signer lost its memory: the newest checkpoint kept elsewhere."
    ),
    adopt: bool = typer.Option(False, help="The signer lost its memory: believe the database's newest checkpoint."),
    begin_anew: bool = typer.Option(False, help="End this log and begin the next one over the entries that are there."),
    reason: str = typer.Option("", help="Why, with --begin-anew; it becomes the new log's first entry."),
) -> None:
    """Say what is wrong with the log and, where asked, mend it; the gateway must not run meanwhile."""
    if sum([last is not None, adopt, begin_anew]) > 1:
        raise RequestError("BAD_FIELD", "choose one of --last, --adopt and --begin-anew")
    home = options(context).own_home()
    said = asyncio.run(_recover(home, officer_token, last, adopt, begin_anew, reason))
    words(said)


async def _recover(
    home: Path, tokens: list[Path], last: Path | None, adopt: bool, begin_anew: bool, reason: str
) -> str:
    # Adapters are loaded by the commands that use them; the others start faster.
    from gateway.engine import SystemClock
    from gateway.flow import log_recovery as flow
    from gateway.flow.audit import log_trouble
    from gateway.keys.custody import HomeKeys
    from gateway.keys.material import rename_log
    from gateway.keys.token import TokenVerifier
    from gateway.settings import load_settings
    from gateway.store import open_store

    settings = load_settings(home)
    keys, clock = HomeKeys.load(home, settings.log.signer), SystemClock()
    verifier = TokenVerifier.load(home, keys.party, clock)
    officers: list[Caller] = [verifier.verify(path.read_text(encoding="utf-8").strip()) for path in tokens]
    flow.two_officers(officers)
    store = await open_store(settings.store.url.get_secret_value())
    try:
        trouble = await log_trouble(store, keys)
        if last is not None or adopt:
            if keys.last_checkpoint() is not None:
                raise StateError("REVISION_CONFLICT", "the signer has its memory; nothing was changed")
            note = last.read_bytes() if last is not None else await flow.stored_note(store)
            signed = keys.signer.remember(note)
            await flow.note_memory_restored(store, signed, officers, clock.now())
            left = await log_trouble(store, keys)
            size = signed.checkpoint.size
            return f"The signer remembers {size} entries. " + (left or "The log continues them: start the gateway.")
        if not trouble:
            if begin_anew:
                raise StateError("REVISION_CONFLICT", "the log continues what was signed; nothing was changed")
            return "The log continues what was signed: nothing is to be done."
        if not begin_anew:
            return f"{trouble}. Restore a newer database, give the signer its memory (--last), or --begin-anew."
        epoch = await flow.begin_anew(store, keys, keys.signer.evidence(), officers, reason, clock.now())
        card = rename_log(home, keys, epoch.origin, clock.now())
        return (
            f"The log {epoch.origin} begins over {epoch.size} entries. Start the gateway, and exchange cards again: "
            f"partners witness it once they accepted our card {card.fingerprint}"
        )
    finally:
        await store.close()
