"""Evidence opens for two of its officers together, and for nobody else."""

from __future__ import annotations

import base64
from itertools import combinations, permutations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.errors import RequestError, StateError
from gateway.keys.evidence import OfficerSeal, new_key, open_record, read_key

KEYS = {name: X25519PrivateKey.generate() for name in ("li", "wang", "wu")}
OTHER = X25519PrivateKey.generate()


def public(key: X25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


SEAL = OfficerSeal({name: public(key) for name, key in KEYS.items()})


def test_any_two_open_and_nobody_else() -> None:
    sealed = SEAL.seal("hold-1", b"who it was")
    assert b"who it was" not in sealed
    assert SEAL.officers == ("li", "wang", "wu")
    for one, other in permutations(KEYS, 2):
        assert open_record("hold-1", sealed, {one: KEYS[one], other: KEYS[other]}) == b"who it was"
    for one, other in combinations(KEYS, 2):
        for first, second in ((KEYS[one], KEYS[one]), (KEYS[other], KEYS[one]), (KEYS[one], OTHER)):
            with pytest.raises(RequestError, match="does not open this evidence"):
                open_record("hold-1", sealed, {one: first, other: second})
    for names in (("li",), ("li", "chen"), ()):
        with pytest.raises(StateError, match="not sealed to these two"):
            open_record("hold-1", sealed, {name: KEYS.get(name, OTHER) for name in names})


def test_a_record_opens_for_its_hold_and_unchanged_only() -> None:
    sealed = SEAL.seal("hold-1", b"who it was")
    two = {"li": KEYS["li"], "wu": KEYS["wu"]}
    with pytest.raises(StateError, match="another hold"):
        open_record("hold-2", sealed, two)
    for cut in (0, 3, 4, 100, len(sealed) - 1):
        with pytest.raises(StateError):
            open_record("hold-1", sealed[:cut], two)
    for at in range(0, len(sealed), 7):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises((StateError, RequestError)):
            open_record("hold-1", bytes(changed), two)


def test_what_is_said_twice_is_sealed_afresh() -> None:
    one, other = (SEAL.seal("hold-1", b"who it was") for _ in range(2))
    assert len(one) == len(other)
    assert one[-26:] != other[-26:]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"li": public(OTHER)}, "2 to 5 officers"),
        ({str(number): public(X25519PrivateKey.generate()) for number in range(6)}, "2 to 5 officers"),
        ({"li": public(OTHER), "wu": public(OTHER)}, "have one key"),
        ({"li": public(OTHER), "wu": "short"}, "of wu is no X25519 key"),
        ({"li": public(OTHER), "wu": base64.b64encode(bytes(32)).decode()}, "of wu is no X25519 key"),
    ],
)
def test_officers_that_cannot_be_sealed_to(keys: dict[str, str], said: str) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        OfficerSeal(keys)
    assert caught.value.reason == "BAD_FIELD"


def test_a_key_of_an_officer_is_kept_under_a_passphrase() -> None:
    pem, text = new_key("a long passphrase")
    assert b"ENCRYPTED" in pem
    assert public(read_key(pem, "a long passphrase")) == text
    for content, passphrase in ((pem, "another passphrase"), (b"", "a long passphrase")):
        with pytest.raises(RequestError, match="cannot be read"):
            read_key(content, passphrase)
    with pytest.raises(RequestError, match="12 characters"):
        new_key("short")
