"""The kernel's instruction sets, one after the other in one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.kernel import isa

ALL = ("ifma", "portable")


@contextmanager
def running_on(name: str) -> Iterator[None]:
    """Every batch inside runs on this instruction set."""
    isa.use(name)
    try:
        yield
    finally:
        isa.use(isa.ISA)


def require(name: str) -> None:
    """Skip the test, and say why, where the processor or the build lacks the instruction set."""
    if name not in isa.AVAILABLE:
        pytest.skip(f"instruction set {name} is held by neither this build nor this processor")


@pytest.fixture(params=ALL)
def every_isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once on every instruction set."""
    require(request.param)
    with running_on(request.param):
        yield request.param
