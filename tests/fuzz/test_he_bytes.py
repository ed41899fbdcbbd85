"""Keys, ciphertexts and results as a partner may send them: whatever arrives, only BAD_CIPHERTEXT leaves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import HostileInput
from gateway.he.ciphertext import check_ciphertexts
from gateway.he.encoding import decode
from gateway.he.layout import layout
from gateway.he.paillier import encrypt_public
from gateway.he.proof import key_record, parse_key_record
from gateway.route.agreement import Statistic
from tests.unit.gateway.he.made import SESSION, SMALL, block, number, small_key, small_keys_allowed, summed, terms

KEY = small_key()
RECORD = key_record(KEY, SESSION)
CIPHERTEXT = int(encrypt_public(KEY.public, 77)).to_bytes(256, "big")
P, Q = (int(factor) for factor in KEY.factors())
LAYOUT = layout(terms(summed("spend", Statistic.SUM)), (number("spend", "-5", "5", 0),), 100)


@pytest.fixture(autouse=True, scope="module")
def small_keys() -> Iterator[None]:
    with small_keys_allowed():
        yield


def near(valid: bytes) -> st.SearchStrategy[bytes]:
    """One valid encoding with some bytes overwritten, of the same length or cut."""
    piece = st.tuples(st.integers(0, len(valid) - 1), st.binary(min_size=1, max_size=40))

    def overwrite(pieces: list[tuple[int, bytes]]) -> bytes:
        changed = bytearray(valid)
        for start, new in pieces:
            changed[start : start + len(new)] = new[: len(valid) - start]
        return bytes(changed)

    changed = st.lists(piece, min_size=1, max_size=3).map(overwrite)
    cut = st.integers(0, len(valid)).map(lambda size: valid[:size])
    return changed | cut | st.binary(max_size=2 * len(valid)) | st.just(valid + b"\0")


@given(near(RECORD))
def test_key_records(encoded: bytes) -> None:
    if encoded == RECORD:
        assert parse_key_record(encoded, SMALL, SESSION) == KEY.public
        return
    with pytest.raises(HostileInput) as caught:
        parse_key_record(encoded, SMALL, SESSION)
    assert caught.value.reason == "BAD_CIPHERTEXT"


@given(st.binary(min_size=SMALL // 8, max_size=SMALL // 8))
def test_any_modulus_with_the_roots_of_another(modulus: bytes) -> None:
    with pytest.raises(HostileInput):
        parse_key_record(modulus + RECORD[SMALL // 8 :], SMALL, SESSION)


@given(near(CIPHERTEXT).filter(lambda one: len(one) == 256), st.integers(0, 3))
def test_ciphertexts(encoded: bytes, place: int) -> None:
    rows = [CIPHERTEXT] * 4
    rows[place] = encoded
    value = int.from_bytes(encoded, "big")
    sent = np.frombuffer(b"".join(rows), np.uint8).reshape(2, 2, 256)
    if 0 < value < KEY.public.n**2 and value % P and value % Q:
        check_ciphertexts(KEY.public, sent, str)
        return
    with pytest.raises(HostileInput) as caught:
        check_ciphertexts(KEY.public, sent, str)
    assert caught.value.reason == "BAD_CIPHERTEXT"
    assert caught.value.message.startswith(f"{place // 2}, ciphertext {place % 2}:")


@given(st.integers(1, 2**1024), st.sampled_from([P, Q]), st.integers(0, 7))
def test_multiples_of_a_factor(multiple: int, factor: int, place: int) -> None:
    rows = [[int.from_bytes(CIPHERTEXT, "big")] for _ in range(8)]
    rows[place] = [multiple * factor % KEY.public.n**2]
    with pytest.raises(HostileInput, match=f"row {place}, ciphertext 0"):
        check_ciphertexts(KEY.public, block(rows, 256), lambda row: f"row {row}")


@settings(max_examples=300)
@given(
    st.integers(0, 2**1024 - 1) | st.integers(0, 2**20) | st.integers(0, 2**20).map(lambda less: KEY.public.n - less)
)
def test_results(value: int) -> None:
    """A sum is a small figure of either sign or refused; never a crash, never a figure out of bounds."""
    try:
        [[figure]] = decode(block([[value]], 128), KEY.public.n, LAYOUT)
    except HostileInput as error:
        assert error.reason == "BAD_CIPHERTEXT"
    else:
        assert figure % KEY.public.n == value % KEY.public.n
        assert abs(figure) <= 1 << LAYOUT.lanes[0].width - 2
