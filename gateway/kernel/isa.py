"""The instruction set that the kernel runs on, chosen once when it is imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from gateway.errors import Misuse

AVAILABLE: Final = ("portable",)
"""What this build holds, fastest first."""


def choose(environment: Mapping[str, str]) -> str:
    """Return the instruction set that ASSENT_ISA names, or the fastest one when it names none.

    Args:
        environment: the process's environment.

    Returns:
        One of `AVAILABLE`.

    Raises:
        Misuse: ASSENT_ISA names an instruction set that this build does not hold; a slower one in its place would
            make a measurement lie.
    """
    named = environment.get("ASSENT_ISA", "") or AVAILABLE[0]
    if named not in AVAILABLE:
        raise Misuse(f"ASSENT_ISA={named!r} is not in this build; unset it or use one of: {', '.join(AVAILABLE)}")
    return named


ISA: Final = choose(os.environ)
