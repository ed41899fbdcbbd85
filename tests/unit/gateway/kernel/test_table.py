from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway import kernel
from gateway.errors import Misuse

AGREEMENT = bytes(range(32))
TABLE = bytes(range(100, 132))
NAME = "phone.e164"
VERSION = 0x0102030405060708


def random_rows(n: int, width: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, width), dtype=np.uint8)


def expected_row(output: bytes, plaintext: bytes, name: str, version: int, tag_bytes: int) -> bytes:
    """The row that another library makes by RFC 5869 and RFC 8439."""
    head = output[:tag_bytes] + version.to_bytes(8, "big")
    info = b"assent enrich v1" + AGREEMENT + TABLE + version.to_bytes(8, "big")
    key = HKDF(algorithm=SHA512(), length=32, salt=None, info=info).derive(output)
    return head + ChaCha20Poly1305(key).encrypt(bytes(12), plaintext, head + name.encode())


def seal(outputs: np.ndarray, plaintexts: np.ndarray, tag_bytes: int = 9, **changed: Any) -> np.ndarray:
    terms = {"match_key": NAME, "agreement_hash": AGREEMENT, "table_id": TABLE, "row_version": VERSION, **changed}
    return kernel.seal_rows(outputs, plaintexts, tag_bytes=tag_bytes, **terms)


def open_(outputs: np.ndarray, rows: np.ndarray, tag_bytes: int = 9, **changed: Any) -> tuple[np.ndarray, np.ndarray]:
    terms = {"match_key": NAME, "agreement_hash": AGREEMENT, "table_id": TABLE, **changed}
    return kernel.open_rows(outputs, rows, tag_bytes=tag_bytes, **terms)


@pytest.mark.parametrize("tag_bytes", [1, 9, 64])
def test_rows_of_every_width_agree_with_another_library(tag_bytes: int) -> None:
    for width in (*range(0, 70), 127, 128, 129, 191, 192, 193, 255, 256, 257, 1000):
        output, plaintext = random_rows(1, 64, width), random_rows(1, width, width + 1)
        row = seal(output, plaintext, tag_bytes)
        assert row.tobytes() == expected_row(output.tobytes(), plaintext.tobytes(), NAME, VERSION, tag_bytes), width
        opened, ok = open_(output, row, tag_bytes)
        assert ok.tolist() == [True]
        assert np.array_equal(opened, plaintext)


def test_associated_data_of_every_length_agrees_with_another_library() -> None:
    output, plaintext = random_rows(1, 64), random_rows(1, 33)
    for size in (*range(1, 50), 254, 255):
        row = seal(output, plaintext, match_key="k" * size)
        assert row.tobytes() == expected_row(output.tobytes(), plaintext.tobytes(), "k" * size, VERSION, 9), size


@pytest.mark.parametrize("version", [0, 1, 2**63, 2**64 - 1])
def test_row_versions(version: int) -> None:
    output, plaintext = random_rows(1, 64), random_rows(1, 20)
    row = seal(output, plaintext, row_version=version)
    assert row.tobytes() == expected_row(output.tobytes(), plaintext.tobytes(), NAME, version, 9)
    assert open_(output, row)[1].tolist() == [True]


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 200])
def test_batches_and_threads(n: int) -> None:
    outputs, plaintexts = random_rows(n, 64), random_rows(n, 40, 2)
    rows = seal(outputs, plaintexts)
    assert rows.shape == (n, 9 + 8 + 40 + 16)
    assert np.array_equal(rows, seal(outputs, plaintexts, threads=2))
    pairs = zip(outputs, plaintexts, strict=True)
    expected = [expected_row(output.tobytes(), plaintext.tobytes(), NAME, VERSION, 9) for output, plaintext in pairs]
    assert rows.tobytes() == b"".join(expected)
    for threads in (1, 2):
        opened, ok = open_(outputs, rows, threads=threads)
        assert np.array_equal(opened, plaintexts)
        assert ok.dtype == np.bool_ and ok.shape == (n,) and ok.all()


