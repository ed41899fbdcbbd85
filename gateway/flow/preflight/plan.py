"""Whether a job would run, and what it would take, before anything is sent: the run's own checks, and all of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.disclosure import charges
from gateway.errors import HostileInput, RequestError, SourceError, StateError
from gateway.flow.access import require
from gateway.flow.authorize import (
    NOT_BOUND,
    authorize_receiver,
    direction_of,
    gates_for,
    in_force,
    keys_agreed,
    keys_bound,
    purpose_agreed,
    rate_left,
    standing,
)
from gateway.flow.grouping import grouped_of
from gateway.flow.job import new_job
from gateway.flow.ports import House, Transaction
from gateway.flow.preflight.asked import Asked, asked_of
from gateway.flow.preflight.calibrate import Machine, calibrate
from gateway.flow.preflight.fit import cohort_check, sample_checks, size_checks
from gateway.flow.preflight.forecast import Forecast, Size, forecast
from gateway.flow.preflight.sample import Sample, sample_of
from gateway.flow.preflight.verdict import Check, Verdict, fine, no, of_refusal, warning
from gateway.flow.registry import load_registry
from gateway.flow.segment import terms_of
from gateway.flow.threads import in_thread
from gateway.psi.attributes import plaintext_bytes
from gateway.psi.suite import padded
from gateway.route.agreement import AgreementCopy, Direction, Padding
from gateway.route.caller import Caller, Role
from gateway.route.job import AuthorizedJob, Job, JobRequest, Refusal, Side

SOON = timedelta(days=30)
_LOOPBACK = ("127.", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Planned:
    """What a run would take, and what that was made of.

    Attributes:
        own: records that we would send.
        partner: the partner's; partner_from says where the number is from.
        shared_machine: whether both gateways run here.
    """

    forecast: Forecast
    machine: Machine
    sample: Sample
    own: int
    partner: int
    partner_from: str
    shared_machine: bool


@dataclass(frozen=True, slots=True)
class JobPlan:
    """Whether a job would run, and what it would take; None where that cannot be told."""

    checks: tuple[Check, ...]
    planned: Planned | None


async def plan_job(house: House, caller: Caller, request: JobRequest, partner_rows: int = 0) -> JobPlan:
    """Look at everything that a run would, and measure this machine for a second or two.

    Args:
        house: ports.
        caller: who would ask for the job.
        request: the job.
        partner_rows: records of the partner; 0 takes those of the last run, or as many as ours.

    Raises:
        StateError: NOT_FOUND for an unknown agreement.
    """
    require(caller, Role.CDP_JOB, Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR)
    at = house.clock.now()
    job = new_job(house, "plan", Side.RECEIVER, "", request, at)
    async with house.store.read() as tx:
        copy = await tx.agreements.get(request.agreement_id)
        direction = direction_of(copy.agreement, request, house.custody.party, Side.RECEIVER, None)
        checks = await _agreed(house, tx, copy, request, direction, at)
        authorized = await authorize_receiver(house, tx, job)
        checks += await _ends(house, tx, copy, at)
        last = await tx.jobs.previous(job)
        if isinstance(authorized, AuthorizedJob) and authorized.operation.grouped:
            checks.append(await _budget(tx, authorized, at))
    if isinstance(authorized, Refusal):
        if all(check.verdict is not Verdict.NO for check in checks):
            checks.append(no("run", authorized.reason_code, authorized.message))
        return JobPlan(tuple(checks), None)
    asked = await asked_of(house, authorized.binding.dataset, request.agreement_id)
    try:
        columns = await _columns(house, authorized)
        if columns.verdict is Verdict.NO:
            return JobPlan((*checks, columns), None)
        checks.append(columns)
        sample = await sample_of(house, authorized.binding, asked, authorized.gates, _last(last, "rows_read"))
    except (SourceError, StateError) as error:
        checks.append(no("data_set", error.reason, error.message))
        return JobPlan(tuple(checks), None)
    checks += sample_checks(asked, sample)
    try:
        planned = await _planned(house, authorized, asked, sample, last, partner_rows)
    except RequestError as error:
        checks.append(no("statistics", error.reason, error.message))
        return JobPlan(tuple(checks), None)
    checks += size_checks(authorized, planned.own, planned.partner, planned.forecast, house.spool.free_bytes())
    if authorized.operation.grouped:
        checks.append(cohort_check(authorized, planned.own))
    return JobPlan(tuple(checks), planned)


async def _columns(house: House, job: AuthorizedJob) -> Check:
    """Look for the bound columns in the data set as it is now."""
    binding = job.binding
    description = await house.datasets.describe(binding.dataset)
    present = {name for name, _ in description.columns}
    bound = [binding.subject_column, *(column for _, column in binding.match_key_columns)]
    bound += [binding.segment_column] if job.operation.grouped else []
    missing = [column for column in bound if column not in present]
    if not missing:
        return fine("columns", f"{binding.dataset}: {', '.join(dict.fromkeys(bound))}")
    told = ", ".join(missing)
    return no("columns", "MISSING_COLUMN", f"data set {binding.dataset} has no column {told}; export or bind another")


async def _agreed(
    house: House,
    tx: Transaction,
    copy: AgreementCopy,
    request: JobRequest,
    direction: Direction | Refusal,
    at: datetime,
) -> list[Check]:
    """Look at what the agreement and the registry say; every one of the run's checks, not the first that fails."""
    agreement = copy.agreement
    runs = await tx.jobs.count_since(agreement.agreement_id, Side.RECEIVER.value, at - timedelta(days=1))
    checks = [
        of_refusal("agreement", in_force(copy, at), f"in force until {agreement.valid_until:%Y-%m-%d}"),
        of_refusal("purpose", purpose_agreed(agreement, request), request.purpose),
        of_refusal(
            "rate",
            await rate_left(tx, agreement, Side.RECEIVER, at),
            f"{runs} of {agreement.caps.runs_per_day} runs a day are used",
        ),
    ]
    if isinstance(direction, Refusal):
        return [*checks, of_refusal("operation", direction, "")]
    checks.append(fine("operation", f"{request.operation} with {direction.sender}"))
    gates, column_gates = gates_for(agreement, direction, request, Side.RECEIVER)
    registry = await load_registry(tx, house)
    against = await standing(tx, registry, (*gates, *(use for _, use in column_gates)), at)
    checks.append(of_refusal("consent_rules", against, "purpose, categories, assessment and partner are registered"))
    binding = await tx.agreements.binding(agreement.agreement_id)
    unfit = keys_agreed(agreement, direction)
    if binding is None:
        return [*checks, of_refusal("match_keys", unfit, "agreed"), of_refusal("data_set", NOT_BOUND, "")]
    unfit = unfit or await keys_bound(house, agreement, binding)
    checks.append(of_refusal("match_keys", unfit, ", ".join(agreement.match_keys)))
    return checks


