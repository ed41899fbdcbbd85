"""`assent evidence`: two officers with keys of their own, each behind a passphrase, open what is held."""

from __future__ import annotations

import asyncio
import json
import sys
import tomllib
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consent.request import Requester, RequestKind, RequestState, RightsRequest
from gateway.errors import RequestError
from gateway.flow.evidence_hold import hold_evidence
from gateway.flow.ports import House, Limits
from gateway.keys.evidence import OfficerSeal
from gateway.keys.provider import FileKeyProvider
from gateway.keys.sealer import Sealer
from gateway.keys.token import issue_token
from gateway.main import main
from gateway.main.home import make_home
from gateway.main.wire import running
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.settings import load_settings
from gateway.store import open_store
from tests.empty_stores import empty_sqlite
from tests.unit.gateway.main.test_home import NEW

NOW = datetime.now(UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    make_home(made, NEW, NOW)
    (made / "assent.db").write_bytes(empty_sqlite())
    for name in ("li", "wu", "chen"):
        token = issue_token(made, name, [Role.COMPLIANCE_OFFICER], NEW.party, NOW)
        (tmp_path / f"{name}.token").write_text(token + "\n")
        (tmp_path / f"{name}.words").write_text(f"the passphrase of {name}\n")
    return made


def hold(home: Path) -> str:
    """Hold what opens the two entries about somebody, as an erasure does."""

    async def work() -> str:
        officers = load_settings(home).rights.evidence_officers
        store = await open_store(f"sqlite:///{home / 'assent.db'}")
        ports: dict[str, Any] = {field.name: None for field in fields(House)}
        sealer = Sealer(FileKeyProvider.load(home))
        ports |= {"store": store, "secrets": sealer, "limits": Limits(), "evidence": OfficerSeal(officers)}
        request = RightsRequest(
            **{field.name: None for field in fields(RightsRequest)}
            | {
                "id": "request-1",
                "subject": "somebody",
                "kind": RequestKind.DELETION,
                "requester": Requester.SUBJECT,
                "state": RequestState.DONE,
            }
        )
        try:
            async with store.begin() as tx:
                said = [AuditEvent("row_removed", NOW, "somebody", {"id": str(number)}) for number in range(2)]
                await tx.audit.append(said)
                opened = await tx.evidence.openings("somebody")
                officer = Caller("li", frozenset({Role.COMPLIANCE_OFFICER}))
                held = await hold_evidence(House(**ports), tx, officer, request, "erased-name", opened, NOW)
                assert held is not None
            return held.hold_id
        finally:
            await store.close()

    return asyncio.run(work())


def test_two_officers_open_what_is_held(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = home.parent

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["assent", "evidence", *words, "--home", str(home)])
        code = main()
        return code, *capsys.readouterr()

    def opening(*names: str, output: str = "held.json", keys: tuple[str, ...] = ()) -> tuple[int, str, str]:
        words = ["open", hold_id, "--reason", "claim 17", "-o", str(folder / output)]
        for name, key in zip(names, keys or names, strict=True):
            words += ["--officer-token", str(folder / f"{name}.token"), "--officer-key", str(folder / f"{key}.pem")]
            words += ["--passphrase-file", str(folder / f"{key}.words")]
        return run(*words)

    lines = ["", "[rights.evidence_officers]"]
    for name in ("li", "wu"):
        key = ["key", name, "-o", str(folder / f"{name}.pem"), "--passphrase-file", str(folder / f"{name}.words")]
        code, line, _ = run(*key)
        assert code == 0
        assert list(tomllib.loads(line)) == [name]
        lines.append(line)
        assert run(*key)[0] == 1  # a key is never overwritten
        assert (folder / f"{name}.pem").stat().st_mode & 0o777 == 0o600
    (folder / "chen.pem").write_bytes((folder / "wu.pem").read_bytes())
    settings = home / "assent.toml"
    settings.write_text(settings.read_text() + "\n".join(lines))
    hold_id = hold(home)
    code, listed, _ = run("list", "--officer-token", str(folder / "li.token"))
    assert (code, hold_id in listed, "erased-name" in listed, "somebody" in listed) == (0, True, True, False)
    # Not one officer twice, not with another's key, not who was not among them.
    assert opening("li", "li")[0] == 4
    assert opening("li", "wu", keys=("li", "li"))[0] == 2
    assert opening("li", "chen")[0] == 2  # the passphrase of chen opens no key of wu
    (folder / "chen.words").write_text("the passphrase of wu")
    assert opening("li", "chen")[0] == 4
    assert not (folder / "held.json").exists()
    code, _, said = opening("wu", "li")
    assert (code, said) == (
        0,
        f"2 entries of the log are opened in {folder / 'held.json'}; the log says who opened them, and why.\n",
    )
    record = json.loads((folder / "held.json").read_text())
    assert (record["subject"], record["entries"][1]) == ("somebody", {"index": 1, "payload": '{"id":"1"}'})
    assert (folder / "held.json").stat().st_mode & 0o777 == 0o600
    assert opening("li", "wu")[0] == 1  # the file is there


async def test_a_gateway_with_officers_that_nothing_can_be_sealed_to_does_not_start(home: Path) -> None:
    settings = home / "assent.toml"
    settings.write_text(settings.read_text() + '\n[rights.evidence_officers]\nli = "AAAA"\nwu = "AAAA"\n')
    with pytest.raises(RequestError, match="is no X25519 key"):
        async with running(load_settings(home)):
            raise AssertionError("it serves")
