"""People's numbers as the database gives them: once each, and found whether they are asked for together or apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from gateway.route.subject_ref import Bytes, from_texts
from gateway.store import SqlStore
from tests.contract.given import event, hashed, ref


def refs(numbers: Sequence[int]) -> Bytes:
    return from_texts(pa.array([ref(number) for number in numbers], pa.string()))


@pytest.fixture
async def people(store: SqlStore) -> SqlStore:
    """A store with the persons 0, 2, 4, ... 98 on file, and nobody numbered."""
    async with store.begin() as tx:
        await tx.consents.append([hashed(event(ref(number), f"e{number}")) for number in range(0, 100, 2)], {})
    return store


async def test_who_is_on_file_gets_a_number(people: SqlStore) -> None:
    async with people.begin() as tx:
        assert await tx.memberships.next_number() == 0
        assert (await tx.memberships.numbers(refs([]))).tolist() == []
        assert (await tx.memberships.numbers(refs(range(10)))).tolist() == [-1] * 10
        assert await tx.memberships.assign(refs([1, 4, 8]), 0)
        assert await tx.memberships.next_number() == 2, "1 is not on file"
        assert (await tx.memberships.numbers(refs([0, 1, 4, 8]))).tolist() == [-1, -1, 0, 1]


async def test_another_numbered_meanwhile(people: SqlStore) -> None:
    async with people.begin() as tx:
        assert await tx.memberships.assign(refs([10]), 0)
    async with people.begin() as tx:
        assert not await tx.memberships.assign(refs([12]), 0)
        assert (await tx.memberships.numbers(refs([10, 12]))).tolist() == [0, -1]


async def test_a_few_who_lie_far_apart_among_many(people: SqlStore) -> None:
    everybody = range(0, 100, 2)
    async with people.begin() as tx:
        assert await tx.memberships.assign(refs(everybody), 0)
    async with people.read() as tx:
        assert (await tx.memberships.numbers(refs(everybody))).tolist() == list(range(50))
        # Between them are more than four times as many others: asked for by name.
        assert (await tx.memberships.numbers(refs([0, 51, 98]))).tolist() == [0, -1, 49]
        assert (await tx.memberships.numbers(refs([50]))).tolist() == [25]
        found, numbers = await tx.memberships.people(ref(90), 3)
    assert np.array_equal(found, refs([92, 94, 96]))
    assert numbers.tolist() == [46, 47, 48]