async def _ends(house: House, tx: Transaction, copy: AgreementCopy, at: datetime) -> list[Check]:
    """Look at what ends: the agreement, our certificate, the partner's."""
    checks = []
    if copy.agreement.valid_until - at < SOON:
        until = f"{copy.agreement.valid_until:%Y-%m-%d}"
        checks.append(warning("agreement", "", f"it ends on {until}: agree on the next one"))
    ends = [("certificate", "our", house.custody.certificate_end())]
    partner = next(party.party for party in copy.agreement.parties if party.party != house.custody.party)
    for pem in (await tx.partners.get(partner)).card.trust:
        try:
            ends.append(("partner_certificate", f"{partner}'s", house.custody.certificate_end(pem)))
        except HostileInput as error:
            checks.append(warning("partner_certificate", error.reason, error.message))
    for name in ("certificate", "partner_certificate"):
        # Two of a partner overlap while it changes them: the later one counts.
        of_name = [(whose, end) for what, whose, end in ends if what == name]
        if of_name:
            whose, end = max(of_name, key=lambda found: found[1])
            checks.append(_until(name, f"{whose} certificate", end, at))
    return checks


def _until(name: str, what: str, end: datetime, at: datetime) -> Check:
    if end <= at:
        return no(name, "PEER_UNAVAILABLE", f"{what} ended on {end:%Y-%m-%d}: no connection opens; renew it")
    if end - at < SOON:
        return warning(name, "", f"{what} ends on {end:%Y-%m-%d}; renew it")
    return fine(name, f"{what} holds until {end:%Y-%m-%d}")


