from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, NullPool, create_engine, inspect, text
from sqlalchemy.engine import make_url

from consent.projection import TRUST_ALL
from gateway.errors import RequestError, StateError
from gateway.flow.ports.people import Mark
from gateway.route.party import KnownCard
from gateway.store import migrate, open_store, opening, rows
from gateway.store.engine import connect
from gateway.store.rows import partner_values
from gateway.store.schema import consent_uses, jobs, metadata, partners, runs, subjects
from tests.contract import given, people
from tests.contract.given import NOW
from tests.contract.given import job as a_job


@contextmanager
def _database(url: str) -> Iterator[Connection]:
    """The database without our store in between."""
    driver = "sqlite" if url.startswith("sqlite") else "postgresql+psycopg"
    engine = create_engine(make_url(url).set(drivername=driver), poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


def _described(connection: Connection) -> dict[str, Any]:
    """Everything that the database itself says of the schema."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'alembic%'"))
        return {name: _clauses(sql) for name, sql in rows if not name.startswith("sqlite_")}
    columns = text(
        "SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name"
        " FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'alembic%'"
    )
    constraints = text(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE 'alembic%'"
    )
    indexes = text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    return {
        "columns": {tuple(row) for row in connection.execute(columns)},
        "constraints": {tuple(row) for row in connection.execute(constraints)},
        "indexes": {tuple(row) for row in connection.execute(indexes) if not row[0].startswith("alembic")},
    }


def _clauses(sql: str | None) -> list[str]:
    """The parts of a CREATE statement; their order and white space say nothing."""
    # SQLite writes a column that was added later into the line of the last one before it.
    lines = [[line] if "(" in line else line.split(", ") for line in (sql or "").splitlines()]
    return sorted(part.strip().rstrip(",") for line in lines for part in line if part.strip())


async def test_the_migrations_make_exactly_the_tables_of_the_schema(new_store_url: str) -> None:
    await migrate(new_store_url)
    with _database(new_store_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        migrated = _described(connection)
        metadata.drop_all(connection)
        metadata.create_all(connection)
        assert _described(connection) == migrated


async def test_opening_again_keeps_what_is_there(new_store_url: str) -> None:
    salt = text("SELECT salt FROM subject_salts WHERE subject_ref = ''")
    await migrate(new_store_url)
    with _database(new_store_url) as connection:
        before = connection.execute(salt).scalar_one()
    await migrate(new_store_url)
    with _database(new_store_url) as connection:
        assert connection.execute(salt).scalar_one() == before
    assert len(before) == 32


async def test_a_database_of_the_first_schema_is_brought_up_with_what_it_holds(new_store_url: str) -> None:
    connect(new_store_url)  # which makes SQLite's file
    with _database(new_store_url) as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(opening.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        assert "budget_charges" not in inspect(connection).get_table_names()
        connection.execute(text("INSERT INTO counters (name, value) VALUES ('registry', 7)"))
    store = await open_store(new_store_url)
    async with store.begin() as tx:
        assert await tx.registry.revision() == 7
        assert await tx.budget.list("platform") == []
    await store.close()


_BEFORE_CHANGES = (
    "INSERT INTO subjects (subject_ref, revision) VALUES ('aa', 3), ('bb', 0), ('cc', 1)",
    "INSERT INTO consent_events (event_id, subject_ref, revision, number, content_hash, body)"
    " VALUES ('e1', 'aa', 3, 0, 'h', '{}'), ('e2', 'cc', 1, 0, 'h', '{}')",
    "INSERT INTO consent_links (subject_ref, event_id) VALUES ('aa', 'e1'), ('cc', 'e1')",
    "INSERT INTO consent_projection (handler, purpose, recipient, category, method, subject_ref, plain, consent_id,"
    " effective_from, valid_until) VALUES ('h', 'p', 'r', 'c', 'm', 'aa', true, 'id', 1, 2)",
)


async def test_people_of_the_second_schema_keep_what_is_on_file_about_them(new_store_url: str) -> None:
    connect(new_store_url)
    with _database(new_store_url) as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(opening.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for statement in _BEFORE_CHANGES:
            connection.execute(text(statement))
    store = await open_store(new_store_url)
    async with store.begin() as tx:
        assert await tx.consents.mark() == Mark(0, 0)
        assert len(await tx.consents.changed(Mark(0, 0), 9)) == 0
        assert await tx.consents.subject_count() == 2
        await tx._connection.insert_rows(subjects, [{"subject_ref": "dd"}])
    with _database(new_store_url) as connection:
        rows = connection.execute(text("SELECT subject_ref, revision, changed FROM subjects ORDER BY subject_ref"))
        assert [tuple(row) for row in rows] == [("aa", 3, 0), ("bb", 0, 0), ("cc", 1, 0), ("dd", 0, 0)]
        for table, count in (("consent_events", 2), ("consent_links", 2), ("consent_projection", 1)):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == count
        if connection.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
            assert "subjects_before" not in inspect(connection).get_table_names()
    for refused in ("DELETE FROM subjects WHERE subject_ref = 'aa'", "UPDATE consent_links SET subject_ref = 'zz'"):
        with pytest.raises(StateError):
            async with store.begin() as tx:
                await tx._connection.execute(text(refused))
    await store.close()


_BEFORE_NUMBERS = (
    "INSERT INTO subjects (subject_ref, revision) VALUES ('{aa}', 1), ('{bb}', 2)",
    "INSERT INTO consent_projection (handler, purpose, recipient, category, method, subject_ref, plain, consent_id,"
    " effective_from, valid_until) VALUES"
    " ('retailer', 'enrich', 'platform', 'phone', 'psi_hash', '{aa}', true, 'ca', 1, NULL),"
    " ('retailer', 'enrich', 'platform', 'phone', 'psi_hash', '{bb}', false, 'cb', 1, 2),"
    " ('retailer', 'enrich', '', 'phone', 'psi_hash', '{bb}', true, 'cb', 3, 4)",
)


async def test_rows_from_before_uses_had_numbers_say_the_same(new_store_url: str) -> None:
    connect(new_store_url)
    with _database(new_store_url) as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(opening.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for statement in _BEFORE_NUMBERS:
            connection.execute(text(statement.format(aa=given.ref(1), bb=given.ref(2))))
        values = partner_values(given.signed_card()) | {"accepted_at": NOW, "revision": 3}
        connection.execute(partners.insert(), values)
    store = await open_store(new_store_url)
    async with store.begin() as tx:
        assert await people.plain(tx) == [given.ref(1)]
        assert await people.plain_ids(tx) == ["ca"]
        # Their rows do not say since when the answer is no: the rule is asked.
        told = await tx.consents.told_apart(given.USE, TRUST_ALL, given.NOW, *people.ALL, whoever_receives=False)
        assert people.texts(told.doubtful) == [given.ref(2)]
        # The next use that anybody speaks of has a number of its own.
        await tx.consents.append([], {given.ref(1): [given.row(given.ref(1), "anew", purpose="measure")]})
        numbers = sorted(row.use_id for row in await tx._connection.rows(consent_uses.select()))
        assert numbers == [1, 2, 3]
        # Nobody knows which cards came before it: what it says was always known.
        assert await tx.partners.cards() == [KnownCard(given.signed_card().card, None)]
    with _database(new_store_url) as connection:
        assert "projection_before" not in inspect(connection).get_table_names()
        rows = connection.execute(text("SELECT effective_from, valid_until FROM consent_projection WHERE use_id < 3"))
        assert sorted(tuple(row) for row in rows) == [(1, 2), (3, 4)]
    await store.close()


async def test_two_processes_may_open_a_new_database_at_once(new_store_url: str) -> None:
    stores = await asyncio.gather(*(open_store(new_store_url) for _ in range(4)))
    for store in stores:
        async with store.read() as tx:
            assert await tx.audit.size() == 0
        await store.close()


async def test_a_database_of_a_later_release_is_refused(new_store_url: str) -> None:
    await migrate(new_store_url)
    with _database(new_store_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StateError, match="later release") as caught:
        await open_store(new_store_url)
    assert caught.value.reason == "REVISION_CONFLICT"


@pytest.mark.parametrize(
    "url",
    ["", "mysql://h/n", "sqlite://", "sqlite:///:memory:", "sqlite:////nowhere/at/all.db", "not a url:s3cr3t@x"],
)
async def test_a_useless_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(RequestError, match=r"store\.url") as caught:
        await open_store(url)
    assert caught.value.reason == "BAD_FIELD"
    assert "s3cr3t" not in caught.value.message and "nowhere" not in caught.value.message


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(StateError, match="cannot be reached") as caught:
        await open_store("postgresql://nobody:s3cr3t@127.0.0.1:1/none")
    assert caught.value.reason == "STORE_UNAVAILABLE"
    assert "s3cr3t" not in str(caught.value)


async def test_a_run_of_before_is_looked_at_from_the_first_event_on(new_store_url: str) -> None:
    connect(new_store_url)
    with _database(new_store_url) as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(opening.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
    with _database(new_store_url) as connection:
        job = rows.job_values(a_job()) | {"not_before": NOW, "looked_at": NOW}
        connection.execute(jobs.insert().values(job))
        values = {"job_id": job["job_id"], "session_id": "s", "agreement_id": "a", "released_at": NOW, "rows": 7}
        connection.execute(runs.insert().values(values))
    store = await open_store(new_store_url)
    async with store.read() as tx:
        run = await tx.runs.get(str(job["job_id"]))
    assert run is not None
    assert (run.partner, run.side, run.judged_at, run.rows, run.changes) == (job["partner"], job["side"], NOW, 7, 0)
    await store.close()
