from __future__ import annotations

import re

import numpy as np
import pytest

from gateway.errors import HostileInput, Misuse
from gateway.he.ciphertext import check_ciphertexts, to_block, to_integers
from gateway.he.paillier import encrypt_public
from tests.unit.gateway.he.made import block, small_key

KEY = small_key()
N = KEY.public.n
P = int(KEY.factors()[0])
Q = int(KEY.factors()[1])


def check(rows: list[list[int]]) -> None:
    check_ciphertexts(KEY.public, block(rows, 256), lambda row: f"stage CIPHERTEXTS, row {1000 + row}")


def test_honest_ciphertexts_pass() -> None:
    check([[int(encrypt_public(KEY.public, value)), 1] for value in range(5)])
    check_ciphertexts(KEY.public, np.zeros((0, 2, 256), np.uint8), str)
    check_ciphertexts(KEY.public, np.zeros((3, 0, 256), np.uint8), str)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (0, "is zero"),
        (N * N, "not below n squared"),
        (N * N + 1, "not below n squared"),
        (2**2048 - 1, "not below n squared"),
        (P, "shares a factor"),
        (N, "shares a factor"),
        (5 * Q, "shares a factor"),
        (N * N - P, "shares a factor"),
    ],
    # Keys are fresh: figures in names would differ between test workers.
    ids=["0", "n2", "n2+1", "all ones", "p", "n", "5q", "n2-p"],
)
@pytest.mark.parametrize("place", [(0, 0), (2, 1)])
def test_each_malformed_one_is_found_where_it_is(wrong: int, words: str, place: tuple[int, int]) -> None:
    rows = [[int(encrypt_public(KEY.public, 1)) for _ in range(2)] for _ in range(3)]
    rows[place[0]][place[1]] = wrong
    where = f"stage CIPHERTEXTS, row {1000 + place[0]}, ciphertext {place[1]}: "
    with pytest.raises(HostileInput, match=re.escape(where) + f".*{words}") as caught:
        check(rows)
    assert caught.value.reason == "BAD_CIPHERTEXT"


def test_two_halves_do_not_hide_each_other() -> None:
    """p times q is 0 modulo n; the product must not be mistaken for a unit."""
    with pytest.raises(HostileInput, match="row 1000, ciphertext 0"):
        check([[P], [Q]])


@pytest.mark.parametrize("shape", [(2, 1, 255), (2, 1, 257), (2, 256), (2, 1, 0)])
def test_another_shape_is_our_own_fault(shape: tuple[int, ...]) -> None:
    with pytest.raises(Misuse):
        check_ciphertexts(KEY.public, np.ones(shape, np.uint8), str)


def test_blocks_and_integers() -> None:
    rows = block([[1, 2**64], [0, 255]], 9)
    assert to_integers(rows) == [1, 2**64, 0, 255]
    assert np.array_equal(to_block([1, 2**64, 0, 255], (2, 2), 9), rows)
    assert to_integers(rows[::-1]) == [0, 255, 1, 2**64]
    with pytest.raises(Misuse):
        to_integers(rows.astype(np.int64))
