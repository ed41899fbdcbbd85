"""What is kept of released runs after they ended: rows taken out of them, and notices between partners."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.route.notice import NoticeKind, ReleasedRun, Removal, StoredNotice, Timing
from gateway.route.provision import ProvidedRun, ProvisionFilter


class RunStore(Protocol):
    """One row per released run: the enrichment ledger's index, and how far withdrawals have reached it."""

    async def put(self, run: ReleasedRun) -> None:
        """Record a release (receiver) or a sending (sender); a job's first record stands."""
        ...

    async def get(self, job_id: str) -> ReleasedRun | None:
        """Return a run, or None when the job released nothing."""
        ...

    async def behind(
        self, changes: int, now: datetime, spool_id: str, after: str = "", limit: int = 100
    ) -> list[ReleasedRun]:
        """Return runs of a spool that SUCCEEDED, keep something at `now`, and were not looked at since `changes`.

        Ordered by job id, strictly after `after`.
        """
        ...

    async def provided(
        self, wanted: ProvisionFilter, before: tuple[datetime, str] | None, limit: int
    ) -> list[ProvidedRun]:
        """Return runs with what their jobs and sessions keep, newest first, behind the (released_at, job_id) given."""
        ...

    async def advance(self, job_id: str, changes: int) -> None:
        """Note that all appends up to a number were looked at; it never goes back."""
        ...

    async def over(self, now: datetime, spool_id: str, limit: int) -> list[tuple[str, str]]:
        """Return (job id, agreement id) of runs of a spool whose retention is over and whose rows are not destroyed."""
        ...

    async def destroyed(self, job_id: str, now: datetime) -> bool:
        """Note that a run's rows are destroyed; False when it was."""
        ...


class RemovalStore(Protocol):
    """Rows of released runs that consent does not cover any more."""

    async def add(self, removals: Sequence[Removal]) -> None:
        """Insert removals; the first of a job and person stands."""
        ...

    async def tell(self, job_id: str, subject_refs: Sequence[str], notice_id: str) -> None:
        """Note by which notice the partner is told."""
        ...

    async def unfinished(self, spool_id: str) -> list[str]:
        """Return the jobs of a spool with rows decided but perhaps still on disk, each once."""
        ...

    async def pending(self, job_id: str, limit: int) -> list[Removal]:
        """Return such rows of a job, the people in order."""
        ...

    async def finish(self, job_id: str, subject_refs: Sequence[str], at: datetime) -> set[str]:
        """Note that the rows of these people are off the disk; return for whom that was not noted before."""
        ...

    async def of_subject(self, subject_ref: str) -> list[Removal]:
        """Return everything taken out about a person, by job."""
        ...

    async def of_job(self, job_id: str, after: str = "", limit: int = 1000) -> list[Removal]:
        """Return what was taken out of a run, by person, strictly after `after`."""
        ...

    async def list(
        self, timing: Timing | None, after: tuple[datetime, str, str] | None = None, limit: int = 100
    ) -> list[Removal]:
        """Return removals, newest first, strictly after the (decided_at, job_id, subject_ref) given."""
        ...


class PeerNoticeStore(Protocol):
    """Notices to and from partners. Ours are the outbox, and the inbox that a partner collects from."""

    async def put(self, notice: StoredNotice) -> bool:
        """Insert a notice; False when it is there already."""
        ...

    async def get(self, partner: str, ours: bool, notice_id: str) -> StoredNotice | None:
        """Return a notice, or None."""
        ...

    async def waiting(self, partner: str, limit: int, after: tuple[datetime, str] | None = None) -> list[StoredNotice]:
        """Return ours to a partner that it has not acknowledged, oldest first, behind (made_at, notice_id)."""
        ...

    async def acknowledge(
        self, partner: str, ours: bool, notice_id: str, record: bytes, signature: bytes, at: datetime
    ) -> bool:
        """Store the acknowledgement; False when one is there already, which stands."""
        ...

    async def of_run(self, session_id: str, kind: NoticeKind | None = None) -> list[StoredNotice]:
        """Return the notices of a run, oldest first."""
        ...

    async def list(self, after: tuple[datetime, str] | None = None, limit: int = 100) -> list[StoredNotice]:
        """Return all notices, newest first, strictly after the (made_at, notice_id) given."""
        ...
