"""Tables of real servers as data sets: the contract of every source, passwords, and tables that go."""

from __future__ import annotations

import secrets
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from gateway.dataset import Datasets
from gateway.errors import SourceError
from tests.mysql import MySQLServer
from tests.unit.gateway.dataset.files import Declared, bound
from tests.unit.gateway.dataset.kinds import NAMES, TABLE
from tests.unit.gateway.dataset.scans import counts, rows_of
from tests.unit.gateway.dataset.test_kinds import contract, described

MANY = 9_000


@dataclass(frozen=True)
class House:
    """A database with an account of its own."""

    format: str
    url: str
    password: str
    server: Any
    schema: str

    def run(self, *statements: str, rows: list[tuple[Any, ...]] | None = None) -> None:
        if self.format == "mysql":
            self.server.run(*statements, rows=rows)
            return
        with psycopg.connect(self.server, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements[:-1] if rows is not None else statements:
                cursor.execute(statement.encode())
            if rows is not None:
                cursor.executemany(statements[-1].encode(), rows)

    def end_readers(self) -> None:
        """End the account's connections, as an administrator does who wants to drop a table now."""
        if self.format == "mysql":
            self.run("KILL USER shop")
        else:
            self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.schema}'")

    def declared(self, table: str, **options: Any) -> Declared:
        return Declared(self.format, None, url=self.url, table=table, **options)

    def table(self, columns: str) -> str:
        name = f"t_{secrets.token_hex(4)}"
        self.run(f"CREATE TABLE {self.schema}.{name} ({columns})")
        return name

    def fill(self, table: str) -> None:
        insert = f"INSERT INTO {self.schema}.{table} VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        self.run(insert, rows=[(number, *row) for number, row in enumerate(TABLE)])

    def many(self, wide: int = 0) -> str:
        """Make a table of MANY rows, and return its name."""
        name = self.table("customer varchar(9) PRIMARY KEY, phone text")
        numbers = f"seq_1_to_{MANY}" if self.format == "mysql" else f"generate_series(1, {MANY}) AS s (seq)"
        phone = f"concat(13800000000 + seq, repeat('x', {wide}))"
        self.run(f"INSERT INTO {self.schema}.{name} SELECT concat('c', 100000 + seq), {phone} FROM {numbers}")
        return f"{self.schema}.{name}"


@pytest.fixture(scope="module")
def postgresql_house(postgres_dsn: str) -> Iterator[House]:
    role, password = f"shop_{secrets.token_hex(4)}", secrets.token_urlsafe(9) + "@:/?#é"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'".encode())
        connection.execute(f"CREATE SCHEMA {role}".encode())
        connection.execute(f"GRANT USAGE ON SCHEMA {role} TO {role}".encode())
        connection.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {role} GRANT SELECT ON TABLES TO {role}".encode())
    given = {key: str(value) for key, value in conninfo_to_dict(postgres_dsn).items() if value is not None}
    where = "&".join(f"{key}={quote(given[key], safe='')}" for key in ("host", "port", "dbname") if key in given)
    yield House("postgresql", f"postgresql://{role}:{quote(password, safe='')}@/?{where}", password, postgres_dsn, role)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for statement in (f"DROP SCHEMA {role} CASCADE", f"DROP OWNED BY {role}", f"DROP ROLE {role}"):
            connection.execute(statement.encode())


@pytest.fixture(scope="module")
def mysql_house(mysql_server: MySQLServer) -> House:
    password = quote(mysql_server.password, safe="")
    url = f"mysql://shop:{password}@localhost/crm?unix_socket={quote(mysql_server.socket, safe='')}"
    return House("mysql", url, mysql_server.password, mysql_server, "crm")


@pytest.fixture(
    params=[
        pytest.param(name, marks=getattr(pytest.mark, need))
        for name, need in (("postgresql_house", "postgres"), ("mysql_house", "mysql"))
    ]
)
def house(request: pytest.FixtureRequest) -> House:
    return request.getfixturevalue(request.param)


def port(declared: Declared, batch_rows: int = 1000) -> Datasets:
    return Datasets(lambda: {"customers": declared}, batch_rows=batch_rows)


def refused(house: House, declared: Declared) -> SourceError:
    with pytest.raises(SourceError) as caught:
        rows_of(port(declared).scan(bound(), "phone.cn11", ()))
    printed = "".join(traceback.format_exception(caught.value))
    for secret in (house.password, quote(house.password, safe=""), "13800", house.url):
        assert secret not in printed
    return caught.value


async def test_a_table_and_a_view_are_read_like_a_file(house: House) -> None:
    columns = ", ".join(f"{name} varchar(100)" for name in NAMES)
    name = house.table(f"place int PRIMARY KEY, {columns}")
    house.fill(name)
    for rows in (1, 1000):
        contract(house.declared(f"{house.schema}.{name}"), rows)
    house.run(f"CREATE VIEW {house.schema}.v_{name} AS SELECT * FROM {house.schema}.{name}")
    view = house.declared(f"{house.schema}.v_{name}")
    contract(view, 4)
    contract(replace(view, order_by=("place",)), 4)
    assert await described(view) == {"place", *NAMES}


