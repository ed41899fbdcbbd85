from __future__ import annotations

import sqlite3

import psycopg
import pytest
from psycopg import errors as pg
from sqlalchemy import exc

from gateway.errors import AssentError, Misuse, RequestError, StateError
from gateway.store.failure import gateway_error

SECRET = "13800138000"


def _sqlite(code: int) -> exc.SQLAlchemyError:
    cause = sqlite3.OperationalError(f"near {SECRET}")
    cause.sqlite_errorcode = code
    return exc.OperationalError("INSERT", {"phone": SECRET}, cause)


def _postgresql(cause: BaseException) -> exc.SQLAlchemyError:
    return exc.DBAPIError("INSERT", {"phone": SECRET}, cause)  # type: ignore[arg-type]


CASES: list[tuple[BaseException, type[AssentError], str]] = [
    (_sqlite(sqlite3.SQLITE_FULL), StateError, "DISK_FULL"),
    (_sqlite(sqlite3.SQLITE_IOERR_WRITE), StateError, "DISK_FULL"),
    (_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), StateError, "REVISION_CONFLICT"),
    (_sqlite(sqlite3.SQLITE_LOCKED), StateError, "REVISION_CONFLICT"),
    (_sqlite(sqlite3.SQLITE_CONSTRAINT_UNIQUE), StateError, "REVISION_CONFLICT"),
    (_sqlite(sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY), StateError, "REVISION_CONFLICT"),
    (_sqlite(sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY), StateError, "NOT_FOUND"),
    (_sqlite(sqlite3.SQLITE_CORRUPT), StateError, "LOG_INCONSISTENT"),
    (_sqlite(sqlite3.SQLITE_NOTADB), StateError, "LOG_INCONSISTENT"),
    (_sqlite(sqlite3.SQLITE_CANTOPEN), StateError, "STORE_UNAVAILABLE"),
    (_sqlite(sqlite3.SQLITE_CONSTRAINT_NOTNULL), Misuse, "BUG"),
    (_sqlite(sqlite3.SQLITE_ERROR), Misuse, "BUG"),
    (_sqlite(sqlite3.SQLITE_READONLY), Misuse, "BUG"),
    (_postgresql(pg.DiskFull()), StateError, "DISK_FULL"),
    (_postgresql(pg.UniqueViolation()), StateError, "REVISION_CONFLICT"),
    (_postgresql(pg.SerializationFailure()), StateError, "REVISION_CONFLICT"),
    (_postgresql(pg.DeadlockDetected()), StateError, "REVISION_CONFLICT"),
    (_postgresql(pg.LockNotAvailable()), StateError, "REVISION_CONFLICT"),
    (_postgresql(pg.ForeignKeyViolation()), StateError, "NOT_FOUND"),
    (_postgresql(pg.AdminShutdown()), StateError, "STORE_UNAVAILABLE"),
    (_postgresql(pg.TooManyConnections()), StateError, "STORE_UNAVAILABLE"),
    (_postgresql(pg.ConnectionFailure()), StateError, "STORE_UNAVAILABLE"),
    (_postgresql(psycopg.OperationalError("connection refused")), StateError, "STORE_UNAVAILABLE"),
    (_postgresql(psycopg.errors.ConnectionTimeout("timeout")), StateError, "STORE_UNAVAILABLE"),
    (_postgresql(pg.InvalidPassword()), StateError, "STORE_UNAVAILABLE"),
    (_postgresql(pg.DataCorrupted()), StateError, "LOG_INCONSISTENT"),
    (_postgresql(pg.NumericValueOutOfRange()), RequestError, "BAD_FIELD"),
    (_postgresql(psycopg.DataError("cannot contain NUL")), RequestError, "BAD_FIELD"),
    (_postgresql(pg.NotNullViolation()), Misuse, "BUG"),
    (_postgresql(pg.ReadOnlySqlTransaction()), Misuse, "BUG"),
    (_postgresql(pg.UndefinedColumn()), Misuse, "BUG"),
    (exc.TimeoutError(), StateError, "REVISION_CONFLICT"),
    (exc.CompileError("no such type"), Misuse, "BUG"),
    (exc.StatementError("refused", "INSERT", None, Misuse("a time needs its zone")), Misuse, "BUG"),
    (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogate"), RequestError, "BAD_FIELD"),
    (OverflowError("too large"), RequestError, "BAD_FIELD"),
]


@pytest.mark.parametrize(("error", "family", "reason"), CASES)
def test_a_database_s_failure_has_one_family_and_reason(
    error: BaseException, family: type[AssentError], reason: str
) -> None:
    found = gateway_error(error)
    assert (type(found), found.reason) == (family, reason)
    assert SECRET not in found.message and found.message
