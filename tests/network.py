"""A switch in front of Python's sockets, so that a test which forgets to stay offline fails.

It is an audit hook: it also sees what bypasses ``socket.socket``. It does not see sockets of native code (gRPC's core);
those tests live in e2e and bind to loopback.
"""

from __future__ import annotations

import enum
import ipaddress
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Reach(enum.Enum):
    NOTHING = "no network in unit tests"
    LOOPBACK = "tests reach loopback only"
    EVERYTHING = "outside of a test"


_reach = Reach.EVERYTHING


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _audit(event: str, args: tuple[object, ...]) -> None:
    if _reach is Reach.EVERYTHING or not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        sock, address = args[0], args[1]
        if getattr(sock, "family", None) not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
            return
        host = address[0]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if _reach is Reach.NOTHING or not _is_loopback(host):
        raise PermissionError(f"{_reach.value}: {event} to {host!r}")


sys.addaudithook(_audit)


@contextmanager
def limited_to(reach: Reach) -> Iterator[None]:
    global _reach
    before, _reach = _reach, reach
    try:
        yield
    finally:
        _reach = before
