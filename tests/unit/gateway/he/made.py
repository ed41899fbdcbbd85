"""Agreed terms, keys of test size, and tables; a key of 1,024 bits makes tests quick and is refused by the product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cache

import numpy as np
import phe
import pyarrow as pa
import pytest

from gateway.he import aggregate, paillier
from gateway.he.ciphertext import Bytes
from gateway.he.encryptor import Encryptor
from gateway.he.paillier import PrivateKey
from gateway.route.agreement import (
    AggregateTerms,
    Column,
    ColumnType,
    LateWithdrawals,
    Measure,
    Noise,
    Scheme,
    Statistic,
)

SMALL = 1024
SESSION = bytes(range(32))


@cache
def small_key() -> PrivateKey:
    return paillier.from_phe(phe.generate_paillier_keypair(n_length=SMALL)[1])


@cache
def encryptor(mode: str) -> Encryptor:
    return Encryptor(small_key(), mode)


@contextmanager
def small_keys_allowed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paillier, "KEY_BITS", (SMALL,))
        yield


@contextmanager
def both_sides(mode: str = "short_exponent") -> Iterator[PrivateKey]:
    """R's and S's keys in this process."""
    key = small_key()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aggregate, "_owner", (key, mode))
        patch.setattr(aggregate, "_encryptor", encryptor(mode))
        patch.setattr(aggregate, "_public", key.public)
        yield key


def block(values: Sequence[Sequence[int]], width: int) -> Bytes:
    raw = b"".join(value.to_bytes(width, "big") for row in values for value in row)
    return np.frombuffer(raw, np.uint8).reshape(len(values), -1, width).copy()


def numbers(packed: Bytes) -> list[list[int]]:
    return [[int.from_bytes(one.tobytes(), "big") for one in row] for row in packed]


def number(name: str, low: str, high: str, scale: int) -> Column:
    return Column(name, "spending", ColumnType.NUMBER, Decimal(low), Decimal(high), scale, 0)


def category(name: str) -> Column:
    return Column(name, "habits", ColumnType.CATEGORY, None, None, 0, 20)


def summed(column: str, *statistics: Statistic, epsilon: str = "0.5") -> Measure:
    return Measure(column, (), Decimal(1), tuple((statistic, Decimal(epsilon)) for statistic in statistics))


def shared(column: str, *values: str, epsilon: str = "1") -> Measure:
    return Measure(column, values, Decimal(1), ((Statistic.SHARE, Decimal(epsilon)),))


def terms(*measures: Measure, segments: int = 5, key_bits: int = SMALL) -> AggregateTerms:
    return AggregateTerms(
        segments=segments,
        minimum_cohort=50,
        count_step=1,
        dummies=Noise.LAPLACE,
        noise=Noise.LAPLACE,
        epsilon_count=Decimal(1),
        t=14,
        epsilon_receiver=Decimal(1),
        delta=Decimal("0.000001"),
        epsilon_cap=Decimal(20),
        delta_cap=Decimal("0.001"),
        period_days=30,
        cells_per_period=1000,
        late_withdrawals=LateWithdrawals.STAND,
        scheme=Scheme("paillier", key_bits, "short_exponent"),
        measures=measures,
    )


def decimals(scaled: Sequence[int | None], scale: int) -> pa.Array:
    exact = [None if value is None else Decimal(value).scaleb(-scale) for value in scaled]
    return pa.array(exact, pa.decimal128(18, scale))
