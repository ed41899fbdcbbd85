"""Events from a database: the same rows from SQLite and PostgreSQL, and no address or value in a message."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.cli.event_table import TableRows, read_table
from gateway.cli.import_place import ImportPlace
from gateway.client import ImportProgress, RowError
from gateway.client.event_batch import Account, Batches
from gateway.errors import AssentError, RequestError

AT = "2026-02-01T10:00:00+08:00"
GIVEN = ("e-2", "consent_given", AT, "张三", 1, "p", "a;b", "psi_hash", "platform", "separate")
COLUMNS = "event_id text primary key, type text, at text, subject text, evidence integer, purpose text, categories text"
COLUMNS += ", methods text, recipients text, form text"
EVENT = {
    "event_id": "e-2",
    "type": "consent_given",
    "at": AT,
    "subject": "张三",
    "evidence": True,
    "items": [
        {
            "purpose": "p",
            "categories": ["a", "b"],
            "methods": ["psi_hash"],
            "recipients": ["platform"],
            "form": "separate",
        }
    ],
}
EARLIER = {"event_id": "e-1", "type": "subject_deceased", "at": AT, "subject": "C1"}


def _sqlite(folder: Path) -> str:
    with sqlite3.connect(folder / "cdp.db") as database:
        database.execute(f'CREATE TABLE "consent acts" ({COLUMNS})')
        database.execute(f"INSERT INTO 'consent acts' VALUES ({','.join('?' * 10)})", GIVEN)
        database.execute(
            "INSERT INTO 'consent acts' (event_id, type, at, subject) VALUES (?, ?, ?, ?)", tuple(EARLIER.values())
        )
    database.close()
    return f"sqlite:///{folder / 'cdp.db'}"


def test_a_table_of_sqlite_in_the_order_of_its_key(tmp_path: Path) -> None:
    assert list(read_table(_sqlite(tmp_path), "consent acts")) == [(1, EARLIER), (2, EVENT)]


def test_a_table_of_postgresql_with_types_of_its_own(postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as database:
        database.execute("CREATE SCHEMA cdp")
        columns = COLUMNS.replace("at text", "at timestamptz").replace("evidence integer", "evidence boolean")
        database.execute(f"CREATE TABLE cdp.acts ({columns.replace('categories text', 'categories text[]')})")
        given: list[Any] = list(GIVEN)
        given[4], given[6] = True, ["a", "b"]
        database.execute(f"INSERT INTO cdp.acts VALUES ({','.join(['%s'] * 10)})", given)
    ((row, event),) = read_table(postgres_url.replace("+psycopg", ""), "cdp.acts")
    assert (row, event) == (1, EVENT | {"at": datetime(2026, 2, 1, 2, tzinfo=UTC)})


def test_text_of_sqlite_that_is_not_utf8_is_refused_by_row_and_field(tmp_path: Path) -> None:
    url = _sqlite(tmp_path)
    with sqlite3.connect(tmp_path / "cdp.db") as database:
        database.execute("UPDATE 'consent acts' SET subject = CAST(x'ff61' AS text) WHERE event_id = 'e-1'")
    database.close()
    account = Account()
    (request,) = Batches(read_table(url, "consent acts"), account)
    assert [list(group.event_ids) for group in request.batch.groups] == [["e-2"]]
    assert account.end(2).rejected == (RowError(1, "subject", "is not valid Unicode"),)


@pytest.mark.parametrize(
    ("url", "table", "said"),
    [
        ("", "t", "must be a URL"),
        ("mysql://root:geheim@localhost/cdp", "t", "must begin with sqlite"),
        ("sqlite:////nowhere/geheim.db", "t", "names no SQLite file"),
        ("sqlite:///%s", "absent", "there is no table absent"),
        ("postgresql://cdp:geheim@127.0.0.1:1/cdp", "t", "cannot be read after row 0"),
    ],
)
def test_what_cannot_be_read_is_said_without_the_address(tmp_path: Path, url: str, table: str, said: str) -> None:
    _sqlite(tmp_path)
    with pytest.raises(AssentError) as caught:
        list(read_table(url.replace("%s", str(tmp_path / "cdp.db")), table))
    assert said in caught.value.message
    assert "geheim" not in caught.value.message
    assert caught.value.__cause__ is None
    assert not (tmp_path / "absent.db").exists()


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_killed_import_of_a_table_goes_on_behind_the_row_where_it_was(
    tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    if database == "sqlite":
        url = _sqlite(tmp_path)
        with sqlite3.connect(tmp_path / "cdp.db") as table:
            table.executescript("CREATE TABLE acts (part int, id text, subject text, PRIMARY KEY (part, id))")
            table.executemany("INSERT INTO acts VALUES (?, ?, ?)", [(n % 2, f"e-{n}", f"C{n}") for n in range(9)])
        table.close()
    else:
        url = str(request.getfixturevalue("postgres_url")).replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("CREATE TABLE acts (part int, id text, subject text, PRIMARY KEY (part, id))")
            for n in range(9):
                server.execute("INSERT INTO acts VALUES (%s, %s, %s)", (n % 2, f"e-{n}", f"C{n}"))

    def start() -> tuple[ImportPlace, TableRows]:
        rows = TableRows(url, "acts")
        return ImportPlace(rows, "customer", tmp_path / "place", None, lambda: None), rows

    everything = list(read_table(url, "acts"))
    place, rows = start()
    with place:
        reading = read_table(url, "acts", rows)
        for _ in range(7):  # read ahead of what is settled
            next(reading)
        place.advance(ImportProgress(3, 3, 0, ()))
        place.advance(ImportProgress(5, 2, 0, ()))
        reading.close()  # type: ignore[attr-defined]
    kept = (tmp_path / "place").read_text()
    assert "e-4" not in kept and str(tmp_path) not in kept, "neither key nor address"
    again, rows = start()
    assert (again.row, again.accepted) == (5, 5)
    assert list(read_table(url, "acts", rows)) == everything[5:]
    # With another row before it, the number stands for another row.
    if database == "sqlite":
        with sqlite3.connect(tmp_path / "cdp.db") as table:
            table.execute("INSERT INTO acts VALUES (0, 'e-00', 'late')")
        table.close()
    else:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("INSERT INTO acts VALUES (0, 'e-00', 'late')")
    _, rows = start()
    with pytest.raises(RequestError, match="row 5 of table acts is another"):
        list(read_table(url, "acts", rows))


def test_a_table_without_a_key_has_no_place(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "cdp.db") as table:
        table.execute("CREATE TABLE acts (id text)")
    table.close()
    url = f"sqlite:///{tmp_path / 'cdp.db'}"
    with pytest.raises(RequestError, match="no primary key"):
        list(read_table(url, "acts", TableRows(url, "acts")))
