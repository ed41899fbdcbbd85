from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from gateway import kernel
from gateway.errors import Misuse
from gateway.kernel import isa
from gateway.kernel._native import lib
from tests.isas import ALL, PARAMS, running_on


def import_kernel(named: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ASSENT_ISA": named, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "from gateway.kernel import ISA; print(ISA)"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_unset_and_empty_take_the_fastest() -> None:
    assert isa.choose({}) == isa.choose({"ASSENT_ISA": ""}) == isa.AVAILABLE[0]


def test_the_portable_one_is_everywhere_and_the_slowest() -> None:
    assert isa.AVAILABLE[-1] == "portable"
    assert set(isa.AVAILABLE) <= set(ALL)
    assert kernel.ISA in isa.AVAILABLE


@pytest.mark.parametrize("named", PARAMS)
def test_a_named_one_is_taken(named: str) -> None:
    assert isa.choose({"ASSENT_ISA": named}) == named
    assert import_kernel(named).stdout == f"{named}\n"


def test_one_that_the_processor_lacks_is_misuse_and_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isa, "AVAILABLE", ("portable",))
    with pytest.raises(Misuse, match=r"ASSENT_ISA='ifma' is not held by this build or this processor.*: portable"):
        isa.choose({"ASSENT_ISA": "ifma"})
    with pytest.raises(Misuse, match="'ifma'"):
        isa.use("ifma")


@pytest.mark.parametrize("named", ["IFMA", "PORTABLE", "avx2", "ifma,portable"])
def test_one_that_nobody_knows_is_misuse(named: str) -> None:
    with pytest.raises(Misuse, match=f"ASSENT_ISA='{named}' names no instruction set"):
        isa.choose({"ASSENT_ISA": named})


def test_the_import_itself_fails_under_an_unknown_one() -> None:
    run = import_kernel("avx2")
    assert run.returncode != 0
    assert "Misuse: ASSENT_ISA='avx2' names no instruction set" in run.stderr


def test_the_native_module_refuses_what_it_does_not_hold() -> None:
    held = lib.assent_isas()
    assert held & 1
    for number in (*range(2, 40), 2**32 - 1):
        assert lib.assent_use_isa(number) == lib.ASSENT_NO_SUCH_ISA
    assert lib.assent_isas() == held


def test_a_batch_after_the_switch_runs_on_the_other_one() -> None:
    """Told apart by their speed would be fragile: the same products from both, and back again afterwards."""
    elements, secret = kernel.random_elements(70, 1), kernel.Scalar.random()
    products = []
    for named in isa.AVAILABLE:
        with running_on(named):
            products.append(kernel.evaluate(elements, secret, 2))
    assert all(np.array_equal(product, products[0]) for product in products)
