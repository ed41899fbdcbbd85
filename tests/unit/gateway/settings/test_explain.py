from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import explain, load_settings


@pytest.fixture
def home(plain_home: Path) -> Path:
    return plain_home


def test_every_setting_is_listed_with_its_source(home: Path) -> None:
    with (home / "assent.toml").open("a") as file:
        file.write("[rights]\nholidays = [2026-10-01, 2026-10-02]\n")
        file.write('[datasets.b]\nformat="csv"\npath="b.csv"\nsubject_column="id"\n')
    rows = explain(load_settings(home, {"engine": {"jobs": 3}}))
    assert [row.key for row in rows] == [
        *(f"party.{key}" for key in ("id", "legal_name", "contact", "country", "endpoint", "target_name")),
        *("server.tenant_address", "server.peer_address", "store.url", "keys.provider"),
        *(f"log.{key}" for key in ("signer", "witnesses", "quorum", "policy", "compare_with")),
        "spool.directory",
        *("engine.jobs", "engine.threads", "engine.memory_limit", "engine.processes", "engine.lease_s"),
        "engine.notice_hours",
        *("rights.deadline_days", "rights.holidays", "rights.evidence_years"),
        *(f"datasets.b.{key}" for key in ("format", "path", "url", "url_env", "encoding", "delimiter", "partitions")),
        *(f"datasets.b.{key}" for key in ("table", "order_by", "subject_column", "subject_source")),
    ]
    found = {row.key: (row.value, row.source) for row in rows}
    assert found["party.id"] == ("retailer", "assent.toml")
    assert found["engine.jobs"] == ("3", "flag")
    assert found["engine.lease_s"] == ("15", "default")
    assert found["rights.holidays"] == ("2026-10-01, 2026-10-02", "assent.toml")
    assert found["datasets.b.path"] == (str(home / "b.csv"), "assent.toml")
    assert found["store.url"] == (f"sqlite+aiosqlite:///{home}/assent.db", "default")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://assent:hunter2@db:5432/assent", "postgresql+psycopg://assent:***@db:5432/assent"),
        ("postgresql://assent:hun@ter2@db/assent", "postgresql://assent:***@db/assent"),
        ("postgresql://assent:hun?/ter2@db/assent", "postgresql://assent:***@db/assent"),
        ("postgresql://assent@db/assent", "postgresql://assent@db/assent"),
        ("postgresql://db/assent?user=a&password=hunter2", "postgresql://db/assent?***"),
        ("password=hunter2 host=db", "***"),
    ],
)
def test_passwords_are_not_shown_anywhere(home: Path, url: str, shown: str) -> None:
    settings = load_settings(home, {"store": {"url": url}})
    assert {row.key: row.value for row in explain(settings)}["store.url"] == shown
    for text in (repr(settings), str(settings), repr(settings.store), settings.model_dump_json()):
        assert "ter2" not in text
