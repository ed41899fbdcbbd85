"""A real PostgreSQL for the tests: one server per pytest process, one fresh database per test.

``ASSENT_TEST_PG_DSN`` names a server on which databases may be created; else the newest
``/usr/lib/postgresql/*/bin`` is started on a private Unix socket, as user ``postgres`` when the tests run as root.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import URL, make_url

START_SECONDS = 60
versions_seen: set[str] = set()


def _newest_bin() -> Path | None:
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: [int(part) for part in path.parent.name.split(".")], default=None)


def absent() -> str | None:
    """Why no server can be had here, or None."""
    if os.environ.get("ASSENT_TEST_PG_DSN"):
        return None
    if _newest_bin() is None:
        return "neither ASSENT_TEST_PG_DSN nor /usr/lib/postgresql/*/bin is there"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "the tests run as root and there is no user postgres to run the server as"
    return None


class _Server:
    """A throw-away server: durability off, trust on a socket in a directory that only its user may open."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self.directory = Path(tempfile.mkdtemp(prefix="as-pg-"))
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
            self._as_user = ["--reuid=postgres", "--regid=postgres", "--init-groups"]

    def start(self) -> str:
        data, log = self.directory / "data", self.directory / "log"
        init = [str(self._binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        init += ["--locale=C.UTF-8", "--no-sync"]
        # The server's user may not be able to enter the directory in which the tests run.
        subprocess.run(["setpriv", *self._as_user, *init], check=True, stdout=subprocess.DEVNULL, cwd=self.directory)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": "100",
        }
        serve = [str(self._binaries / "postgres"), "-D", str(data)]
        for name, value in settings.items():
            serve += ["-c", f"{name}={value}"]
        # setpriv becomes the server, which then goes when this process goes, even by SIGKILL.
        serve = ["setpriv", *self._as_user, "--pdeathsig=INT", *serve]
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                serve, stdout=sink, stderr=sink, cwd=self.directory, start_new_session=True
            )
        dsn = make_conninfo(host=str(self.directory), user="postgres", dbname="postgres")
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(dsn).close()
                return dsn
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from error
                time.sleep(0.05)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(START_SECONDS)
        shutil.rmtree(self.directory)


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """Connection string of a server on which databases may be created and dropped."""
    if (reason := absent()) is not None:
        pytest.fail(f"mark the test with @pytest.mark.postgres: {reason}")
    given = os.environ.get("ASSENT_TEST_PG_DSN")
    server = None
    if given:
        dsn = given
    else:
        binaries = _newest_bin()
        assert binaries is not None
        server = _Server(binaries)
        dsn = server.start()
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT split_part(version(), ' (', 1)").fetchone()
        assert row is not None
        versions_seen.add(row[0].partition(" on ")[0])
    yield dsn
    if server is not None:
        server.stop()


@pytest.fixture(scope="session")
def _migrated(postgres_dsn: str) -> Iterator[str]:
    """Name of a database without rows in the present schema, from which others are copied."""
    # Not at import: the store takes a second to load, which every run of tests would wait for.
    from tests.empty_stores import FORGET_SALTS, migrate_apart

    with _database(postgres_dsn, "template0") as url:
        migrate_apart(url)
        name = make_url(url).database
        assert name is not None
        with psycopg.connect(postgres_dsn, dbname=name, autocommit=True) as connection:
            connection.execute(FORGET_SALTS)
        yield name


@pytest.fixture
def postgres_url(postgres_dsn: str, _migrated: str) -> Iterator[str]:
    """SQLAlchemy URL of a store without rows, of this test's own."""
    with _database(postgres_dsn, _migrated) as url:
        yield url


@pytest.fixture
def new_postgres_url(postgres_dsn: str) -> Iterator[str]:
    """SQLAlchemy URL of a database without tables, of this test's own."""
    with _database(postgres_dsn, "template0") as url:
        yield url


@contextmanager
def _database(dsn: str, template: str) -> Iterator[str]:
    """Copy a database and drop the copy afterwards; gives its SQLAlchemy URL."""
    name = f"assent_{secrets.token_hex(6)}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    given = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if value is not None}
    given.pop("dbname", None)
    port = given.pop("port", None)
    host = given.pop("host", None)
    url = URL.create(
        "postgresql+psycopg",
        username=given.pop("user", None),
        password=given.pop("password", None),
        database=name,
        # A socket's directory is a path and does not fit into the URL's host part.
        host=None if host is None or host.startswith("/") else host,
        port=int(port) if port else None,
        query=given | ({"host": host} if host is not None and host.startswith("/") else {}),
    )
    yield url.render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
