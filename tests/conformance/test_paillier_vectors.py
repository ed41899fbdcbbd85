"""Published and derived Paillier vectors: keys, ciphertexts, homomorphic identities and what must be refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gmpy2
import pytest

from gateway.errors import HostileInput
from gateway.he.ciphertext import check_ciphertexts, to_block
from gateway.he.encryptor import Encryptor
from gateway.he.paillier import PrivateKey, PublicKey, decrypt, encrypt_public, to_phe


@pytest.fixture(scope="module")
def vectors(vectors_dir: Path) -> Any:
    return json.loads((vectors_dir / "crypto" / "paillier" / "paillier_vectors.json").read_text())


def figure(text: str) -> int:
    return int(text, 0)


def keys(vectors: Any) -> list[tuple[Any, PrivateKey]]:
    return [(entry, PrivateKey(figure(entry["p"]), figure(entry["q"]))) for entry in vectors["keys"]]


def check(public: PublicKey, ciphertext: int) -> None:
    width = max(public.ciphertext_bytes, (ciphertext.bit_length() + 7) // 8)
    if width > public.ciphertext_bytes:
        raise HostileInput(
            "BAD_CIPHERTEXT", "longer than a ciphertext of this key: no row of the stage has room for it"
        )
    check_ciphertexts(public, to_block([ciphertext], (1, 1), width), lambda row: f"vector {row}")


def test_published_figures(vectors: Any) -> None:
    checked = 0
    for entry in vectors["published"]:
        n = figure(entry["n"])
        assert n == figure(entry["p"]) * figure(entry["q"])
        if "c" in entry:
            public = PublicKey(n.bit_length(), n)
            assert encrypt_public(public, figure(entry["m"]), figure(entry["r"])) == figure(entry["c"])
            checked += 1
    assert checked == 2


def test_keys_and_ciphertexts(vectors: Any) -> None:
    bits = []
    for entry, key in keys(vectors):
        assert key.public == PublicKey(entry["bits"], figure(entry["n"]))
        bits.append(key.public.bits)
        for case in entry["encrypt"]:
            m, r, c = (figure(case[name]) for name in "mrc")
            assert encrypt_public(key.public, m, r) == c
            assert key.decrypt(c) == m
            check(key.public, c)
    assert 3072 in bits


def test_homomorphic_identities(vectors: Any) -> None:
    seen = set()
    for entry, key in keys(vectors):
        n, n_squared = key.public.n, key.public.n_squared
        sources = [(figure(case["m"]), figure(case["c"])) for case in entry["encrypt"]]
        for case in entry["homomorphic"]:
            seen.add(case["op"])
            made, expected = 1, 0
            if case["op"] in ("add", "sum"):
                for m, c in [sources[case[i]] for i in "ij"] if case["op"] == "add" else sources[slice(*case["range"])]:
                    made, expected = made * c % n_squared, (expected + m) % n
            elif case["op"] == "add_plain":
                m, c = sources[case["i"]]
                made, expected = c * (1 + case["k"] * n) % n_squared, (m + case["k"]) % n
            else:
                m, c = sources[case["i"]]
                made, expected = gmpy2.powmod(c, case["k"], n_squared), m * case["k"] % n
            assert made == figure(case["c"])
            assert key.decrypt(figure(case["c"])) == expected == figure(case["m"])
    assert seen == {"add", "add_plain", "mul_plain", "sum"}


def test_malformed_ciphertexts_are_refused(vectors: Any) -> None:
    for entry, key in keys(vectors):
        assert entry["must_reject_ciphertexts"]
        for case in entry["must_reject_ciphertexts"]:
            with pytest.raises(HostileInput) as caught:
                check(key.public, figure(case["c"]))
            assert caught.value.reason == "BAD_CIPHERTEXT"
        # A ciphertext without a randomiser is one all the same: weak for its sender alone.
        for case in entry["weak_ciphertexts"]:
            check(key.public, figure(case["c"]))


@pytest.mark.parametrize("mode", ["short_exponent", "exact"])
def test_ours_opens_with_phe_and_theirs_with_ours(vectors: Any, mode: str) -> None:
    for entry, key in keys(vectors):
        messages = [figure(case["m"]) for case in entry["encrypt"]]
        private = to_phe(key)
        ours = Encryptor(key, mode).encrypt(to_block(messages, (len(messages), 1), key.public.plaintext_bytes))
        opened = decrypt(key, ours)
        for place, message in enumerate(messages):
            assert private.raw_decrypt(int.from_bytes(ours[place, 0].tobytes(), "big")) == message
            assert int.from_bytes(opened[place, 0].tobytes(), "big") == message
        assert key.decrypt(private.public_key.raw_encrypt(messages[-1])) == messages[-1]
