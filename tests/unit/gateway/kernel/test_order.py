from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import kernel
from gateway.errors import Misuse

BASE32 = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)


def random_rows(n: int, width: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, width), dtype=np.uint8)


def rows_of(content: list[bytes], width: int) -> np.ndarray:
    return np.frombuffer(b"".join(content), dtype=np.uint8).reshape(-1, width)


def skewed(n: int, width: int) -> dict[str, np.ndarray]:
    """Keys as they come: uniform tags, base32 references, counters, few values, long common heads, one value."""
    generator = np.random.default_rng(7)
    counters = np.zeros((n, width), dtype=np.uint8)
    counters[:, -2:] = generator.permutation(n).astype(">u2").view(np.uint8).reshape(n, 2)
    late = np.full((n, width), 7, dtype=np.uint8)
    late[:, -1] = generator.integers(0, 256, n)
    return {
        "uniform": generator.integers(0, 256, (n, width), dtype=np.uint8),
        "base32": BASE32[generator.integers(0, 32, (n, width))],
        "counters": counters,
        "bits": generator.integers(0, 2, (n, width), dtype=np.uint8) * 255,
        "few": generator.integers(0, 256, (5, width), dtype=np.uint8)[generator.integers(0, 5, n)],
        "late": late,
        "one": np.zeros((n, width), dtype=np.uint8),
    }


KINDS = sorted(skewed(1, 8))


def expected_order(rows: np.ndarray, key_bytes: int) -> list[int]:
    return sorted(range(len(rows)), key=lambda i: rows[i, :key_bytes].tobytes())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("width", "key_bytes"), [(8, 8), (58, 26), (40, 5), (9, 9), (32, 32), (12, 1)])
def test_rows_are_ordered_stably_whatever_they_hold(kind: str, width: int, key_bytes: int) -> None:
    rows = skewed(3_000, width)[kind]
    expected = expected_order(rows, key_bytes)
    for threads in (1, 2):
        order = kernel.order_rows(rows, key_bytes, threads)
        assert order.dtype == np.int64
        assert order.tolist() == expected


@given(st.lists(st.binary(min_size=10, max_size=10), max_size=60), st.integers(1, 10))
def test_any_rows_are_ordered(content: list[bytes], key_bytes: int) -> None:
    rows = rows_of(content, 10)
    order = kernel.order_rows(rows, key_bytes)
    assert order.tolist() == expected_order(rows, key_bytes)
    taken = kernel.take_rows(rows, order)
    assert taken.tobytes() == b"".join(content[i] for i in expected_order(rows, key_bytes))


@pytest.mark.parametrize("n", [0, 1, 2, 24, 25, 49, 5_000])
def test_few_and_many_rows_are_ordered(n: int) -> None:
    rows = random_rows(n, 16)
    assert kernel.order_rows(rows, 16).tolist() == expected_order(rows, 16)


def test_columns_of_wider_rows_are_read_in_place() -> None:
    table = random_rows(1_000, 60)
    keys = table[:, 26:58]
    order = kernel.order_rows(keys, 32)
    assert order.tolist() == expected_order(keys, 32)
    ordered = kernel.take_rows(table, order)
    assert np.array_equal(kernel.take_rows(keys, order), ordered[:, 26:58])
    assert kernel.first_not_ascending(ordered[:, 26:58], None) == -1
    assert kernel.find_rows(ordered[:, 26:58], keys).tolist() == np.argsort(order).tolist()


@pytest.mark.parametrize("width", [1, 8, 26, 58, 64, 200])
@pytest.mark.parametrize("n", [1, 31, 33, 700])
def test_taken_rows_are_those_of_numpy(n: int, width: int) -> None:
    rows, order = random_rows(n, width), np.random.default_rng(2).integers(0, n, 2 * n)
    for threads in (1, 2):
        taken = kernel.take_rows(rows, order, threads)
        assert taken.flags.c_contiguous
        assert np.array_equal(taken, rows[order])


def test_no_row_is_taken_from_nothing() -> None:
    nothing = np.empty(0, dtype=np.int64)
    assert kernel.take_rows(random_rows(5, 8), nothing).shape == (0, 8)
    assert kernel.take_rows(random_rows(0, 8), nothing).shape == (0, 8)


@pytest.mark.parametrize("bad", [5, -1, 2**62, -(2**63)])
def test_a_row_number_out_of_range_is_misuse(bad: int) -> None:
    order = np.arange(5, dtype=np.int64).repeat(40)
    order[[130, 180]] = bad
    for threads in (1, 2):
        with pytest.raises(Misuse, match=f"place 130 of the order names row {bad} of 5"):
            kernel.take_rows(random_rows(5, 8), order, threads)


@pytest.mark.parametrize("order", [np.arange(3, dtype=np.int32), np.zeros((3, 1), dtype=np.int64), [0, 1, 2]])
def test_another_order_is_misuse(order: Any) -> None:
    with pytest.raises(Misuse, match="int64"):
        kernel.take_rows(random_rows(5, 8), order)


def expected_places(sorted_keys: np.ndarray, wanted: np.ndarray) -> list[int]:
    places: dict[bytes, int] = {}
    for place, key in enumerate(sorted_keys):
        places.setdefault(key.tobytes(), place)
    return [places.get(key.tobytes(), -1) for key in wanted]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [2, 8, 9, 26, 32])
