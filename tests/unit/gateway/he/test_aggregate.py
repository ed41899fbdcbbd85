from __future__ import annotations

import math
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gateway.errors import HostileInput, Misuse, RequestError
from gateway.he import aggregate
from gateway.he.encoding import decode, encode, offset_addends, pack_noise, subtract_offsets, zero_rows
from gateway.he.layout import layout
from gateway.he.paillier import PrivateKey, decrypt, encrypt_public
from gateway.he.proof import parse_key_record
from gateway.route.agreement import Statistic
from tests.unit.gateway.he.made import (
    SESSION,
    SMALL,
    block,
    both_sides,
    category,
    decimals,
    number,
    numbers,
    shared,
    small_key,
    small_keys_allowed,
    summed,
    terms,
)

SPEND, CHANNEL = number("spend", "-2.00", "3.00", 2), category("channel")
COLUMNS = (SPEND, CHANNEL)
AGREED = terms(
    summed("spend", Statistic.SUM, Statistic.SUM_OF_SQUARES, Statistic.PRESENT),
    shared("channel", *(f"shop {i}" for i in range(64))),
)
LAYOUT = layout(AGREED, COLUMNS, 12)  # 12 rows: 10 of people and 2 of nobody
SPENT = [150, -200, None, 300, 0, -1, 7, 299, -199, 42]
TABLE = pa.table({"spend": decimals(SPENT, 2), "channel": pa.array([f"shop {i * i}" for i in range(10)])})
SEGMENT_OF = np.array([0, 1, 0, 2, 2, -1, 1, 0, 1, -1, 1, 2], np.int64)  # segment 3 is empty
SEGMENTS = 4
COUNTS = np.bincount(SEGMENT_OF[SEGMENT_OF >= 0], minlength=SEGMENTS).tolist()
NOISE = [[(-1) ** lane * (segment + lane) for lane in range(len(LAYOUT.lanes))] for segment in range(SEGMENTS)]


@pytest.fixture(autouse=True)
def key() -> Iterator[PrivateKey]:
    with both_sides() as private:
        yield private


def packed_rows() -> Any:
    return np.concatenate([encode(TABLE, LAYOUT, COLUMNS, 10), zero_rows(LAYOUT, 2)])


def true_sums() -> list[tuple[int, ...]]:
    """From the table alone."""
    sums = []
    for segment in range(SEGMENTS):
        rows = [row for row in range(10) if SEGMENT_OF[row] == segment]
        spent = [value for row in rows if (value := SPENT[row]) is not None]
        shops = [sum(row * row == shop for row in rows) for shop in range(64)]
        sums.append((sum(spent), sum(value * value for value in spent), len(spent), *shops))
    return sums


