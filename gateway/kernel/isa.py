"""The instruction set that the kernel runs on, chosen once when it is imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from gateway.errors import Misuse
from gateway.kernel._native import lib

# Fastest first, with their numbers in native/src/api.h.
_NUMBERS: Final = {"ifma": 1, "portable": 0}

AVAILABLE: Final = tuple(name for name, number in _NUMBERS.items() if lib.assent_isas() >> number & 1)
"""What both this build and this processor hold, fastest first."""


def choose(environment: Mapping[str, str]) -> str:
    """Return the instruction set that ASSENT_ISA names, or the fastest one when it names none.

    Args:
        environment: the process's environment.

    Returns:
        One of `AVAILABLE`.

    Raises:
        Misuse: ASSENT_ISA names an instruction set that this build or this processor does not hold; a slower one in
            its place would make a measurement lie.
    """
    named = environment.get("ASSENT_ISA", "") or AVAILABLE[0]
    if named not in AVAILABLE:
        fault = "is not held by this build or this processor" if named in _NUMBERS else "names no instruction set"
        raise Misuse(f"ASSENT_ISA={named!r} {fault}; unset it or use one of: {', '.join(AVAILABLE)}")
    return named


def use(name: str) -> None:
    """Run every later batch of the whole process on another instruction set; for tests and measurements.

    Args:
        name: one of `AVAILABLE`.

    Raises:
        Misuse: it is not one of them.
    """
    if name not in AVAILABLE or lib.assent_use_isa(_NUMBERS[name]) != lib.ASSENT_OK:
        raise Misuse(f"instruction set {name!r} is not held here; use one of: {', '.join(AVAILABLE)}")


ISA: Final = choose(os.environ)
use(ISA)
