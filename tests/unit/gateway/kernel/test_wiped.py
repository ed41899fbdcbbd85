"""What a batch leaves behind in memory: a child multiplies, and its whole writable memory is searched from outside."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.isas import PARAMS
from tests.reference import ristretto255 as reference

CHILD = """
import sys, threading
import pyarrow as pa
from gateway import kernel
secret, left = sys.stdin.readline().split(",")
kept = bytearray.fromhex(left.strip())
secret = kernel.Scalar.from_secret_bytes(bytes.fromhex(secret))
elements = kernel.random_elements(130, 2)
words = pa.array([str(i) for i in range(130)])
for call, arguments in (
    (kernel.evaluate, (elements, secret, 1)),
    (kernel.blind, (words, secret, 2)),
    (kernel.finalize_unblind, (words, elements, secret, 1)),
):
    # Each on a stack of its own, which nothing writes over afterwards.
    thread = threading.Thread(target=call, args=arguments)
    thread.start()
    thread.join()
print("done", flush=True)
sys.stdin.read()
"""


def digits_of_half(scalar: int) -> bytes:
    """The 64 odd signed digits of native/src/scalar.h, as bytes."""
    half = scalar * pow(2, -1, reference.l) % reference.l
    half += reference.l if half % 2 == 0 else 0
    digits = [((half >> 4 * i & 15) | 1 | (half >> 4 * i + 4 & 1) << 4) - 16 for i in range(63)]
    digits.append(half >> 252 | 1)
    assert sum(digit << 4 * i for i, digit in enumerate(digits)) == half
    return b"".join(digit.to_bytes(1, "little", signed=True) for digit in digits)


@contextmanager
def child(isa: str, scalar: int, left: bytes) -> Iterator[int]:
    """Run CHILD until it has multiplied, and give its process id while it waits."""
    environment = {**os.environ, "ASSENT_ISA": isa, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CHILD]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        run.stdin.write(f"{scalar.to_bytes(32, 'little').hex()},{left.hex()}\n")
        run.stdin.flush()
        assert run.stdout.readline() == "done\n"
        yield run.pid
        run.stdin.close()


def occurrences(pid: int, needle: bytes) -> int:
    found = 0
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            first, end = (int(address, 16) for address in span.split("-"))
            memory.seek(first)
            found += memory.read(end - first).count(needle)
    return found


@pytest.mark.child_memory
@pytest.mark.parametrize("isa", PARAMS)
def test_the_digits_of_a_scalar_are_gone_after_the_batch(isa: str) -> None:
    scalar = random.SystemRandom().randrange(1, reference.l)
    # A quarter of the digits is enough to know them by, and finds what a wipe left of them.
    quarter = digits_of_half(scalar)[16:32]
    with child(isa, scalar, b"") as pid:
        assert occurrences(pid, quarter) == 0
    with child(isa, scalar, quarter) as pid:
        assert occurrences(pid, quarter) == 1, "the search itself finds what is there"
