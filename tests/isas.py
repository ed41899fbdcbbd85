"""The kernel's instruction sets, one after the other in one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.kernel import isa

ALL = ("ifma", "portable")
PARAMS = [pytest.param(name, marks=[pytest.mark.ifma] if name == "ifma" else []) for name in ALL]


@contextmanager
def running_on(name: str) -> Iterator[None]:
    """Every batch inside runs on this instruction set."""
    isa.use(name)
    try:
        yield
    finally:
        isa.use(isa.ISA)


@pytest.fixture(params=PARAMS)
def every_isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once on every instruction set."""
    with running_on(request.param):
        yield request.param
