"""Every test of the kernel runs on every instruction set, but in the modules that choose for themselves."""

from __future__ import annotations

import pytest

from tests.isas import PARAMS, every_isa

__all__ = ["every_isa"]

CHOOSING = {"test_exports.py", "test_ifma.py", "test_isa.py", "test_wiped.py"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.path.name not in CHOOSING:
        metafunc.fixturenames.append("every_isa")
        metafunc.parametrize("every_isa", PARAMS, indirect=True)
