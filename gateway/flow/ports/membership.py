"""The store of memberships: who was in the cohort of which run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gateway.route.membership import Membership

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
BLOCK = 1 << 16
"""People whose bits are kept together."""


class MembershipStore(Protocol):
    """Cohorts of runs as bitmaps over numbered people."""

    async def put(self, membership: Membership) -> None:
        """Store one that is not numbered yet; a job's first stands."""
        ...

    async def get(self, session_id: str) -> Membership | None:
        """Return the cohort of a session, or None."""
        ...

    async def waiting(self, spool_id: str, limit: int) -> list[Membership]:
        """Return those of a spool's ended jobs that are not numbered yet, the oldest first."""
        ...

    async def next_number(self) -> int:
        """Return the number that will be given next."""
        ...

    async def numbers(self, refs: Bytes) -> Numbers:
        """Return each person's number, (n,), -1 for none.

        Args:
            refs: (n, 26) ascending.
        """
        ...

    async def assign(self, refs: Bytes, expected: int) -> bool:
        """Number people who have no number, those of them who are on file.

        Args:
            refs: (n, 26), each once.
            expected: the next number as it was when nobody of them had one; False, and nothing stored, when it is
                another now.
        """
        ...

    async def number(self, job_id: str, blocks: Mapping[int, bytes], apart: Sequence[bytes], expected: int) -> bool:
        """Store a cohort's bits and the leaves of members without number.

        Args:
            job_id: of the run.
            blocks: by number // BLOCK.
            apart: 32 bytes each.
            expected: the next number as it was when the bits were made; False, and nothing stored, when it is another
                now: somebody was numbered or erased meanwhile.
        """
        ...

    async def holds(self, membership: Membership, subject_ref: str) -> bool:
        """Return whether a person was in a cohort that is numbered."""
        ...

    async def blocks(self, job_id: str) -> dict[int, bytes]:
        """Return a cohort's bits."""
        ...

    async def apart(self, job_id: str) -> list[bytes]:
        """Return the leaves of members without number, ascending."""
        ...

    async def people(self, after: str, limit: int) -> tuple[Bytes, Numbers]:
        """Return numbered people in order, (n, 26) and (n,), strictly after `after`."""
        ...

    async def over(self, before: datetime, limit: int) -> list[Membership]:
        """Return cohorts kept before a time, the oldest first."""
        ...

    async def destroy(self, job_id: str) -> bool:
        """Destroy a cohort; False when it was not there."""
        ...
