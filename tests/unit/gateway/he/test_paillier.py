from __future__ import annotations

import copy
import pickle
import sys

import gmpy2
import phe
import pytest

from gateway.errors import Misuse, RequestError, StateError
from gateway.he import paillier
from gateway.he.encryptor import Encryptor
from gateway.he.paillier import PrivateKey, decrypt, draw_unit, encrypt_public, from_phe, generate, to_phe
from gateway.he.proof import key_record, parse_key_record
from tests.unit.gateway.he.made import SESSION, block, encryptor, numbers, small_key


def test_real_key_end_to_end_with_phe() -> None:
    key = generate(3072)
    n = key.public.n
    assert n.bit_length() == 3072
    assert [factor.bit_length() for factor in key.factors()] == [1536, 1536]
    assert parse_key_record(key_record(key, SESSION), 3072, SESSION) == key.public

    messages = [[0, 1], [n - 1, n // 2]]
    for mode in ("short_exponent", "exact"):
        ours = Encryptor(key, mode).encrypt(block(messages, 384))
        assert numbers(decrypt(key, ours)) == messages
        assert [[to_phe(key).raw_decrypt(one) for one in row] for row in numbers(ours)] == messages
    theirs = to_phe(key.public).raw_encrypt(n - 5)
    assert key.decrypt(theirs) == n - 5


@pytest.mark.parametrize("mode", ["short_exponent", "exact"])
def test_phe_reads_ours_and_adds_to_it(mode: str) -> None:
    key = small_key()
    private = to_phe(key)
    [[raw]] = numbers(encryptor(mode).encrypt(block([[41]], 128)))
    one = phe.EncryptedNumber(private.public_key, raw)
    assert private.decrypt(one) == 41
    assert private.decrypt(one + 1) == 42
    assert key.decrypt((one + private.public_key.encrypt(-2)).ciphertext(be_secure=False)) == 39


def test_we_read_phe() -> None:
    _, private = phe.generate_paillier_keypair(n_length=1024)
    ours = from_phe(private)
    assert ours.decrypt(private.public_key.raw_encrypt(123456789)) == 123456789
    assert ours.decrypt(private.public_key.encrypt(-1).ciphertext()) == ours.public.n - 1


def test_public_encryption_is_randomised_and_right() -> None:
    key = small_key()
    first, second = (encrypt_public(key.public, -7) for _ in range(2))
    assert first != second
    assert key.decrypt(first) == key.decrypt(second) == key.public.n - 7
    assert encrypt_public(key.public, 3, r=1) == 1 + 3 * key.public.n


def test_secret_bytes_bring_the_key_back() -> None:
    key = small_key()
    again = PrivateKey.from_secret_bytes(key.to_secret_bytes())
    assert again.public == key.public
    assert again.decrypt(encrypt_public(key.public, 5)) == 5
    for broken in (b"", key.to_secret_bytes()[1:], key.to_secret_bytes()[:64] * 2, bytes(128)):
        with pytest.raises(Misuse):
            PrivateKey.from_secret_bytes(broken)


def test_a_private_key_shows_and_gives_away_nothing() -> None:
    key = PrivateKey.from_secret_bytes(small_key().to_secret_bytes())
    p, _ = key.factors()
    assert repr(key) == "PrivateKey(1024 bits)"
    assert str(p) not in repr(encryptor("exact"))
    for thing in (key, encryptor("exact")):
        with pytest.raises(Misuse):
            pickle.dumps(thing)
        with pytest.raises(Misuse):
            copy.deepcopy(thing)
    key.destroy()
    key.destroy()
    assert repr(key) == "PrivateKey(1024 bits, destroyed)"
    for use in (key.to_secret_bytes, lambda: key.decrypt(2), lambda: key.nth_root(2)):
        with pytest.raises(Misuse, match="destroyed"):
            use()


def test_factors_that_make_no_key_are_refused() -> None:
    p, q = (int(factor) for factor in small_key().factors())
    for factors in ((p, p), (p, q >> 1), (3, 5)):
        with pytest.raises(Misuse):
            PrivateKey(*factors)


def test_sizes() -> None:
    for bits in (0, 1024, 2047, 4096):
        with pytest.raises(RequestError, match="3072 or 2048"):
            generate(bits)


def test_without_phe_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "phe", None)
    with pytest.raises(StateError, match="phe, which makes Paillier keys, is not installed"):
        generate(3072)
    assert small_key().decrypt(encrypt_public(small_key().public, 1)) == 1


def test_a_key_of_close_primes_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    good = small_key()
    p = int(good.factors()[0])
    close = phe.PaillierPrivateKey(phe.PaillierPublicKey(p * int(gmpy2.next_prime(p))), p, int(gmpy2.next_prime(p)))
    offered = iter([close, to_phe(good)])
    monkeypatch.setattr(paillier, "KEY_BITS", (1024,))
    monkeypatch.setattr(phe, "generate_paillier_keypair", lambda n_length: (None, next(offered)))
    assert generate(1024).public == good.public


def test_units_are_drawn_by_rejection(monkeypatch: pytest.MonkeyPatch) -> None:
    p = int(small_key().factors()[0])
    drawn = iter([0, p, 3 * p, 17])
    monkeypatch.setattr("secrets.randbelow", lambda n: next(drawn))
    assert draw_unit(small_key().public.n) == 17
