from __future__ import annotations

import os

import gmpy2
import numpy as np
import pytest

from gateway.errors import Misuse, RequestError
from gateway.he import encryptor as module
from gateway.he.encryptor import Encryptor
from gateway.he.paillier import decrypt
from tests.unit.gateway.he.made import block, encryptor, numbers, small_key

MODES = pytest.mark.parametrize("mode", ["short_exponent", "exact"])


@MODES
def test_every_ciphertext_has_a_randomiser_of_its_own(mode: str) -> None:
    key = small_key()
    ciphertexts = encryptor(mode).encrypt(np.zeros((300, 2, 128), np.uint8))
    found = [one for row in numbers(ciphertexts) for one in row]
    assert len(set(found)) == 600
    assert 1 not in found
    # Of plaintext 0 a ciphertext is an n-th power: it has order dividing phi(n).
    p, q = key.factors()
    assert all(gmpy2.powmod(one, (p - 1) * (q - 1), key.public.n_squared) == 1 for one in found[:20])


@MODES
def test_batches_join(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 7)
    key = small_key()
    messages = [[value, value * value] for value in range(12)]
    assert numbers(decrypt(key, encryptor(mode).encrypt(block(messages, 128)))) == messages


def test_no_rows() -> None:
    assert encryptor("exact").encrypt(np.zeros((0, 3, 128), np.uint8)).shape == (0, 3, 256)
    assert encryptor("exact").encrypt(np.zeros((4, 0, 128), np.uint8)).shape == (4, 0, 256)


@MODES
def test_exponents_come_from_the_operating_system(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables agree with a plain power: h^e for the exponent that the bytes name."""
    key = small_key()
    bits = 264 if mode == "short_exponent" else key.public.bits + 128
    monkeypatch.setattr(module, "draw_unit", lambda n: 3)
    asked = []

    def ones(size: int) -> bytes:
        asked.append(size)
        return b"\xff" * size

    monkeypatch.setattr(os, "urandom", ones)
    [[ciphertext]] = numbers(Encryptor(key, mode).encrypt(np.zeros((1, 1, 128), np.uint8)))
    n, n_squared = key.public.n, int(key.public.n_squared)
    assert ciphertext == pow(pow(3, n, n_squared), 2**bits - 1, n_squared)
    assert asked == ([48] if mode == "short_exponent" else [bits // 8])


def test_wrong_use() -> None:
    with pytest.raises(RequestError, match="exact or short_exponent"):
        Encryptor(small_key(), "fast")
    with pytest.raises(Misuse, match="not below n"):
        encryptor("exact").encrypt(np.full((1, 1, 128), 255, np.uint8))
    with pytest.raises(Misuse, match="have 128 bytes"):
        encryptor("exact").encrypt(np.zeros((1, 1, 127), np.uint8))
