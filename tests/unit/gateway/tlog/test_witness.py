from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import HostileInput, Misuse
from gateway.tlog.audit_path import TileSet, consistency_proof
from gateway.tlog.checkpoint import Checkpoint, sign_checkpoint
from gateway.tlog.note import NoteSigner, VerifierKey
from gateway.tlog.tree import EMPTY_EDGE, EMPTY_ROOT, integrate, leaf_hash
from gateway.tlog.witness import (
    AddCheckpoint,
    Verdict,
    contradict,
    format_add_checkpoint,
    judge,
    open_request,
    origin_of,
    parse_add_checkpoint,
)
from tests.unit.gateway.tlog.test_cosignature import private, public

LOG = NoteSigner(VerifierKey("log.example/audit", public(1)), private(1).sign)


def head(size: int, fork: str = "") -> Checkpoint:
    leaves = [leaf_hash(f"{fork if row >= 5 else ''}{row}".encode()) for row in range(size)]
    return Checkpoint(LOG.key.name, size, integrate(EMPTY_EDGE, leaves).root)


def request(old: int, size: int, fork: str = "") -> AddCheckpoint:
    tree = integrate(EMPTY_EDGE, [leaf_hash(f"{fork if row >= 5 else ''}{row}".encode()) for row in range(size)])
    reader = TileSet({(tile.level, tile.index): tile.hashes for tile in tree.tiles})
    proof = consistency_proof(old, size, reader) if 0 < old < size else ()
    return AddCheckpoint(old, proof, sign_checkpoint(head(size, fork), [LOG]))


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=60)
def test_what_continues_is_cosigned_and_nothing_else(held: int, old: int, size: int) -> None:
    if old > size:
        return
    asked = parse_add_checkpoint(format_add_checkpoint(request(old, size)))
    assert asked == request(old, size)
    signed = open_request(asked, LOG.key)
    verdict, _ = judge(asked, signed.checkpoint, head(held) if held else None)
    assert verdict is (Verdict.CONTINUES if held == old else Verdict.CONFLICT)


@given(st.integers(6, 30), st.integers(6, 40))
@settings(max_examples=40)
def test_a_fork_is_one_whatever_its_own_proof_says(held: int, size: int) -> None:
    if held > size:
        return
    forked = request(held, size, "x")
    verdict, reason = judge(forked, head(size, "x"), head(held))
    assert (verdict, bool(reason)) == (Verdict.FORKED, True)
    assert contradict(head(held), head(size, "x")) is (held == size)


def test_of_nothing_there_is_nothing_to_prove() -> None:
    one = AddCheckpoint(0, (bytes(32),), b"")
    assert judge(one, head(5), None)[0] is Verdict.FORKED
    assert judge(AddCheckpoint(0, (), b""), Checkpoint(LOG.key.name, 0, EMPTY_ROOT), None)[0] is Verdict.CONTINUES
    assert judge(AddCheckpoint(0, (), b""), head(5), Checkpoint(LOG.key.name, 0, EMPTY_ROOT))[0] is Verdict.CONTINUES


NOTE = sign_checkpoint(head(9), [LOG])
MALFORMED = {
    "nothing": b"",
    "no old size": NOTE,
    "a sign": b"old +1\n\n" + NOTE,
    "a leading zero": b"old 01\n\n" + NOTE,
    "a full-width digit": "old １\n\n".encode() + NOTE,
    "beyond 2^63": b"old 9223372036854775808\n\n" + NOTE,
    "two spaces": b"old  1\n\n" + NOTE,
    "a hash of 31 bytes": b"old 1\n" + b"A" * 40 + b"==\n\n" + NOTE,
    "stray bits": b"old 1\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkab=\n\n" + NOTE,
    "64 hashes": b"old 1\n" + b"PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n" * 64 + b"\n" + NOTE,
    "no checkpoint": b"old 1\n\n",
    "no empty line": b"old 1\n" + NOTE.replace(b"\n\n", b"\n"),
    "too long": b"old 1\n\n" + b"x" * (1 << 20),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_request_is_refused(body: bytes) -> None:
    with pytest.raises(HostileInput) as caught:
        open_request(parse_add_checkpoint(body), LOG.key)
    assert caught.value.reason == "BAD_SHAPE"


def test_a_request_names_its_log_before_it_is_believed() -> None:
    assert origin_of(NOTE) == "log.example/audit"
    with pytest.raises(HostileInput):
        origin_of(b"no note")
    with pytest.raises(Misuse):
        format_add_checkpoint(AddCheckpoint(1, (bytes(32),) * 64, NOTE))
    with pytest.raises(HostileInput) as caught:
        open_request(parse_add_checkpoint(b"old 10\n\n" + NOTE), LOG.key)
    assert caught.value.reason == "BAD_SHAPE"
