"""What this machine does in a second: the curve kernel as runs call it, and plain work beside it. It takes as long.

Processor time is what is measured: of a machine that is busy with other work it tells nearly the same. How long the
wall clock ran meanwhile tells how busy it is.
"""

from __future__ import annotations

import hashlib
import secrets
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gateway import kernel

BATCH = 8192
"""Rows of a call of the kernel; runs call it with 16,384."""
PLAIN_ROWS = 65_536
PLAIN_ROW_BYTES = 60
STEP_S = 0.2
"""Seconds of the wall clock that each kind of work is tried."""
REFERENCE_PLAIN_S = 0.033
"""Processor seconds of a round of plain work on the machine that the constants of `forecast` were measured on."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Processor seconds per row of each kind of work.

    Attributes:
        isa: instruction set of the kernel.
        threads: native threads per batch call.
        blind: hash to the group and multiply.
        evaluate: decode, multiply, encode.
        unblind: that, and hash to an output.
        outputs: hash to the group, multiply, hash to an output.
        slowness: of plain work, times the reference machine.
        crowding: wall time over processor time of the kernel's threads, at least 1.
        seconds: what measuring took.
    """

    isa: str
    threads: int
    blind: float
    evaluate: float
    unblind: float
    outputs: float
    slowness: float
    crowding: float
    seconds: float


def calibrate(threads: int) -> Machine:
    """Measure. Blocks.

    Args:
        threads: native threads per batch call, as runs have them.
    """
    begun = time.perf_counter()
    values = pa.array([secrets.token_hex(6) for _ in range(BATCH)], pa.string())
    inputs, scalar = kernel.oprf_inputs("phone.e164", values), kernel.Scalar.random()
    inverse = scalar.inverse()
    try:
        elements = kernel.blind(inputs, scalar, threads)
        steps: tuple[Callable[[], object], ...] = (
            lambda: kernel.blind(inputs, scalar, threads),
            lambda: kernel.evaluate(elements, scalar, threads),
            lambda: kernel.finalize_unblind(inputs, elements, inverse, threads),
            lambda: kernel.outputs(inputs, scalar, threads),
        )
        spent = [_spent(step, BATCH) for step in steps]
    finally:
        scalar.destroy()
        inverse.destroy()
    plain, _ = _spent(_plain(threads), 1)
    wall, used = sum(wall for _, wall in spent), sum(used for used, _ in spent)
    return Machine(
        kernel.ISA,
        threads,
        blind=spent[0][0],
        evaluate=spent[1][0],
        unblind=spent[2][0],
        outputs=spent[3][0],
        slowness=plain / REFERENCE_PLAIN_S,
        crowding=max(1.0, wall * threads / used),
        seconds=time.perf_counter() - begun,
    )


def _spent(work: Callable[[], object], rows: int) -> tuple[float, float]:
    """Return processor seconds and wall seconds per row of some work, which is repeated for a while."""
    began, used, walls = time.perf_counter(), list[float](), list[float]()
    while not used or time.perf_counter() - began < STEP_S:
        before = time.process_time(), time.perf_counter()
        work()
        used.append((time.process_time() - before[0]) / rows)
        walls.append((time.perf_counter() - before[1]) / rows)
    # What else runs for a moment is to be felt in the wall clock alone.
    return statistics.median(used), statistics.fmean(walls)


def _plain(threads: int) -> Callable[[], object]:
    """Return a round of what runs do beside the curve: keyed hashes, ordering, copying, digests."""
    rows = np.frombuffer(secrets.token_bytes(PLAIN_ROWS * PLAIN_ROW_BYTES), np.uint8).reshape(PLAIN_ROWS, -1)
    key = secrets.token_bytes(32)

    def work() -> None:
        macs = kernel.hmac_sha256(key, np.ascontiguousarray(rows[:, :26]), threads)
        order = kernel.order_rows(macs, 16)
        taken = kernel.take_rows(rows, order)
        joined = np.concatenate([macs, taken], axis=1)
        hashlib.sha256(joined.tobytes()).digest()
        np.unique(joined[:, :8].copy().view(np.uint64))

    return work
