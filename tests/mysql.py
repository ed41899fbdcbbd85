"""A real server of MySQL's protocol for the tests: MariaDB, one per pytest process, on a private Unix socket.

Debian's mariadb-server-core holds the program and the statements that make its own tables, and starts nothing.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

START_SECONDS = 60
_SHARE = Path("/usr/share/mysql")
_TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
_SMALL = ["--innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"]


def _program() -> str | None:
    return shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def absent() -> str | None:
    """Why no server can be had here, or None."""
    if _program() is None or not all((_SHARE / name).is_file() for name in _TABLES):
        return "neither mariadbd nor its system tables are there (Debian: mariadb-server-core)"
    return None


class MySQLServer:
    """A throw-away server with a database crm and an account that may read and change it."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="as-my-"))
        self.socket = str(self.directory / "s")
        self.password = secrets.token_urlsafe(9) + "@:/?#é"
        program = _program()
        assert program is not None
        folder = self.directory / "data"
        folder.mkdir()
        common = [program, "--no-defaults", f"--datadir={folder}", *_SMALL]
        if os.geteuid() == 0:
            common.append("--user=root")
        own = [(_SHARE / name).read_text() for name in _TABLES]
        make = "\n".join(["create database mysql;", "use mysql;", "SET @auth_root_socket=NULL;", *own])
        log = (self.directory / "log").open("wb")
        with log:
            subprocess.run([*common, "--bootstrap"], input=make.encode(), stdout=log, stderr=log, check=True)
            # setpriv becomes the server, which then goes when this process goes, even by SIGKILL.
            serve = ["setpriv", "--pdeathsig=TERM", *common, f"--socket={self.socket}", "--skip-networking"]
            self._process = subprocess.Popen(serve, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while b"ready for connections" not in (told := (self.directory / "log").read_bytes()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start: {told.decode()}")
            time.sleep(0.02)
        self.run(
            "CREATE DATABASE crm CHARACTER SET utf8mb4",
            f"CREATE USER shop IDENTIFIED BY '{self.password}'",
            "GRANT SELECT ON crm.* TO shop",
            database=None,
        )

    def run(self, *statements: str, rows: list[tuple[Any, ...]] | None = None, database: str | None = "crm") -> None:
        """Run statements as root, the last one once per row where there are rows."""
        connection = pymysql.connect(
            unix_socket=self.socket, user="root", database=database, charset="utf8mb4", autocommit=True
        )
        with closing(connection), connection.cursor() as cursor:
            for statement in statements[:-1] if rows is not None else statements:
                cursor.execute(statement)
            if rows is not None:
                cursor.executemany(statements[-1], rows)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as root and return its rows."""
        connection = pymysql.connect(unix_socket=self.socket, user="root", charset="utf8mb4", autocommit=True)
        with closing(connection), connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(START_SECONDS)
        shutil.rmtree(self.directory)


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[MySQLServer]:
    """A server with a database crm, whose tables each test makes by names of its own."""
    if (reason := absent()) is not None:
        pytest.fail(f"mark the test with @pytest.mark.mysql: {reason}")
    server = MySQLServer()
    yield server
    server.stop()
