"""Whether all passes of a run find a source in one state."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from gateway.errors import SourceError
from gateway.flow.ports import SourceScan

State = Mapping[str, str]
"""Digests of what passes read, by what they cover, under the run's key: sealed with a cohort they tell nothing."""


class SourceState:
    """What the passes of a run have read so far, per part of the data set."""

    def __init__(self, dataset: str, key: bytes, known: Sequence[State] = ()) -> None:
        """Begin with what earlier passes read.

        Args:
            dataset: its name, for messages.
            key: of the run.
            known: per part; none for a first pass, or of a cohort that was judged before states were kept.
        """
        self._dataset, self._key = dataset, key
        self._parts: dict[int, dict[str, str]] = {part: dict(state) for part, state in enumerate(known)}

    @property
    def known(self) -> tuple[State, ...]:
        """What was read, per part."""
        return tuple(self._parts.get(part, {}) for part in range(max(self._parts, default=-1) + 1))

    def see(self, part: int, scan: SourceScan) -> None:
        """Compare a pass that is exhausted with those before it.

        Raises:
            SourceError: SOURCE_CHANGED when they differ in what both read.
        """
        known = self._parts.setdefault(part, {})
        for covered, digest in scan.state.items():
            found = hmac.new(self._key, f"{part}\0{covered}\0{digest}".encode(), hashlib.sha256).hexdigest()
            if known.setdefault(covered, found) != found:
                raise SourceError(
                    "SOURCE_CHANGED",
                    f"data set {self._dataset} is not as it was when the run began; leave its files and tables as they "
                    "are while a run goes on, cancel the job and start a new one",
                )
