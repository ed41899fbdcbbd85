"""Bytes on TCP connections, counted by the kernel (Linux sock_diag): exact, at no cost to the processes.

Open connections are asked for; of closed ones the kernel tells their last figures.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

_NETLINK_SOCK_DIAG = 4
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_TCP_DESTROYED = (1, 3)  # groups: IPv4, IPv6
_SOCK_DIAG_BY_FAMILY, _DONE, _ERROR = 20, 3, 2
_REQUEST_DUMP = 0x301
_INFO = 2  # attribute struct tcp_info
_HEADER, _DIAG, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBBB"), struct.Struct("=HH")
_DIAG_BYTES, _COOKIE, _BYTES = 72, 44, 120  # bytes_acked and bytes_received stand at 120 of tcp_info
_LISTEN = 10
_BUFFER = 1 << 22
_WAIT_S = 0.2


class Wire:
    """Counts what flows through connections to some ports of this machine, both directions, TCP payload.

    with Wire([7444, 8444]) as wire:
        ...
    wire.total
    """

    def __init__(self, ports: Iterable[int]) -> None:
        self._ports = frozenset(ports)
        self._closed: dict[bytes, int] = {}
        self._end = threading.Event()
        self.total = 0

    def __enter__(self) -> Self:
        self._events = _diag_socket()
        self._events.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        for group in _TCP_DESTROYED:
            self._events.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        self._events.settimeout(_WAIT_S)
        self._before = self._open()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        still = self._open()
        self._end.set()
        self._thread.join()
        self._events.close()
        self.total = sum((still | self._closed).values()) - sum(self._before.values())

    def _listen(self) -> None:
        # One more wait after the end: what was closed a moment ago is told a moment later.
        last = False
        while not last:
            last = self._end.is_set()
            try:
                message = self._events.recv(_BUFFER)
            except TimeoutError:
                continue
            self._closed.update(self._counted(message))

    def _open(self) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for family in (socket.AF_INET, socket.AF_INET6):
            with _diag_socket() as asking:
                body = struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, 0xFFFFFFFF)
                asking.send(_HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + body)
                done = False
                while not done:
                    message = asking.recv(_BUFFER)
                    found.update(self._counted(message))
                    done = any(kind in (_DONE, _ERROR) for kind, _ in _messages(message))
        return found

    def _counted(self, message: bytes) -> Iterator[tuple[bytes, int]]:
        """Yield (name of the connection, bytes so far) of accepted connections to our ports."""
        for kind, body in _messages(message):
            if kind != _SOCK_DIAG_BY_FAMILY:
                continue
            _, state, _, _ = _DIAG.unpack_from(body)
            (port,) = struct.unpack_from("!H", body, _DIAG.size)
            info = _attributes(body[_DIAG_BYTES:]).get(_INFO, b"")
            if state != _LISTEN and port in self._ports and len(info) >= _BYTES + 16:
                yield body[_COOKIE : _COOKIE + 8], sum(struct.unpack_from("=QQ", info, _BYTES))


def _diag_socket() -> socket.socket:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
    opened.bind((0, 0))
    return opened


def _messages(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start + _HEADER.size <= len(datagram):
        size, kind, *_ = _HEADER.unpack_from(datagram, start)
        yield kind, datagram[start + _HEADER.size : start + size]
        start += (size + 3) & ~3


def _attributes(body: bytes) -> dict[int, bytes]:
    found, start = {}, 0
    while start + _ATTRIBUTE.size <= len(body):
        size, kind = _ATTRIBUTE.unpack_from(body, start)
        found[kind] = body[start + _ATTRIBUTE.size : start + size]
        start += (max(size, _ATTRIBUTE.size) + 3) & ~3
    return found
