"""The signer believes its own memory alone, and loses none of it at any system call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import HostileInput, StateError
from gateway.keys import signer as module
from gateway.keys.signer import CheckpointSigner
from gateway.tlog.audit_path import TileSet, consistency_proof
from gateway.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from gateway.tlog.note import NoteSigner, VerifierKey
from gateway.tlog.tree import EMPTY_EDGE, integrate, leaf_hash

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes([5]) * 32)
KEY = VerifierKey("log.example/audit", PRIVATE.public_key().public_bytes_raw())


def made(folder: Path) -> CheckpointSigner:
    return CheckpointSigner(folder, KEY, PRIVATE.sign)


def head(size: int, fork: str = "") -> Checkpoint:
    leaves = [leaf_hash(f"{fork if row >= 3 else ''}{row}".encode()) for row in range(size)]
    return Checkpoint(KEY.name, size, integrate(EMPTY_EDGE, leaves).root)


def proof(old: int, size: int, fork: str = "") -> tuple[bytes, ...]:
    tree = integrate(EMPTY_EDGE, [leaf_hash(f"{fork if row >= 3 else ''}{row}".encode()) for row in range(size)])
    return consistency_proof(old, size, TileSet({(tile.level, tile.index): tile.hashes for tile in tree.tiles}))


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(StateError) as caught:
        call(*arguments)
    assert caught.value.reason == "LOG_INCONSISTENT"
    return caught.value.message


def test_what_was_signed_is_continued_by_every_later_signer(tmp_path: Path) -> None:
    signer = made(tmp_path / "signer")
    assert signer.last() is None
    first = signer.sign(head(5), ())
    assert open_checkpoint(first, KEY.name, KEY).checkpoint == head(5)
    assert made(tmp_path / "signer").sign(head(5), ()) == first  # asked again: the same bytes
    made(tmp_path / "signer").sign(head(9), proof(5, 9))
    signer.sign(head(20), proof(9, 20))  # what another server signed meanwhile counts
    last = signer.last()
    assert last is not None and last.checkpoint == head(20)
    assert (tmp_path / "signer").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("wanted", "path", "said"),
    [
        (head(4), (), "signed 9 entries already"),
        (head(9, "x"), (), "does not continue"),
        (head(12, "x"), proof(9, 12, "x"), "does not continue"),
        (head(12), proof(9, 12, "x"), "does not continue"),
        (head(12), proof(8, 12), "does not continue"),
        (head(12), (), "does not continue"),
    ],
)
def test_nothing_else_is_signed(tmp_path: Path, wanted: Checkpoint, path: tuple[bytes, ...], said: str) -> None:
    signer = made(tmp_path)
    signer.sign(head(9), ())
    assert said in refused(signer.sign, wanted, path)
    last = signer.last()
    assert last is not None and last.checkpoint == head(9)
    signer.sign(head(12), proof(9, 12))  # the honest way on is open


def test_a_damaged_memory_is_not_taken_for_none(tmp_path: Path) -> None:
    signer = made(tmp_path)
    signer.sign(head(9), ())
    (memory,) = tmp_path.glob("*.checkpoint")
    for content in (b"", memory.read_bytes()[:-3], memory.read_bytes().replace(b"9", b"8", 1)):
        memory.write_bytes(content)
        assert "damaged" in refused(signer.sign, head(12), proof(9, 12))


def test_a_contradiction_under_our_own_key_ends_all_signing(tmp_path: Path) -> None:
    signer = made(tmp_path)
    signer.sign(head(9), ())
    other = Ed25519PrivateKey.from_private_bytes(bytes([6]) * 32)
    stranger = NoteSigner(VerifierKey(KEY.name, other.public_key().public_bytes_raw()), other.sign)
    with pytest.raises(HostileInput):
        signer.stop(sign_checkpoint(head(30), [stranger]))  # anybody could say that
    signer.sign(head(12), proof(9, 12))
    shown = sign_checkpoint(head(30, "x"), [NoteSigner(KEY, PRIVATE.sign)])
    signer.stop(shown)
    assert "own key signed" in refused(made(tmp_path).sign, head(40), proof(12, 40))
    assert signer.evidence()[1] == shown


def test_a_lost_memory_is_given_back_and_never_turned_back(tmp_path: Path) -> None:
    signer = made(tmp_path)
    note = signer.sign(head(9), ())
    later = signer.sign(head(12), proof(9, 12))
    with pytest.raises(StateError, match="later checkpoint"):
        signer.remember(note)
    (memory,) = tmp_path.glob("*.checkpoint")
    memory.unlink()
    assert signer.remember(later).checkpoint == head(12)
    assert "does not continue" in refused(signer.sign, head(12, "x"), ())


class Killed(BaseException):
    """The process ends here."""


class CountedCalls:
    """The module `os` as the signer sees it; the process is killed before or after one of its calls."""

    def __init__(self, kill_at: int | None, after: bool) -> None:
        self.calls: list[str] = []
        self._kill_at, self._after = kill_at, after

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if not callable(real) or name == "close":  # the kernel closes what a killed process had open
            return real

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append(name)
            hit = self.dying
            if hit and not self._after:
                raise Killed
            answer = real(*arguments, **options)
            if hit:
                raise Killed
            return answer

        return call

    @property
    def dying(self) -> bool:
        return len(self.calls) - 1 == self._kill_at


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_system_call_leaves_one_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    counted = CountedCalls(None, after)
    monkeypatch.setattr(module, "os", counted)
    start = made(tmp_path / "clean").sign(head(5), ())
    expected = made(tmp_path / "clean").sign(head(9), proof(5, 9))
    assert start != expected
    steps = counted.calls[len(counted.calls) // 2 :]
    assert {"open", "write", "fsync", "rename"} == set(steps)
    for step in range(len(steps)):
        folder = tmp_path / str(step)
        monkeypatch.setattr(module, "os", os)
        made(folder).sign(head(5), ())
        monkeypatch.setattr(module, "os", CountedCalls(step, after))
        with pytest.raises(Killed):
            made(folder).sign(head(9), proof(5, 9))
        monkeypatch.setattr(module, "os", os)
        last = made(folder).last()
        assert last is not None and last.note in (start, expected)  # never nothing, never a half
        kept = last.checkpoint.size
        assert made(folder).sign(head(9), proof(kept, 9)) == expected
        if kept == 9:
            assert "does not continue" in refused(made(folder).sign, head(9, "x"), ())
