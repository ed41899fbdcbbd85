from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import kernel
from gateway.errors import Misuse
from tests.reference import ristretto255 as reference


def random_rows(n: int, width: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, width), dtype=np.uint8)


HASHES = ("md5", "sha256", "sm3")


@pytest.mark.parametrize("hash_", HASHES)
def test_hex_digests_of_values_of_every_length(hash_: str) -> None:
    """Neighbours differ in length by one: every end of a block, and messages of many blocks beside short ones."""
    content = random_rows(1, 600, 2).tobytes()
    values = [content[:size] for size in range(600)] + [content * 40, b"", content]
    digests = kernel.hex_digests(hash_, pa.array(values, pa.binary()))
    expected = [hashlib.new(hash_, value, usedforsecurity=False).hexdigest() for value in values]
    assert [row.tobytes().decode() for row in digests] == expected


@pytest.mark.parametrize("hash_", HASHES)
def test_hex_digests_over_threads_slices_and_types(hash_: str) -> None:
    numbers = [f"+86138{number:08}" * (number % 40) for number in range(3000)]
    values = pa.array(numbers)
    digests = kernel.hex_digests(hash_, values)
    assert np.array_equal(digests, kernel.hex_digests(hash_, values, 3))
    assert np.array_equal(digests[7:29], kernel.hex_digests(hash_, values.slice(7, 22)))
    assert np.array_equal(digests, kernel.hex_digests(hash_, values.cast(pa.large_binary())))
    assert kernel.hex_digests(hash_, values[:0]).shape == (0, digests.shape[1])
    assert digests[41].tobytes().decode() == hashlib.new(hash_, numbers[41].encode()).hexdigest()