async def _budget(tx: Transaction, job: AuthorizedJob, at: datetime) -> Check:
    """Say what the run costs, and what is left; that it can be borne was found before."""
    terms = terms_of(job)
    spent = await tx.budget.spent(job.partner.card.party, at - timedelta(days=terms.period_days))
    learns = (job.direction.receiver in job.direction.result_to, job.direction.sender in job.direction.result_to)
    costs = charges(terms, job.columns, job.operation, True, learns, terms.segments)
    epsilon, cells = sum(cost.epsilon for cost in costs), sum(cost.cells for cost in costs)
    left = terms.epsilon_cap - spent.epsilon
    return fine(
        "budget",
        f"the run costs us epsilon {epsilon:f} of {left.normalize():f} left, and at most {cells} of "
        f"{max(terms.cells_per_period - spent.cells, 0)} exact cells; the partner keeps a ledger of its own",
    )


async def _planned(
    house: House, job: AuthorizedJob, asked: Asked, sample: Sample, last: Job | None, partner_rows: int
) -> Planned:
    own = _records(job, asked, sample)
    partner, partner_from = _partner(job, own, last, partner_rows)
    if job.agreement.padding is Padding.POWER_OF_TWO and not job.operation.grouped:
        caps = job.agreement.caps
        own, partner = padded(own, caps.rows_receiver), padded(partner, caps.rows_sender)
    segments = (_last(last, "segments") or terms_of(job).segments) if job.operation.grouped else 0
    shared = job.partner.card.endpoint.startswith(_LOOPBACK)
    columns = {column.name: column for column in job.agreement.columns}
    with house.memory.lend() as memory:
        pass
    size = Size(
        operation=job.operation,
        own_rows=sample.rows,
        own=own,
        partner=partner,
        plain_bytes=0 if job.operation.grouped else plaintext_bytes(tuple(columns[name] for name in job.columns)),
        uses=len(job.gates),
        grouped=grouped_of(job, segments, partner),
        segments=segments,
        to_sender=job.direction.to_sender,
        memory=memory,
        shared_machine=shared,
        keys=len(job.agreement.match_keys) if job.operation.grouped else 1,
    )
    machine = await in_thread(calibrate, house.limits.threads)
    found = forecast(machine, size, sample.read_s, sample.gate_s, len(os.sched_getaffinity(0)))
    return Planned(found, machine, sample, own, partner, partner_from, shared)


def _records(job: AuthorizedJob, asked: Asked, sample: Sample) -> int:
    """Return how many records we would send: of each match key the usable rows of those whom consent lets in.

    Of statistics a record has all keys of a customer: the rows with any of them.
    """
    if job.operation.grouped and len(asked.keys) > 1:
        parts = [(sample.usable, sample.different)]
    else:
        # Sources that have a key each have their customers in lists of their own.
        parts = list(zip(sample.usable_keys, sample.different_keys, strict=True))
    rows = sum(sample.rows * min(usable, sample.usable) * min(different, 1.0) for usable, different in parts)
    return round(rows * sample.eligible)


def _partner(job: AuthorizedJob, own: int, last: Job | None, given: int) -> tuple[int, str]:
    known, most = _last(last, "partner_rows"), job.agreement.caps.rows_sender
    if given:
        return given, "given"
    if known:
        return known, "the last run"
    return min(own, most), "assumed to be as many as ours; --partner-rows says it better"


def _last(job: Job | None, name: str) -> int:
    return 0 if job is None else int(str(job.report.get(name, 0)))
