"""Sinks of every format by the same tests: whole or not at all, upserts, rows taken out, and clear errors."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import secrets
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from gateway.errors import AssentError, SourceError, StateError
from gateway.route.delivery import SinkMode, Withdrawn
from gateway.settings import SinkSettings
from gateway.sink import Sinks
from tests.mysql import MySQLServer

AT = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("subject", pa.string()),
        pa.field("customer", pa.string()),
        pa.field("spend", pa.decimal128(18, 2)),
        pa.field("visits", pa.int64()),
        pa.field("tier", pa.string()),
        pa.field("run", pa.string()),
        pa.field("obtained_at", TIME),
        pa.field("withdrawn_at", TIME),
    ]
)
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgres)
MYSQL = pytest.param("mysql", marks=pytest.mark.mysql)
FORMATS = ["parquet", "csv", "sqlite", POSTGRESQL, MYSQL]
TABLES = ("sqlite", "postgresql", "mysql")


def rows(numbers: range, run: str = "r1", tier: str | None = "gold") -> list[dict[str, Any]]:
    return [
        {
            "subject": f"{number:026d}",
            "customer": f'C{number},"张\n',
            "spend": Decimal(number) / 100,
            "visits": None if number % 2 else number,
            "tier": ("", None, tier)[number % 3],
            "run": run,
            "obtained_at": AT,
            "withdrawn_at": None,
        }
        for number in numbers
    ]


class Place:
    """One sink, as a test declares, fills and reads it."""

    def __init__(self, format: str, folder: Path, url: str) -> None:
        self.format, self.folder, self.url = format, folder, url
        self.path = folder / f"sink.{format}"
        self.schema = "public"
        self.server: MySQLServer | None = None
        self.declared: dict[str, SinkSettings] = {}
        self.sinks = Sinks(lambda: self.declared)
        self.declare()

    @property
    def table(self) -> str:
        return "matched" if self.format == "sqlite" else f"{self.schema}.matched"

    def declare(self, **fields: Any) -> None:
        if self.format in ("postgresql", "mysql"):
            fields = {"url": self.url, "table": self.table, **fields}
        elif self.format == "sqlite":
            fields = {"path": self.path, "table": "matched", **fields}
        else:
            fields = {"path": self.path, **fields}
        self.declared["crm"] = SinkSettings(format=self.format, **fields)

    async def store(
        self, found: list[dict[str, Any]], schema: pa.Schema = SCHEMA, key: str = "subject", batch: int = 3
    ) -> int:
        async def batches() -> AsyncIterator[pa.RecordBatch]:
            for start in range(0, len(found), batch):
                yield pa.RecordBatch.from_pylist(found[start : start + batch], schema)

        return await self.sinks.store("crm", key, schema, batches())

    async def take_out(self, gone: Mapping[str, list[str] | None]) -> int:
        return await self.sinks.take_out("crm", gone, AT)

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        if self.format == "postgresql":
            with psycopg.connect(self.url) as connection:
                cursor = connection.execute(statement.encode())
                return cursor.fetchall() if cursor.description else []
        if self.server is not None:
            return self.server.ask(statement)
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(statement).fetchall()

    def read(self) -> list[dict[str, Any]]:
        """The rows by subject, in the types that they went in with; none where there is no sink."""
        if self.format in TABLES:
            names = SCHEMA.names
            values = self.run(f"SELECT {', '.join(names)} FROM {self.table}")
            found = [dict(zip(names, row, strict=True)) for row in values]
        elif not self.path.exists():
            found = []
        elif self.format == "csv":
            options = pa.csv.ConvertOptions(
                column_types=dict.fromkeys(SCHEMA.names, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
            )
            parse = pa.csv.ParseOptions(newlines_in_values=True)
            found = pa.csv.read_csv(self.path, convert_options=options, parse_options=parse).to_pylist()
        else:
            found = pa.parquet.read_table(self.path).to_pylist()
        return sorted((_typed(row) for row in found), key=lambda row: row["subject"])


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    typed = dict(row)
    for name, kind in (("spend", Decimal), ("visits", int)):
        typed[name] = None if row[name] is None else kind(row[name])
    for name in ("obtained_at", "withdrawn_at"):
        if isinstance(row[name], str):
            typed[name] = datetime.fromisoformat(row[name])
        if isinstance(typed[name], datetime):
            aware = typed[name].tzinfo is not None  # MySQL's times have no zone; ours are UTC
            typed[name] = typed[name].astimezone(UTC) if aware else typed[name].replace(tzinfo=UTC)
    return typed


@pytest.fixture(params=FORMATS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param not in ("postgresql", "mysql"):
        yield Place(request.param, tmp_path, "")
        return
    if request.param == "mysql":
        yield from _mysql_place(request.getfixturevalue("mysql_server"), tmp_path)
        return
    known = psycopg.conninfo.conninfo_to_dict(request.getfixturevalue("postgres_dsn"))
    made = Place("postgresql", tmp_path, f"postgresql://?{urlencode(known)}")
    made.schema = f"sink_{secrets.token_hex(6)}"
    made.declare()
    made.run(f"CREATE SCHEMA {made.schema}")
    yield made
    made.run(f"DROP SCHEMA {made.schema} CASCADE")


def _mysql_place(server: MySQLServer, folder: Path) -> Iterator[Place]:
    account = f"shop:{quote(server.password, safe='')}@localhost"
    made = Place("mysql", folder, f"mysql://{account}/crm?unix_socket={quote(server.socket, safe='')}")
    made.schema, made.server = f"sink_{secrets.token_hex(6)}", server
    made.declare()
    server.run(f"CREATE DATABASE {made.schema} CHARACTER SET utf8mb4", f"GRANT ALL ON {made.schema}.* TO shop")
    server.run("GRANT CREATE TEMPORARY TABLES ON crm.* TO shop")
    yield made
    server.run(f"DROP DATABASE {made.schema}")


def leftovers(place: Place) -> list[str]:
    return [path.name for path in place.folder.glob(".*") if path.suffix != ".lock"]


async def test_rows_come_back_as_they_went_in_and_the_next_result_replaces_them(place: Place) -> None:
    assert await place.store(rows(range(10))) == 10
    assert place.read() == rows(range(10))
    assert await place.store(rows(range(5, 8), "r2")) == 3
    assert place.read() == rows(range(5, 8), "r2")
    assert await place.store([]) == 0
    assert place.read() == []
    assert leftovers(place) == []


async def test_rows_of_the_same_subject_give_way(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    # So few keys at a time that older rows are compared with several lots of them.
    monkeypatch.setattr("gateway.sink.file_sink.KEYS_TOGETHER", 2)
    place.declare(mode=SinkMode.UPSERT)
    await place.store(rows(range(10)))
    await place.store(rows(range(4, 12), "r2", "silver"))
    expected = rows(range(4)) + rows(range(4, 12), "r2", "silver")
    assert place.read() == expected
    # Delivered again, as after a crash between sink and note, nothing changes.
    await place.store(rows(range(4, 12), "r2", "silver"))
    assert place.read() == expected
    await place.store([])
    assert place.read() == expected


async def test_rows_are_taken_out_of_the_run_that_they_are_of(place: Place) -> None:
    place.declare(mode=SinkMode.UPSERT)
    assert await place.take_out({"r1": [f"{3:026d}"]}) == 0, "where nothing stands nothing is to do"
    await place.store(rows(range(6)))
    await place.store(rows(range(4, 9), "r2"))
    # 4 was delivered anew by the other run: its present row is not the one that must go.
    assert await place.take_out({"r1": [f"{number:026d}" for number in (1, 4, 77)]}) == 1
    assert place.read() == [row for row in rows(range(4)) if row["subject"] != f"{1:026d}"] + rows(range(4, 9), "r2")
    assert await place.take_out({"r2": None, "r9": None, "r1": [f"{0:026d}"]}) == 6
    assert [row["subject"] for row in place.read()] == [f"{number:026d}" for number in (2, 3)]


async def test_a_tombstone_says_who_and_since_when_and_nothing_else(place: Place) -> None:
    place.declare(withdrawn=Withdrawn.TOMBSTONE)
    await place.store(rows(range(4)))
    assert await place.take_out({"r1": [f"{2:026d}"]}) == 1
    kept = place.read()
    assert [row for row in kept if row["subject"] != f"{2:026d}"] == [
        row for row in rows(range(4)) if row["subject"] != f"{2:026d}"
    ]
    assert kept[2] == dict.fromkeys(SCHEMA.names) | {"subject": f"{2:026d}", "run": "r1", "withdrawn_at": AT}
    assert await place.take_out({"r1": None}) == 4, "the end of retention leaves no tombstone"
    assert place.read() == []


async def test_a_delivery_that_breaks_off_changes_nothing(place: Place) -> None:
    await place.store(rows(range(5)))

    async def breaking() -> AsyncIterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pylist(rows(range(50, 90), "r2"), SCHEMA)
        raise StateError("NOT_FOUND", "the source is gone")

    for mode in SinkMode:
        place.declare(mode=mode)
        with pytest.raises(StateError, match="the source is gone"):
            await place.sinks.store("crm", "subject", SCHEMA, breaking())
        assert place.read() == rows(range(5))
    assert leftovers(place) == []


async def test_a_cancelled_delivery_changes_nothing_and_holds_no_lock(place: Place) -> None:
    await place.store(rows(range(5)))
    begun = asyncio.Event()

    async def hanging() -> AsyncIterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pylist(rows(range(50, 90), "r2"), SCHEMA)
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(place.sinks.store("crm", "subject", SCHEMA, hanging()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert place.read() == rows(range(5))
    assert await place.store(rows(range(2))) == 2
    assert leftovers(place) == []


KILLED = """
    import asyncio, os, pathlib, sys
    from gateway.sink import Sinks
    from tests.unit.gateway.sink.test_sinks import SCHEMA, Place, rows
    import pyarrow as pa

    place = Place(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3])

    async def batches():
        yield pa.RecordBatch.from_pylist(rows(range(50, 90), "r2"), SCHEMA)
        os.kill(os.getpid(), 9)

    asyncio.run(place.sinks.store("crm", "subject", SCHEMA, batches()))
