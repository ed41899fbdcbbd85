"""Times given on the command line."""

from __future__ import annotations

from datetime import datetime

from gateway.errors import RequestError


def time_of(text: str, option: str) -> datetime | None:
    """Read a time with its zone; an empty text is none.

    Raises:
        RequestError: BAD_FIELD naming the option.
    """
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise RequestError("BAD_FIELD", f"{option}: must be a time, e.g. 2026-01-31T08:00:00+08:00") from error
    if at.tzinfo is None:
        raise RequestError("BAD_FIELD", f"{option}: must name its zone, e.g. 2026-01-31T08:00:00+08:00")
    return at
