"""The curve kernel beside libsodium and OpenSSL, in one run: python bench/kernel.py [--rounds 40] [--json FILE].

Rates are per core and second, from CPU time. Every engine has a short turn in every round; what counts is its best
tenth, the turns that neighbours disturbed least (a tenth of the turns is faster than the figure), and the median is
shown beside it. Ratios are taken round by round. With two threads, CPU time is that of the process, and the figures in
the JSON are those of both threads together. libsodium comes as rbcl in a virtual environment of its own under
bench/.venvs, OpenSSL's X25519 with cryptography.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from matching import venvs

from gateway import kernel
from gateway.kernel import isa

LIBSODIUM_VENV = ("rbcl", ("rbcl==1.1.2",))
ROWS = {"ifma": 1024, "portable": 64}  # of a turn with one thread: 5 to 10 ms
THREADS = (1, 2)
PEER_CALLS = 100

LIBSODIUM = f"""
import sys, time
import rbcl
point, scalar = rbcl.crypto_core_ristretto255_random(), rbcl.crypto_core_ristretto255_scalar_random()
for _ in sys.stdin:
    for _ in range({PEER_CALLS}):  # awake and warm
        rbcl.crypto_scalarmult_ristretto255(scalar, point)
    start = time.thread_time()
    for _ in range({PEER_CALLS}):
        rbcl.crypto_scalarmult_ristretto255(scalar, point)
    print((time.thread_time() - start) / {PEER_CALLS}, flush=True)
"""


@dataclass(slots=True)
class Turns:
    """Seconds of CPU and of wall that one operation took, turn by turn."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def run(self, call: Callable[[], object], operations: int, clock: Callable[[], float] = time.thread_time) -> None:
        wall, cpu = time.perf_counter(), clock()
        call()
        self.cpu.append((clock() - cpu) / operations)
        self.wall.append((time.perf_counter() - wall) / operations)

    @property
    def per_s(self) -> float:
        return 1 / statistics.quantiles(self.cpu, n=10)[0]

    @property
    def median_per_s(self) -> float:
        return 1 / statistics.median(self.cpu)

    @property
    def wall_per_s(self) -> float:
        return 1 / statistics.quantiles(self.wall, n=10)[0]

    def times(self, other: Turns) -> float:
        """How many times as fast as another engine, whose turn was in the same round: the median over the rounds."""
        return statistics.median(theirs / mine for mine, theirs in zip(self.cpu, other.cpu, strict=True))


