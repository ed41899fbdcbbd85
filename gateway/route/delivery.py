"""Results that are put into sinks: files and tables outside, named in the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.route.job import Failure


class SinkMode(StrEnum):
    """REPLACE: a sink holds the last result alone. UPSERT: rows of the same key give way to the new ones."""

    REPLACE = "replace"
    UPSERT = "upsert"


class Withdrawn(StrEnum):
    """What becomes of the row of somebody whose consent does not cover it any more."""

    DELETE = "delete"
    TOMBSTONE = "tombstone"


class DeliveryState(StrEnum):
    """WAITING to be put there; DELIVERED and lying there; the others hold nothing of it there.

    FAILED never came there, REPLACED gave way to another result, EMPTIED had its retention end.
    """

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    REPLACED = "REPLACED"
    EMPTIED = "EMPTIED"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One result on its way to a sink, or lying there.

    Attributes:
        delivery_id: uuid.
        sink: name of the sink.
        job_id: whose result.
        rows: put there.
        attempt: attempts so far.
        retries: how often it is tried again when the sink is away or full.
        backoff_s: seconds until the first of them; doubled for each further one, up to a day.
        not_before: when the next attempt may begin.
        failure: of the last attempt; None when that succeeded, or before it.
        delivered_at: when it lay there whole; None before.
        ended_at: when nothing of it was left there, or it was given up.
    """

    delivery_id: str
    sink: str
    job_id: str
    state: DeliveryState
    rows: int
    attempt: int
    retries: int
    backoff_s: int
    not_before: datetime
    failure: Failure | None
    requested_by: str
    created_at: datetime
    delivered_at: datetime | None = None
    ended_at: datetime | None = None
