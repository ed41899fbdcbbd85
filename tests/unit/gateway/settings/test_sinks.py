"""Sinks in assent.toml, the environment and the secrets directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import RequestError, StateError
from gateway.route.delivery import SinkMode, Withdrawn
from gateway.settings import add_sink, explain, load_settings


def test_a_sink_is_appended_and_found_again(plain_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (plain_home / "assent.toml").read_text()
    monkeypatch.chdir(plain_home)
    added = add_sink(plain_home, "crm", {"format": "csv", "path": Path("out/crm.csv"), "mode": "upsert"})
    assert (added.path, added.mode, added.withdrawn) == (plain_home / "out/crm.csv", SinkMode.UPSERT, Withdrawn.DELETE)
    add_sink(plain_home, "dwh", {"format": "postgresql", "url": "postgresql://etl@db/dwh", "table": "mart.matched"})
    assert (plain_home / "assent.toml").read_text().startswith(before)
    assert load_settings(plain_home).sinks.keys() == {"crm", "dwh"}
    with pytest.raises(StateError, match="declared already"):
        add_sink(plain_home, "crm", {"format": "csv", "path": "x"})


def test_a_password_comes_from_the_environment_or_a_secret_and_is_not_shown(
    plain_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_sink(plain_home, "dwh", {"format": "postgresql", "url": "postgresql://etl@db/dwh", "table": "matched"})
    monkeypatch.setenv("ASSENT_SINKS__DWH__PASSWORD", "hush-env")
    settings = load_settings(plain_home)
    assert settings.sinks["dwh"].password.get_secret_value() == "hush-env"
    shown = {row.key: row.value for row in explain(settings)}
    assert shown["sinks.dwh.url"] == "postgresql://etl@db/dwh"
    assert "hush" not in repr(settings) + str(shown)
    monkeypatch.delenv("ASSENT_SINKS__DWH__PASSWORD")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "sinks__dwh__password").write_text("hush-file")
    monkeypatch.setenv("ASSENT_SECRETS_DIR", str(secrets))
    assert load_settings(plain_home).sinks["dwh"].password.get_secret_value() == "hush-file"


@pytest.mark.parametrize(
    ("sink", "problem"),
    [
        ({"format": "csv"}, "path is required"),
        ({"format": "parquet", "path": "x", "table": "t"}, "table means nothing"),
        ({"format": "sqlite", "path": "x"}, "table is required"),
        ({"format": "sqlite", "path": "x", "table": "t; drop"}, "sinks.crm.table"),
        ({"format": "postgresql", "table": "t", "url": "mysql://x"}, "url must be like"),
        ({"format": "postgresql", "table": "t", "url": "postgresql://x", "path": "x"}, "path means nothing"),
        ({"format": "mysql", "table": "t", "url": "postgresql://x"}, "url must be like mysql://"),
        ({"format": "csv", "path": "x", "password": "hush"}, "password means nothing"),
        ({"format": "csv", "path": "x", "mode": "append"}, "sinks.crm.mode"),
        ({"format": "csv", "path": "x", "withdrawn": "keep"}, "sinks.crm.withdrawn"),
        ({"format": "xlsx", "path": "x"}, "sinks.crm.format"),
        ({"format": "csv", "path": "x", "folder": "y"}, "sinks.crm.folder"),
    ],
)
def test_a_wrong_sink_changes_nothing_and_says_what_is_wrong(
    plain_home: Path, sink: dict[str, Any], problem: str
) -> None:
    before = (plain_home / "assent.toml").read_text()
    with pytest.raises(RequestError) as caught:
        add_sink(plain_home, "crm", sink)
    assert problem in caught.value.message
    assert "hush" not in caught.value.message
    assert (plain_home / "assent.toml").read_text() == before
    with pytest.raises(RequestError, match="the name of a sink"):
        add_sink(plain_home, "Crm", {"format": "csv", "path": "x"})