def libsodium() -> subprocess.Popen[str]:
    """Start the peer, in an environment made on first use."""
    command = [venvs.python_of(LIBSODIUM_VENV), "-c", LIBSODIUM]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def machine() -> str:
    """Name the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = dict(line.split(":", 1) for line in lines if ":" in line)
    said = {key.strip(): text.strip() for key, text in named.items()}
    model = said.get("model name", platform.processor())
    numbers = " ".join(f"{key} {said[key]}" for key in ("cpu family", "model", "cpu MHz") if key in said)
    return f"{model} ({numbers}), {os.cpu_count()} cores, Python {platform.python_version()}"


def measure(rounds: int) -> tuple[dict[tuple[str, int], tuple[Turns, Turns]], Turns, Turns]:
    """Give every engine its turns: ours by instruction set and threads (evaluate, blind), libsodium, X25519."""
    ours = {(name, threads): (Turns(), Turns()) for name in isa.AVAILABLE for threads in THREADS}
    sodium, x25519 = Turns(), Turns()
    secret = kernel.Scalar.random()
    most = max(ROWS.values()) * max(THREADS) * 2
    elements = kernel.random_elements(most, 1)
    words = kernel.oprf_inputs("phone.e164", pa.array([f"+86138{i:08d}" for i in range(most)]))
    private, public = X25519PrivateKey.generate(), X25519PrivateKey.generate().public_key()

    def exchange() -> None:
        for _ in range(PEER_CALLS):
            private.exchange(public)

    with libsodium() as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        for _ in range(rounds):
            for (name, threads), (evaluate, blind) in ours.items():
                isa.use(name)
                rows = ROWS[name] if threads == 1 else ROWS[name] * threads * 2
                clock = time.thread_time if threads == 1 else time.process_time
                some, few = elements[:rows], words.slice(0, rows)
                evaluate.run(lambda: kernel.evaluate(some, secret, threads), rows, clock)  # noqa: B023
                blind.run(lambda: kernel.blind(few, secret, threads), rows, clock)  # noqa: B023
            print("turn", file=peer.stdin, flush=True)
            sodium.cpu.append(float(peer.stdout.readline()))
            x25519.run(exchange, PEER_CALLS)
        peer.stdin.close()
    isa.use(isa.ISA)
    return ours, sodium, x25519


def targets(ours: dict[tuple[str, int], tuple[Turns, Turns]], sodium: Turns) -> list[tuple[str, float, float]]:
    """What each target asks for, what this run reached, and the least that meets it.

    Ratios to libsodium are given twice, since they differ on a busy machine: round by round, and best against best.
    """
    judged: list[tuple[str, float, float]] = []
    for name in isa.AVAILABLE:
        evaluate, blind = ours[name, 1]
        if name == "ifma":
            judged.append(("ifma decode-mul-encode per core and second", evaluate.per_s, 165_000))
            judged.append(("ifma hash-mul-encode per core and second", blind.per_s, 145_000))
        least = {"ifma": 9.0, "portable": 1.1}[name]
        judged.append((f"{name} times libsodium, round by round", evaluate.times(sodium), least))
        judged.append((f"{name} times libsodium, best against best", evaluate.per_s / sodium.per_s, least))
        judged.append((f"{name} two threads times one, CPU time", 2 * ours[name, 2][0].times(evaluate), 1.9))
    return judged


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="The curve kernel beside libsodium and OpenSSL")
    parser.add_argument("--rounds", type=int, default=40, help="turns of every engine, at least 3")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    asked = parser.parse_args()
    if asked.rounds < 3:
        sys.exit("--rounds must be at least 3")
    ours, sodium, x25519 = measure(asked.rounds)

    print(f"{machine()}; per core and second, CPU time, best tenth of {asked.rounds} turns")
    print(f"{'':30}{'decode-mul-encode':>22}{'median':>10}{'x libsodium':>12}{'hash-mul-encode':>20}{'median':>10}")
    report = []
    for (name, threads), (evaluate, blind) in ours.items():
        ratio = evaluate.times(sodium)
        print(
            f"{f'{name}, threads {threads}':30}{evaluate.per_s:22,.0f}{evaluate.median_per_s:10,.0f}{ratio:12.2f}"
            f"{blind.per_s:20,.0f}{blind.median_per_s:10,.0f}"
        )
        one = ours[name, 1][0]
        report.append(
            {
                "machine": machine(),
                "isa": name,
                "threads": threads,
                "decode_mul_encode_per_s": evaluate.per_s * threads,
                "hash_mul_encode_per_s": blind.per_s * threads,
                "median_decode_mul_encode_per_s": evaluate.median_per_s * threads,
                "median_hash_mul_encode_per_s": blind.median_per_s * threads,
                "wall_decode_mul_encode_per_s": evaluate.wall_per_s,
                "wall_hash_mul_encode_per_s": blind.wall_per_s,
                "scaling": evaluate.times(one) * threads,
                "times_libsodium": ratio,
                "best_times_libsodium": evaluate.per_s / sodium.per_s,
                "libsodium_mul_per_s": sodium.per_s,
                "median_libsodium_mul_per_s": sodium.median_per_s,
                "openssl_x25519_per_s": x25519.per_s,
                "median_openssl_x25519_per_s": x25519.median_per_s,
            }
        )
    for name, peer in (("libsodium ristretto255 (rbcl)", sodium), ("OpenSSL X25519 (cryptography)", x25519)):
        print(f"{name:30}{peer.per_s:22,.0f}{peer.median_per_s:10,.0f}{peer.times(sodium):12.2f}")
    for name in isa.AVAILABLE:
        one, two = ours[name, 1][0], ours[name, 2][0]
        print(
            f"{name}: two threads {2 * two.times(one):.2f} times one by CPU time, "
            f"{two.wall_per_s / one.wall_per_s:.2f} by the wall clock of this machine as busy as it is"
        )
    for goal, reached, least in targets(ours, sodium):
        print(f"target: {goal} at least {least:,}: {reached:,.2f}, {'met' if reached >= least else 'MISSED'}")
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
