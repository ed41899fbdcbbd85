from __future__ import annotations

import gzip
import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import orc

from gateway.main import main
from gateway.main.home import make_home
from gateway.settings import load_datasets
from tests.unit.gateway.main.test_home import NEW


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "home", NEW, datetime.now(UTC))
    return tmp_path / "home"


def _add(monkeypatch: pytest.MonkeyPatch, home: Path, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["assent", "dataset", "add", *words, "--home", str(home), "--output", "json"])
    return main()


def test_a_file_is_declared_and_described(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home.parent / "members.csv"
    path.write_text("id,mobile\n1,13800138000\n", encoding="utf-8")
    monkeypatch.chdir(home.parent)
    assert _add(monkeypatch, home, "members", "--path", "members.csv", "--subject-column", "id") == 0
    assert [row["column"] for row in json.loads(capsys.readouterr().out)] == ["id", "mobile"]
    declared = load_datasets(home)["members"]
    assert (declared.path, declared.format, declared.subject_column) == (path, "csv", "id")
    assert _add(monkeypatch, home, "members", "--path", str(path), "--subject-column", "id") == 1


def test_what_columns_hold_is_declared_and_checked(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home.parent / "members.csv"
    path.write_text("id,mobile,e-mail\n1,13800138000,x\n", encoding="utf-8")
    place = ("--path", str(path), "--subject-column", "id")
    for wrong, code, said in (
        ("mobile=telephone", 2, "BAD_FIELD"),
        ("mobile", 2, "--identifier"),
        ("absent=phone", 1, "MISSING_COLUMN"),
    ):
        assert _add(monkeypatch, home, "members", *place, "--identifier", wrong) == code
        assert said in capsys.readouterr().err
    held = {"mobile": "phone@HK", "e-mail": "email.plain.sha256"}
    named = [word for column, what in held.items() for word in ("--identifier", f"{column}={what}")]
    assert _add(monkeypatch, home, "members", *place, *named) == 0
    assert [row["identifier"] for row in json.loads(capsys.readouterr().out)] == ["", *held.values()]
    assert load_datasets(home)["members"].identifiers == held


@pytest.mark.parametrize(
    ("name", "content", "words", "code", "said"),
    [
        ("members.csv", b"number,mobile\n1,2\n", (), 1, "MISSING_COLUMN"),
        ("members.csv", b"", (), 1, "EMPTY"),
        ("members.csv", b"id,mobile\n\xff,1\n", (), 1, "BAD_ENCODING"),
        ("members.xlsx", b"id\n", (), 2, "BAD_FIELD"),
        ("members.xlsx", b"id\n1\n", ("--format", "csv"), 0, ""),
        ("members.parquet", b"no parquet", (), 1, "BAD_ROW"),
    ],
)
def test_a_file_that_cannot_be_used_is_not_declared(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    path = home.parent / name
    path.write_bytes(content)
    assert _add(monkeypatch, home, "members", "--path", str(path), "--subject-column", "id", *words) == code
    assert said in capsys.readouterr().err
    assert ("members" in load_datasets(home)) is (code == 0)


def test_files_are_added_to_one_data_set_part_by_part(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    core, cards = home.parent / "core.csv", home.parent / "cards.csv"
    core.write_text("id,phone\n1,13800138000\n", encoding="utf-8")
    cards.write_text("card,手机,grade\nk,13800138000,gold\n", encoding="utf-8")
    of_cards = ("--path", str(cards), "--subject-column", "card", "--subject-source", "cards")
    named = ("--column", "phone=手机", "--column", "tier=grade")
    assert _add(monkeypatch, home, "bank", "--part", "core", "--path", str(core), "--subject-column", "id") == 0
    capsys.readouterr()
    assert _add(monkeypatch, home, "bank", "--part", "cards", *of_cards, *named) == 0
    assert [row["column"] for row in json.loads(capsys.readouterr().out)] == ["id", "phone", "tier"]
    parts = load_datasets(home)["bank"].parts
    assert [(name, part.path, part.subject_source) for name, part in parts.items()] == [
        ("core", core, ""),
        ("cards", cards, "cards"),
    ]
    assert parts["cards"].columns == {"phone": "手机", "tier": "grade"}
    # Neither the part again, nor a file in the place of the parts, nor names of columns without a part.
    for words in (("--part", "cards", *of_cards), of_cards):
        assert _add(monkeypatch, home, "bank", *words) == 1
        assert "is declared already" in capsys.readouterr().err
    assert _add(monkeypatch, home, "other", *of_cards, *named) == 2
    assert _add(monkeypatch, home, "other", "--part", "x", *of_cards, "--column", "tier=colour") != 0
    assert "colour" in capsys.readouterr().err
    assert list(load_datasets(home)) == ["bank"]


def test_every_kind_of_source_is_declared_from_its_options(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = home.parent
    (folder / "members.csv.gz").write_bytes(gzip.compress("id;手机\n1;13800138000\n".encode("gbk")))
    for day in ("01", "02"):
        (folder / "days" / f"dt=2026-01-{day}").mkdir(parents=True)
        orc.write_table(pa.table({"id": ["1"]}), folder / "days" / f"dt=2026-01-{day}" / "0.orc")
    with closing(sqlite3.connect(folder / "crm.db")) as database, database:
        database.execute("CREATE TABLE members (id INTEGER PRIMARY KEY, phone TEXT)")
    added = {
        "packed": ("--path", "members.csv.gz", "--encoding", "GBK", "--delimiter", ";"),
        "days": ("--path", "days/dt=*/*.orc", "--partition", "dt >= 2026-01-02", "--partition", "dt < 2027"),
        "table": ("--path", "crm.db", "--table", "members", "--order-by", "id"),
    }
    monkeypatch.chdir(folder)
    found = {}
    for name, words in added.items():
        assert _add(monkeypatch, home, name, *words, "--subject-column", "id") == 0, capsys.readouterr().err
        found[name] = [(row["format"], row["column"], row["type"]) for row in json.loads(capsys.readouterr().out)]
    assert found == {
        "packed": [("csv", "id", "text"), ("csv", "手机", "text")],
        "days": [("orc", "id", "string"), ("orc", "dt", "text (partition)")],
        "table": [("sqlite", "id", "integer"), ("sqlite", "phone", "text")],
    }
    declared = load_datasets(home)
    assert (declared["packed"].encoding, declared["packed"].delimiter) == ("gbk", ";")
    assert declared["days"].partitions == ("dt >= 2026-01-02", "dt < 2027")
    assert (declared["table"].table, declared["table"].order_by) == ("members", ("id",))


def test_a_password_stands_neither_among_processes_nor_in_what_is_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = ("--table", "members", "--subject-column", "id")
    for url in ("postgresql://shop:hunter2@127.0.0.1:1/crm", "mysql://shop@127.0.0.1:1/crm?password=hunter2"):
        assert _add(monkeypatch, home, "members", "--url", url, *table) == 2
        said = capsys.readouterr()
        assert "--url-env" in said.err
        assert "hunter2" not in said.err + said.out
    # Named, but not set; set to what is no such URL; set to a server that is not there.
    given = ("--url-env", "CRM_URL", "--format", "mysql", *table)
    for value, said_, code in (
        ("", "CRM_URL", 2),
        ("postgresql://shop:hunter2@127.0.0.1:1/crm", "mysql://", 2),
        ("mysql://shop:hunter2@127.0.0.1:1/crm", "cannot be reached (MySQL 2003)", 1),
    ):
        monkeypatch.setenv("CRM_URL", value)
        assert _add(monkeypatch, home, "members", *given) == code
        said = capsys.readouterr()
        assert said_ in said.err
        assert "hunter2" not in said.err + said.out
    with (home / "assent.toml").open("a") as file:
        file.write("[datasets.crm]\nformat='mysql'\ntable='t'\nsubject_column='id'\n")
        file.write("url='mysql://shop:hunter2@db/crm'\n")
    monkeypatch.setattr(sys, "argv", ["assent", "config", "show", "--home", str(home), "--output", "json"])
    assert main() == 0
    shown = capsys.readouterr().out
    assert "hunter2" not in shown
    assert {row["key"]: row["value"] for row in json.loads(shown)}["datasets.crm.url"] == "mysql://shop:***@db/crm"
    assert "hunter2" not in repr(load_datasets(home)["crm"])
