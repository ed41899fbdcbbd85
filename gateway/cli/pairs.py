"""NAME=VALUE options."""

from __future__ import annotations

from gateway.errors import RequestError


def pairs(texts: list[str], option: str) -> dict[str, str]:
    """Read NAME=VALUE texts, each name once.

    Raises:
        RequestError: BAD_FIELD naming the option.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value) or name in found:
            raise RequestError("BAD_FIELD", f"{option}: give NAME=VALUE, each name once")
        found[name] = value
    return found
