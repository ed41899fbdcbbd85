"""Which gateway the commands call, and as whom.

By default the files that `assent keys init` left under `$ASSENT_HOME/client`:
`target`, `ca.pem` and `token`. Each can be given by option or environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import typer

from gateway.cli.screen import Output
from gateway.client import Client
from gateway.errors import AccessError, RequestError

CLIENT_FOLDER = "client"


@dataclass(slots=True)
class GatewayOptions:
    """Options of every command that calls a gateway."""

    home: Path | None
    target: str
    ca_file: Path | None
    token_file: Path | None
    output: Output

    def own_home(self) -> Path:
        """Return the home, for commands that work on its files.

        Raises:
            RequestError: BAD_FIELD when none is given.
        """
        if self.home is None:
            raise RequestError("BAD_FIELD", "no home: set ASSENT_HOME or give --home DIR")
        return self.home

    def client(self) -> Client:
        """Connect; the first call dials.

        Raises:
            RequestError: BAD_FIELD when target or CA are not known.
            AccessError: UNAUTHENTICATED when there is no token.
        """
        target = self.target or self._read("target", None, "--target HOST:PORT")
        ca = self._read("ca.pem", self.ca_file, "--ca-file FILE")
        try:
            token = self._read("token", self.token_file, "--token-file FILE")
        except RequestError as error:
            raise AccessError("UNAUTHENTICATED", error.message) from error
        return Client(target.strip(), ca.encode(), token.strip())

    def _read(self, name: str, given: Path | None, option: str) -> str:
        path = given or (self.home / CLIENT_FOLDER / name if self.home else None)
        if path is None:
            raise RequestError("BAD_FIELD", f"no {name}: set ASSENT_HOME, or give {option}")
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError("BAD_FIELD", f"cannot read {name}; check ASSENT_HOME or {option}") from error


def options(context: typer.Context) -> GatewayOptions:
    """Return the options that stood before the command."""
    found = context.find_object(GatewayOptions)
    if found is None:
        found = GatewayOptions(_home(), "", None, None, Output.TABLE)
    return found


def _home() -> Path | None:
    home = os.environ.get("ASSENT_HOME")
    return Path(home) if home else None


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib import metadata  # slow to load

        typer.echo(f"assent {metadata.version('assent-gateway')}")
        raise typer.Exit


def set_options(
    context: typer.Context,
    home: Path | None = typer.Option(None, envvar="ASSENT_HOME", help="Home of this gateway."),
    target: str = typer.Option("", envvar="ASSENT_TARGET", help="host:port of the tenant port."),
    ca_file: Path | None = typer.Option(None, envvar="ASSENT_CA_FILE", help="Certificates to trust, PEM."),
    token_file: Path | None = typer.Option(None, envvar="ASSENT_TOKEN_FILE", help="File with a bearer token."),
    output: Output = typer.Option(Output.TABLE, envvar="ASSENT_OUTPUT", help="How results are printed."),
    version: bool = typer.Option(False, "--version", callback=_tell_version, is_eager=True, help="Say it and end."),
) -> None:
    """Assent: join customer data across companies, for the customers who agreed."""
    del version
    context.obj = GatewayOptions(home, target, ca_file, token_file, output)