@pytest.mark.parametrize(
    ("hash_", "text", "digest"),
    [
        # GB/T 32905-2016, appendix A
        ("sm3", b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        ("sm3", b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
        # RFC 1321, section A.5
        ("md5", b"", "d41d8cd98f00b204e9800998ecf8427e"),
        ("md5", b"message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ("md5", b"1234567890" * 8, "57edf4a22be3c955ac49da2e2107b67a"),
        # FIPS 180-4, examples of NIST
        ("sha256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ],
)
def test_hex_digests_of_the_standards(hash_: str, text: bytes, digest: str) -> None:
    # Alone, and in every lane beside others.
    for before in (0, 3, 15, 16):
        values = pa.array([b"x" * 70] * before + [text, b"y"], pa.binary())
        assert kernel.hex_digests(hash_, values)[before].tobytes().decode() == digest


def test_hex_digests_refuse_what_they_do_not_know() -> None:
    with pytest.raises(Misuse, match="no hash 'sha1'"):
        kernel.hex_digests("sha1", pa.array(["a"]))
    with pytest.raises(Misuse, match="row 1"):
        kernel.hex_digests("md5", pa.array(["a", None]))


@pytest.mark.parametrize("key_size", [0, 1, 31, 32, 63, 64, 65, 128, 200])
def test_hmac_over_values_of_every_length(key_size: int) -> None:
    key, content = random_rows(1, key_size).tobytes(), random_rows(1, 300, 2).tobytes()
    values = [content[:size] for size in range(300)]
    macs = kernel.hmac_sha256(key, pa.array(values, pa.binary()), 1)
    assert macs.tobytes() == b"".join(hmac.digest(key, value, "sha256") for value in values)


@pytest.mark.parametrize("rows", range(1, 41))
def test_hmac_over_rows_of_mixed_lengths(rows: int) -> None:
    """Neighbours of different block counts, the longest of more blocks than are hashed side by side."""
    sizes = np.random.default_rng(rows).choice([0, 1, 30, 54, 55, 56, 63, 64, 119, 120, 246, 247, 248, 300, 1000], rows)
    values = [random_rows(1, size, size).tobytes() for size in sizes]
    macs = kernel.hmac_sha256(b"key", pa.array(values, pa.binary()), 1)
    assert macs.tobytes() == b"".join(hmac.digest(b"key", value, "sha256") for value in values)


@pytest.mark.parametrize("width", [0, 1, 26, 32, 55, 56, 64, 119, 120])
def test_hmac_over_fixed_rows_and_threads(width: int) -> None:
    rows = random_rows(200, width)
    macs = kernel.hmac_sha256(b"key", rows, 1)
    assert np.array_equal(macs, kernel.hmac_sha256(b"key", rows, 2))
    assert macs.tobytes() == b"".join(hmac.digest(b"key", row.tobytes(), "sha256") for row in rows)


def test_hmac_rfc4231_case_2_and_6() -> None:
    mac = kernel.hmac_sha256(b"Jefe", pa.array([b"what do ya want for nothing?"], pa.binary()), 1)
    assert mac.tobytes().hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    text = b"Test Using Larger Than Block-Size Key - Hash Key First"
    mac = kernel.hmac_sha256(b"\xaa" * 131, pa.array([text], pa.binary()), 1)
    assert mac.tobytes().hex() == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"


def test_hmac_refuses_other_values() -> None:
    with pytest.raises(Misuse, match="Arrow array"):
        kernel.hmac_sha256(b"k", pa.array([1]), 1)
    with pytest.raises(Misuse, match="C-contiguous"):
        kernel.hmac_sha256(b"k", random_rows(4, 8)[:, :4], 1)
    assert kernel.hmac_sha256(b"k", random_rows(0, 8), 1).shape == (0, 32)


def expected_ref(key: bytes, type_: str, value: str) -> str:
    framed = b"".join(len(part).to_bytes(2, "big") + part for part in (type_.encode(), value.encode()))
    return base64.b32encode(hmac.digest(key, framed, "sha256")).decode().lower().rstrip("=")[:26]


@given(st.lists(st.text(max_size=30), max_size=8), st.sampled_from(["phone", "", "客户"]), st.binary(max_size=80))
def test_subject_refs_are_base32_of_the_keyed_hash(values: list[str], type_: str, key: bytes) -> None:
    refs = kernel.subject_refs(key, type_, pa.array(values, pa.string()))
    assert refs.shape == (len(values), 26)
    assert [row.tobytes().decode() for row in refs] == [expected_ref(key, type_, value) for value in values]


def test_subject_refs_over_threads_slices_and_lengths() -> None:
    values = pa.array([f"138{n:08}" for n in range(300)])
    refs = kernel.subject_refs(b"key", "phone", values, 2)
    assert np.array_equal(refs, kernel.subject_refs(b"key", "phone", values, 1))
    assert np.array_equal(refs[10:20], kernel.subject_refs(b"key", "phone", values.slice(10, 10)))
    with pytest.raises(kernel.InputRefused) as refused:
        kernel.subject_refs(b"key", "phone", pa.array(["a", "b" * 65_535, "c" * 65_536]))
    assert refused.value.row == 2
    with pytest.raises(Misuse, match="length prefix"):
        kernel.subject_refs(b"key", "t" * 65_536, values)


@pytest.mark.parametrize("rows", [1, 15, 16, 17, 40])
def test_subject_refs_of_mixed_lengths(rows: int) -> None:
    values = ["x" * (37 * n % 301) for n in range(rows)]
    refs = kernel.subject_refs(b"key", "phone", pa.array(values))
    assert [row.tobytes().decode() for row in refs] == [expected_ref(b"key", "phone", value) for value in values]


def test_type_and_value_do_not_run_together() -> None:
    one = kernel.subject_refs(b"key", "phone1", pa.array(["38"]))
    other = kernel.subject_refs(b"key", "phone", pa.array(["138"]))
    assert not np.array_equal(one, other)


def tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


@pytest.mark.parametrize("width", [0, 1, 32, 54, 55, 62, 63, 64, 200])
def test_merkle_roots_of_every_small_size(width: int) -> None:
    leaves = random_rows(70, width)
    for n in (*range(35), 63, 64, 65, 70):
        assert kernel.merkle_root(leaves[:n]) == tree_hash([leaf.tobytes() for leaf in leaves[:n]]), n


def test_merkle_root_of_a_large_cohort_and_of_a_changed_one() -> None:
    leaves = random_rows(5_001, 32)
    root = kernel.merkle_root(leaves)
    assert root == tree_hash([leaf.tobytes() for leaf in leaves])
    leaves[5_000, 31] ^= 1
    assert kernel.merkle_root(leaves) != root


@given(st.lists(st.integers(0, 2_100), max_size=8), st.sampled_from([0, 1, 32, 64, 246, 247, 300]))
def test_a_merkle_root_does_not_depend_on_the_pieces(sizes: list[int], width: int) -> None:
    leaves = random_rows(sum(sizes), width)
    tree, done = kernel.MerkleRoot(), 0
    for size in sizes:
        tree.add(leaves[done : done + size])
        done += size
    assert tree.root() == kernel.merkle_root(leaves)


def test_leaves_may_follow_a_merkle_root() -> None:
    leaves = random_rows(1_100, 40)
    tree = kernel.MerkleRoot()
    assert tree.root() == hashlib.sha256().digest()
    for n in range(33):
        tree.add(leaves[n : n + 1])
        assert tree.root() == tree_hash([leaf.tobytes() for leaf in leaves[: n + 1]]), n
    tree.add(leaves[33:])
    assert tree.root() == tree_hash([leaf.tobytes() for leaf in leaves])


def test_merkle_leaves_of_another_shape_are_misuse() -> None:
    wrong: list[Any] = [random_rows(4, 8)[:, :4], random_rows(1, 4)[0], np.zeros((2, 2), dtype=np.int8)]
    for leaves in wrong:
        with pytest.raises(Misuse, match="leaves must be"):
            kernel.MerkleRoot().add(leaves)


@given(st.binary(max_size=300), st.binary(max_size=255), st.integers(1, 700))
def test_expand_message_xmd_agrees_with_the_reference(message: bytes, dst: bytes, size: int) -> None:
    assert kernel.expand_message_xmd(message, dst, size) == reference.expand_message_xmd(message, dst, size)


def test_expand_message_xmd_at_its_limits() -> None:
    assert kernel.expand_message_xmd(b"", b"d" * 255, 16_320) == reference.expand_message_xmd(b"", b"d" * 255, 16_320)
    for dst, size in ((b"d" * 256, 64), (b"d", 0), (b"d", 16_321)):
        with pytest.raises(Misuse, match="tag"):
            kernel.expand_message_xmd(b"", dst, size)