"""


@pytest.mark.parametrize("place", ["parquet", pytest.param("sqlite", marks=pytest.mark.thorough)], indirect=True)
async def test_a_killed_writer_leaves_what_stood_there(place: Place) -> None:
    await place.store(rows(range(5)))
    program = [sys.executable, "-c", textwrap.dedent(KILLED), place.format, str(place.folder), place.url]
    ended = await asyncio.to_thread(subprocess.run, program, cwd=Path(__file__).parents[4], check=False)
    assert ended.returncode == -9
    assert place.read() == rows(range(5))
    await place.store(rows(range(3)))
    assert place.read() == rows(range(3))
    assert leftovers(place) == []


async def failure(place: Place, schema: pa.Schema = SCHEMA, count: int = 40) -> AssentError:
    """The error of a delivery; it names the sink, and neither a path, nor a value."""
    with pytest.raises(AssentError) as caught:
        await place.store(
            [{name: row.get(name) for name in schema.names} for row in rows(range(count), "r2")], schema, batch=500
        )
    assert caught.value.message.startswith("sink crm: ")
    assert str(place.folder) not in caught.value.message and "张" not in caught.value.message
    return caught.value


@contextlib.contextmanager
def no_room(size: int) -> Iterator[None]:
    """No file of this process grows beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("place", ["parquet", "csv", "sqlite"], indirect=True)
