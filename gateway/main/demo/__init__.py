"""`assent demo`: two real gateways on this machine, generated people, MATCH, ENRICH and AGGREGATE."""

from __future__ import annotations

from pathlib import Path

import typer

from gateway.cli.screen import words


def demo(
    keep: bool = typer.Option(False, "--keep", help="Leave both gateways running, and say how to stop them."),
    directory: Path | None = typer.Option(None, help="New directory for everything; by default a temporary one."),
    rows_retailer: int = typer.Option(20_000, help="Customers of the retailer."),
    rows_platform: int = typer.Option(30_000, help="Customers of the platform."),
) -> None:
    """Show everything at work on generated people, in about a minute."""
    # The adapters take a second to load: other commands do without them.
    from gateway.main.demo import report, story

    story.end_by_signal()
    place = (directory or story.temporary_directory()).absolute()
    outcome = story.play(place, (rows_retailer, rows_platform), keep)
    report.tell(outcome, typer.echo)
    if directory is None and not keep:
        story.clear_homes(place)
        words(f"Both gateways are stopped; their exports are in {place / 'exports'}.")
    elif not keep:
        words(f"Both gateways are stopped; everything is in {place}.")
    if not outcome.sound:
        raise typer.Exit(1)
