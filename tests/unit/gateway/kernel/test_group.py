from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import kernel
from gateway.errors import Misuse
from tests.reference import ristretto255 as reference

L = reference.l
IDENTITY = bytes(32)
NON_CANONICAL = b"\xff" * 32


def scalar(value: int) -> kernel.Scalar:
    return kernel.Scalar.from_secret_bytes((value % L).to_bytes(32, "little"))


@pytest.mark.parametrize(
    "k", [1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, L - 1, L - 2, L - 16, (L - 1) // 2, (L + 1) // 2, 2**252, 2**252 - 1]
)
def test_evaluate_with_scalars_at_the_edges_of_the_windows(k: int) -> None:
    elements = kernel.random_elements(3, 1)
    expected = [reference.evaluate(element.tobytes(), k) for element in elements]
    assert kernel.evaluate(elements, scalar(k), 1).tobytes() == b"".join(expected)


@settings(max_examples=25)
@given(st.integers(1, L - 1), st.integers(1, L - 1))
def test_scalars_commute_and_multiply(a: int, b: int) -> None:
    elements = kernel.random_elements(1, 1)
    once = kernel.evaluate(elements, scalar(a * b), 1)
    assert np.array_equal(kernel.evaluate(kernel.evaluate(elements, scalar(a), 1), scalar(b), 1), once)
    assert np.array_equal(kernel.evaluate(kernel.evaluate(elements, scalar(b), 1), scalar(a), 1), once)


@pytest.mark.parametrize("n", [0, 1, 2, 63, 64, 65, 127, 128, 129, 300])
def test_threads_and_batch_borders_change_nothing(n: int) -> None:
    elements, secret = kernel.random_elements(n, 2), kernel.Scalar.random()
    one = kernel.evaluate(elements, secret, 1)
    assert one.shape == (n, 32)
    assert np.array_equal(one, kernel.evaluate(elements, secret, 2))
    assert np.array_equal(one, kernel.evaluate(elements, secret, 256))
    rows = [kernel.evaluate(elements[i : i + 1], secret, 1) for i in range(n)]
    assert one.tobytes() == b"".join(row.tobytes() for row in rows)
    kernel.check_elements(one, 2)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("index", [0, 1, 63, 64, 200, 511])
@pytest.mark.parametrize(
    ("encoding", "reason"), [(IDENTITY, "IDENTITY_ELEMENT"), (NON_CANONICAL, "NON_CANONICAL_ELEMENT")]
)
def test_the_first_offender_is_named(encoding: bytes, reason: str, index: int, threads: int) -> None:
    elements = kernel.random_elements(512, 2)
    elements[index] = np.frombuffer(encoding, dtype=np.uint8)
    elements[511] = 0
    for call in (
        lambda: kernel.check_elements(elements, threads),
        lambda: kernel.evaluate(elements, kernel.Scalar.random(), threads),
    ):
        with pytest.raises(kernel.ElementRefused) as refused:
            call()
        assert refused.value.index == index
        assert refused.value.reason == ("IDENTITY_ELEMENT" if index == 511 else reason)
        assert str(index) in refused.value.message


def test_map_to_group_agrees_with_the_reference_and_over_threads() -> None:
    uniform = np.random.default_rng(3).integers(0, 256, (130, 64), dtype=np.uint8)
    mapped = kernel.map_to_group(uniform, 1)
    assert np.array_equal(mapped, kernel.map_to_group(uniform, 2))
    expected = [reference.encode(reference.one_way_map(row.tobytes())) for row in uniform]
    assert mapped.tobytes() == b"".join(expected)


def test_random_elements_are_distinct_valid_and_fresh() -> None:
    drawn = kernel.random_elements(500, 2)
    kernel.check_elements(drawn, 1)
    again = kernel.random_elements(500, 1)
    assert len({row.tobytes() for row in (*drawn, *again)}) == 1000


def test_empty_batches() -> None:
    empty = np.empty((0, 32), dtype=np.uint8)
    kernel.check_elements(empty, 1)
    assert kernel.evaluate(empty, scalar(3), 2).shape == (0, 32)
    assert kernel.random_elements(0, 1).shape == (0, 32)
    assert kernel.map_to_group(np.empty((0, 64), dtype=np.uint8), 1).shape == (0, 32)


def test_read_only_rows_serve() -> None:
    elements = kernel.random_elements(2, 1)
    frozen = np.frombuffer(elements.tobytes(), dtype=np.uint8).reshape(2, 32)
    assert not frozen.flags.writeable
    assert np.array_equal(kernel.evaluate(frozen, scalar(1), 1), elements)


@pytest.mark.parametrize(
    ("elements", "fault"),
    [
        (np.zeros((2, 31), dtype=np.uint8), "rows of 32 bytes, not 31"),
        (np.zeros(64, dtype=np.uint8), "shape"),
        (np.zeros((2, 32), dtype=np.int8), "uint8"),
        (np.zeros((2, 64), dtype=np.uint8)[:, :32], "C-contiguous"),
        (np.zeros((4, 32), dtype=np.uint8)[::2], "C-contiguous"),
        ([bytes(32)], "numpy"),
    ],
)
def test_other_shapes_are_misuse(elements: np.ndarray, fault: str) -> None:
    with pytest.raises(Misuse, match=fault):
        kernel.evaluate(elements, scalar(3), 1)


@pytest.mark.parametrize("threads", [0, -1, 257])
def test_a_number_of_threads_out_of_range_is_misuse(threads: int) -> None:
    with pytest.raises(Misuse, match="threads"):
        kernel.check_elements(kernel.random_elements(1, 1), threads)


def test_a_negative_count_is_misuse() -> None:
    with pytest.raises(Misuse, match="at least 0"):
        kernel.random_elements(-1, 1)


def test_the_interpreter_runs_on_beside_a_batch() -> None:
    elements, secret = kernel.random_elements(1, 1), kernel.Scalar.random()
    batch = np.repeat(elements, 30_000, axis=0)
    work = threading.Thread(target=kernel.evaluate, args=(batch, secret, 1))
    work.start()
    ticks = 0
    while work.is_alive():
        time.sleep(0.002)
        ticks += 1
    # With the GIL held, this loop would not turn until the batch is through.
    assert ticks > 5