def test_values_are_text_as_the_database_writes_them(house: House) -> None:
    name = house.table("customer bigint PRIMARY KEY, phone double precision, r decimal(10,2), b varchar(9), c char(3)")
    house.run(
        f"INSERT INTO {house.schema}.{name} VALUES (2, 13800000002, 1.50, NULL, 'x'), (1, 13800000001, NULL, '金', '')"
    )
    scan = port(house.declared(f"{house.schema}.{name}")).scan(bound(), "phone.cn11", ())
    assert [row[:3] for row in rows_of(scan)] == [(1, "1", "13800000001"), (2, "2", "13800000002")]
    assert counts(scan) == {}
    # What a column of decimals holds whole is written without its zeros, as from a file of such a type.
    house.run(f"ALTER TABLE {house.schema}.{name} ADD mobile numeric(13, 2)")
    house.run(f"UPDATE {house.schema}.{name} SET mobile = 13800000000 + customer / 2.0")
    binding = replace(bound(), match_key_columns=(("phone.cn11", "mobile"),))
    scan = port(house.declared(f"{house.schema}.{name}")).scan(binding, "phone.cn11", ())
    assert [row[:3] for row in rows_of(scan)] == [(2, "2", "13800000001")]
    assert counts(scan) == {"BAD_MATCH_KEY": (1, (1,))}


def test_a_cell_of_a_megabyte_and_a_table_without_rows_or_columns(house: House) -> None:
    name = house.table("customer varchar(9), phone " + ("longtext" if house.format == "mysql" else "text"))
    declared = house.declared(f"{house.schema}.{name}", order_by=("customer",))
    assert refused(house, declared).reason == "EMPTY"
    rows = [("c1", "13800000001"), ("c2", "x" * 1_000_000), ("c3", "13800000003")]
    house.run(f"INSERT INTO {house.schema}.{name} VALUES (%s, %s)", rows=[*rows])
    scan = port(declared).scan(bound(), "phone.cn11", ())
    assert [row[:2] for row in rows_of(scan)] == [(1, "c1"), (3, "c3")]
    assert counts(scan) == {"BAD_MATCH_KEY": (1, (2,))}
    assert refused(house, replace(declared, order_by=("id",))).reason == "MISSING_COLUMN"
    assert refused(house, replace(declared, subject_column="phone", order_by=("no",))).reason == "MISSING_COLUMN"


def test_a_database_that_does_not_answer_or_a_wrong_password(house: House) -> None:
    name = house.table("customer varchar(9), phone varchar(20)")
    away = f"{house.format}://shop:{quote(house.password, safe='')}@127.0.0.1:1/crm"
    for url in (away, house.url.replace("shop", "none", 1)):
        error = refused(house, replace(house.declared(f"{house.schema}.{name}"), url=url))
        assert (error.reason, "cannot be reached" in error.message) == ("BAD_ROW", True)


def test_a_table_that_is_dropped_between_two_reads(house: House) -> None:
    name = house.many()
    scan = port(house.declared(name)).scan(bound(), "phone.cn11", ())
    assert (len(rows_of(scan)), scan.rejected) == (MANY, {})
    house.run(f"DROP TABLE {name}")
    error = refused(house, house.declared(name))
    assert (error.reason, f"({name}) is no table or view" in error.message) == ("BAD_ROW", True)


def test_a_table_that_is_dropped_while_it_is_read(house: House) -> None:
    """Whoever drops it waits for the pass; where the server ends the pass, it is told."""
    name = house.many(wide=8000)
    batches = port(house.declared(name), 50).scan(bound(), "phone.cn11", ()).batches()
    next(batches)
    dropping = threading.Thread(target=house.run, args=(f"DROP TABLE {name}",))
    dropping.start()
    house.end_readers()
    dropping.join(20)
    with pytest.raises(SourceError) as caught:
        for _ in batches:
            pass
    assert caught.value.reason == "SOURCE_CHANGED"
    assert f"({name}) went behind row" in caught.value.message
    assert "13800" not in "".join(traceback.format_exception(caught.value))


def test_a_pass_that_the_server_ends(house: House) -> None:
    batches = port(house.declared(house.many(wide=8000)), 50).scan(bound(), "phone.cn11", ()).batches()
    next(batches)
    house.end_readers()
    with pytest.raises(SourceError) as caught:
        for _ in batches:
            pass
    assert (caught.value.reason, "could not be read on behind row" in caught.value.message) == ("BAD_ROW", True)


def test_closing_early_leaves_no_connection_waiting(house: House) -> None:
    name = house.many()
    batches = port(house.declared(name), 50).scan(bound(), "phone.cn11", ()).batches()
    next(batches)
    batches.close()
    house.run(f"DROP TABLE {name}")
