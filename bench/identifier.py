"""Identifiers a second on one core, beside a loop over libphonenumber: python bench/identifier.py [--json FILE].

Rates are medians of process time, so that a busy machine does not flatter or blame anybody. Numbers are generated.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import phonenumbers
import pyarrow as pa

from gateway.identifier import normalise, parse, parse_content

ROUNDS = 5
TARGET = 1_000_000  # well-formed phones a second
SAMPLE = 20_000  # numbers that the plain loop is given


def seconds(call: Callable[[], object]) -> float:
    """Median process time of a call."""
    spent = []
    for _ in range(ROUNDS):
        start = time.process_time()
        call()
        spent.append(time.process_time() - start)
    return statistics.median(spent)


def machine() -> str:
    """Name the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    model = models[0].split(":")[1].strip() if models else platform.processor()
    return f"{model}, Python {platform.python_version()}, one of {os.cpu_count()} cores"


def columns(rows: int) -> dict[str, tuple[str, str, pa.StringArray]]:
    """Return columns by what they show: match key, what they hold, values."""
    random = np.random.default_rng(1)
    numbers = [str(13_000_000_000 + n) for n in random.integers(0, 7_000_000_000, rows).tolist()]
    local = [n[3:] for n in numbers]
    ways = (
        lambda n: n,
        lambda n: "+86" + n,
        lambda n: "86" + n,
        lambda n: f"{n[:3]} {n[3:7]} {n[7:]}",
        lambda n: f"+86 {n[:3]}-{n[3:7]}-{n[7:]}",
    )
    odd = (lambda n: f"(+86) {n}", lambda n: f"'{n}", lambda n: n + ".0", lambda n: n[:3] + "****" + n[7:])
    written = [ways[place % len(ways)](n) for place, n in enumerate(numbers)]
    irregular = [
        odd[place // 100 % len(odd)](n) if place % 100 == 0 else way
        for place, (n, way) in enumerate(zip(numbers, written, strict=True))
    ]
    macs = [f"{n:012x}" for n in random.integers(1, 1 << 47, rows).tolist()]
    devices = [hashlib.md5(n.encode(), usedforsecurity=False).hexdigest() for n in numbers]
    made = {
        "phones, eleven digits": ("phone.cn11", "phone", numbers),
        "phones, +86": ("phone.e164", "phone", ["+86" + n for n in numbers]),
        "phones, five ways of writing": ("phone.e164", "phone", written),
        "phones, 1 % irregular": ("phone.e164", "phone", irregular),
        "phones of Hong Kong": ("phone.e164", "phone@HK", [f"+852 9{n[1:4]} {n[4:]}" for n in local]),
        "phones, eleven digits to SHA-256": ("phone.cn11.sha256", "phone", numbers),
        "phones, eleven digits to MD5": ("phone.cn11.md5", "phone", numbers),
        "phones, eleven digits to SM3": ("phone.cn11.sm3", "phone", numbers),
        "digests as they are": ("phone.cn11.md5", "phone.cn11.md5", devices),
        "e-mail, plain": ("email.plain", "email", [f"User.{n}@Example.com" for n in local]),
        "e-mail, Google's form": ("email.google", "email", [f"User.{n}+x@gmail.com" for n in local]),
        "oaid": ("oaid", "oaid", devices),
        "idfa": ("idfa", "idfa", devices),
        "imei, 14 digits": ("imei", "imei", ["35" + n + "0" for n in numbers]),
        "mac": ("mac", "mac", macs),
    }
    return {name: (key, holds, pa.array(values, pa.string())) for name, (key, holds, values) in made.items()}


def measure(rows: int) -> dict[str, float]:
    """Return values a second, by what they are."""
    found: dict[str, float] = {}
    for name, (key, holds, values) in columns(rows).items():
        of = parse(key)
        content = parse_content(holds)
        spent = seconds(lambda of=of, values=values, content=content: normalise(of, values, content))
        _, reasons = normalise(of, values, content)
        rejected = len(reasons) - reasons.null_count
        if rejected > rows // 100:
            raise SystemExit(f"{name}: {rejected} of {rows} rows were rejected; the column is not what it says")
        found[name] = rows / spent
    plain = columns(SAMPLE)["phones, +86"][2].to_pylist()

    def loop() -> None:
        for text in plain:
            number = phonenumbers.parse(text, "CN")
            if phonenumbers.is_valid_number(number):
                phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    found["libphonenumber in a loop"] = SAMPLE / seconds(loop)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, help="write the figures there")
    chosen = parser.parse_args()
    pa.set_cpu_count(1)
    found = measure(chosen.rows)
    loop = found["libphonenumber in a loop"]
    for name, rate in found.items():
        print(f"{name:36} {rate:14,.0f}/s {rate / loop:10,.0f} times libphonenumber")
    met = found["phones, eleven digits"] >= TARGET and found["phones, +86"] >= TARGET
    print(f"target {TARGET:,} well-formed phones a second: {'met' if met else 'missed'}; {machine()}")
    if chosen.json is not None:
        record = {
            "machine": machine(),
            "rows": chosen.rows,
            "per_second": found,
            "phones_per_s": min(found["phones, eleven digits"], found["phones, +86"]),
            "libphonenumber_per_s": loop,
            "ratio": min(found["phones, eleven digits"], found["phones, +86"]) / loop,
            "target_per_s": TARGET,
            "met": met,
        }
        chosen.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
