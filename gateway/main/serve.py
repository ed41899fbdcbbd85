"""`assent serve`: run the gateway until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gateway.cli.gateway_options import options

if TYPE_CHECKING:
    from gateway.settings import Settings


def serve(
    context: typer.Context,
    tenant_address: str | None = typer.Option(None, help="host:port of the tenant API, instead of the setting."),
    peer_address: str | None = typer.Option(None, help="host:port for partners, instead of the setting."),
    log_level: str = typer.Option("info", envvar="ASSENT_LOG_LEVEL", help="debug, info, warning or error."),
    log_file: Path | None = typer.Option(None, envvar="ASSENT_LOG_FILE", help="Log there instead of stderr."),
) -> None:
    """Serve the tenant API and the peer port; ends cleanly on SIGTERM or SIGINT."""
    # The adapters take a second to load: commands that call a gateway do without them.
    from gateway.settings import load_settings
    from gateway.telemetry import configure_log

    configure_log(log_level, log_file)
    overrides = {"server": {"tenant_address": tenant_address, "peer_address": peer_address}}
    raise typer.Exit(asyncio.run(_serve(load_settings(options(context).own_home(), overrides))))


async def _serve(settings: Settings) -> int:
    from gateway.flow.memory import map_large_blocks
    from gateway.main.wire import running
    from gateway.telemetry import get_logger

    map_large_blocks()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log = get_logger()
    async with running(settings) as gateway:
        log.info("serving", service="tenant", port=gateway.tenant_port)
        log.info("serving", service="peer", port=gateway.peer_port)
        settling = asyncio.create_task(asyncio.to_thread(_settle))
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({stopped, *gateway.tasks}, return_when=asyncio.FIRST_COMPLETED)
        failed = [task for task in gateway.tasks if task in done]
        for task in failed:
            log.error("stopping_on_failure", service=task.get_name(), exc_info=task.exception())
        stopped.cancel()
        await settling
        log.info("stopping")
    return 1 if failed else 0


def _settle() -> None:
    """Keep the collector from looking through programs again and again."""
    import gc

    gc.collect()
    gc.freeze()
