from __future__ import annotations

import json
import stat
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.gateway_options import CLIENT_FOLDER
from gateway.engine import SystemClock
from gateway.errors import RequestError, StateError
from gateway.keys.custody import HomeKeys
from gateway.keys.token import TokenVerifier
from gateway.main import main
from gateway.main.home import NewHome, make_home
from gateway.route.caller import Role
from gateway.settings import load_settings

NEW = NewHome(
    party="retailer",
    legal_name="仁里零售有限公司",
    contact="privacy@retailer.example",
    tenant_address="127.0.0.1:7443",
    peer_address="127.0.0.1:7444",
)


def _assent(monkeypatch: pytest.MonkeyPatch, home: Path, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["assent", "--home", str(home), *words])
    return main()


def _init(monkeypatch: pytest.MonkeyPatch, home: Path, *more: str) -> int:
    words = ("keys", "init", "--party", "retailer", "--legal-name", "仁里", "--contact", "privacy@retailer.example")
    return _assent(monkeypatch, home, *words, *more)


def test_a_new_home_has_keys_settings_card_and_a_token(tmp_path: Path) -> None:
    home = tmp_path / "home"
    card = make_home(home, NEW, datetime.now(UTC))
    settings, keys = load_settings(home), HomeKeys.load(home)
    assert (settings.party.id, settings.party.endpoint) == ("retailer", "127.0.0.1:7444")
    assert keys.own_card() == card
    assert (card.card.endpoint, card.card.target_name) == ("127.0.0.1:7444", "retailer.assent.internal")
    client = home / CLIENT_FOLDER
    assert (client / "target").read_text(encoding="utf-8") == "127.0.0.1:7443\n"
    assert (client / "ca.pem").read_bytes() == keys.tls.certificate
    token = (client / "token").read_text(encoding="utf-8").strip()
    assert TokenVerifier.load(home, "retailer", SystemClock()).verify(token).roles == frozenset(Role)


def test_nobody_else_can_read_its_secrets(tmp_path: Path) -> None:
    make_home(tmp_path / "home", NEW, datetime.now(UTC))
    for path in (tmp_path / "home").rglob("*"):
        if path.suffix == ".key" or path.name in ("token", CLIENT_FOLDER, "keys"):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_home_is_never_made_twice(tmp_path: Path) -> None:
    first = make_home(tmp_path, NEW, datetime.now(UTC))
    with pytest.raises(StateError) as caught:
        make_home(tmp_path, NEW, datetime.now(UTC))
    assert caught.value.reason == "REVISION_CONFLICT"
    assert HomeKeys.load(tmp_path).own_card() == first


@pytest.mark.parametrize("field", ["--party", "--country", "--tenant-address", "--days", "--dns-name"])
def test_what_is_wrong_leaves_nothing_that_stands_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    wrong = {"--party": "Not A Party", "--days": "0"}.get(field, "not right")
    assert _init(monkeypatch, tmp_path / "home", field, wrong) == 2
    assert _init(monkeypatch, tmp_path / "home") == 0


def test_the_fingerprint_is_printed_and_printed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _init(monkeypatch, tmp_path / "home") == 0
    printed = capsys.readouterr().out
    assert printed.strip() == HomeKeys.load(tmp_path / "home").own_card().fingerprint
    assert _assent(monkeypatch, tmp_path / "home", "keys", "fingerprint") == 0
    assert capsys.readouterr().out == printed


def test_tokens_are_issued_for_roles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_home(tmp_path, NEW, datetime.now(UTC))
    assert _assent(monkeypatch, tmp_path, "keys", "token", "cdp", "--role", "cdp_job", "--days", "2") == 0
    caller = TokenVerifier.load(tmp_path, "retailer", SystemClock()).verify(capsys.readouterr().out.strip())
    assert (caller.subject, caller.roles) == ("cdp", frozenset({Role.CDP_JOB}))
    assert _assent(monkeypatch, tmp_path, "keys", "token", "cdp", "--role", "owner") == 2
    assert _assent(monkeypatch, tmp_path, "keys", "token", "cdp", "--role", "cdp_job", "--days", "31") == 2


def test_settings_are_shown_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = "postgresql+psycopg://assent:hunter2@db.example/assent"
    assert _init(monkeypatch, tmp_path / "home", "--store-url", store) == 0
    capsys.readouterr()
    assert _assent(monkeypatch, tmp_path / "home", "config", "show", "--output", "json") == 0
    shown = capsys.readouterr().out
    assert "hunter2" not in shown
    rows = {row["key"]: row for row in json.loads(shown)}
    assert rows["party.id"]["value"] == "retailer"
    assert rows["engine.lease_s"]["source"] == "default"


def test_without_a_home_it_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSENT_HOME", raising=False)
    monkeypatch.setattr(sys, "argv", ["assent", "config", "show"])
    assert main() == 2


def test_a_wrong_home_is_not_half_made(tmp_path: Path) -> None:
    wrong = replace(NEW, legal_name="")
    with pytest.raises(RequestError):
        make_home(tmp_path / "home", wrong, datetime.now(UTC))
    assert not (tmp_path / "home" / "assent.toml").exists()
