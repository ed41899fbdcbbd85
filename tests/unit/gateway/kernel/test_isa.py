from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gateway import kernel
from gateway.errors import Misuse
from gateway.kernel.isa import AVAILABLE, choose


def test_unset_and_empty_take_the_fastest() -> None:
    assert choose({}) == choose({"ASSENT_ISA": ""}) == AVAILABLE[0]


def test_a_named_one_is_taken() -> None:
    assert choose({"ASSENT_ISA": "portable"}) == "portable"
    assert kernel.ISA in AVAILABLE


@pytest.mark.parametrize("named", ["ifma", "PORTABLE", "avx2"])
def test_another_one_is_misuse_and_never_replaced(named: str) -> None:
    with pytest.raises(Misuse, match=f"ASSENT_ISA='{named}'"):
        choose({"ASSENT_ISA": named})


def test_the_import_itself_fails_under_a_missing_one() -> None:
    environment = {**os.environ, "ASSENT_ISA": "ifma", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "import gateway.kernel"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode != 0
    assert "Misuse: ASSENT_ISA='ifma' is not in this build" in run.stderr
