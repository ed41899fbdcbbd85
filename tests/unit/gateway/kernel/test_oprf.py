from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import kernel
from gateway.errors import Misuse, SourceError
from tests.reference import ristretto255 as reference

PHONES = ["13810000000", "", "13810000001", "+8613900000000", "张三", "x" * 300]


def framed(name: str, value: bytes) -> bytes:
    return len(name).to_bytes(2, "big") + name.encode() + len(value).to_bytes(2, "big") + value


@given(st.lists(st.binary(max_size=40), max_size=20), st.sampled_from(["phone.e164", "a", "k" * 255]))
def test_inputs_are_framed_as_the_protocol_says(values: list[bytes], name: str) -> None:
    inputs = kernel.oprf_inputs(name, pa.array(values, pa.binary()))
    inputs.validate(full=True)
    assert isinstance(inputs, pa.LargeBinaryArray)
    assert inputs.to_pylist() == [framed(name, value) for value in values]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()], ids=str)
@pytest.mark.parametrize(("first", "count"), [(0, 6), (1, 3), (3, 3), (5, 1), (2, 0), (6, 0)])
def test_every_layout_and_slice_is_read_in_place(type_: pa.DataType, first: int, count: int) -> None:
    encoded = [phone.encode() for phone in PHONES]
    values = pa.array(encoded, pa.binary()).cast(type_)
    window, expected = values.slice(first, count), encoded[first : first + count]
    inputs = kernel.oprf_inputs("phone.e164", window)
    assert inputs.to_pylist() == [framed("phone.e164", value) for value in expected]

    secret = kernel.Scalar.from_secret_bytes((99).to_bytes(32, "little"))
    assert kernel.blind(window, secret, 1).tobytes() == b"".join(reference.blind(value, 99) for value in expected)
    elements = kernel.hash_to_group(window, 1)
    outputs = kernel.finalize(window, elements, 1)
    unblinded = kernel.finalize_unblind(window, kernel.blind(window, secret, 1), secret.inverse(), 1)
    assert np.array_equal(outputs, unblinded)
    finalized = [reference.finalize(v, e.tobytes()) for v, e in zip(expected, elements, strict=True)]
    assert outputs.tobytes() == b"".join(finalized)


def test_slices_of_inputs_feed_the_next_step() -> None:
    inputs = kernel.oprf_inputs("phone.e164", pa.array(PHONES))
    whole = kernel.hash_to_group(inputs, 2)
    assert np.array_equal(kernel.hash_to_group(inputs.slice(2, 3), 1), whole[2:5])


@pytest.mark.parametrize("sliced", [False, True])
def test_a_null_is_misuse_and_named(sliced: bool) -> None:
    values = pa.array(["a", "b", None, "d"])
    window = values.slice(1) if sliced else values
    for call in (
        lambda: kernel.oprf_inputs("phone.e164", window),
        lambda: kernel.hash_to_group(window, 1),
        lambda: kernel.blind(window, kernel.Scalar.random(), 1),
    ):
        with pytest.raises(Misuse, match=f"row {1 if sliced else 2} "):
            call()


def test_a_null_outside_the_slice_does_not_matter() -> None:
    values = pa.array(["a", None, "c"]).slice(2, 1)
    assert kernel.oprf_inputs("k", values).to_pylist() == [framed("k", b"c")]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2]),
        pa.chunked_array([["a"], ["b"]]),
        pa.array(["a", "a"]).dictionary_encode(),
        pa.array([b"ab"], pa.binary(2)),
        pa.array(["a"], pa.string_view()),
        ["a"],
        None,
    ],
    ids=lambda v: type(v).__name__,
)
def test_other_columns_are_misuse(values: Any) -> None:
    with pytest.raises(Misuse, match="Arrow array of binary or string"):
        kernel.oprf_inputs("phone.e164", values)


def broken(offsets: list[int], content: bytes) -> pa.Array:
    """An array as a careless reader makes it: Arrow checks its first and last offset, so they change afterwards."""
    memory = np.zeros(len(offsets), dtype=np.int32)
    buffers = [None, pa.py_buffer(memory), pa.py_buffer(content)]
    values = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
    memory[:] = offsets
    return values


