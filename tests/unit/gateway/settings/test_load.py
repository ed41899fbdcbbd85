from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.errors import RequestError, StateError
from gateway.settings import load_datasets, load_settings


@pytest.fixture
def home(plain_home: Path) -> Path:
    return plain_home


def append(home: Path, text: str) -> None:
    with (home / "assent.toml").open("a", encoding="utf-8") as file:
        file.write(text)


def refused(home: Path, *parts: str) -> str:
    with pytest.raises(RequestError) as caught:
        load_settings(home)
    assert caught.value.reason == "BAD_FIELD"
    for part in parts:
        assert part in caught.value.message
    return caught.value.message


def test_defaults(home: Path) -> None:
    settings = load_settings(home)
    assert (settings.party.id, settings.party.legal_name, settings.party.country) == ("retailer", "零售有限公司", "CN")
    assert settings.server.tenant_address == "127.0.0.1:7443"
    assert settings.server.peer_address == "127.0.0.1:7444"
    assert settings.store.url.get_secret_value() == f"sqlite+aiosqlite:///{home}/assent.db"
    assert settings.keys.provider == "file"
    assert settings.spool.directory == home / "spool"
    assert (settings.engine.jobs, settings.engine.lease_s) == (64, 15)
    assert settings.engine.threads == settings.engine.processes == len(os.sched_getaffinity(0))
    assert dict(settings.datasets) == {}
    assert settings.home == home


def test_flags_stand_above_environment_above_secrets_above_file_above_defaults(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(
        home,
        '[server]\ntenant_address = "file:1"\npeer_address = "file:2"\n'
        '[engine]\njobs = 2\nthreads = 3\nprocesses = 3\nlease_s = 20\n[store]\nurl = "sqlite:///file.db"\n',
    )
    folder = tmp_path / "credentials"
    folder.mkdir()
    for name, value in (
        ("store__url", "postgresql://u:p@h/secret\n"),
        ("engine__threads", "4"),
        ("engine__jobs", "4"),
    ):
        (folder / name).write_text(value)
    (folder / "unrelated").write_text("not ours")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    monkeypatch.setenv("ASSENT_ENGINE__JOBS", "5")
    monkeypatch.setenv("ASSENT_SERVER__PEER_ADDRESS", "env:2")
    settings = load_settings(home, {"server": {"peer_address": "flag:2", "tenant_address": None}, "engine": {}})
    assert settings.server.peer_address == "flag:2"
    assert settings.server.tenant_address == "file:1"
    assert settings.engine.jobs == 5
    assert (settings.engine.threads, settings.engine.processes) == (4, 3)
    assert settings.engine.lease_s == 20
    assert settings.store.url.get_secret_value() == "postgresql://u:p@h/secret"
    assert {
        key: settings.source(key)
        for key in (
            *("server.peer_address", "server.tenant_address", "engine.jobs", "engine.threads"),
            *("engine.lease_s", "store.url", "keys.provider", "party.id"),
        )
    } == {
        "server.peer_address": "flag",
        "server.tenant_address": "assent.toml",
        "engine.jobs": "environment",
        "engine.threads": "secrets directory",
        "engine.lease_s": "assent.toml",
        "store.url": "secrets directory",
        "keys.provider": "default",
        "party.id": "assent.toml",
    }


def test_our_own_secrets_directory_stands_before_systemd_s(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, url in (("ours", "sqlite:///ours.db"), ("theirs", "sqlite:///theirs.db")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "store__url").write_text(url)
    monkeypatch.setenv("ASSENT_SECRETS_DIR", str(tmp_path / "ours"))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "theirs"))
    assert load_settings(home).store.url.get_secret_value() == "sqlite:///ours.db"


def test_data_sets_from_file_and_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(home, '[datasets.customers]\nformat = "csv"\npath = "customers.csv"\nsubject_column = "客户"\n')
    monkeypatch.setenv("ASSENT_DATASETS__CUSTOMERS__PATH", "/elsewhere/c.csv")
    monkeypatch.setenv("ASSENT_DATASETS__BUYERS__FORMAT", "parquet")
    monkeypatch.setenv("ASSENT_DATASETS__BUYERS__PATH", "b.parquet")
    monkeypatch.setenv("ASSENT_DATASETS__BUYERS__SUBJECT_COLUMN", "id")
    datasets = load_datasets(home)
    assert sorted(datasets) == ["buyers", "customers"]
    assert datasets["customers"].path == Path("/elsewhere/c.csv")
    assert datasets["customers"].subject_column == "客户"
    assert (datasets["buyers"].format, datasets["buyers"].path) == ("parquet", home / "b.parquet")


def test_settings_are_frozen(home: Path) -> None:
    settings = load_settings(home)
    with pytest.raises(ValueError, match="frozen"):
        settings.engine.jobs = 3
    with pytest.raises(ValueError, match="frozen"):
        settings.party = settings.party


# ---- what is refused -------------------------------------------------------------------------------------------


