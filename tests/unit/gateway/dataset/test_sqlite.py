from __future__ import annotations

import sqlite3
import subprocess
import sys
import traceback
from contextlib import closing
from pathlib import Path

import pytest

from gateway.dataset import Datasets
from gateway.errors import SourceError
from tests.unit.gateway.dataset.files import Declared, bound
from tests.unit.gateway.dataset.kinds import NAMES, TABLE
from tests.unit.gateway.dataset.scans import counts, rows_of
from tests.unit.gateway.dataset.test_kinds import contract, described


def database(folder: Path, *statements: str, wal: bool = False) -> Path:
    path = folder / "crm.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        if wal:
            connection.execute("PRAGMA journal_mode = WAL")
        for statement in statements:
            connection.execute(statement)
    return path


def declared(path: Path, table: str = "customers", **options: tuple[str, ...]) -> Declared:
    return Declared("sqlite", path, table=table, **options)


def port(source: Declared, batch_rows: int = 1000) -> Datasets:
    return Datasets(lambda: {"customers": source}, batch_rows=batch_rows)


def fill(path: Path, table: str = "customers") -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?)", TABLE)


def refused(source: Declared) -> SourceError:
    with pytest.raises(SourceError) as caught:
        rows_of(port(source).scan(bound(), "phone.cn11", ()))
    assert "13800" not in "".join(traceback.format_exception(caught.value))
    assert str(source.path) not in caught.value.message
    return caught.value


@pytest.mark.parametrize("batch_rows", [1, 4, 1000])
async def test_a_table_is_read_like_a_file(tmp_path: Path, batch_rows: int) -> None:
    columns = ", ".join(f'"{name}"' for name in NAMES)
    source = declared(
        database(tmp_path, f"CREATE TABLE customers ({columns})", f"CREATE VIEW v AS SELECT {columns} FROM customers")
    )
    assert source.path is not None
    fill(source.path)
    contract(source, batch_rows)
    assert await described(source) == set(NAMES)
    view = declared(source.path, "v")
    rows = [row[1:] for row in rows_of(port(view).scan(bound(), "phone.cn11", ()))]
    assert sorted(rows) == sorted(row[1:] for row in rows_of(port(source).scan(bound(), "phone.cn11", ())))


def test_values_of_any_type_are_text_in_the_order_of_the_key(tmp_path: Path) -> None:
    path = database(
        tmp_path,
        "CREATE TABLE customers (customer INTEGER PRIMARY KEY, phone)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
        "INSERT INTO customers SELECT 5000 - i, NULL FROM n",
        "INSERT INTO customers VALUES (1, 13800000001), (6000, 13800000002.0), (6001, '13800000003'), (6002, 1.5)",
    )
    scan = port(declared(path)).scan(bound(), "phone.cn11", ())
    assert [row[:3] for row in rows_of(scan)] == [
        (1, "1", "13800000001"),
        (3002, "6000", "13800000002"),
        (3003, "6001", "13800000003"),
    ]
    assert counts(scan) == {"EMPTY_MATCH_KEY": (3000, tuple(range(2, 22))), "BAD_MATCH_KEY": (1, (3004,))}
    ordered = port(declared(path, order_by=("phone", "customer"))).scan(bound(), "phone.cn11", ())
    # Numbers stand before text, as SQLite orders them.
    assert [row[1] for row in rows_of(ordered)] == ["1", "6000", "6001"]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = database(
        tmp_path,
        "CREATE TABLE customers (customer, phone)",
        "INSERT INTO customers VALUES ('c1', '13800000001'), (x'b5ff', '13800000002')",
    )
    error = refused(declared(path))
    assert (error.reason, "row 2;" in error.message) == ("BAD_ENCODING", True)


def test_what_is_not_there(tmp_path: Path) -> None:
    path = database(tmp_path, "CREATE TABLE customers (customer, mobile)", "INSERT INTO customers VALUES (1, 2)")
    assert (refused(declared(path)).reason, refused(declared(path, "absent")).reason) == ("MISSING_COLUMN", "BAD_ROW")
    assert "(absent) is no table or view there" in refused(declared(path, "absent")).message
    assert "cannot be reached" in refused(declared(tmp_path / "absent.db")).message
    (tmp_path / "not.db").write_bytes(b"customer,phone\n" * 999)
    assert refused(declared(tmp_path / "not.db")).reason == "BAD_ROW"
    database(tmp_path, "CREATE TABLE empty (customer, phone)")
    error = refused(declared(path, "empty", order_by=("id",)))
    assert (error.reason, "no column id" in error.message) == ("MISSING_COLUMN", True)
    assert refused(declared(path, "empty")).reason == "EMPTY"


