from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.agreement.card import sign_card
from gateway.agreement.signature import verify_record
from gateway.errors import AssentError, RequestError, StateError
from gateway.flow.ports import KeyCustody
from gateway.keys.custody import HomeKeys
from gateway.tlog.checkpoint import Checkpoint, format_checkpoint, open_checkpoint
from gateway.tlog.cosignature import cosignatures, witness_key
from gateway.tlog.note import parse_vkey
from tests.unit.gateway.keys.homes import make_home

FILES = ["agreement.key", "log.key", "local.key", "tls.key", "tls.crt", "card.json"]


def test_what_it_signs_verifies_under_the_card(tmp_path: Path) -> None:
    signed = make_home(tmp_path)
    custody: KeyCustody = HomeKeys.load(tmp_path)
    assert custody.party == "retailer"
    assert custody.own_card() == signed
    verify_record(signed.card.agreement_key, "run", b"{}", custody.sign_record("run", b"{}"), "us")
    assert custody.log_vkey() == signed.card.log_vkey
    key = parse_vkey(custody.log_vkey())
    head = Checkpoint(key.name, 1, bytes(32))
    signed_head = open_checkpoint(custody.sign_checkpoint(head, ()), key.name, key)
    assert signed_head.checkpoint == head
    assert custody.last_checkpoint() == signed_head
    cosigned = signed_head.note + custody.cosign(format_checkpoint(head), 1_700_000_000).encode()
    (cosignature,) = cosignatures(cosigned, [witness_key(signed.card)])
    assert (cosignature.time, cosignature.key.name) == (1_700_000_000, f"{signed.card.target_name}/witness")
    assert custody.subject_key() == (tmp_path / "keys/local.key").read_bytes()


def test_it_can_sign_a_new_card(tmp_path: Path) -> None:
    make_home(tmp_path)
    custody = HomeKeys.load(tmp_path)
    assert sign_card(custody.own_card().card, custody.sign_record) == custody.own_card()


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    make_home(tmp_path)
    custody = HomeKeys.load(tmp_path)
    shown = f"{custody!r} {custody.tls!r} {custody}"
    assert "PRIVATE KEY" not in shown
    assert custody.subject_key().hex() not in shown
    assert b"BEGIN PRIVATE KEY" in custody.tls.key
    assert b"BEGIN CERTIFICATE" in custody.tls.certificate


@pytest.mark.parametrize("name", ["agreement.key", "log.key", "local.key", "tls.key"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_private_file_that_others_can_reach_is_refused(tmp_path: Path, name: str, mode: int) -> None:
    make_home(tmp_path)
    (tmp_path / "keys" / name).chmod(mode)
    with pytest.raises(RequestError, match=f"keys/{name}.*chmod 600"):
        HomeKeys.load(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    make_home(tmp_path)
    (tmp_path / "keys" / name).unlink()
    with pytest.raises(StateError) as caught:
        HomeKeys.load(tmp_path)
    assert caught.value.reason == "NOT_FOUND"
    assert f"keys/{name}" in caught.value.message


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_file_is_an_error_of_ours(tmp_path: Path, name: str, content: bytes) -> None:
    make_home(tmp_path)
    (tmp_path / "keys" / name).write_bytes(content)
    with pytest.raises(AssentError):
        HomeKeys.load(tmp_path)


@pytest.mark.parametrize("name", ["agreement.key", "log.key", "tls.crt", "tls.key", "card.json"])
def test_a_file_of_another_home_is_refused(tmp_path: Path, name: str) -> None:
    make_home(tmp_path / "a")
    make_home(tmp_path / "b")
    shutil.copy(tmp_path / "b/keys" / name, tmp_path / "a/keys" / name)
    with pytest.raises(RequestError, match="not the one that card"):
        HomeKeys.load(tmp_path / "a")


def test_a_tls_key_is_no_agreement_key(tmp_path: Path) -> None:
    make_home(tmp_path)
    shutil.copy(tmp_path / "keys/tls.key", tmp_path / "keys/agreement.key")
    with pytest.raises(RequestError, match="Ed25519"):
        HomeKeys.load(tmp_path)


def test_a_home_without_keys_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="keys init"):
        HomeKeys.load(tmp_path)