@pytest.mark.parametrize("mode", SinkMode)
async def test_a_full_sink_stays_as_it_was(place: Place, mode: SinkMode) -> None:
    place.declare(mode=mode)
    await place.store(rows(range(5)))
    with no_room(24_000):
        error = await failure(place, count=5000)
    # SQLite says of the size of a file only that it cannot be written; of a full disk it says that.
    assert error.reason == ("NOT_FOUND" if place.format == "sqlite" else "DISK_FULL")
    assert place.read() == rows(range(5))
    assert leftovers(place) == []


async def test_a_read_only_sink_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.store(rows(range(5)))
    if place.format == "postgresql":
        # As for a user without the right, or a standby: no transaction writes.
        separator = "&" if "?" in place.url else "?"
        place.declare(url=f"{place.url}{separator}options=-cdefault_transaction_read_only%3Don")
    elif place.server is not None:
        place.run("SET GLOBAL read_only = 1")
    elif place.format == "sqlite":
        monkeypatch.setattr(sqlite3, "connect", _read_only(sqlite3.connect))
    else:
        monkeypatch.setattr("gateway.sink.file_sink.os.open", _refusing)
    try:
        error = await failure(place)
    finally:
        monkeypatch.undo()
        if place.server is not None:
            place.run("SET GLOBAL read_only = 0")
    assert (error.reason, "read-only" in error.message) == ("NOT_FOUND", True)
    assert place.read() == rows(range(5))


def _read_only(connect: Any) -> Any:
    return lambda path, **options: connect(f"file:{path}?mode=ro", uri=True, **options)


