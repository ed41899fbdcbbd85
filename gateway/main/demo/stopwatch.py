"""Steps of the demo with the seconds that each took; people follow them on stderr."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.cli.screen import words


class Stopwatch:
    """Measures steps one after the other.

    Attributes:
        steps: (name, seconds) of every finished step.
    """

    def __init__(self) -> None:
        """Begin now."""
        self._begun = time.monotonic()
        self.steps: list[tuple[str, float]] = []

    @property
    def total_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure one step and say its name before and its time after."""
        begun = time.monotonic()
        words(f"{self.total_s:5.1f} s  {name} ...")
        yield
        self.steps.append((name, time.monotonic() - begun))

    def note(self, sentence: str) -> None:
        """Say what happens within a step."""
        words(f"{self.total_s:5.1f} s      {sentence}")
