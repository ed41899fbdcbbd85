"""A gateway as a process of its own: started, asked for its health through TLS, stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.cli.gateway_options import CLIENT_FOLDER, GatewayOptions
from gateway.cli.screen import Output
from gateway.client import Client
from gateway.errors import StateError

LOG_FILE = "server.log"
START_S = 30.0
STOP_S = 15.0
_LOOK_S = 0.05


class Server:
    """One `assent serve` over one home.

    Attributes:
        home: its home, made before.
    """

    def __init__(self, home: Path, environment: Mapping[str, str] | None = None) -> None:
        """Name the home; nothing runs yet.

        Args:
            home: made before.
            environment: variables besides our own, e.g. ASSENT_ENGINE__LEASE_S.
        """
        self.home = home
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id, 0 when it is not running."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    @property
    def target(self) -> str:
        """host:port of the tenant port."""
        return (self.home / CLIENT_FOLDER / "target").read_text(encoding="utf-8").strip()

    def client(self) -> Client:
        """Return a client with the token that the home was made with."""
        return GatewayOptions(self.home, "", None, None, Output.TABLE).client()

    def start(self, *, detached: bool = False) -> None:
        """Start the process; `serving` waits for it.

        Args:
            detached: it stays when this process ends, and hears no interrupt of this terminal.
        """
        with (self.home / f"{LOG_FILE}.stderr").open("ab") as stderr:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "gateway.main",
                    "--home",
                    str(self.home),
                    "serve",
                    "--log-file",
                    str(self.home / LOG_FILE),
                ],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                env={**os.environ, **self._environment},
                start_new_session=detached,
            )

    def serving(self, timeout_s: float = START_S) -> None:
        """Wait until gRPC health says SERVING through TLS.

        Raises:
            StateError: PEER_UNAVAILABLE when the process ended or did not get there.
        """
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if not self.pid:
                raise StateError("PEER_UNAVAILABLE", f"the gateway ended while it started; read {self._said()}")
            if is_serving(self.target, (self.home / CLIENT_FOLDER / "ca.pem").read_bytes()):
                return
            time.sleep(_LOOK_S)
        raise StateError("PEER_UNAVAILABLE", f"the gateway does not serve after {timeout_s:.0f} s; read {self._said()}")

    def stop(self) -> int:
        """End it as an operator does; one that does not listen is killed.

        Returns:
            Its exit code, 0 when it was not running.
        """
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            # A stopped process takes no SIGTERM before it goes on.
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, e.g. SIGSTOP."""
        if self.pid:
            os.kill(self.pid, number)

    def leave(self) -> int:
        """Let it run on its own; return its process id."""
        process, self._process = self._process, None
        if process is None:
            return 0
        # A Popen that is dropped while its child lives would complain.
        process.returncode = 0
        return process.pid

    def _said(self) -> Path:
        stderr = self.home / f"{LOG_FILE}.stderr"
        return stderr if stderr.stat().st_size else self.home / LOG_FILE


def is_serving(target: str, ca_pem: bytes, timeout_s: float = 1.0) -> bool:
    """Ask a tenant port for its health, as a load balancer does.

    Args:
        target: host:port.
        ca_pem: its certificate.
        timeout_s: seconds to wait for the answer.
    """
    options = (("grpc.enable_http_proxy", 0),)
    with grpc.secure_channel(target, grpc.ssl_channel_credentials(ca_pem), options) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        try:
            answer = health.Check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def program(name: str, module: str) -> list[str]:
    """Return the words that call a program of this environment from any shell.

    Args:
        name: of its script, e.g. "assent".
        module: what `python -m` runs where no script is installed.
    """
    script = Path(sys.executable).with_name(name)
    return [str(script)] if script.exists() else [sys.executable, "-m", module]


def free_addresses(count: int) -> list[str]:
    """Return loopback addresses whose ports are free at this moment, all different."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
