from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import kernel
from gateway.errors import Misuse
from gateway.kernel._native import ffi
from tests.reference import ristretto255 as reference

L = reference.l
values = st.one_of(st.integers(1, 2**64), st.integers(L - 2**64, L - 1), st.integers(1, L - 1))


def scalar(value: int) -> kernel.Scalar:
    return kernel.Scalar.from_secret_bytes(value.to_bytes(32, "little"))


def value_of(secret: kernel.Scalar) -> int:
    return int.from_bytes(secret.to_secret_bytes(), "little")


@given(values)
def test_bytes_round_trip(value: int) -> None:
    assert value_of(scalar(value)) == value


@given(values)
def test_inverse(value: int) -> None:
    assert value_of(scalar(value).inverse()) == pow(value, -1, L)


@pytest.mark.parametrize("value", [1, 2, L - 1, (L + 1) // 2, 2**252, 2**252 - 1, 2**128, 2**64 - 1])
def test_inverse_at_the_edges(value: int) -> None:
    assert value_of(scalar(value).inverse()) == pow(value, -1, L)
    assert scalar(value).inverse().inverse() == scalar(value)


@pytest.mark.parametrize("value", [0, L, L + 1, 2 * L, 2**253, 2**255, 2**256 - 1])
def test_zero_and_unreduced_bytes_are_refused(value: int) -> None:
    with pytest.raises(Misuse, match="between 1 and the group order"):
        scalar(value)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_another_size_is_refused(size: int) -> None:
    with pytest.raises(Misuse, match="32 bytes"):
        kernel.Scalar.from_secret_bytes(b"\x01" * size)


def test_a_bytearray_serves_so_that_the_caller_can_wipe_it() -> None:
    encoding = bytearray((5).to_bytes(32, "little"))
    secret = kernel.Scalar.from_secret_bytes(encoding)
    encoding[:] = bytes(32)
    assert value_of(secret) == 5


def test_random_scalars_are_reduced_and_spread_over_the_whole_range() -> None:
    drawn = [value_of(kernel.Scalar.random()) for _ in range(400)]
    assert len(set(drawn)) == 400
    assert all(0 < value < L for value in drawn)
    for bit in range(252):
        ones = sum(value >> bit & 1 for value in drawn)
        assert 100 < ones < 300, bit  # 10 standard deviations


def test_equality_is_of_values() -> None:
    assert scalar(7) == scalar(7)
    assert scalar(7) != scalar(8)
    assert scalar(7) != 7
    with pytest.raises(TypeError, match="unhashable"):
        hash(scalar(7))


def test_a_value_never_shows() -> None:
    secret = scalar(0x1234567890ABCDEF)
    shown = {repr(secret), str(secret), f"{secret}"}
    assert shown == {"<Scalar>"}
    assert not hasattr(secret, "__dict__")


def test_no_pickle_and_no_copy() -> None:
    secret = scalar(7)
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(Misuse, match="never pickled or copied"):
            attempt(secret)


def test_the_constructor_is_refused() -> None:
    with pytest.raises(Misuse, match=r"Scalar\.random"):
        kernel.Scalar()


def test_destroy_overwrites_the_memory() -> None:
    secret = scalar(L - 1)
    handle = secret._native()
    memory = ffi.buffer(ffi.cast("uint8_t *", handle), 32)
    assert bytes(memory) == (L - 1).to_bytes(32, "little")
    secret.destroy()
    assert bytes(memory) == bytes(32)


def test_every_use_after_destroy_is_misuse() -> None:
    secret = scalar(7)
    secret.destroy()
    secret.destroy()
    elements = kernel.random_elements(1, 1)
    uses = (
        secret.to_secret_bytes,
        secret.inverse,
        lambda: secret == scalar(7),
        lambda: scalar(7) == secret,
        lambda: kernel.evaluate(elements, secret, 1),
    )
    for use in uses:
        with pytest.raises(Misuse, match="destroyed"):
            use()
    assert repr(secret) == "<Scalar, destroyed>"


def test_an_inverse_outlives_its_scalar() -> None:
    secret = scalar(7)
    inverse = secret.inverse()
    secret.destroy()
    assert value_of(inverse) == pow(7, -1, L)


def test_the_inverse_undoes_the_multiplication() -> None:
    secret = kernel.Scalar.random()
    elements = kernel.random_elements(70, 1)
    blinded = kernel.evaluate(elements, secret, 1)
    assert not np.array_equal(blinded, elements)
    assert np.array_equal(kernel.evaluate(blinded, secret.inverse(), 1), elements)
