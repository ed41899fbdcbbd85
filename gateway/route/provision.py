"""What is kept of a run in which personal information was provided to a partner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.route.job import JobRequest
from gateway.route.notice import ReleasedRun


@dataclass(frozen=True, slots=True)
class ProvidedRun:
    """One side of a released run, with what its job and its session keep of it.

    Attributes:
        run: as it was noted at the release.
        request: what was asked for.
        report: the job's counts.
        started_at: when the session was opened.
        opening: the opening record that both signed.
        run_record: the run record; empty where the session ended before it was made.
        signed_by: whose signatures under it we hold.
    """

    run: ReleasedRun
    request: JobRequest
    report: Mapping[str, object]
    started_at: datetime
    opening: bytes
    run_record: bytes
    signed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProvisionFilter:
    """Which provisions are wanted; None is any.

    Attributes:
        partner: party id of the other side.
        purpose: purpose id.
        since: released at or after.
        until: released before.
    """

    partner: str | None = None
    purpose: str | None = None
    since: datetime | None = None
    until: datetime | None = None
