"""Which program draws the noise: OpenDP where its extra is installed, else ours."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from gateway.disclosure import laplace, opendp_laplace


@dataclass(frozen=True, slots=True)
class Sampler:
    """A source of noise from the operating system's randomness.

    Attributes:
        name: "opendp" or "assent", for run records and logs.
        draw: (epsilon, sensitivity, cells) -> noise of one figure.
        draw_dummies: (epsilon, t) -> tau in [0, 2t].
    """

    name: str
    draw: Callable[[Decimal, int, int], int]
    draw_dummies: Callable[[Decimal, int], int]


def sampler() -> Sampler:
    """Choose the source of noise of this installation."""
    if importlib.util.find_spec("opendp") is not None:
        return Sampler("opendp", opendp_laplace.draw, opendp_laplace.draw_dummies)
    return Sampler("assent", laplace.draw, laplace.draw_dummies)
