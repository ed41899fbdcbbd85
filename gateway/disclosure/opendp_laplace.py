"""The same noise from the OpenDP library, whose sampler is proved and reviewed by others (extra `[dp]`).

OpenDP takes the scale as a binary float and adds to 64-bit integers. The scale is therefore rounded up to the next
float (relative 2^-52: never less noise than agreed), and noise that could come near 2^62 is drawn by `laplace`.
Truncation is that of `laplace`: a draw beyond the bound is repeated.

Source: https://docs.opendp.org, `make_laplace`; Ghosh, Roughgarden, Sundararajan (2012); Canonne et al. (2020).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from gateway.disclosure import laplace
from gateway.errors import Misuse

MOST = 1 << 62


def draw(epsilon: Decimal, sensitivity: int, cells: int) -> int:
    """Draw fresh noise for one figure, as `laplace.draw`."""
    most = laplace.bound(epsilon, sensitivity, cells)
    if most >= MOST:
        return laplace.draw(epsilon, sensitivity, cells)
    measurement = _measurement(1 / laplace.rate_of(epsilon, sensitivity))
    while True:
        noise = _noise(measurement)
        if abs(noise) <= most:
            return noise


def draw_dummies(epsilon: Decimal, t: int) -> int:
    """Draw tau, the dummies of a segment that match, as `laplace.draw_dummies`."""
    if t < 1:
        raise Misuse("a segment without dummies has no tau to draw")
    measurement = _measurement(1 / laplace.rate_of(epsilon, 1))
    while True:
        noise = _noise(measurement)
        if abs(noise) <= t:
            return t + noise


def _noise(measurement: Callable[[int], Any]) -> int:
    try:
        return int(measurement(0))
    except Exception as e:  # OpenDP has one exception class per language binding and version
        raise Misuse("OpenDP drew no noise: check the version installed by the extra [dp]") from e


@lru_cache(maxsize=256)
def _measurement(scale: Fraction) -> Callable[[int], Any]:
    above = float(scale)
    if Fraction(above) < scale:
        above = math.nextafter(above, math.inf)
    try:
        dp = importlib.import_module("opendp.prelude")
        dp.enable_features("contrib")
        made: Callable[[int], Any] = dp.m.make_laplace(
            dp.atom_domain(T="i64"), dp.absolute_distance(T="i64"), scale=above
        )
    except Exception as e:
        raise Misuse("OpenDP made no Laplace measurement: check the version installed by the extra [dp]") from e
    return made
