"""Paillier beside phe, in one run on one core: python bench/paillier.py [--bits 3072] [--json FILE].

Rates are medians of process time, so that a busy machine does not flatter or blame anybody.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gateway.he import aggregate
from gateway.he.encryptor import MODES, Encryptor
from gateway.he.paillier import KEY_BITS, decrypt, generate, to_phe

ROUNDS = 5
TARGET = 100  # times phe's own rate, short_exponent at 3072 bits


def seconds_each(call: Callable[[], object], times: int) -> float:
    """Median process time of one of the `times` things that a call does."""
    spent = []
    for _ in range(ROUNDS):
        start = time.process_time()
        call()
        spent.append((time.process_time() - start) / times)
    return statistics.median(spent)


def machine() -> str:
    """Name the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    model = models[0].split(":")[1].strip() if models else platform.processor()
    return f"{model}, Python {platform.python_version()}, one of {os.cpu_count()} cores"


def measure(bits: int) -> dict[str, float]:
    """Return seconds per operation, by its name."""
    key = generate(bits)
    public = key.public
    figures = np.zeros((1000, 1, public.plaintext_bytes), np.uint8)
    figures[:, :, 2:] = np.frombuffer(secrets.token_bytes(figures[:, :, 2:].size), np.uint8).reshape(1000, 1, -1)
    phe_public = to_phe(public)
    message = int.from_bytes(figures[0, 0].tobytes(), "big")
    found = {"phe encrypt": seconds_each(lambda: [phe_public.raw_encrypt(message) for _ in range(5)], 5)}
    ciphertexts = figures
    for mode in MODES:
        start = time.process_time()
        encryptor = Encryptor(key, mode)
        found[f"{mode} tables, once"] = time.process_time() - start
        ciphertexts = encryptor.encrypt(figures)
        found[f"{mode} encrypt"] = seconds_each(lambda: encryptor.encrypt(figures), 1000)  # noqa: B023
    aggregate.setup_public(public.n.to_bytes(bits // 8, "big"), bits)
    for segments in (1, 50):
        where = np.arange(1000, dtype=np.int64) % segments
        found[f"check and add, G = {segments}"] = seconds_each(
            lambda: aggregate.select(ciphertexts, where, segments),  # noqa: B023
            1000,
        )
    masks = aggregate.draw_masks(public.n, 5, 1)
    found["mask and re-randomise"] = seconds_each(lambda: aggregate.finish(ciphertexts[:5], masks), 5)
    found["decrypt"] = seconds_each(lambda: decrypt(key, ciphertexts[:20]), 20)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Paillier beside phe, on one core")
    parser.add_argument("--bits", type=int, default=3072, choices=KEY_BITS)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    asked = parser.parse_args()
    found = measure(asked.bits)
    phe = found["phe encrypt"]
    print(f"{machine()}; n of {asked.bits} bits; process time, median of {ROUNDS}")
    print(f"{'':28}{'us each':>12}{'per second':>12}{'times phe':>12}")
    for name, spent in found.items():
        ratio = f"{phe / spent:12.1f}" if name.endswith("encrypt") else ""
        print(f"{name:28}{spent * 1e6:12.1f}{1 / spent:12.0f}{ratio}")
    times = phe / found["short_exponent encrypt"]
    if asked.bits == max(KEY_BITS):
        verdict = "met" if times >= TARGET else "MISSED"
        print(f"target: short_exponent at least {TARGET} times phe: {times:.0f} times, {verdict}")
    if asked.json:
        report = {"machine": machine(), "bits": asked.bits, "seconds": found, "short_exponent_times_phe": times}
        asked.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