@pytest.mark.parametrize(
    ("offsets", "fault"),
    [
        ([0, 2, 1, 3], "offsets leave its bytes at row 1"),
        ([0, 9, 2, 3], "offsets leave its bytes at row 0"),
        ([0, -1, 2, 3], "offsets leave its bytes at row 0"),
        ([0, 1, 2, 99], "ascending offsets"),
        ([3, 1, 2, 0], "ascending offsets"),
        ([90, 91, 92, 93], "offsets leave its bytes at row 0"),
    ],
)
def test_offsets_outside_the_bytes_are_never_followed(offsets: list[int], fault: str) -> None:
    values = broken(offsets, b"abc")
    elements = kernel.random_elements(3, 1)
    for call in (
        lambda: kernel.oprf_inputs("k", values),
        lambda: kernel.hash_to_group(values, 1),
        lambda: kernel.blind(values, kernel.Scalar.random(), 1),
        lambda: kernel.finalize(values, elements, 1),
        lambda: kernel.finalize_unblind(values, elements, kernel.Scalar.random(), 1),
        lambda: kernel.hmac_sha256(b"k", values, 1),
        lambda: kernel.subject_refs(b"k", "phone", values),
    ):
        with pytest.raises(Misuse, match=fault):
            call()


def test_too_few_offsets_are_misuse() -> None:
    offsets = pa.allocate_buffer(16, resizable=True)
    np.frombuffer(offsets, dtype=np.int32)[:] = 0
    values = pa.Array.from_buffers(pa.binary(), 3, [None, offsets, pa.py_buffer(b"abc")])
    offsets.resize(8)
    with pytest.raises(Misuse, match="an offset for each"):
        kernel.hash_to_group(values, 1)


def test_a_value_over_the_cap_is_refused_with_its_row() -> None:
    values = [b"a", b"b" * 65_000, b"c" * 65_001, b"d" * 65_001]
    with pytest.raises(kernel.InputRefused) as refused:
        kernel.oprf_inputs("phone.e164", pa.array(values, pa.binary()))
    assert (refused.value.row, refused.value.reason) == (2, "BAD_ROW")
    assert isinstance(refused.value, SourceError)
    assert kernel.oprf_inputs("phone.e164", pa.array(values[:2], pa.binary()))[1].as_py()[-65_000:] == values[1]


def test_an_input_over_16_bits_of_length_is_refused_with_its_row() -> None:
    inputs = pa.array([b"a", b"b" * 65_535, b"c" * 65_536], pa.binary())
    elements = kernel.random_elements(3, 1)
    for call in (
        lambda: kernel.hash_to_group(inputs, 1),
        lambda: kernel.blind(inputs, kernel.Scalar.random(), 1),
        lambda: kernel.finalize(inputs, elements, 1),
        lambda: kernel.finalize_unblind(inputs, elements, kernel.Scalar.random(), 1),
    ):
        with pytest.raises(kernel.InputRefused) as refused:
            call()
        assert refused.value.row == 2
    assert kernel.finalize(inputs[:2], elements[:2], 1).shape == (2, 64)


@pytest.mark.parametrize("name", ["", "k" * 256, "手机"])
def test_a_bad_match_key_name_is_misuse(name: str) -> None:
    with pytest.raises(Misuse, match="match-key name"):
        kernel.oprf_inputs(name, pa.array(["a"]))


def test_finalize_hashes_inputs_of_every_length_across_the_block_borders() -> None:
    inputs = [bytes(range(256)) * 2][0]
    inputs += inputs
    values = pa.array([inputs[:size] for size in range(620)], pa.binary())
    elements = kernel.random_elements(620, 1)
    outputs = kernel.finalize(values, elements, 1)
    assert np.array_equal(outputs, kernel.finalize(values, elements, 2))
    for size in range(620):
        framing = size.to_bytes(2, "big") + inputs[:size] + b"\x00\x20" + elements[size].tobytes() + b"Finalize"
        assert outputs[size].tobytes() == hashlib.sha512(framing).digest(), size


def test_finalize_unblind_refuses_what_a_partner_may_not_send() -> None:
    inputs = kernel.oprf_inputs("phone.e164", pa.array([str(n) for n in range(200)]))
    inverse = kernel.Scalar.random()
    for bad, reason in ((0, "IDENTITY_ELEMENT"), (255, "NON_CANONICAL_ELEMENT")):
        evaluated = kernel.random_elements(200, 2)
        evaluated[150] = bad
        for threads in (1, 2):
            with pytest.raises(kernel.ElementRefused) as refused:
                kernel.finalize_unblind(inputs, evaluated, inverse, threads)
            assert (refused.value.index, refused.value.reason) == (150, reason)


def test_rows_must_come_in_pairs() -> None:
    inputs = pa.array(["a", "b"])
    for call in (
        lambda: kernel.finalize(inputs, kernel.random_elements(3, 1), 1),
        lambda: kernel.finalize_unblind(inputs, kernel.random_elements(1, 1), kernel.Scalar.random(), 1),
    ):
        with pytest.raises(Misuse, match="2 rows"):
            call()


