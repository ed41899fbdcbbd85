"""RFC 9496 Appendix A, on the kernel and on the reference that the kernel is tested against."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from gateway import kernel
from tests.reference import ristretto255 as reference

RFC = json.loads((Path(__file__).parents[3] / "vectors" / "rfc9496.json").read_text(encoding="utf-8"))
MULTIPLES = [bytes.fromhex(encoding) for encoding in RFC["A.1"]["elements"]]
BAD = [(fault, bytes.fromhex(e)) for fault, encodings in RFC["A.2"]["encodings"].items() for e in encodings]
MAPPED = [
    (bytes.fromhex(v["uniform"]), bytes.fromhex(v["element"])) for v in RFC["A.3"]["labels"] + RFC["A.3"]["strings"]
]


def rows(*encodings: bytes) -> np.ndarray:
    return np.frombuffer(b"".join(encodings), dtype=np.uint8).reshape(len(encodings), len(encodings[0]))


def scalar(value: int) -> kernel.Scalar:
    return kernel.Scalar.from_secret_bytes((value % reference.l).to_bytes(32, "little"))


def test_the_appendix_is_whole() -> None:
    assert len(MULTIPLES) == 16
    assert len(BAD) == 29
    assert len(MAPPED) == 11


def test_a1_multiples_of_the_generator() -> None:
    generator = rows(MULTIPLES[1])
    for k in range(1, 16):
        assert kernel.evaluate(generator, scalar(k), 1).tobytes() == MULTIPLES[k], k
        assert reference.encode(reference.multiply(k, reference.decode(MULTIPLES[1]))) == MULTIPLES[k]


def test_a1_every_multiple_decodes_and_encodes_to_itself() -> None:
    assert kernel.evaluate(rows(*MULTIPLES[1:]), scalar(1), 1).tobytes() == b"".join(MULTIPLES[1:])


def test_a1_the_zeroth_multiple_is_the_identity_and_refused() -> None:
    with pytest.raises(kernel.ElementRefused) as refused:
        kernel.check_elements(rows(*MULTIPLES[1:], MULTIPLES[0]), 1)
    assert (refused.value.reason, refused.value.index) == ("IDENTITY_ELEMENT", 15)


@pytest.mark.parametrize(("fault", "encoding"), BAD, ids=[f"{f}-{e.hex()[:8]}-{e.hex()[-8:]}" for f, e in BAD])
def test_a2_bad_encodings_are_refused(fault: str, encoding: bytes) -> None:
    batch = rows(MULTIPLES[1], MULTIPLES[2], encoding, MULTIPLES[3])
    for call in (lambda: kernel.check_elements(batch, 1), lambda: kernel.evaluate(batch, scalar(5), 1)):
        with pytest.raises(kernel.ElementRefused) as refused:
            call()
        assert (refused.value.reason, refused.value.index) == ("NON_CANONICAL_ELEMENT", 2)
    with pytest.raises(reference.Invalid):
        reference.decode(encoding)


def test_a3_one_way_map() -> None:
    uniform = rows(*(u for u, _ in MAPPED))
    assert kernel.map_to_group(uniform, 1).tobytes() == b"".join(e for _, e in MAPPED)
    assert [reference.encode(reference.one_way_map(u)) for u, _ in MAPPED] == [e for _, e in MAPPED]


def test_a3_labels_hash_to_the_uniform_strings() -> None:
    for vector in RFC["A.3"]["labels"]:
        assert hashlib.sha512(vector["label"].encode()).hexdigest() == vector["uniform"]


def test_a_flipped_bit_of_an_expected_element_is_a_mismatch() -> None:
    product = kernel.evaluate(rows(MULTIPLES[1]), scalar(7), 1)
    for bit in range(256):
        wrong = bytearray(MULTIPLES[7])
        wrong[bit // 8] ^= 1 << bit % 8
        assert product.tobytes() != bytes(wrong)


def test_a_flipped_bit_of_an_input_is_refused_or_changes_the_product() -> None:
    right = kernel.evaluate(rows(MULTIPLES[7]), scalar(3), 1).tobytes()
    refused = 0
    for bit in range(256):
        wrong = bytearray(MULTIPLES[7])
        wrong[bit // 8] ^= 1 << bit % 8
        try:
            assert kernel.evaluate(rows(bytes(wrong)), scalar(3), 1).tobytes() != right
        except kernel.ElementRefused as error:
            assert error.reason == "NON_CANONICAL_ELEMENT"
            with pytest.raises(reference.Invalid):
                reference.decode(bytes(wrong))
            refused += 1
        else:
            reference.decode(bytes(wrong))
    # l of the 2^254 even strings below 2^255 encode an element: 3 in 4 flips are refused.
    assert 150 < refused < 230


def test_the_map_ignores_bit_255_and_reduces() -> None:
    uniform = bytearray(MAPPED[0][0])
    uniform[31] ^= 0x80
    uniform[63] ^= 0x80
    assert kernel.map_to_group(rows(bytes(uniform)), 1).tobytes() == MAPPED[0][1]


def test_uniform_bytes_that_map_to_the_identity_are_refused() -> None:
    # MAP(t) is the identity for t^2 = i d: there v = 0 in RFC 9496 section 4.3.4.
    p, i_d = reference.p, reference.SQRT_M1 * reference.D % reference.p
    t = pow(i_d, (p + 3) // 8, p)
    if t * t % p != i_d:
        t = t * reference.SQRT_M1 % p
    half = t.to_bytes(32, "little")
    assert reference.is_identity(reference.one_way_map(half + half))
    with pytest.raises(kernel.InputRefused) as refused:
        kernel.map_to_group(rows(MAPPED[0][0], half + half, MAPPED[1][0]), 1)
    assert refused.value.row == 1
