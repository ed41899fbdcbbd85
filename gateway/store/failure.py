"""The one place that turns a database's failure into an error of the gateway.

No text of the database goes into a message: it may quote the row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.errors import AssentError, Misuse, RequestError, StateError

# What a statement, a commit or a connection may raise: both drivers' errors, which SQLAlchemy wraps, and what Python
# raises for a text or number that no column can hold, which it does not.
DATABASE_ERRORS = (SQLAlchemyError, sqlite3.Error, UnicodeError, OverflowError)

_FULL = ("DISK_FULL", "the store's disk is full; free space, then repeat the request")
_BUSY = ("REVISION_CONFLICT", "the store was busy with another change; repeat the request")
_EXISTS = ("REVISION_CONFLICT", "the store holds another row of the same name; read it, then decide")
_PARENT = ("NOT_FOUND", "the store does not hold what the new row refers to; create that first")
_AWAY = ("STORE_UNAVAILABLE", "the store's database cannot be reached; look at it, then repeat the request")
_BROKEN = ("LOG_INCONSISTENT", "the store's database is damaged; stop this gateway and restore a backup")
_UNSUITABLE = "a text or number of the request does not fit the store; correct it at its source"

# SQLSTATE, PostgreSQL appendix A; a class (two characters) stands for all its codes that are not listed.
_POSTGRESQL = {
    "53100": _FULL,
    "23505": _EXISTS,
    "23503": _PARENT,
    "40": _BUSY,
    "55P03": _BUSY,
    "57014": _BUSY,
    "08": _AWAY,
    "28": _AWAY,
    "3D": _AWAY,
    "53": _AWAY,
    "57P": _AWAY,
    "58030": _FULL,
    "58P01": _BROKEN,
    "XX001": _BROKEN,
    "XX002": _BROKEN,
}

# Result codes, https://www.sqlite.org/rescode.html; a primary code stands for its extended ones that are not listed.
_SQLITE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _FULL,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_INTERRUPT: _BUSY,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: _EXISTS,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: _EXISTS,
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: _PARENT,
    sqlite3.SQLITE_CANTOPEN: _AWAY,
    sqlite3.SQLITE_CORRUPT: _BROKEN,
    sqlite3.SQLITE_NOTADB: _BROKEN,
}


@contextmanager
def gateway_errors() -> Iterator[None]:
    """Raise in place of one of DATABASE_ERRORS, from it, what `gateway_error` makes of it."""
    try:
        yield
    except DATABASE_ERRORS as error:
        raise gateway_error(error) from error


def gateway_error(error: BaseException) -> AssentError:
    """Translate one of DATABASE_ERRORS.

    Args:
        error: as SQLAlchemy or Python raised it.

    Returns:
        The error to raise from it; Misuse for what only a bug can cause.
    """
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, AssentError):  # a column type refused a value
        return cause
    if isinstance(cause, (UnicodeError, OverflowError)):
        return RequestError("BAD_FIELD", _UNSUITABLE)
    if isinstance(cause, PoolTimeout):
        return StateError(*_BUSY)
    if isinstance(code := getattr(cause, "sqlite_errorcode", None), int):
        known = _SQLITE.get(code) or _SQLITE.get(code & 0xFF)
        return StateError(*known) if known else Misuse(f"SQLite refused a statement of the store (code {code})")
    return _postgresql_error(cause)


def _postgresql_error(cause: BaseException) -> AssentError:
    sqlstate = getattr(cause, "sqlstate", None) or ""
    known = next((_POSTGRESQL[part] for part in (sqlstate, sqlstate[:3], sqlstate[:2]) if part in _POSTGRESQL), None)
    kind = type(cause).__name__
    if known is None and not sqlstate and kind in ("OperationalError", "ConnectionTimeout"):
        known = _AWAY  # no connection, or one that broke, before the server could name a code
    if known is not None:
        return StateError(*known)
    if sqlstate.startswith("22") or kind == "DataError":
        return RequestError("BAD_FIELD", _UNSUITABLE)
    return Misuse(f"the database refused a statement of the store ({sqlstate or kind})")