def test_receiver_and_sender_meet_at_the_same_outputs() -> None:
    inputs = kernel.oprf_inputs("phone.e164", pa.array([f"138{n:08}" for n in range(150)]))
    a, k = kernel.Scalar.random(), kernel.Scalar.random()
    blinded = kernel.blind(inputs, a, 2)
    assert not np.array_equal(blinded, kernel.blind(inputs, kernel.Scalar.random(), 2))
    received = kernel.finalize_unblind(inputs, kernel.evaluate(blinded, k, 2), a.inverse(), 2)
    sent = kernel.finalize(inputs, kernel.blind(inputs, k, 1), 1)
    assert np.array_equal(received, sent)
    assert len({row.tobytes() for row in sent}) == 150


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 40, 600])
def test_outputs_are_blind_then_finalize(rows: int) -> None:
    inputs = kernel.oprf_inputs("phone.e164", pa.array(["x" * (61 * n % 700) for n in range(rows)], pa.string()))
    k = kernel.Scalar.random()
    expected = kernel.finalize(inputs, kernel.blind(inputs, k, 1), 1)
    for threads in (1, 2):
        assert np.array_equal(kernel.outputs(inputs, k, threads), expected)


def test_outputs_agree_with_the_reference() -> None:
    value = framed("phone.e164", b"13810000000")
    element = reference.blind(value, 99)
    secret = kernel.Scalar.from_secret_bytes((99).to_bytes(32, "little"))
    outputs = kernel.outputs(pa.array([value], pa.binary()), secret, 1)
    assert outputs.tobytes() == reference.finalize(value, element)


def test_outputs_refuse_what_blind_refuses() -> None:
    k = kernel.Scalar.random()
    with pytest.raises(kernel.InputRefused) as refused:
        kernel.outputs(pa.array([b"a", b"b" * 65_536], pa.binary()), k, 1)
    assert refused.value.row == 1
    with pytest.raises(Misuse, match="row 1 "):
        kernel.outputs(pa.array(["a", None]), k, 1)
    with pytest.raises(Misuse, match="ascending offsets"):
        kernel.outputs(broken([0, 1, 2, 99], b"abc"), k, 1)
    k.destroy()
    with pytest.raises(Misuse, match="destroyed"):
        kernel.outputs(pa.array(["a"]), k, 1)


@pytest.mark.parametrize(("bad_element", "long_input", "first"), [(3, 9, 3), (9, 3, 3), (3, 3, 3), (9, 0, 0)])
def test_of_two_bad_rows_the_first_is_refused(bad_element: int, long_input: int, first: int) -> None:
    values = [b"a"] * 20
    values[long_input] = b"b" * 65_536
    evaluated = kernel.random_elements(20, 1)
    evaluated[bad_element] = 255
    with pytest.raises((kernel.ElementRefused, kernel.InputRefused)) as refused:
        kernel.finalize_unblind(pa.array(values, pa.binary()), evaluated, kernel.Scalar.random(), 1)
    assert getattr(refused.value, "index", None) == first or getattr(refused.value, "row", None) == first


@given(st.lists(st.integers(0, 80), max_size=20), st.sampled_from([1, 27, 28, 29, 60, 255]), st.integers(0, 5))
def test_inputs_of_every_length_in_a_slice(sizes: list[int], name_size: int, skipped: int) -> None:
    """Lengths around those that are copied at one size, next to the ends of their buffers."""
    values = [bytes([n]) * size for n, size in enumerate(sizes)]
    window = pa.array(values, pa.binary()).slice(min(skipped, len(values)))
    expected = [framed("k" * name_size, value) for value in values[skipped:]]
    assert kernel.oprf_inputs("k" * name_size, window).to_pylist() == expected


def test_the_match_key_separates_outputs() -> None:
    value, k = pa.array(["13810000000"]), kernel.Scalar.random()
    one, other = (kernel.blind(kernel.oprf_inputs(name, value), k, 1) for name in ("phone.e164", "phone.cn11"))
    assert not np.array_equal(one, other)


def test_empty_columns() -> None:
    for empty in (pa.array([], pa.string()), pa.array([], pa.large_binary()), pa.array(["a"]).slice(1)):
        assert len(kernel.oprf_inputs("phone.e164", empty)) == 0
        assert kernel.hash_to_group(empty, 2).shape == (0, 32)
        assert kernel.outputs(empty, kernel.Scalar.random(), 1).shape == (0, 64)
        none = np.empty((0, 32), dtype=np.uint8)
        assert kernel.finalize_unblind(empty, none, kernel.Scalar.random(), 1).shape == (0, 64)