def test_names_are_quoted(tmp_path: Path) -> None:
    name = 'a "b" from x; --'
    quoted = '"' + name.replace('"', '""') + '"'
    path = database(
        tmp_path,
        f"CREATE TABLE {quoted} (customer, phone, {quoted})",
        f"INSERT INTO {quoted} VALUES (1, '13800000001', 'x')",
    )
    source = declared(path, name, order_by=(name,))
    assert [row[1] for row in rows_of(port(source).scan(bound(), "phone.cn11", ()))] == ["1"]


def test_a_table_dropped_while_it_is_read_or_between_two_reads(tmp_path: Path) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
    path = database(
        tmp_path,
        "CREATE TABLE customers (customer PRIMARY KEY, phone)",
        many + "INSERT INTO customers SELECT 'c' || i, 13800000000 + i FROM n",
        wal=True,
    )
    reading = port(declared(path), 100).scan(bound(), "phone.cn11", ())
    batches = reading.batches()
    first = next(batches)
    # Another process: two libraries of SQLite in one would undo each other's locks.
    drop = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('DROP TABLE customers'); c.commit()"
    subprocess.run([sys.executable, "-c", drop, str(path)], check=True)
    # The pass that began before goes on as of its moment; the next one finds no table.
    assert len(first.rows) + sum(len(batch.rows) for batch in batches) == 20_000
    error = refused(declared(path))
    assert (error.reason, "is no table or view there" in error.message) == ("BAD_ROW", True)


def test_a_damaged_file_says_so_and_what_to_do(tmp_path: Path) -> None:
    path = database(tmp_path, "CREATE TABLE customers (customer, phone, r)")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO customers VALUES (?, ?, 1)", ((n, 13_800_000_000 + n) for n in range(20_000))
        )
    whole = path.read_bytes()
    for content, problem in (
        (whole[: len(whole) // 2], "crm.db, which is damaged or cut off; put a whole copy"),
        (whole[:-5000] + b"\xff" * 5000, "could not be read on behind row"),
        (b"customer,phone\n" * 500, "crm.db, which is no SQLite database"),
    ):
        path.write_bytes(content)
        error = refused(declared(path))
        assert (error.reason, problem in error.message) == ("BAD_ROW", True), error.message
    path.unlink()
    assert "crm.db, which cannot be reached; check that it is there" in refused(declared(path)).message


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ("INSERT INTO customers VALUES ('z', '13800000009', 1)", {"customer", "phone", "r"}),
        ("UPDATE customers SET phone = NULL WHERE customer = 'c1'", {"phone"}),
        ("UPDATE customers SET r = r || '1'", {"r"}),
        ("DELETE FROM customers WHERE customer = 'c2'", {"customer", "phone", "r"}),
        ("CREATE TABLE other (x)", set()),
    ],
)
def test_what_another_pass_reads_differently_shows(tmp_path: Path, change: str, differs: set[str]) -> None:
    path = database(
        tmp_path,
        "CREATE TABLE customers (customer PRIMARY KEY, phone, r)",
        "INSERT INTO customers VALUES ('c1', '13800000001', 1), ('c2', '13800000002', 2), ('c3', '', 3)",
    )
    states = []
    for step in ("", change):
        database(tmp_path, *filter(None, [step]))
        scans = [port(declared(path), rows).scan(bound(), "phone.cn11", ()) for rows in (1, 100)]
        for scan in scans:
            rows_of(scan)
        assert scans[0].state == scans[1].state
        wide = port(declared(path)).scan(bound(subject="r"), "phone.cn11", ())
        rows_of(wide)
        assert wide.state["phone"] == scans[0].state["phone"]
        states.append({**scans[0].state, **wide.state})
    assert {name for name in states[0] if states[0][name] != states[1][name]} == differs
