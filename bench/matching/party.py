"""Processes that wait for a word before they begin, so that loading is not measured."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_STOP_S = 20.0
_LOG_TAIL = 2000


class Ended(Exception):
    """A process ended before it had done its work."""


class Party:
    """A process with a line of control: it says "ready", hears "go", answers with a JSON object, waits for the end."""

    def __init__(self, program: Sequence[str | Path], asked: Mapping[str, object], log: Path, cores: set[int]) -> None:
        """Start it.

        Args:
            program: what is called with the JSON object.
            asked: the object; `control`, a file descriptor, is added.
            log: for its stdout and stderr.
            cores: it runs on those.
        """
        self._log = log
        ours, theirs = socket.socketpair()
        with theirs, log.open("wb") as stream, on_cores(cores):
            words = [str(word) for word in program]
            words.append(json.dumps({**asked, "control": theirs.fileno()}))
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, pass_fds=[theirs.fileno()]
            )
        self._ours = ours
        self._control = ours.makefile("rw")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ready(self) -> None:
        """Wait until it is loaded."""
        self._hear()

    def go(self) -> None:
        """Let it begin."""
        print("go", file=self._control, flush=True)

    def answer(self) -> dict[str, int]:
        """Wait for what it found."""
        found: dict[str, int] = json.loads(self._hear())
        return found

    def release(self) -> None:
        """Let it end; some end only together with the other party."""
        with contextlib.suppress(OSError):
            self._control.close()
        self._ours.close()

    def end(self) -> None:
        """Let it end; kill it when it does not."""
        self.release()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _hear(self) -> str:
        line = self._control.readline()
        if not line:
            said = self._log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:]
            raise Ended(f"{self._log.name}: the process ended too early; it said:\n{said}")
        return line


@contextlib.contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Let processes that are started in the block run on some cores only."""
    before = os.sched_getaffinity(threading.get_native_id())
    os.sched_setaffinity(threading.get_native_id(), cores)
    try:
        yield
    finally:
        os.sched_setaffinity(threading.get_native_id(), before)
