"""The runs of the demo: MATCH, ENRICH while people withdraw, AGGREGATE."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from gateway.client import Agreement, Client, Job
from gateway.client.outcome import Cancelled, Refused
from gateway.errors import StateError
from gateway.main.demo.groundwork import COLUMNS, MEASURED, MEASUREMENT, PLATFORM, PURPOSE, RETAILER, Both, terms
from gateway.main.demo.people import CONTROL, withdrawals
from gateway.main.demo.server import Server

MOST_WITHDRAWN = 20  # people on either side
_AFTER_EXCHANGE = frozenset({"REJUDGING", "RELEASING"})

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run.

    Attributes:
        retailer_job: as the retailer's gateway tells it, with its counts.
        platform_job: the other side of the same session.
        result: as the retailer reads it: one row per customer and attribute, or per statistic.
    """

    retailer_job: Job
    platform_job: Job
    result: pa.Table

    @property
    def customers(self) -> list[str]:
        """Customers of the result, each once, in its order."""
        return list(dict.fromkeys(self.result.column("customer").to_pylist()))


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Who withdrew while a run was going on.

    Attributes:
        state: state of the retailer's job at that moment, "" when the run was over before.
        at_retailer: the retailer's ids of those who told the retailer.
        at_platform: the retailer's ids of those who told the platform.
    """

    state: str
    at_retailer: tuple[str, ...] = ()
    at_platform: tuple[str, ...] = ()


def match(both: Both, agreement: Agreement, say: Say) -> Run:
    """Learn which customers both companies have."""
    job = both.retailer.jobs.create(agreement.agreement_id, "MATCH", PURPOSE)
    return _finished(both, job.job_id, _follow(both.retailer, job.job_id, say))


def aggregate(both: Both, agreement: Agreement, say: Say) -> Run:
    """Learn what each arm of the campaign bought, compared with those who got no mail."""
    job = both.retailer.jobs.create(agreement.agreement_id, "AGGREGATE", MEASUREMENT, MEASURED)
    return _finished(both, job.job_id, _follow(both.retailer, job.job_id, say), CONTROL)


def enrich(
    both: Both,
    servers: dict[str, Server],
    agreement: Agreement,
    leaving: Sequence[tuple[str, str]],
    say: Say,
) -> tuple[Run, Withdrawn]:
    """Learn agreed attributes of the customers in common, while some of them withdraw.

    Args:
        both: the clients.
        servers: the processes by party.
        agreement: in force.
        leaving: (retailer's id, platform's id) of people who withdraw during the run.
        say: hears of every change.
    """
    withdrawn = Withdrawn("")

    def changed(job: Job) -> None:
        nonlocal withdrawn
        # From stage 1 on the retailer's data has left: what it hears now is a late withdrawal.
        exchanging = job.state == "EXCHANGING" and job.stage >= 1
        if not withdrawn.state and (exchanging or job.state in _AFTER_EXCHANGE):
            withdrawn = _withdraw(both, servers, leaving, job.state)
            say(
                f"{len(withdrawn.at_retailer)} people withdraw at the retailer, "
                f"{len(withdrawn.at_platform)} at the platform"
            )

    job = both.retailer.jobs.create(agreement.agreement_id, "ENRICH", PURPOSE, COLUMNS)
    last = _follow(both.retailer, job.job_id, say, changed)
    return _finished(both, job.job_id, last), withdrawn


def _withdraw(both: Both, servers: dict[str, Server], leaving: Sequence[tuple[str, str]], state: str) -> Withdrawn:
    """Import withdrawals on both sides; each gateway stands still while the other hears of its own.

    So the run cannot end before both have been told, however small it is.
    """
    half = min(len(leaving) // 2, MOST_WITHDRAWN)
    told_retailer, told_platform = leaving[:half], leaving[half : 2 * half]
    servers[PLATFORM].signal(signal.SIGSTOP)
    try:
        _import(both.retailer, RETAILER, [mine for mine, _ in told_retailer])
        servers[RETAILER].signal(signal.SIGSTOP)
    finally:
        servers[PLATFORM].signal(signal.SIGCONT)
    try:
        _import(both.platform, PLATFORM, [theirs for _, theirs in told_platform])
    finally:
        servers[RETAILER].signal(signal.SIGCONT)
    return Withdrawn(state, tuple(mine for mine, _ in told_retailer), tuple(mine for mine, _ in told_platform))


def _import(client: Client, party: str, customers: Sequence[str]) -> None:
    now = datetime.now(UTC)
    client.consents.import_events(list(enumerate(withdrawals(terms(party, now), customers, now), 1)), "customer")


def _follow(client: Client, job_id: str, say: Say, changed: Callable[[Job], None] = lambda job: None) -> Job:
    """Watch a job to its end, telling every new state."""
    said, last = "", None
    for last in client.jobs.watch(job_id):
        waiting = f", waiting for {last.waiting_for}" if last.waiting_for != "NONE" else ""
        now = f"{last.operation} {last.state}{waiting}"
        if now != said:
            say(now)
            said = now
        changed(last)
    if last is None:
        raise StateError("PEER_UNAVAILABLE", "the gateway ended the watch of a job before its end; run the demo again")
    return last


def _finished(both: Both, job_id: str, job: Job, control: str | None = None) -> Run:
    """Read what a run released; compared with a control, where that is large enough to be released."""
    if job.refusal is not None:
        raise Refused(*job.refusal)
    if job.state == "CANCELLED":
        raise Cancelled(job_id)
    if job.state != "SUCCEEDED":
        raise StateError("STAGE_ORDER", f"the run failed ({job.failure}); the servers' logs say more")
    other = _sender_job(both.platform, job.session_id)
    result = both.retailer.jobs.result(job_id)
    if control is not None and control in released_segments(result):
        result = both.retailer.jobs.result(job_id, control)
    return Run(job, other, result)


def released_segments(cells: pa.Table) -> set[str]:
    """Name the segments of a result that were not suppressed."""
    rows = cells.select(["segment", "suppressed"]).to_pylist()
    return {row["segment"] for row in rows if row["segment"] is not None and row["suppressed"] is None}


def _sender_job(client: Client, session_id: str) -> Job:
    """Find the other side of a session; it ends a moment after the receiver's."""
    found = next((job for job in client.jobs.list() if job.session_id == session_id), None)
    if found is None:
        raise StateError("NOT_FOUND", "the platform has no job of this session; its log says more")
    return client.jobs.wait(found.job_id)
