"""Functions that worker processes run in tests; little is imported here, because they import it too."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import MappingProxyType

from gateway.errors import HostileInput, Misuse

_key: list[object] = []


def install(key: object) -> None:
    print("what a library prints must not spoil an answer")
    _key.append(key)


def install_nothing(key: object) -> None:
    raise Misuse(f"no key of type {type(key).__name__}")


def die_at_once() -> None:
    os._exit(3)


def held() -> tuple[list[object], int]:
    return list(_key), os.getpid()


def pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def surroundings() -> dict[str, object]:
    main = sys.modules["__main__"]
    return {
        "modules": sorted(sys.modules),
        "main": Path(str(main.__file__)).name,
        "session": os.getsid(0),
        "environment": {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")},
        "command": Path("/proc/self/cmdline").read_bytes(),
        "interpreter": sys.executable,
        "threads": threading.active_count(),
    }


def refuse(row: int) -> None:
    raise HostileInput("BAD_CIPHERTEXT", f"row {row}: shares a factor with n")


def fail(message: str) -> None:
    raise LookupError(message, 7)


def fail_with_what_cannot_travel() -> None:
    raise ValueError(MappingProxyType({}))


def answer_with_what_cannot_travel() -> object:
    return threading.Lock()


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def grown(rows: bytes, by: int) -> bytes:
    return rows * by