def _refusing(path: object, flags: int, mode: int = 0o777) -> int:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("place", ["sqlite", POSTGRESQL, MYSQL], indirect=True)
async def test_a_table_whose_columns_do_not_fit_says_which(place: Place) -> None:
    table = place.table
    fitting = "subject text, customer text, spend numeric(18,2), visits bigint, tier text, run text"
    kind = {"postgresql": "timestamptz", "mysql": "datetime(6)"}.get(place.format, "text")
    times = f"obtained_at {kind}, withdrawn_at {kind}"
    spend = "spend text" if place.format == "sqlite" else "spend numeric(18,2)"
    fitting = fitting.replace("spend numeric(18,2)", spend)
    short = [
        (fitting.replace("numeric(18,2)", "numeric(18,1)"), "column spend of its table has the type"),
        (fitting + f", {times.replace(kind, 'timestamp(0)')}", "column obtained_at of its table has the type"),
    ]
    for columns, problem in (
        *(short if place.format != "sqlite" else ()),
        (fitting.replace("tier text, ", ""), "has no column tier"),
        (fitting.replace("tier text", "tier integer"), "column tier of its table has the type"),
        (fitting + ", owner text NOT NULL", "column owner of its table must not be null"),
    ):
        place.run(f"CREATE TABLE {table} ({columns}{'' if 'obtained_at' in columns else f', {times}'})")
        error = await failure(place)
        assert isinstance(error, SourceError) and error.reason == "MISSING_COLUMN"
        assert problem in error.message
        place.run(f"DROP TABLE {table}")
    # What the table says by itself may stand beside ours.
    place.run(f"CREATE TABLE {table} ({fitting}, {times}, owner text NOT NULL DEFAULT 'us')")
    await place.store(rows(range(4)))
    assert place.read() == rows(range(4))
    place.run(f"DROP TABLE {table}")
    place.run(f"CREATE TABLE {table} ({fitting.replace('tier text', 'tier text CHECK (length(tier) > 9)')}, {times})")
    assert (await failure(place)).reason == "BAD_ROW"
    assert place.read() == []
    if place.format == "mysql":
        place.run(f"ALTER TABLE {table} ENGINE = MyISAM")
        assert "not of the engine InnoDB" in (await failure(place)).message


@pytest.mark.parametrize("place", ["parquet", "csv"], indirect=True)
async def test_a_file_of_other_columns_is_replaced_but_not_mixed(place: Place) -> None:
    await place.store(rows(range(4)))
    place.declare(mode=SinkMode.UPSERT)
    error = await failure(place, pa.schema([SCHEMA.field("subject"), SCHEMA.field("run")]))
    assert (error.reason, "other columns" in error.message) == ("MISSING_COLUMN", True)
    place.path.write_bytes(place.path.read_bytes()[:40])
    error = await failure(place)
    assert error.reason in ("BAD_ROW", "MISSING_COLUMN")
    place.declare()
    assert await place.store(rows(range(2))) == 2


@pytest.mark.parametrize("place", ["parquet", "csv"], indirect=True)
async def test_what_is_no_file_is_not_replaced(place: Place) -> None:
    os.mkfifo(place.path)
    for change in ({}, {"mode": SinkMode.UPSERT}):
        place.declare(**change)
        error = await failure(place)
        assert (error.reason, "no file" in error.message) == ("NOT_FOUND", True)
    assert place.path.is_fifo()
    assert leftovers(place) == []


@pytest.mark.parametrize("place", ["parquet", POSTGRESQL, MYSQL], indirect=True)
async def test_two_writers_of_one_sink_do_not_mix(place: Place) -> None:
    await place.store(rows(range(5)))
    if place.format != "parquet":
        # They wait for each other at the swap; whichever is second, one result stands there.
        many = await asyncio.gather(
            *(place.store(rows(range(number, number + 9), f"r{number}")) for number in range(3))
        )
        assert many == [9, 9, 9]
    else:
        results = await asyncio.gather(
            *(place.store(rows(range(number, number + 9), f"r{number}")) for number in range(3)), return_exceptions=True
        )
        lost = [found for found in results if isinstance(found, BaseException)]
        assert all(isinstance(error, StateError) and error.reason == "REVISION_CONFLICT" for error in lost)
        assert len(lost) < 3
    (run,) = {row["run"] for row in place.read()}
    assert place.read() == rows(range(int(run[1:]), int(run[1:]) + 9), run)


async def test_a_statistic_replaces_its_own_run(place: Place) -> None:
    schema = pa.schema([pa.field("run", pa.string()), pa.field("value", pa.string()), pa.field("p", pa.float64())])
    place.declare(mode=SinkMode.UPSERT)
    if place.format in TABLES:
        place.declare(mode=SinkMode.UPSERT, table=place.table.replace("matched", "cells"))
    for run in ("r1", "r2", "r1"):
        await place.store(
            [{"run": run, "value": "7", "p": 0.25}, {"run": run, "value": None, "p": None}], schema, "run"
        )
    assert await place.take_out({"r1": ["x"]}) == 0
    assert await place.take_out({"r1": None}) == 2
    assert await place.take_out({"r2": None}) == 2


async def test_a_server_that_does_not_answer_and_a_sink_that_is_not_declared(tmp_path: Path) -> None:
    for format in ("postgresql", "mysql"):
        place = Place(format, tmp_path, f"{format}://nobody:secret@127.0.0.1:1/none")
        error = await failure(place)
        assert (error.reason, "secret" in error.message) == ("STORE_UNAVAILABLE", False)
    with pytest.raises(StateError, match="not declared") as caught:
        await place.sinks.describe("other")
    assert caught.value.reason == "NOT_FOUND"
    assert "secret" not in repr(place.declared)
