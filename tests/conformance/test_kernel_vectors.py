"""Each instruction set of the kernel against the published vector sets in $ASSENT_VECTORS/crypto."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gateway import kernel
from tests.isas import every_isa

__all__ = ["every_isa"]

pytestmark = pytest.mark.usefixtures("every_isa")

OPRF_DST = "HashToGroup-OPRFV1-\x00-ristretto255-SHA512"


def load(vectors_dir: Path, *name: str) -> Any:
    return json.loads(vectors_dir.joinpath("crypto", *name).read_text(encoding="utf-8"))


def rows(encodings: list[str]) -> np.ndarray:
    joined = bytes.fromhex("".join(encodings))
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(encodings), -1)


def hex_rows(array: np.ndarray) -> list[str]:
    return [row.tobytes().hex() for row in array]


def scalar(value: int) -> kernel.Scalar:
    return kernel.Scalar.from_secret_bytes(value.to_bytes(32, "little"))


def test_rfc9380_expand_message_xmd(vectors_dir: Path) -> None:
    vectors = load(vectors_dir, "rfc9380", "expand_message_xmd_SHA512_38.json")
    assert len(vectors["tests"]) == 10
    for test in vectors["tests"]:
        size = int(test["len_in_bytes"], 16)
        expanded = kernel.expand_message_xmd(test["msg"].encode(), vectors["DST"].encode(), size)
        assert expanded.hex() == test["uniform_bytes"]


def test_rfc9496_multiples(vectors_dir: Path) -> None:
    multiples = load(vectors_dir, "rfc9496", "ristretto255.json")["generator_multiples"]
    generator = rows([multiples[1]["encoding"]])
    for multiple in multiples[1:]:
        assert hex_rows(kernel.evaluate(generator, scalar(multiple["k"]), 1)) == [multiple["encoding"]]


def test_rfc9496_invalid_encodings(vectors_dir: Path) -> None:
    invalid = load(vectors_dir, "rfc9496", "ristretto255.json")["invalid_encodings"]
    assert len(invalid) >= 28
    for case in invalid:
        with pytest.raises(kernel.ElementRefused) as refused:
            kernel.check_elements(rows([case["encoding"]]), 1)
        assert refused.value.reason == "NON_CANONICAL_ELEMENT", case["why"]


def test_rfc9496_one_way_map(vectors_dir: Path) -> None:
    cases = load(vectors_dir, "rfc9496", "ristretto255.json")["one_way_map_64_bytes"]
    mapped = kernel.map_to_group(rows([case["input_64"] for case in cases]), 1)
    assert hex_rows(mapped) == [case["output"] for case in cases]


def test_rfc9497_oprf_mode(vectors_dir: Path) -> None:
    suites = load(vectors_dir, "rfc9497", "allVectors.json")
    (suite,) = (s for s in suites if s["identifier"] == "ristretto255-SHA512" and s["mode"] == 0)
    key = kernel.Scalar.from_secret_bytes(bytes.fromhex(suite["skSm"]))
    assert suite["vectors"]
    for vector in suite["vectors"]:
        inputs = pa.array([bytes.fromhex(vector["Input"])], pa.binary())
        blind = kernel.Scalar.from_secret_bytes(bytes.fromhex(vector["Blind"]))
        blinded = kernel.blind(inputs, blind, 1)
        evaluated = kernel.evaluate(blinded, key, 1)
        assert hex_rows(blinded) == [vector["BlindedElement"]]
        assert hex_rows(evaluated) == [vector["EvaluationElement"]]
        assert hex_rows(kernel.finalize_unblind(inputs, evaluated, blind.inverse(), 1)) == [vector["Output"]]


def test_rfc9497_public_keys_of_the_verifiable_modes(vectors_dir: Path) -> None:
    suites = load(vectors_dir, "rfc9497", "allVectors.json")
    generator = rows([load(vectors_dir, "rfc9496", "ristretto255.json")["generator_multiples"][1]["encoding"]])
    keyed = [s for s in suites if s["identifier"] == "ristretto255-SHA512" and "pkSm" in s]
    assert keyed
    for suite in keyed:
        key = kernel.Scalar.from_secret_bytes(bytes.fromhex(suite["skSm"]))
        assert hex_rows(kernel.evaluate(generator, key, 1)) == [suite["pkSm"]]


def test_psi_golden_elements(vectors_dir: Path) -> None:
    golden = load(vectors_dir, "psi", "ecdh_psi_golden.json")
    (suite,) = (s for s in golden["suites"] if bytes.fromhex(s["DST_hex"]).decode() == OPRF_DST)
    a, b = (scalar(int(suite[name], 16)) for name in ("a", "b"))
    assert len(suite["rows"]) >= 56
    raw = [row for row in suite["rows"] if row["variant"] == "raw"]
    inputs = pa.array([row["id"] for row in raw])
    assert hex_rows(kernel.hash_to_group(inputs, 2)) == [row["H"] for row in raw]
    assert hex_rows(kernel.blind(inputs, a, 2)) == [row["aH"] for row in raw]
    assert hex_rows(kernel.blind(inputs, b, 2)) == [row["bH"] for row in raw]
    for row in suite["rows"]:
        assert hex_rows(kernel.evaluate(rows([row["aH"]]), b, 1)) == [row["abH"]]
        assert hex_rows(kernel.evaluate(rows([row["bH"]]), a, 1)) == [row["abH"]]


def test_psi_golden_outputs(vectors_dir: Path) -> None:
    golden = load(vectors_dir, "psi", "ecdh_psi_golden.json")
    (suite,) = (s for s in golden["oprf_outputs"] if s["suite"] == "ristretto255-SHA512" and s["mode"] == "oprf")
    key = kernel.Scalar.from_secret_bytes(bytes.fromhex(suite["skSm"]))
    inputs = pa.array([output["id"] for output in suite["outputs"]])
    assert len(inputs) >= 27
    blind = kernel.Scalar.random()
    evaluated = kernel.evaluate(kernel.blind(inputs, blind, 1), key, 1)
    assert hex_rows(kernel.finalize_unblind(inputs, evaluated, blind.inverse(), 2)) == [
        output["output"] for output in suite["outputs"]
    ]


def test_merkle_roots(vectors_dir: Path) -> None:
    basics = load(vectors_dir, "merkle", "rfc6962_basics.json")
    sizes = {int(size): root for size, root in basics["computed_tree"]["roots_by_size"].items()}
    assert {0, 1, 2, 3, 5, 7, 8} <= sizes.keys()
    for size in (n for n in sizes if n <= 10):  # leaves of one width
        text = "".join(f"consent-event-{i}" for i in range(size))
        leaves = np.frombuffer(text.encode(), dtype=np.uint8).reshape(size, 15)
        assert kernel.merkle_root(leaves).hex() == sizes[size]
