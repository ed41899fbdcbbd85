"""Redaction by construction: a log line is built from known keys only.

A deny-list forgets; so nothing is searched for and struck out. A line keeps a
key only when it stands in `KNOWN_KEYS` and its value has the key's shape. An
exception is reduced to its type and the places it passed through: its message
may quote a row. Lines of other libraries keep their origin and lose their text.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from types import TracebackType
from typing import Any

Shape = Callable[[object], bool]

MAX_FRAMES = 12


def _matches(pattern: str) -> Shape:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


_CODE = _matches(r"[A-Z][A-Z0-9_]{0,63}")
_NAME = _matches(r"[a-z][a-z0-9_.-]{0,62}")
_UUID = _matches(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CLASS = _matches(r"[A-Za-z_][A-Za-z0-9_.]{0,127}")
_ADDRESS = _matches(r"(127(\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\]|localhost):\d{1,5}")

# Ids of jobs, sessions and agreements name a computation, a party names a company: never a customer.
KNOWN_KEYS: Mapping[str, Shape] = {
    "agreement_id": _UUID,
    "attempt": _is_number,
    "bytes": _is_number,
    "cancelled": _is_flag,
    "chunk": _is_number,
    "code": _CODE,
    "correlation_id": _matches(r"[0-9a-f]{16}"),
    "count": _is_number,
    "duration_ms": _is_number,
    "entries": _is_number,
    "exception": _CLASS,
    "family": _CLASS,
    "fence": _is_number,
    "index": _is_number,
    "job_id": _UUID,
    "line": _is_number,
    "listen": _ADDRESS,
    "logger": _CLASS,
    "messages": _is_number,
    "method": _matches(r"/?[A-Za-z][A-Za-z0-9_.]{0,79}(/[A-Za-z][A-Za-z0-9_]{0,59})?"),
    "module": _CLASS,
    "operation": _CODE,
    "party": _matches(r"[a-z][a-z0-9-]{0,62}"),
    "pid": _is_number,
    "port": _is_number,
    "reason": _CODE,
    "rows": _is_number,
    "rows_total": _is_number,
    "seq": _is_number,
    "service": _NAME,
    "session_id": _matches(r"[0-9a-f]{64}"),
    "side": _CODE,
    "signal": _CODE,
    "size": _is_number,
    "stage": _is_number,
    "state": _CODE,
    "threads": _is_number,
    "version": _matches(r"\d{1,4}(\.\d{1,4}){0,3}([a-z+-][a-z0-9.+-]{0,20})?"),
    "wait_ms": _is_number,
    "waiting_for": _CODE,
    "worker": _NAME,
}

# Set by the logging pipeline itself, never by a caller's value.
_FRAME_KEYS = frozenset({"event", "level", "timestamp"})
_EVENT = _matches(r"[a-z][a-z0-9_.]{0,63}")


def redact(logger: object, level: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep of a line what is known to be harmless; a structlog processor.

    Args:
        logger: unused, part of the processor's signature.
        level: unused, part of the processor's signature.
        line: the keys that the caller gave, with `event`, and `exc_info` for an exception.

    Returns:
        A new line. `withheld` counts what was left out, so that it is noticed.
    """
    kept: dict[str, Any] = {key: line[key] for key in ("timestamp", "level") if key in line}
    withheld = 0
    event = line.get("event")
    if _EVENT(event):
        kept["event"] = event
    else:
        # A sentence may have been put together from values; a static name cannot.
        kept["event"] = "unnamed"
        withheld += 1
    for key, value in line.items():
        if key in _FRAME_KEYS or key == "exc_info" or key.startswith("_"):
            continue
        shape = KNOWN_KEYS.get(key)
        if shape is not None and shape(value):
            kept[key] = value
        else:
            withheld += 1
    kept.update(_places(line.get("exc_info")))
    if withheld:
        kept["withheld"] = withheld
    return kept


def withhold_text(logger: object, level: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Reduce a line of another library to where it came from; a structlog processor.

    Messages of libraries quote statements, parameters and addresses.
    """
    record = line["_record"]
    return {
        **{key: line[key] for key in ("timestamp", "level", "_record", "_from_structlog") if key in line},
        "event": "library",
        "logger": record.name,
        "module": record.module,
        "line": record.lineno,
        "exc_info": record.exc_info,
    }


def _places(exc_info: object) -> dict[str, Any]:
    """Name an exception's type and the places it passed, innermost last, without its message."""
    error: BaseException | None = None
    if isinstance(exc_info, BaseException):
        error = exc_info
    elif isinstance(exc_info, tuple) and len(exc_info) == 3 and isinstance(exc_info[1], BaseException):
        error = exc_info[1]
    if error is None:
        return {}
    found: dict[str, Any] = {"exception": type(error).__qualname__, "places": _frames(error.__traceback__)}
    cause = error.__cause__ or error.__context__
    if cause is not None:
        found["cause"] = type(cause).__qualname__
        found["cause_places"] = _frames(cause.__traceback__)
    return found


def _frames(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-MAX_FRAMES:]
    return [f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno}:{frame.name}" for frame in frames]
