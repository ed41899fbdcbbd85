"""What an officer asks about people and released runs: who was in which, what was taken out, what partners were told.

What a run holds of people is its sealed rows and what was taken out of them; for the rest the rule is asked again, as
it was known at the run's judgement, and who was in its cohort is kept (`membership`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pyarrow.compute as pc

from consent.evaluate import Decision, Question, Use, may_use
from consent.registry import Registry
from gateway.errors import RequestError, StateError
from gateway.flow.access import require
from gateway.flow.consent import person_ref
from gateway.flow.erasure import erased_name
from gateway.flow.export import exported
from gateway.flow.notices import make_notice
from gateway.flow.ports import House, StoredRows, Transaction
from gateway.flow.reach import Terms, members_of, terms_of_run
from gateway.flow.registry import load_registry
from gateway.flow.threads import in_thread
from gateway.flow.unheld import AGREED_LATER, left_open
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.job import Job, Side
from gateway.route.notice import NoticeKind, ReleasedRun, Removal, StoredNotice, Timing
from gateway.tlog.leaf import LeafType


class Presence(StrEnum):
    """What a run did with a person.

    HELD: a row is kept. REMOVED: it was, and was taken out. LEFT_OUT: the rule said no. ELIGIBLE: the rule said yes,
    and no row is kept; what may be behind that stands beside it. NOT_RELEASED: nothing left.
    ERASED: the person was erased since, and nothing is known any more.
    """

    HELD = "HELD"
    REMOVED = "REMOVED"
    LEFT_OUT = "LEFT_OUT"
    ELIGIBLE = "ELIGIBLE"
    NOT_RELEASED = "NOT_RELEASED"
    ERASED = "ERASED"


@dataclass(frozen=True, slots=True)
class RunTrace:
    """What one run did with one person.

    Attributes:
        judged_at: when consent was judged for what left; None when nothing was released.
        decision: the rule's answer at that moment, as known then.
        received: what the partner received: "membership", "statistics" or names of columns.
        removal: what was taken out.
        notice: by which the partner was told of it.
        left_open: of ELIGIBLE, what may be behind it; see `unheld`.
    """

    job: Job
    presence: Presence
    judged_at: datetime | None
    decision: Decision | None
    received: tuple[str, ...]
    removal: Removal | None
    notice: StoredNotice | None
    left_open: tuple[str, ...] = ()


async def trace_subject(
    house: House,
    caller: Caller,
    subject_type: str,
    subject: str,
    after: tuple[datetime, str] | None = None,
    limit: int = 100,
) -> list[RunTrace]:
    """Return what runs did with a person, the newest first; every call is on record.

    Args:
        house: ports.
        caller: a compliance officer.
        subject_type: type label of the raw value.
        subject: the raw value.
        after: (created_at, job_id) of the page before, outside.
        limit: most runs.

    Raises:
        RequestError: BAD_FIELD.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    ref = person_ref(house, subject_type, subject)
    async with house.store.read() as tx:
        registry = await load_registry(tx, house)
        erased_at = await tx.erasure.erased_at(erased_name(house, ref))
        removals = {removal.job_id: removal for removal in await tx.removals.of_subject(ref)}
        traces = [
            await _trace(house, tx, registry, ref, job, removals.get(job.job_id), erased_at)
            for job in await tx.jobs.list(after, limit)
        ]
    payload = {"by": caller.subject, "runs": len(traces)}
    await house.store.append([AuditEvent(LeafType.SUBJECT_TRACED, house.clock.now(), ref, payload)])
    house.bells.ring("audit")
    return traces


