"""Small readers of options: pairs, times, the gateway to call, notices."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from gateway.cli.gateway_options import CLIENT_FOLDER, GatewayOptions
from gateway.cli.notice import read_notice
from gateway.cli.pairs import pairs
from gateway.cli.screen import Output
from gateway.cli.times import time_of
from gateway.client import NoticeRecipient
from gateway.errors import AccessError, RequestError


def test_pairs() -> None:
    assert pairs(["phone.e164=phone", "a=b=c"], "--match-key") == {"phone.e164": "phone", "a": "b=c"}
    for wrong in (["a"], ["=b"], ["a="], ["a=b", "a=c"]):
        with pytest.raises(RequestError, match="--match-key: give NAME=VALUE"):
            pairs(wrong, "--match-key")


def test_times() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert time_of("2026-01-31T08:00:00+08:00", "--at") == datetime(2026, 1, 31, 8, tzinfo=shanghai)
    assert time_of("", "--at") is None
    with pytest.raises(RequestError, match="--at: must be a time"):
        time_of("yesterday", "--at")
    with pytest.raises(RequestError, match="--at: must name its zone"):
        time_of("2026-01-31T08:00:00", "--at")


def _options(home: Path | None, token: Path | None = None) -> GatewayOptions:
    return GatewayOptions(home, "", None, token, Output.TABLE)


def test_without_a_home_the_caller_hears_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="set ASSENT_HOME, or give --target"):
        _options(None).client()
    with pytest.raises(RequestError, match="no home"):
        _options(None).own_home()
    with pytest.raises(RequestError, match="cannot read target"):
        _options(tmp_path).client()


def test_a_missing_token_is_a_matter_of_access(tmp_path: Path) -> None:
    folder = tmp_path / CLIENT_FOLDER
    folder.mkdir()
    (folder / "target").write_text("127.0.0.1:1\n", encoding="utf-8")
    (folder / "ca.pem").write_text("no certificate", encoding="utf-8")
    with pytest.raises(AccessError, match="cannot read token"):
        _options(tmp_path).client()
    with pytest.raises(AccessError, match="cannot read token"):
        _options(tmp_path, tmp_path / "absent").client()


def test_a_notice_is_read_from_json(tmp_path: Path) -> None:
    file = tmp_path / "notice.json"
    told = {"party": "platform", "name": "平台", "categories": ["a", "b"]}
    body = {"id": "sharing", "text": "告知", "purposes": ["p"], "recipients": [told]}
    file.write_text(json.dumps(body | {"effective_at": "2026-01-31T08:00:00Z"}), encoding="utf-8")
    notice = read_notice(file)
    assert (notice.id, notice.version, notice.purposes) == ("sharing", 0, ("p",))
    assert notice.recipients == (NoticeRecipient(party="platform", name="平台", categories=("a", "b")),)
    assert notice.effective_at is not None and notice.effective_at.year == 2026


@pytest.mark.parametrize(
    "body",
    ["nonsense", "[]", '{"id": "a", "state": "PUBLISHED"}', '{"id": "a", "colour": "red"}', "{}",
     '{"id": "a", "recipients": [{"party": "p", "colour": "red"}]}', '{"id": "a", "recipients": ["p"]}'],
)  # fmt: skip
def test_what_is_no_notice_is_refused(tmp_path: Path, body: str) -> None:
    file = tmp_path / "notice.json"
    file.write_text(body, encoding="utf-8")
    with pytest.raises(RequestError) as caught:
        read_notice(file)
    assert caught.value.reason == "BAD_FIELD"
    assert "notice.json" in caught.value.message
