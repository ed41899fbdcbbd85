"""Imports of consent events between real processes: killed on either side, tried first, from every kind of source."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.consent_import import events
from gateway.agreement.card import card_file
from gateway.main import main
from gateway.main.demo import groundwork
from gateway.main.demo.groundwork import PLATFORM, RETAILER
from gateway.main.demo.server import Server, free_addresses
from gateway.main.home import NewHome, make_home

ROWS = 45_000  # a batch of a gateway, and half of one
START_S = 120.0


class House:
    """A gateway that serves, and commands run against it as processes."""

    def __init__(self, folder: Path, store_url: str) -> None:
        now, addresses = datetime.now(UTC), free_addresses(2)
        cards = {}
        for party, url in ((PLATFORM, ""), (RETAILER, store_url)):
            new = NewHome(
                party=party,
                legal_name=groundwork.LEGAL_NAMES[party],
                contact=groundwork.CONTACT.format(party),
                tenant_address=addresses[0],
                peer_address=addresses[1],
                store_url=url,
            )
            cards[party] = make_home(folder / party, new, now)
        self.folder = folder
        self.server = Server(folder / RETAILER)
        self.server.start()
        self.server.serving()
        with self.server.client() as client:
            client.registry.accept_partner(card_file(cards[PLATFORM]), cards[PLATFORM].fingerprint)
            groundwork.register(client, RETAILER, now)

    def start(
        self, *words: str, command: tuple[str, str] = ("consent", "import"), **variables: str
    ) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "gateway.main", "--output", "json", *command, *words]
        environment = {**os.environ, "ASSENT_HOME": str(self.folder / RETAILER), **variables}
        return subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ended(
        self, *words: str, command: tuple[str, str] = ("consent", "import"), **variables: str
    ) -> tuple[int, dict[str, Any], str]:
        process = self.start(*words, command=command, **variables)
        out, err = process.communicate(timeout=START_S)
        return process.returncode, json.loads(out) if out else {}, err


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"), "")
    yield made
    made.server.stop()


def few(count: int, first: int) -> list[dict[str, Any]]:
    """Grants of people whom no other test names."""
    return [
        dict(event) | {"subject": f"F{first + number}"} for number, event in enumerate(events(count, datetime.now(UTC)))
    ]


def lines(folder: Path, rows: list[dict[str, Any]], name: str = "events.jsonl") -> Path:
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def until_place(place: Path, process: subprocess.Popen[str]) -> int:
    """Wait until a batch is settled; return its last row."""
    deadline = time.monotonic() + START_S
    while not place.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return int(json.loads(place.read_text())["row"])


@pytest.mark.parametrize("victim", ["command", pytest.param("gateway", marks=pytest.mark.thorough)])
def test_a_killed_import_goes_on_where_it_was(house: House, tmp_path: Path, victim: str) -> None:
    rows = [event | {"event_id": f"{event['event_id']}-{victim}"} for event in events(ROWS, datetime.now(UTC))]
    wrong = {17: {"at": "yesterday"}, ROWS - 3: {"colour": "red"}}
    file = lines(tmp_path, [dict(row) | wrong.get(number, {}) for number, row in enumerate(rows, 1)])
    place, errors = tmp_path / "place", tmp_path / "errors.csv"
    words = (str(file), "--place", str(place), "--errors", str(errors))

    process = house.start(*words)
    settled = until_place(place, process)
    if victim == "command":
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    else:
        house.server.kill()
        _, said = process.communicate(timeout=START_S)
        assert process.returncode == 3, said
        assert "PEER_UNAVAILABLE" in said
        house.server.start()
        house.server.serving()
    assert 17 <= settled < ROWS, "the import was over before it could be killed"

    code, report, said = house.ended(*words)
    assert code == 1
    assert "2 rows were not imported" in said
    went_on = report["went_on_after_row"]
    assert settled <= went_on < ROWS
    assert (report["accepted"] + report["replayed"], report["rejected"]) == (ROWS - 2, 2)
    # What was stored and not told of is at most the batch on its way.
    assert report["replayed"] <= 30_000
    assert not place.exists()
    found = list(csv.reader(errors.read_text(encoding="utf-8").splitlines()))
    assert [(row[0], row[1]) for row in found] == [("row", "field"), ("17", "at"), (str(ROWS - 3), "colour")]

    with sqlite3.connect(house.server.home / "assent.db") as store:
        (kept,) = store.execute(f"SELECT count(*) FROM consent_events WHERE event_id LIKE '%-{victim}'").fetchone()
    store.close()
    assert kept == ROWS - 2


def test_a_dry_run_reports_and_keeps_nothing(house: House, tmp_path: Path) -> None:
    rows = few(30, 1000)
    for row in rows[5:30]:
        row["notice"] = "unheard@1"
    file, errors = lines(tmp_path, rows), tmp_path / "errors.csv"
    expected = (5, 0, 25)
    for words in (("--dry-run",), ()):
        code, report, said = house.ended(str(file), "--errors", str(errors), *words)
        assert (report["accepted"], report["replayed"], report["rejected"]) == expected
        assert (code, report.get("dry_run", False)) == (1, bool(words))
        assert ("would not be imported" if words else "were not imported") in said
        # The report names some rows, the file names all.
        assert len(report["rejected_rows"]) == 20
        assert [int(row[0]) for row in csv.reader(errors.read_text().splitlines()[1:])] == list(range(6, 31))


def test_the_same_rows_from_every_kind_of_source(house: House, tmp_path: Path) -> None:
    rows = few(6, 2000)
    file = lines(tmp_path, rows)
    flat = [{**row, "items": json.dumps(row["items"])} for row in rows]
    with (tmp_path / "events.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(flat[0]))
        writer.writeheader()
        writer.writerows([row | {"evidence": "true"} for row in flat])
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "events.parquet")
    with sqlite3.connect(tmp_path / "cdp.db") as database:
        database.execute(f"CREATE TABLE acts ({', '.join(flat[0])})")
        marks = ",".join("?" * len(flat[0]))
        database.executemany(f"INSERT INTO acts VALUES ({marks})", [(*row.values(),) for row in flat])
    database.close()
    assert house.ended(str(tmp_path / "events.csv"))[1]["accepted"] == 6
    sources: list[tuple[tuple[str, ...], dict[str, str]]] = [
        ((str(file),), {}),
        ((str(tmp_path / "events.parquet"),), {}),
        (("--table", "acts"), {"ASSENT_SOURCE_DATABASE": f"sqlite:///{tmp_path / 'cdp.db'}"}),
    ]
    for words, variables in sources:
        code, report, said = house.ended(*words, **variables)
        assert (code, report["accepted"], report["replayed"]) == (0, 0, 6), said


def test_ids_of_another_system_are_linked_shown_and_unlinked(house: House, tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    file.write_text("id,subject\nK-1,L-1\nK-2,L-1\n,L-1\nK-3\n", encoding="utf-8")
    code, report, said = house.ended(str(file), "--source", "crm", command=("identity", "import"))
    assert (code, report["linked"], report["rejected"]) == (1, 2, 2), said
    assert [(error["row"], error["field"]) for error in report["rejected_rows"]] == [(3, "id"), (4, "(row)")]
    shown: Any = house.ended("L-1", command=("identity", "show"))[1]
    assert [(link["source"], link["ended_version"]) for link in shown] == [("crm", 0), ("crm", 0)]
    assert "K-1" not in json.dumps(shown)
    assert house.ended("K-1", "--source", "crm", command=("identity", "unlink"))[1]["version"] == 2
    code, _, said = house.ended("K-1", "--source", "crm", command=("identity", "unlink"))
    assert (code, "NOT_FOUND" in said) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name one source"),
        (("--table", "acts"), "give its URL"),
        (("FILE", "--table", "acts", "--database", "sqlite:///x"), "name one source"),
        (("FILE", "--place", "p", "--dry-run"), "leave it out"),
        (("FILE", "--place", "p", "--all-or-nothing"), "leave it out"),
    ],
)
def test_wrong_usage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    file = lines(tmp_path, few(1, 3000))
    given = ["assent", "consent", "import", *(str(file) if word == "FILE" else word for word in words)]
    monkeypatch.setattr(sys, "argv", given)
    assert main() == 2
    assert said in capsys.readouterr().err