@pytest.mark.parametrize("n", range(1, 40, 2))
def test_rows_of_several_versions_and_groups(n: int) -> None:
    outputs, plaintexts = random_rows(n, 64), random_rows(n, 70, 2)
    whole = [seal(outputs[i : i + 1], plaintexts[i : i + 1], row_version=i) for i in range(n)]
    rows = np.concatenate(whole)
    pairs = zip(range(n), outputs, plaintexts, strict=True)
    expected = [expected_row(output.tobytes(), plaintext.tobytes(), NAME, i, 9) for i, output, plaintext in pairs]
    assert rows.tobytes() == b"".join(expected)
    rows[n // 2, 30] ^= 1
    opened, ok = open_(outputs, rows)
    assert np.flatnonzero(~ok).tolist() == [n // 2]
    assert np.array_equal(opened[ok], plaintexts[ok])
    assert not opened[~ok].any()


def test_every_flipped_bit_closes_the_row_and_zeroes_the_plaintext() -> None:
    output, plaintext = random_rows(1, 64), random_rows(1, 5)
    row = seal(output, plaintext)
    bits = row.shape[1] * 8
    flipped = np.repeat(row, bits, axis=0)
    for bit in range(bits):
        flipped[bit, bit // 8] ^= 1 << bit % 8
    opened, ok = open_(np.repeat(output, bits, axis=0), flipped)
    assert not ok.any()
    assert not opened.any()


def test_a_bad_row_leaves_its_neighbours_open() -> None:
    outputs, plaintexts = random_rows(130, 64), random_rows(130, 12, 2)
    rows = seal(outputs, plaintexts)
    rows[[0, 64, 129], -1] ^= 1
    opened, ok = open_(outputs, rows, threads=2)
    assert np.flatnonzero(~ok).tolist() == [0, 64, 129]
    assert not opened[~ok].any()
    assert np.array_equal(opened[ok], plaintexts[ok])


@pytest.mark.parametrize(
    "changed",
    [
        {"match_key": "phone.e165"},
        {"match_key": "phone.e164x"},
        {"agreement_hash": bytes(32)},
        {"table_id": bytes(32)},
    ],
    ids=lambda c: next(iter(c)),
)
def test_a_row_opens_only_in_its_place(changed: dict[str, Any]) -> None:
    outputs, plaintexts = random_rows(3, 64), random_rows(3, 12, 2)
    rows = seal(outputs, plaintexts)
    assert not open_(outputs, rows, **changed)[1].any()
    assert open_(outputs, rows)[1].all()


def test_a_row_opens_only_under_its_own_output() -> None:
    outputs, plaintexts = random_rows(2, 64), random_rows(2, 12, 2)
    outputs[1, :9] = outputs[0, :9]  # the same truncated tag: a false match
    rows = seal(outputs, plaintexts)
    opened, ok = open_(outputs, rows[::-1].copy())
    assert not ok.any()
    assert not opened.any()


def test_a_row_under_a_foreign_tag_does_not_open() -> None:
    output, plaintext = random_rows(1, 64), random_rows(1, 12)
    row = seal(output, plaintext)
    row[0, 0] ^= 1
    opened, ok = open_(output, row)
    assert not ok.any()
    assert not opened.any()


def test_no_two_rows_share_a_key_stream() -> None:
    outputs, plaintexts = random_rows(50, 64), np.zeros((50, 64), dtype=np.uint8)
    streams = {row[17:].tobytes() for version in (1, 2) for row in seal(outputs, plaintexts, row_version=version)}
    assert len(streams) == 100


def test_tags_are_the_leading_bytes_and_a_copy() -> None:
    outputs = random_rows(5, 64)
    for tag_bytes in (1, 9, 63, 64):
        tags = kernel.tags(outputs, tag_bytes)
        assert np.array_equal(tags, outputs[:, :tag_bytes])
        assert tags.flags.c_contiguous and not np.shares_memory(tags, outputs)
    assert kernel.tags(outputs[:0], 9).shape == (0, 9)


@pytest.mark.parametrize("tag_bytes", [0, 65, -1])
def test_a_tag_length_out_of_range_is_misuse(tag_bytes: int) -> None:
    outputs, plaintexts = random_rows(2, 64), random_rows(2, 12)
    rows = seal(outputs, plaintexts)
    for call in (
        lambda: kernel.tags(outputs, tag_bytes),
        lambda: seal(outputs, plaintexts, tag_bytes),
        lambda: open_(outputs, rows, tag_bytes),
    ):
        with pytest.raises(Misuse, match="tag"):
            call()


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"agreement_hash": bytes(31)}, "agreement_hash must be 32 bytes"),
        ({"table_id": bytes(33)}, "table_id must be 32 bytes"),
        ({"row_version": -1}, "row version"),
        ({"row_version": 2**64}, "row version"),
        ({"match_key": ""}, "match-key name"),
        ({"threads": 0}, "threads"),
    ],
)
def test_terms_out_of_range_are_misuse(changed: dict[str, Any], fault: str) -> None:
    with pytest.raises(Misuse, match=fault):
        seal(random_rows(2, 64), random_rows(2, 12), **changed)


def test_shapes_that_do_not_fit_are_misuse() -> None:
    with pytest.raises(Misuse, match="2 rows"):
        seal(random_rows(2, 64), random_rows(3, 12))
    with pytest.raises(Misuse, match="rows of 64 bytes"):
        seal(random_rows(2, 63), random_rows(2, 12))
    with pytest.raises(Misuse, match="cannot hold a tag"):
        open_(random_rows(2, 64), random_rows(2, 9 + 8 + 15))