def with_noise(sums: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    return [
        tuple(figure + noise for figure, noise in zip(row, more, strict=True))
        for row, more in zip(sums, NOISE, strict=True)
    ]


def products() -> Any:
    ciphertexts = aggregate.encrypt_rows(packed_rows())
    parts = [aggregate.select(ciphertexts[a:b], SEGMENT_OF[a:b], SEGMENTS, a) for a, b in ((0, 5), (5, 5), (5, 12))]
    return aggregate.combine(parts)


def test_the_receiver_learns_the_noisy_sums(key: PrivateKey) -> None:
    n = key.public.n
    masks = aggregate.draw_masks(n, SEGMENTS, LAYOUT.ciphertexts)
    product = products()
    answer = aggregate.gather([aggregate.finish(product[:1], masks[:1]), aggregate.finish(product[1:], masks[1:])])
    noise = [pack_noise(row, LAYOUT) for row in NOISE]
    results = np.concatenate(
        [
            aggregate.open_masked(answer.ciphertexts[:3], noise[:3]),
            aggregate.open_masked(answer.ciphertexts[3:], noise[3:], 3),
        ]
    )
    bare = subtract_offsets(aggregate.unmask(results, masks, n), COUNTS, n, LAYOUT)
    assert LAYOUT.ciphertexts > 1
    assert decode(bare, n, LAYOUT) == with_noise(true_sums())


def test_the_value_holder_learns_the_noisy_sums_of_released_segments(key: PrivateKey) -> None:
    n = key.public.n
    offsets = offset_addends(COUNTS, LAYOUT)
    addends = [
        [one + more for one, more in zip(offset, pack_noise(noise, LAYOUT), strict=True)]
        for offset, noise in zip(offsets, NOISE, strict=True)
    ]
    answer = aggregate.finish(products(), aggregate.withhold(addends, {1}, n))
    opened = aggregate.open_masked(answer.ciphertexts, None)
    released = [0, 2, 3]
    assert decode(opened[released], n, LAYOUT) == [with_noise(true_sums())[segment] for segment in released]
    with pytest.raises(HostileInput):
        decode(opened[1:2], n, LAYOUT)
    # Kept nowhere: another draw every time.
    assert aggregate.withhold(addends, {1}, n)[1] != aggregate.withhold(addends, {1}, n)[1]
    assert aggregate.withhold(addends, set(), n) == addends


def test_withheld_results_are_replaced_and_others_kept(key: PrivateKey) -> None:
    results = aggregate.open_masked(
        aggregate.finish(products(), aggregate.draw_masks(key.public.n, 4, LAYOUT.ciphertexts)).ciphertexts, None
    )
    sent = aggregate.withhold_results(results, {0, 3}, key.public.n)
    assert np.array_equal(sent[1:3], results[1:3])
    assert sent.shape == results.shape
    assert sent.dtype == np.uint8
    for segment in (0, 3):
        assert not np.array_equal(sent[segment], results[segment])
        assert all(value < key.public.n for value in numbers(sent)[segment])


def test_products_start_at_one_and_decrypt_to_sums(key: PrivateKey) -> None:
    product = products()
    assert numbers(product)[3] == [1] * LAYOUT.ciphertexts
    bare = subtract_offsets(decrypt(key, product), COUNTS, key.public.n, LAYOUT)
    assert decode(bare, key.public.n, LAYOUT) == true_sums()


@pytest.mark.parametrize("matching", [0, 1, 6, 24])
def test_rows_of_no_segment_are_in_no_product(key: PrivateKey, matching: int) -> None:
    rows, segments = 24, 3
    values = [[1 << row, rows + row] for row in range(rows)]  # the first tells which rows were multiplied
    ciphertexts = aggregate.encrypt_rows(block(values, SMALL // 8))
    segment_of = np.full(rows, -1, np.int64)
    places = [(7 * i + 5) % rows for i in range(matching)]  # scattered, the first and last row among them or not
    segment_of[places] = [i % 2 for i in range(matching)]  # segment 2 is empty
    product = aggregate.select(ciphertexts, segment_of, segments)
    members = [[row for row in range(rows) if segment_of[row] == segment] for segment in range(segments)]
    assert numbers(decrypt(key, product)) == [
        [sum(values[row][place] for row in chosen) for place in range(2)] for chosen in members
    ]
    # Modulo n^2 too: rows of no segment go into a product of their own, which leaves no trace.
    sent = numbers(ciphertexts)
    assert numbers(product) == [
        [math.prod(sent[row][place] for row in chosen) % key.public.n_squared for place in range(2)]
        for chosen in members
    ]
    assert numbers(product)[2] == [1, 1]


def test_every_segment_is_answered_alike(key: PrivateKey) -> None:
    """An empty segment cannot be told: as many ciphertexts, none of them 1, and no two alike."""
    masks = aggregate.draw_masks(key.public.n, SEGMENTS, LAYOUT.ciphertexts)
    product = products()
    first, second = (aggregate.finish(product, masks).ciphertexts for _ in range(2))
    assert first.shape == (SEGMENTS, LAYOUT.ciphertexts, 256)
    together = [one for row in (*numbers(first), *numbers(second)) for one in row]
    assert len(set(together)) == len(together)
    assert 1 not in together
    assert np.array_equal(decrypt(key, first), decrypt(key, second))


def test_malformed_ciphertexts_are_named() -> None:
    ciphertexts = aggregate.encrypt_rows(packed_rows())
    broken = ciphertexts.copy()
    broken[7, 1] = 0
    with pytest.raises(HostileInput, match="stage CIPHERTEXTS, row 107, ciphertext 1: is zero"):
        aggregate.select(broken, SEGMENT_OF, SEGMENTS, 100)
    # Also a row that matches nothing.
    p = int(small_key().factors()[0])
    broken = ciphertexts.copy()
    broken[5, 0] = np.frombuffer(p.to_bytes(256, "big"), np.uint8)
    assert SEGMENT_OF[5] == -1
    with pytest.raises(HostileInput, match="row 5, ciphertext 0: shares"):
        aggregate.select(broken, SEGMENT_OF, SEGMENTS)
    with pytest.raises(HostileInput, match="stage MASKED, segment 12, ciphertext 0: is zero"):
        aggregate.open_masked(np.zeros((1, LAYOUT.ciphertexts, 256), np.uint8), None, 12)


def test_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    ciphertexts = aggregate.encrypt_rows(packed_rows())
    for wrong in (SEGMENT_OF[:-1], SEGMENT_OF + 2, SEGMENT_OF - 1):
        with pytest.raises(Misuse):
            aggregate.select(ciphertexts, wrong, SEGMENTS)
    product = aggregate.select(ciphertexts, SEGMENT_OF, SEGMENTS)
    for addends in ([], [[0] * LAYOUT.ciphertexts] * 3, [[0]] * 4):
        with pytest.raises(Misuse):
            aggregate.finish(product, addends)
    with pytest.raises(Misuse):
        aggregate.combine([product, product[1:]])
    monkeypatch.setattr(aggregate, "_owner", None)
    monkeypatch.setattr(aggregate, "_encryptor", None)
    monkeypatch.setattr(aggregate, "_public", None)
    with pytest.raises(Misuse, match="setup_owner"):
        aggregate.encrypt_rows(packed_rows())
    with pytest.raises(Misuse, match="setup_public"):
        aggregate.select(ciphertexts, SEGMENT_OF, SEGMENTS)


def test_overlap_carries_nothing(key: PrivateKey) -> None:
    none = np.zeros((3, 0, 128), np.uint8)
    product = aggregate.select(aggregate.encrypt_rows(none), np.zeros(3, np.int64), 2)
    assert aggregate.finish(product, aggregate.draw_masks(key.public.n, 2, 0)).ciphertexts.shape == (2, 0, 256)


def test_masks_are_uniform_draws_of_the_operating_system(key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(limit: int) -> int:
        asked.append(limit)
        return len(asked)

    monkeypatch.setattr("secrets.randbelow", counted)
    assert aggregate.draw_masks(key.public.n, 2, 3) == [[1, 2, 3], [4, 5, 6]]
    assert asked == [key.public.n] * 6


def test_in_spawned_processes(key: PrivateKey) -> None:
    """Set-up, blocks and answers cross to a spawned process and back."""
    spawn = multiprocessing.get_context("spawn")
    secret = key.to_secret_bytes()
    with ProcessPoolExecutor(1, spawn, aggregate.setup_owner, (secret, "short_exponent")) as owner:
        ciphertexts = owner.submit(aggregate.encrypt_rows, packed_rows()).result(60)
    n = key.public.n.to_bytes(128, "big")
    with ProcessPoolExecutor(1, spawn, aggregate.setup_public, (n, 1024)) as receiver:
        product = receiver.submit(aggregate.select, ciphertexts, SEGMENT_OF, SEGMENTS, 0).result(60)
        masks = aggregate.draw_masks(key.public.n, SEGMENTS, LAYOUT.ciphertexts)
        answer = receiver.submit(aggregate.finish, product, masks).result(60)
    bare = aggregate.unmask(decrypt(key, answer.ciphertexts), masks, key.public.n)
    assert decode(subtract_offsets(bare, COUNTS, key.public.n, LAYOUT), key.public.n, LAYOUT) == true_sums()


def test_the_key_of_a_session_is_made_once_and_proved_again() -> None:
    other_session = bytes(32)
    with small_keys_allowed():
        secret, record = aggregate.key_head(b"", SMALL, SESSION)
        made = PrivateKey.from_secret_bytes(secret)
        assert made.public.bits == SMALL
        assert parse_key_record(record, SMALL, SESSION) == made.public
        # A process that died after sealing takes the same key, so that no row stands under two.
        assert aggregate.key_head(secret, SMALL, SESSION) == (secret, record)
        # Without one, a new key; and a proof is of its session alone.
        assert aggregate.key_head(b"", SMALL, SESSION)[0] != secret
        kept, elsewhere = aggregate.key_head(secret, SMALL, other_session)
        assert kept == secret
        assert parse_key_record(elsewhere, SMALL, other_session) == made.public
        with pytest.raises(HostileInput, match="root 0"):
            parse_key_record(elsewhere, SMALL, SESSION)


def test_a_key_is_proved_in_a_spawned_process_that_holds_none() -> None:
    """The key goes with the call: the process holds none before nor after."""
    secret = small_key().to_secret_bytes()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), aggregate.setup_nothing) as maker:
        kept, record = maker.submit(aggregate.key_head, secret, SMALL, SESSION).result(60)
        with pytest.raises(Misuse, match="setup_owner"):
            maker.submit(aggregate.encrypt_rows, packed_rows()).result(60)
    assert kept == secret
    with small_keys_allowed():
        assert parse_key_record(record, SMALL, SESSION) == small_key().public


def test_setup_in_this_process(key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate, "_owner", None)
    monkeypatch.setattr(aggregate, "_public", None)
    with pytest.raises(RequestError, match=r"scheme\.mode"):
        aggregate.setup_owner(key.to_secret_bytes(), "fast")
    aggregate.setup_owner(key.to_secret_bytes(), "exact")
    assert aggregate._encryptor is None
    aggregate.setup_public(key.public.n.to_bytes(128, "big"), 1024)
    assert aggregate._public == key.public
    opened = aggregate.open_masked(products(), None)
    assert numbers(opened)[3] == [0] * LAYOUT.ciphertexts
    assert key.decrypt(encrypt_public(key.public, 4)) == 4
