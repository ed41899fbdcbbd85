"""Processor time and memory of processes, as the kernel counts them (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PPID, _UTIME, _CSTIME = 1, 11, 15  # of the fields of /proc/PID/stat after the name


def _stat(pid: str) -> list[str]:
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it and live."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(entry.name)):
            children.setdefault(int(fields[_PPID]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def cpu_s(pid: int) -> float:
    """Return user and system seconds of a process, of its children, and of those that it has waited for."""
    return sum(sum(map(int, _stat(str(one))[_UTIME : _CSTIME + 1])) for one in family(pid)) / _TICKS


def peak_mb(pid: int) -> float:
    """Return the largest peak of resident memory among a process and its children, in 10^6 bytes."""
    return max(_peak_kib(one) for one in family(pid)) * 1024 / 1e6


def _peak_kib(pid: int) -> int:
    try:
        lines = Path("/proc", str(pid), "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def machine(cores: list[int]) -> str:
    """Name the processor, how many cores are used, the kernel and what the processor has for the curve."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    wide = "AVX-512 IFMA" if "avx512ifma" in flags else "no AVX-512 IFMA"
    return f"{model} ({wide}), {len(cores)} of {os.cpu_count()} cores, Linux {os.uname().release}"
