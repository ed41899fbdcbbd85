"""What the sender can learn of which rows were selected: everything from a weakened answer, nothing from ours.

The sender knows every ciphertext that it sent and may have chosen the plaintexts. Two attacks, each against a build
that leaves out one half of `finish`, and both against ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import pytest

from gateway.he import aggregate
from gateway.he.ciphertext import Bytes, to_block, to_integers
from gateway.he.paillier import PrivateKey, encrypt_public
from gateway.route.aggregate import EncryptedAggregate
from tests.unit.gateway.he.made import block, both_sides, numbers

ROWS = 10
SELECTED = {0, 3, 4, 8}
SEGMENT_OF = np.array([0 if row in SELECTED else -1 for row in range(ROWS)], np.int64)
POWERS = block([[1 << row] for row in range(ROWS)], 128)

Finish = Callable[[Bytes, aggregate.Addends], EncryptedAggregate]


@pytest.fixture(autouse=True)
def key() -> Iterator[PrivateKey]:
    with both_sides() as private:
        yield private


def masked_only(products: Bytes, addends: aggregate.Addends) -> EncryptedAggregate:
    """A weakened build: the mask is added, the randomiser stays."""
    public = aggregate._public_key()
    [product], [[addend]] = to_integers(products), addends
    return EncryptedAggregate(to_block([product * (1 + addend * public.n) % public.n_squared], (1, 1), 256))


def rerandomised_only(products: Bytes, addends: aggregate.Addends) -> EncryptedAggregate:
    """A weakened build: a fresh randomiser, no mask."""
    public = aggregate._public_key()
    [product] = to_integers(products)
    return EncryptedAggregate(to_block([product * encrypt_public(public, 0) % public.n_squared], (1, 1), 256))


def answer(finish: Finish, key: PrivateKey) -> tuple[Bytes, EncryptedAggregate, aggregate.Addends]:
    """S's rows, R's answer on the selected ones, and the mask that R keeps."""
    ciphertexts = aggregate.encrypt_rows(POWERS)
    masks = aggregate.draw_masks(key.public.n, 1, 1)
    return ciphertexts, finish(aggregate.select(ciphertexts, SEGMENT_OF, 1), masks), masks


def attack_randomisers(key: PrivateKey, ciphertexts: Bytes, received: EncryptedAggregate) -> set[int] | None:
    """Modulo n the mask is gone, (1 + m n) = 1, and the product of randomisers is left: try every set of rows."""
    n = key.public.n
    parts = [one % n for one in to_integers(ciphertexts)]
    [left] = [one % n for one in to_integers(received.ciphertexts)]
    for size in range(ROWS + 1):
        for rows in combinations(range(ROWS), size):
            product = 1
            for row in rows:
                product = product * parts[row] % n
            if product == left:
                return set(rows)
    return None


def attack_powers_of_two(received: EncryptedAggregate) -> set[int] | None:
    """Row i holds 2^i: a bare sum spells out the set."""
    [[value]] = numbers(aggregate.open_masked(received.ciphertexts, None))
    return {row for row in range(ROWS) if value >> row & 1} if value < 1 << ROWS else None


def test_without_a_fresh_randomiser_the_set_is_recovered(key: PrivateKey) -> None:
    ciphertexts, received, _ = answer(masked_only, key)
    assert attack_randomisers(key, ciphertexts, received) == SELECTED


def test_without_a_mask_the_set_is_recovered(key: PrivateKey) -> None:
    _, received, _ = answer(rerandomised_only, key)
    assert attack_powers_of_two(received) == SELECTED


def test_both_attacks_fail_against_ours(key: PrivateKey) -> None:
    ciphertexts, received, masks = answer(aggregate.finish, key)
    assert attack_randomisers(key, ciphertexts, received) is None
    assert attack_powers_of_two(received) is None
    # And yet the answer is right, for who holds the mask.
    opened = aggregate.open_masked(received.ciphertexts, None)
    assert numbers(aggregate.unmask(opened, masks, key.public.n)) == [[sum(1 << row for row in SELECTED)]]


def test_what_a_sender_of_powers_of_two_decrypts_is_uniform(key: PrivateKey) -> None:
    """Plaintexts over the whole range, and randomisers too: chi-square over 16 parts of each, 400 answers."""
    ciphertexts = aggregate.encrypt_rows(POWERS)
    product = aggregate.select(ciphertexts, SEGMENT_OF, 1)
    repeated = np.repeat(product, 400, axis=0)
    masks = aggregate.draw_masks(key.public.n, 400, 1)
    received = aggregate.finish(repeated, masks)
    n = key.public.n
    plaintexts = [row[0] for row in numbers(aggregate.open_masked(received.ciphertexts, None))]
    randomisers = [one % n for one in to_integers(received.ciphertexts)]
    for seen in (plaintexts, randomisers):
        counts = np.bincount([int(value * 16 // n) for value in seen], minlength=16)
        # 15 degrees of freedom: above 80 in one of 10^10 runs.
        assert ((counts - 25) ** 2 / 25).sum() < 80
    whole = aggregate.unmask(aggregate.open_masked(received.ciphertexts, None), masks, n)
    assert numbers(whole) == [[sum(1 << row for row in SELECTED)]] * 400