@pytest.mark.parametrize(("n", "m"), [(3_000, 3_000), (3_000, 20), (3_000, 1), (30, 2_000), (1, 100)])
def test_rows_are_found_whatever_they_hold(kind: str, width: int, n: int, m: int) -> None:
    """Present and absent keys, below the first and above the last, and neighbours in the last byte."""
    keys = skewed(n, width)[kind]
    keys = kernel.take_rows(keys, kernel.order_rows(keys, width))
    generator = np.random.default_rng(3)
    wanted = keys[generator.integers(0, n, m)]
    wanted[::3, -1] ^= 1
    wanted[1::5] = generator.integers(0, 256, (len(wanted[1::5]), width))
    wanted = np.concatenate([wanted, np.zeros((1, width), np.uint8), np.full((1, width), 255, np.uint8)])
    for threads in (1, 2):
        places = kernel.find_rows(keys, wanted, threads)
        assert places.dtype == np.int64
        assert places.tolist() == expected_places(keys, wanted)


@given(
    st.lists(st.binary(min_size=9, max_size=9), max_size=40), st.lists(st.binary(min_size=9, max_size=9), max_size=9)
)
def test_any_rows_are_found(content: list[bytes], others: list[bytes]) -> None:
    keys, wanted = rows_of(sorted(content), 9), rows_of(content + others, 9)
    assert kernel.find_rows(keys, wanted).tolist() == expected_places(keys, wanted)


def test_prefixes_from_the_least_to_the_greatest_are_found() -> None:
    keys = rows_of([bytes(8), bytes([0x7F] + [255] * 7), bytes([0x80] + [0] * 7), bytes([255] * 8)], 8)
    for wanted in (keys, keys[:1], keys[3:]):
        assert kernel.find_rows(keys, wanted).tolist() == expected_places(keys, wanted)


def test_nothing_is_found_among_nothing() -> None:
    assert kernel.find_rows(random_rows(0, 8), random_rows(3, 8)).tolist() == [-1, -1, -1]
    assert kernel.find_rows(random_rows(3, 8), random_rows(0, 8)).shape == (0,)


def test_rows_that_do_not_ascend_are_searched_without_harm() -> None:
    keys = random_rows(2_000, 32)
    places = kernel.find_rows(keys, random_rows(2_000, 32, 2))
    assert ((places >= -1) & (places < 2_000)).all()


def test_keys_of_different_widths_are_misuse() -> None:
    with pytest.raises(Misuse, match="keys of 9 bytes are not to be found among keys of 8"):
        kernel.find_rows(random_rows(3, 8), random_rows(3, 9))


@pytest.mark.parametrize("width", [1, 5, 8, 9, 32])
def test_the_first_row_out_of_order_is_named(width: int) -> None:
    rows = np.unique(random_rows(200, width), axis=0)
    assert kernel.first_not_ascending(rows, None) == -1
    for place in range(1, min(len(rows), 40)):
        repeated, swapped = rows.copy(), rows.copy()
        repeated[place] = rows[place - 1]
        swapped[[place - 1, place]] = rows[[place, place - 1]]
        assert kernel.first_not_ascending(repeated, None) == place
        assert kernel.first_not_ascending(swapped, None) == place


@given(st.lists(st.binary(min_size=9, max_size=9), max_size=12), st.none() | st.binary(min_size=9, max_size=9))
def test_any_rows_are_checked(content: list[bytes], previous: bytes | None) -> None:
    chain = [*([] if previous is None else [previous]), *content]
    bad = next((i for i in range(1, len(chain)) if chain[i] <= chain[i - 1]), None)
    expected = -1 if bad is None else bad - (previous is not None)
    assert kernel.first_not_ascending(rows_of(content, 9), previous) == expected


def test_the_row_before_the_first_counts() -> None:
    rows = rows_of([b"bbbbbbbbb", b"bbbbbbbbc"], 9)
    assert kernel.first_not_ascending(rows, b"bbbbbbbba") == -1
    assert kernel.first_not_ascending(rows, b"bbbbbbbbb") == 0
    assert kernel.first_not_ascending(rows, b"c" * 9) == 0
    assert kernel.first_not_ascending(rows[:0], b"c" * 9) == -1
    with pytest.raises(Misuse, match="as long"):
        kernel.first_not_ascending(rows, b"b")


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (np.zeros((3, 4), dtype=np.int8), "uint8 array of shape"),
        (np.zeros(4, dtype=np.uint8), "uint8 array of shape"),
        ([[1]], "uint8 array of shape"),
        (np.zeros((3, 8), dtype=np.uint8)[:, ::2], "adjacent columns"),
        (np.zeros((3, 8), dtype=np.uint8)[::-1], "adjacent columns"),
        (np.zeros((8, 3), dtype=np.uint8).T, "adjacent columns"),
        (np.broadcast_to(np.zeros((1, 8), dtype=np.uint8), (3, 8)), "adjacent columns"),
        (np.zeros((3, 0), dtype=np.uint8), "at least 1 byte"),
    ],
    ids=str,
)
def test_rows_of_another_shape_are_misuse(rows: Any, fault: str) -> None:
    for call in (
        lambda: kernel.order_rows(rows, 1),
        lambda: kernel.take_rows(rows, np.zeros(1, dtype=np.int64)),
        lambda: kernel.find_rows(rows, rows),
        lambda: kernel.first_not_ascending(rows, None),
    ):
        with pytest.raises(Misuse, match=fault):
            call()


@pytest.mark.parametrize("key_bytes", [0, 9, -1])
def test_a_key_wider_than_the_row_is_misuse(key_bytes: int) -> None:
    with pytest.raises(Misuse, match="as wide as their key"):
        kernel.order_rows(random_rows(3, 8), key_bytes)


def test_threads_out_of_range_are_misuse() -> None:
    rows = random_rows(3, 8)
    for call in (
        lambda: kernel.order_rows(rows, 8, 0),
        lambda: kernel.find_rows(rows, rows, 257),
        lambda: kernel.take_rows(rows, np.zeros(1, dtype=np.int64), 0),
    ):
        with pytest.raises(Misuse, match="threads must be"):
            call()
