"""`assent audit recover`: two officers, a stopped gateway, and a log that either goes on or ends openly."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.engine import SystemClock
from gateway.errors import RequestError, StateError
from gateway.flow.audit import sequence
from gateway.flow.ports import House
from gateway.keys.custody import HomeKeys
from gateway.keys.token import issue_token
from gateway.main import main
from gateway.main.home import make_home
from gateway.main.wire import running, witnessing_of
from gateway.route.audit import AuditEvent
from gateway.route.caller import Role
from gateway.settings import load_settings
from gateway.settings.tables import LogSettings
from gateway.store import open_store
from gateway.tlog.note import VerifierKey
from tests.empty_stores import empty_sqlite
from tests.unit.gateway.main.test_home import NEW


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    make_home(made, NEW, datetime.now(UTC) - timedelta(hours=1))
    (made / "assent.db").write_bytes(empty_sqlite())
    for name in ("one", "two"):
        token = issue_token(made, name, [Role.COMPLIANCE_OFFICER], NEW.party, datetime.now(UTC))
        (tmp_path / name).write_text(token + "\n")
    return made


def grow(home: Path, *names: str) -> bytes:
    """Start a log on this home, add entries, and return its newest checkpoint."""

    async def work() -> bytes:
        store = await open_store(f"sqlite:///{home / 'assent.db'}")
        try:
            # The log needs the store, the keys and the time; nothing else of a house.
            ports: dict[str, Any] = {field.name: None for field in fields(House)}
            ports |= {"store": store, "custody": HomeKeys.load(home), "clock": SystemClock()}
            house = House(**ports)
            async with store.begin() as tx:
                now = datetime.now(UTC)
                await tx.audit.append([AuditEvent("job_state", now, "", {"id": name}) for name in names])
            await sequence(house)
            async with store.read() as tx:
                stored = await tx.audit.checkpoint()
            assert stored is not None
            return stored[2]
        finally:
            await store.close()

    return asyncio.run(work())


async def serve(home: Path) -> None:
    """Start the gateway, which must not come so far as to answer anybody."""
    async with running(load_settings(home)):
        raise AssertionError("it serves")


def recover(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str, by: str = "one two"
) -> tuple[int, str]:
    tokens = [word for name in by.split() for word in ("--officer-token", str(home.parent / name))]
    monkeypatch.setattr(sys, "argv", ["assent", "audit", "recover", *tokens, *words, "--home", str(home)])
    code = main()
    return code, capsys.readouterr().err


def test_a_signer_that_lost_its_memory_gets_it_back(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    grow(home, "a", "b")
    newest = grow(home, "c")
    assert recover(home, monkeypatch, capsys) == (0, "The log continues what was signed: nothing is to be done.\n")
    assert recover(home, monkeypatch, capsys, "--begin-anew", "--reason", "why not")[0] == 1
    assert recover(home, monkeypatch, capsys, "--adopt")[0] == 1
    shutil.rmtree(home / "signer")
    with pytest.raises(StateError, match="remembers nothing"):
        grow(home)
    code, said = recover(home, monkeypatch, capsys)
    assert (code, "remembers nothing" in said, "--begin-anew" in said) == (0, True, True)
    (home.parent / "newest").write_bytes(newest)
    (home.parent / "foreign").write_bytes(newest.replace(b"\n3\n", b"\n4\n"))
    assert recover(home, monkeypatch, capsys, "--last", str(home.parent / "newest"), by="one one")[0] == 4
    assert recover(home, monkeypatch, capsys, "--last", str(home.parent / "newest"), "--adopt")[0] == 2
    assert recover(home, monkeypatch, capsys, "--last", str(home.parent / "foreign"))[0] == 1
    code, said = recover(home, monkeypatch, capsys, "--last", str(home.parent / "newest"))
    assert (code, said) == (0, "The signer remembers 3 entries. The log continues them: start the gateway.\n")
    assert b"\n5\n" in grow(home, "d")  # with the record of what was done
    shutil.rmtree(home / "signer")
    assert recover(home, monkeypatch, capsys, "--adopt")[0] == 0
    assert b"\n7\n" in grow(home, "e")


def test_a_database_from_a_backup_begins_a_new_log(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    grow(home, "a", "b")
    shutil.copy(home / "assent.db", home.parent / "backup.db")
    grow(home, "c")
    for path in home.glob("assent.db*"):
        path.unlink()
    shutil.copy(home.parent / "backup.db", home / "assent.db")
    with pytest.raises(StateError, match="the signer signed 3"):
        grow(home)
    with pytest.raises(StateError, match="the signer signed 3"):
        asyncio.run(serve(home))
    origin = HomeKeys.load(home).log_vkey().partition("+")[0]
    code, said = recover(home, monkeypatch, capsys, "--begin-anew", "--reason", "disk lost on 11-20")
    card = HomeKeys.load(home).own_card()
    assert (code, f"{origin}/2 begins over 2 entries" in said, card.fingerprint in said) == (0, True, True)
    assert grow(home, "d").startswith(f"{origin}/2\n4\n".encode())
    assert recover(home, monkeypatch, capsys) == (0, "The log continues what was signed: nothing is to be done.\n")


def test_a_policy_is_read_at_the_start_and_must_name_our_log(home: Path) -> None:
    vkey, file = HomeKeys.load(home).log_vkey(), home / "policy"
    other = VerifierKey("other.example/audit", HomeKeys.load(home).own_card().card.agreement_key).vkey
    for text in (f"log {other}\nquorum none\n", "quorum\n", None):
        if text is not None:
            file.write_text(text)
        else:
            file.unlink()
        with pytest.raises(RequestError, match="policy"):
            witnessing_of(LogSettings(policy=str(file)), vkey)
    file.write_text(f"log {vkey}\nquorum none\n")
    read = witnessing_of(LogSettings(policy=str(file), compare_with=("bank",)), vkey)
    assert read.policy is not None and read.policy.met_by(())
    assert read.compare_with == {"bank"}


def test_fsck_says_what_is_wrong_with_the_log_and_changes_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fsck(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["assent", "audit", "fsck", "--home", str(home), *words])
        return main(), capsys.readouterr().out

    grow(home, "a", "b")
    grow(home, "c")
    before = (home / "assent.db").read_bytes()
    code, said = fsck()
    assert (code, said.splitlines()[-1][:4], (home / "assent.db").read_bytes()) == (0, "OK  ", before)
    assert said.splitlines()[:2] == [
        "entries   3: 3 in the tree, 3 of them opened, 0 pending",
        "signed    3; 2 checkpoints",
    ]
    with sqlite3.connect(home / "assent.db") as connection:
        connection.execute("UPDATE audit_checkpoints SET root = zeroblob(32) WHERE size = 2")
    connection.close()
    code, said = fsck("--output", "json")
    assert (code, json.loads(said)["ok"], json.loads(said)["checkpoints"]) == (1, False, 2)
    assert json.loads(said)["faults"] == [
        "the stored checkpoint of 2 entries is not what this home's log key signed",
        "the first 2 entries do not give the root of the stored checkpoint",
    ]
    shutil.rmtree(home / "signer")
    assert "FAIL      the signer remembers nothing of a log" in fsck()[1]