def test_a_home_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="assent keys init") as caught:
        load_settings(tmp_path / "nowhere")
    assert caught.value.reason == "NOT_FOUND"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[server]\ntenant_adress = 'x:1'\n", "server.tenant_adress (assent.toml): is unknown"),
        ("[servers]\n", "servers (assent.toml): is unknown"),
        ("[datasets.a]\nformat='csv'\npath='x'\nsubject_column='c'\nseparator=';'\n", "datasets.a.separator"),
        ("[spool]\nchunk_bytes = 1024\n", "spool.chunk_bytes"),
        ("[datasets.Customers]\nformat='csv'\npath='x'\nsubject_column='c'\n", "datasets"),
        ("[datasets.a]\nformat='xlsx'\npath='x'\nsubject_column='c'\n", "datasets.a.format"),
        ("[datasets.a]\nformat='csv'\npath='x'\n", "datasets.a.subject_column"),
        ("[server]\ntenant_address = 'localhost'\n", "server.tenant_address"),
        ("[server]\ntenant_address = 'localhost:65536'\n", "server.tenant_address"),
        ("[server]\ntenant_address = 7443\n", "server.tenant_address"),
        ("[engine]\njobs = 0\n", "engine.jobs"),
        ("[engine]\njobs = 'many'\n", "engine.jobs"),
        ("[keys]\nprovider = 'vault'\n", "keys.provider"),
        ("server = 3\n", "party.server"),
    ],
)
def test_unknown_keys_and_wrong_values_are_named(home: Path, text: str, key: str) -> None:
    append(home, text)
    refused(home, key, "assent.toml")


def test_a_party_is_needed(tmp_path: Path) -> None:
    (tmp_path / "assent.toml").write_text("")
    refused(tmp_path, "party")


def test_errors_name_their_source_and_no_value(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSENT_ENGINE__JOBS", "hunter2")
    assert "hunter2" not in refused(home, "engine.jobs (environment)")


def test_a_misspelt_table_or_key_in_the_environment_is_noticed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSENT_HOME", str(home))  # no setting
    load_settings(home)
    monkeypatch.setenv("ASSENT_SERVR__PEER_ADDRESS", "x:1")
    refused(home, "ASSENT_SERVR__PEER_ADDRESS")
    monkeypatch.delenv("ASSENT_SERVR__PEER_ADDRESS")
    monkeypatch.setenv("ASSENT_SERVER__PEER_ADRESS", "x:1")
    refused(home, "server.peer_adress (environment): is unknown")


def test_a_whole_table_in_the_environment_is_json(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSENT_ENGINE", '{"jobs": 7}')
    assert load_settings(home).engine.jobs == 7
    monkeypatch.setenv("ASSENT_ENGINE", "{hunter2")
    assert "hunter2" not in refused(home, "environment")


def test_a_misspelt_secret_and_a_missing_directory(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSENT_SECRETS_DIR", str(tmp_path / "nowhere"))
    refused(home, "secrets directory")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "store__uri").write_text("hunter2")
    monkeypatch.setenv("ASSENT_SECRETS_DIR", str(tmp_path / "secrets"))
    assert "hunter2" not in refused(home, "store.uri (secrets directory): is unknown")


@pytest.mark.parametrize("content", [b"[party\n", b"\xff\xfe", b"a = 1\na = 2\n", b"x = " + b"1" * (1 << 20)])
def test_a_file_that_is_no_toml(home: Path, content: bytes) -> None:
    (home / "assent.toml").write_bytes(content)
    refused(home, "assent.toml")


def test_a_toml_error_names_its_line(home: Path) -> None:
    append(home, "[store]\nurl = hunter2\n")
    assert "hunter2" not in refused(home, "line 5")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("format='csv'", "needs one of path, url"),
        ("format='csv'\npath='x'\nurl='s3://b/x'", "needs one of path, url"),
        ("format='csv'\npath='x'\nurl_env='X'", "url_env says nothing of format csv"),
        ("format='csv'\npath='x'\ntable='t'", "table says nothing of format csv"),
        ("format='orc'\npath='x'\nencoding='gbk'", "encoding says nothing of format orc"),
        ("format='csv'\npath='x'\nencoding='utf-7'", "encoding"),
        ("format='csv'\npath='x'\ndelimiter='ab'", "delimiter"),
        ("format='csv'\npath='x'\ndelimiter='\"'", "delimiter"),
        ("format='csv'\nurl='http://secret/x'", "s3:// or oss:// or hdfs://"),
        ("format='csv'\nurl='s3://key:secret@b/x'", "credentials"),
        ("format='csv'\npath='x'\npartitions=['dt ~ 1']", "condition on partitions"),
        ("format='sqlite'\npath='x'", "needs a table"),
        ("format='sqlite'\nurl='mysql://secret/x'\ntable='t'", "url says nothing of format sqlite"),
        ("format='postgresql'\npath='x'\ntable='t'", "path says nothing of format postgresql"),
        ("format='postgresql'\nurl='mysql://secret/x'\ntable='t'", "postgresql:// or postgres://"),
        ("format='mysql'\nurl='mysql://secret/x'\nurl_env='X'\ntable='t'", "needs one of url, url_env"),
        ("format='mysql'\nurl_env='a b'\ntable='t'", "url_env"),
        ("format='mysql'\nurl_env='A'\ntable='t'\npartitions=['dt=1']", "partitions says nothing of format mysql"),
    ],
)
def test_keys_of_a_source_must_fit_its_format(home: Path, keys: str, said: str) -> None:
    append(home, f"[datasets.a]\nsubject_column='c'\n{keys}\n")
    message = refused(home, "datasets.a", said)
    assert "secret" not in message
