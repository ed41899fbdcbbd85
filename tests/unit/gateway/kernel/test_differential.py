"""The kernel against the slow reference, point for point."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa

from gateway import kernel
from tests.reference import ristretto255 as reference

POINTS = 10_000
SCALARS = 10


def scalar(value: int) -> kernel.Scalar:
    return kernel.Scalar.from_secret_bytes(value.to_bytes(32, "little"))


def test_evaluate_on_ten_thousand_points() -> None:
    """P + iQ for i = 0, 1, ... costs the reference one addition a point, and k(P + iQ) = kP + i(kQ) another."""
    generator = random.Random(20261)
    for _ in range(SCALARS):
        k = generator.randrange(1, reference.l)
        point = reference.hash_to_group(generator.randbytes(16))
        step = reference.hash_to_group(generator.randbytes(16))
        product, product_step = reference.multiply(k, point), reference.multiply(k, step)
        elements, products = [], []
        for _ in range(POINTS // SCALARS):
            elements.append(reference.encode(point))
            products.append(reference.encode(product))
            point, product = reference.add(point, step), reference.add(product, product_step)
        batch = np.frombuffer(b"".join(elements), dtype=np.uint8).reshape(-1, 32)
        assert len(set(elements)) == POINTS // SCALARS
        assert kernel.evaluate(batch, scalar(k), 2).tobytes() == b"".join(products), f"scalar {k:x}"


def test_hash_to_group_on_inputs_of_every_length() -> None:
    generator = random.Random(20262)
    messages = [generator.randbytes(size) for size in (*range(600), *(generator.randrange(64) for _ in range(400)))]
    expected = b"".join(reference.encode(reference.hash_to_group(message)) for message in messages)
    assert kernel.hash_to_group(pa.array(messages, pa.binary()), 1).tobytes() == expected


def test_blind_on_whole_scalars() -> None:
    generator = random.Random(20263)
    for _ in range(60):
        k, message = generator.randrange(1, reference.l), generator.randbytes(20)
        blinded = kernel.blind(pa.array([message], pa.binary()), scalar(k), 1).tobytes()
        assert blinded == reference.blind(message, k), f"scalar {k:x}"


def test_acceptance_of_arbitrary_strings() -> None:
    generator = random.Random(20264)
    accepted = 0
    for _ in range(2_000):
        encoding = generator.randbytes(31) + bytes([generator.randrange(128)])
        try:
            reference.deserialize_element(encoding)
            expected = True
        except reference.Invalid:
            expected = False
        try:
            kernel.check_elements(np.frombuffer(encoding, dtype=np.uint8).reshape(1, 32), 1)
            accepted += 1
            assert expected, encoding.hex()
        except kernel.ElementRefused:
            assert not expected, encoding.hex()
    # l of the 2^255 strings with a clear top bit encode an element: 1 in 8.
    assert 180 < accepted < 320
