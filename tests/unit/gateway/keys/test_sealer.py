from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import Misuse, RequestError, StateError
from gateway.flow.ports import RunSecrets
from gateway.keys import sealer as sealer_module
from gateway.keys.provider import FileKeyProvider
from gateway.keys.sealer import Sealer
from tests.unit.gateway.keys.homes import make_home


def sealer(home: Path) -> Sealer:
    return Sealer(FileKeyProvider.load(home))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "home")
    return tmp_path / "home"


@pytest.mark.parametrize("clear", [b"", b"x", b"\x00" * 100_000])
def test_what_is_sealed_opens_again(home: Path, clear: bytes) -> None:
    secrets: RunSecrets = sealer(home)
    sealed = secrets.seal("result 17", clear)
    assert sealer(home).unseal("result 17", sealed) == clear  # also after a restart
    assert b"x" * 40 not in secrets.seal("result 17", b"x" * 40)


def test_equal_bytes_are_sealed_differently(home: Path) -> None:
    secrets = sealer(home)
    one, two = secrets.seal("p", b"same"), secrets.seal("p", b"same")
    assert one != two
    assert one[12:52] != two[12:52]  # another data key, not only another nonce


def test_another_purpose_does_not_open(home: Path) -> None:
    sealed = sealer(home).seal("result 17", b"secret")
    for purpose in ("result 18", "result 1", "result 177", ""):
        with pytest.raises(StateError) as caught:
            sealer(home).unseal(purpose, sealed)
        assert caught.value.reason == "NOT_FOUND"


def test_every_flipped_bit_and_every_cut_is_noticed(home: Path) -> None:
    secrets = sealer(home)
    sealed = secrets.seal("p", b"secret")
    for at in range(len(sealed)):
        with pytest.raises(StateError):
            secrets.unseal("p", sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        with pytest.raises(StateError):
            secrets.unseal("p", sealed[:at])
    with pytest.raises(StateError):
        secrets.unseal("p", sealed + b"\x00")


def test_another_home_does_not_open(home: Path, tmp_path: Path) -> None:
    make_home(tmp_path / "other")
    with pytest.raises(StateError, match="wrapping key"):
        sealer(tmp_path / "other").unseal("p", sealer(home).seal("p", b"secret"))


def test_a_later_wrapping_key_seals_and_the_earlier_still_opens(home: Path) -> None:
    before = sealer(home).seal("p", b"old")
    later = home / "keys/wrap-2.key"
    later.touch(mode=0o600)
    later.write_bytes(b"\x07" * 32)
    assert FileKeyProvider.load(home).current_version() == 2
    after = sealer(home).seal("p", b"new")
    assert sealer(home).unseal("p", before) == b"old"
    assert sealer(home).unseal("p", after) == b"new"
    later.unlink()
    with pytest.raises(StateError, match="version 2"):
        sealer(home).unseal("p", after)


def test_a_wrapping_key_of_another_length_is_refused(home: Path) -> None:
    (home / "keys/wrap.key").write_bytes(b"short")
    with pytest.raises(RequestError, match="32 bytes"):
        FileKeyProvider.load(home)


def test_a_home_without_a_wrapping_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StateError):
        FileKeyProvider.load(tmp_path)


def test_too_much_for_one_envelope_is_a_bug(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer_module, "MAX_CLEAR_BYTES", 4)
    with pytest.raises(Misuse):
        sealer(home).seal("p", b"12345")
