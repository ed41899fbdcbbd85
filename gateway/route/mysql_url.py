"""URLs of databases behind MySQL's protocol: mysql://user:password@host:port/database?ssl_ca=...&unix_socket=..."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.errors import RequestError

_PORT = 3306
_OPTIONS = frozenset({"ssl_ca", "unix_socket"})


def connect_arguments(url: str) -> dict[str, Any]:
    """Return what a driver connects by; with ssl_ca the server's name is checked too.

    Args:
        url: may hold a password, so that it is never shown.

    Raises:
        RequestError: BAD_FIELD for an option that is not known, or a port that is none.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if options.keys() - _OPTIONS:
        raise RequestError("BAD_FIELD", f"a mysql URL takes the options {', '.join(sorted(_OPTIONS))} only")
    try:
        port = parts.port or _PORT
    except ValueError:
        raise RequestError("BAD_FIELD", "the port of a mysql URL must be a number below 65536") from None
    secure = {"ssl_ca": options["ssl_ca"], "ssl_verify_identity": True} if options.get("ssl_ca") else {}
    return {
        "host": parts.hostname or "localhost",
        "port": port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or "").encode(),  # text would go as Latin-1
        "database": unquote(parts.path.strip("/")) or None,
        "unix_socket": options.get("unix_socket"),
        **secure,
    }