async def _trace(
    house: House,
    tx: Transaction,
    registry: Registry,
    ref: str,
    job: Job,
    removal: Removal | None,
    erased_at: datetime | None,
) -> RunTrace:
    run = await tx.runs.get(job.job_id)
    if run is None:
        return RunTrace(job, Presence.NOT_RELEASED, None, None, (), None, None)
    if erased_at is not None and run.judged_at <= erased_at:
        return RunTrace(job, Presence.ERASED, run.judged_at, None, (), None, None)
    terms = await terms_of_run(tx, house, job)
    history = (await tx.consents.histories([ref]))[ref]

    judged_at = run.judged_at
    abroad = await exported(tx, registry, job.partner, judged_at, judged_at)

    def ask(use: Use, at: datetime = judged_at) -> Decision:
        question = Question(
            subject=ref,
            use=use,
            at=at,
            as_known_at=at,
            exported_this_year=abroad.people,
            sensitive_exported_this_year=abroad.sensitive,
        )
        return may_use(question, history, registry)

    answers = [ask(use) for use in terms.gates]
    decision = next((answer for answer in answers if not answer.allowed), answers[0])
    stored = await members_of(house, job.job_id, job.side)
    if removal is not None:
        presence = Presence.REMOVED
    elif stored is not None and await in_thread(_holds, stored, ref):
        presence = Presence.HELD
    else:
        presence = Presence.ELIGIBLE if decision.allowed else Presence.LEFT_OUT
    notice = None
    if removal is not None and removal.notice_id:
        notice = await tx.notices.get(run.partner, True, removal.notice_id)
    received: tuple[str, ...] = ()
    if presence in (Presence.HELD, Presence.REMOVED):
        received = _received(job, terms, [ask(use).allowed for use in terms.column_gates])
    open_reasons: tuple[str, ...] = ()
    if presence is Presence.ELIGIBLE:
        cohort = await tx.memberships.get(run.session_id)
        member, chosen = None, True  # right after a run its cohort is not numbered yet
        if cohort is not None and cohort.numbered:
            member = await tx.memberships.holds(cohort, ref)
            chosen = member or all(ask(use, cohort.judged_at).allowed for use in terms.gates)
        if not chosen:
            open_reasons = (AGREED_LATER,)
        else:
            over = stored is None and run.expires_at is not None and run.expires_at <= house.clock.now()
            notices = await tx.notices.of_run(run.session_id)
            open_reasons = left_open(job, notices, member, linked=bool(run.systems), destroyed=over)
    return RunTrace(job, presence, run.judged_at, decision, received, removal, notice, open_reasons)


def _holds(stored: StoredRows, ref: str) -> bool:
    """Return whether a row of the person is there. Blocks."""
    return any(pc.any(pc.equal(batch.column("subject_ref"), ref)).as_py() for batch in stored.batches())


def _received(job: Job, terms: Terms, covered: list[bool]) -> tuple[str, ...]:
    """Return what the partner received about somebody with a row in the run."""
    if job.request.operation.grouped:
        return ("statistics",)
    if job.side is Side.RECEIVER:
        return ("membership",) if terms.direction.to_sender else ()
    columns = zip(job.request.columns, covered, strict=True)
    return ("membership", *(name for name, left in columns if left))


async def list_removals(
    house: House,
    caller: Caller,
    timing: Timing | None = None,
    after: tuple[datetime, str, str] | None = None,
    limit: int = 100,
) -> list[Removal]:
    """Return rows that were taken out of released runs, newest first; what was known late stands apart by `timing`."""
    require(caller, Role.COMPLIANCE_OFFICER)
    async with house.store.read() as tx:
        return await tx.removals.list(timing, after, limit)


async def list_partner_notices(
    house: House, caller: Caller, after: tuple[datetime, str] | None = None, limit: int = 100
) -> list[StoredNotice]:
    """Return notices to and from partners, newest first."""
    require(caller, Role.COMPLIANCE_OFFICER)
    async with house.store.read() as tx:
        return await tx.notices.list(after, limit)


async def notify_partner(house: House, caller: Caller, job_id: str, kind: NoticeKind, request_id: str) -> StoredNotice:
    """Put a notice about a whole run into the outbox.

    Args:
        house: ports.
        caller: a compliance officer.
        job_id: of the run.
        kind: SUSPEND, RESUME or INCIDENT; rows are told of by `reach` alone.
        request_id: uuid, the notice's id; the same request again is the same notice.

    Raises:
        RequestError: BAD_FIELD for another kind.
        StateError: NOT_FOUND when the job released nothing; REVISION_CONFLICT when the id stands for another notice.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    if kind is NoticeKind.TOMBSTONE:
        raise RequestError("BAD_FIELD", "field kind: rows are told of by the gateway itself once consent ends")
    now = house.clock.now()
    async with house.store.begin() as tx:
        run = await released_run(tx, job_id)
        known = await tx.notices.get(run.partner, True, request_id)
        if known is None:
            known = await make_notice(tx, house, run, kind, (), now, now, request_id, caller.subject)
        elif (known.job_id, known.kind) != (job_id, kind):
            raise StateError("REVISION_CONFLICT", "this request_id told something else before; use a new one")
    house.bells.ring("audit")
    return known


async def released_run(tx: Transaction, job_id: str) -> ReleasedRun:
    """Return a run; StateError NOT_FOUND when its job is unknown or released nothing."""
    run = await tx.runs.get(job_id)
    if run is None:
        raise StateError("NOT_FOUND", f"job {job_id} released nothing, or is not known here; list the jobs")
    return run


__all__ = [
    "Presence",
    "RunTrace",
    "list_partner_notices",
    "list_removals",
    "notify_partner",
    "released_run",
    "trace_subject",
]
