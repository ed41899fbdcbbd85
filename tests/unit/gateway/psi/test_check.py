"""Checks on a partner's chunks."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import HostileInput
from gateway.psi.check import as_keys, check_ascending, check_chunk, check_repeats
from gateway.route.session import Chunk, Stage

SESSION = "ab" * 32


def chunk(content: bytes, sha256: bytes | None = None) -> Chunk:
    return Chunk(SESSION, Stage.BLINDED, 3, sha256 or hashlib.sha256(content).digest(), content)


def rows(values: list[bytes]) -> np.ndarray:
    return np.array([list(value) for value in values], dtype=np.uint8).reshape(len(values), -1)


def test_a_good_chunk_is_viewed_as_records() -> None:
    assert check_chunk(chunk(bytes(64)), 32, 2).shape == (2, 32)


@pytest.mark.parametrize(
    ("bad", "expected", "reason"),
    [
        (chunk(bytes(64), b"\0" * 32), 2, "DIGEST_MISMATCH"),
        (chunk(bytes(63)), 2, "BAD_SHAPE"),
        (chunk(bytes(96)), 2, "BAD_SHAPE"),
        (chunk(b""), 0, "BAD_SHAPE"),
    ],
)
def test_a_bad_chunk_is_refused_with_its_place(bad: Chunk, expected: int, reason: str) -> None:
    with pytest.raises(HostileInput, match="stage 1 BLINDED, chunk 3") as caught:
        check_chunk(bad, 32, expected)
    assert caught.value.reason == reason


@given(st.lists(st.binary(min_size=3, max_size=3), min_size=1, max_size=40), st.integers(1, 40))
def test_ascending_agrees_with_python_across_chunk_borders(values: list[bytes], split: int) -> None:
    pieces = [values[start : start + split] for start in range(0, len(values), split)]
    strictly = all(a < b for a, b in itertools.pairwise(values))
    previous: bytes | None = None
    try:
        for seq, piece in enumerate(pieces):
            previous = check_ascending(Stage.TABLE, seq, rows(piece), previous)
        assert strictly
    except HostileInput as error:
        assert error.reason == "NOT_ASCENDING"
        assert not strictly


def test_the_first_record_out_of_order_is_named() -> None:
    with pytest.raises(HostileInput, match="stage 3 TABLE, chunk 5, offset 2"):
        check_ascending(Stage.TABLE, 5, rows([b"\x01", b"\x02", b"\x02"]), None)
    with pytest.raises(HostileInput, match="chunk 6, offset 0"):
        check_ascending(Stage.TABLE, 6, rows([b"\x02"]), b"\x02")


def repeats(values: list[bytes], per_chunk: int, memory: int, stage: Stage = Stage.BLINDED) -> None:
    chunks = [rows(values[start : start + per_chunk]) for start in range(0, len(values), per_chunk)]
    check_repeats(stage, chunks.__getitem__, len(chunks), per_chunk, memory)


@given(st.lists(st.integers(0, 30), max_size=60), st.sampled_from([1, 100, 10**6]))
def test_repeats_are_found_exactly(ids: list[int], memory: int) -> None:
    # Equal 8-byte prefixes for pairs of ids: only exact comparison tells them apart. Little memory: many passes.
    values = [bytes([8 * (i // 2)]) * 8 + bytes([i]) * 24 for i in ids]
    if len(set(ids)) == len(ids):
        repeats(values, 7, memory)
        return
    with pytest.raises(HostileInput) as caught:
        repeats(values, 7, memory)
    assert caught.value.reason == "REPEATED_ELEMENT"


def test_a_repeat_is_named_by_chunk_and_offset() -> None:
    values = [bytes([i]) * 32 for i in (1, 2, 3, 1)]
    for memory in (1, 10**6):
        with pytest.raises(HostileInput, match="stage 2 EVALUATED, chunk 1, offset 1"):
            repeats(values, 2, memory, Stage.EVALUATED)


@pytest.mark.parametrize("prefix", [b"\x00" * 8, b"\xff" * 8])
def test_the_least_and_the_greatest_prefix_lie_in_a_range(prefix: bytes) -> None:
    with pytest.raises(HostileInput):
        repeats([prefix + b"a" * 24, b"\x01" * 32, prefix + b"a" * 24], 1, 1)


@given(st.lists(st.binary(min_size=9, max_size=9), min_size=1, max_size=50))
def test_keys_order_as_bytes_do(values: list[bytes]) -> None:
    ordered = np.sort(as_keys(rows(values)))
    assert [value.tobytes() for value in ordered] == sorted(values)
