"""RFC 9497 Appendix A.1.1: every vector of OPRF(ristretto255, SHA-512), mode 0x00."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gateway import kernel
from tests.reference import ristretto255 as reference

RFC = json.loads((Path(__file__).parents[3] / "vectors" / "rfc9497.json").read_text(encoding="utf-8"))
SECRET_KEY = bytes.fromhex(RFC["secret_key"])
FIELDS = ("input", "blind", "blinded_element", "evaluation_element", "output")

each_vector = pytest.mark.parametrize("vector", RFC["vectors"], ids=lambda v: v["section"])


def row(encoding: bytes) -> np.ndarray:
    return np.frombuffer(encoding, dtype=np.uint8).reshape(1, -1)


def run(vector: dict[str, Any]) -> dict[str, str]:
    """Every step of the protocol from the vector's own fields, so that one wrong field shows at its step."""
    value = {field: bytes.fromhex(vector[field]) for field in FIELDS}
    inputs = pa.array([value["input"]], pa.binary())
    blind = kernel.Scalar.from_secret_bytes(value["blind"])
    key = kernel.Scalar.from_secret_bytes(SECRET_KEY)
    unblinded = kernel.evaluate(row(value["evaluation_element"]), blind.inverse(), 1)
    outputs = {
        kernel.finalize_unblind(inputs, row(value["evaluation_element"]), blind.inverse(), 1).tobytes(),
        kernel.finalize(inputs, unblinded, 1).tobytes(),
    }
    assert len(outputs) == 1, "fused and separate unblinding disagree"
    return {
        "blinded_element": kernel.blind(inputs, blind, 1).tobytes().hex(),
        "evaluation_element": kernel.evaluate(row(value["blinded_element"]), key, 1).tobytes().hex(),
        "output": outputs.pop().hex(),
    }


def mismatches(vector: dict[str, Any]) -> set[str]:
    return {field for field, computed in run(vector).items() if computed != vector[field]}


def test_the_appendix_is_whole() -> None:
    assert [vector["section"] for vector in RFC["vectors"]] == ["A.1.1.1", "A.1.1.2"]
    assert bytes.fromhex(RFC["hash_to_group_dst"]) == reference.HASH_TO_GROUP_DST


@each_vector
def test_kernel(vector: dict[str, Any]) -> None:
    assert mismatches(vector) == set()


@each_vector
def test_sender_evaluates_its_own_input_to_the_same_output(vector: dict[str, Any]) -> None:
    inputs = pa.array([bytes.fromhex(vector["input"])], pa.large_binary())
    key = kernel.Scalar.from_secret_bytes(SECRET_KEY)
    assert kernel.finalize(inputs, kernel.blind(inputs, key, 1), 1).tobytes().hex() == vector["output"]


@each_vector
def test_reference(vector: dict[str, Any]) -> None:
    message = bytes.fromhex(vector["input"])
    blind = int.from_bytes(bytes.fromhex(vector["blind"]), "little")
    key = int.from_bytes(SECRET_KEY, "little")
    blinded = reference.blind(message, blind)
    evaluated = reference.evaluate(blinded, key)
    unblinded = reference.evaluate(evaluated, pow(blind, -1, reference.l))
    assert blinded.hex() == vector["blinded_element"]
    assert evaluated.hex() == vector["evaluation_element"]
    assert reference.finalize(message, unblinded).hex() == vector["output"]


@each_vector
@pytest.mark.parametrize(
    ("field", "shows_in"),
    [
        ("input", {"blinded_element", "output"}),
        ("blind", {"blinded_element", "output"}),
        ("output", {"output"}),
    ],
)
def test_a_flipped_digit_shows_at_its_step(vector: dict[str, Any], field: str, shows_in: set[str]) -> None:
    flipped = f"{int(vector[field][0], 16) ^ 1:x}{vector[field][1:]}"
    assert mismatches({**vector, field: flipped}) == shows_in


@each_vector
@pytest.mark.parametrize("field", ["blinded_element", "evaluation_element"])
def test_a_flipped_digit_of_an_element_is_refused_or_shows(vector: dict[str, Any], field: str) -> None:
    later = {"blinded_element": "evaluation_element", "evaluation_element": "output"}[field]
    refused = 0
    for at in range(64):
        digit = f"{int(vector[field][at], 16) ^ 1:x}"
        corrupted = {**vector, field: vector[field][:at] + digit + vector[field][at + 1 :]}
        try:
            assert mismatches(corrupted) == {field, later}
        except kernel.ElementRefused as error:
            assert error.reason == "NON_CANONICAL_ELEMENT"
            refused += 1
    assert 0 < refused < 64
