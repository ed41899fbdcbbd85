"""Traces, removals and notices of partners, to messages."""

from __future__ import annotations

from datetime import datetime

from gateway.flow.trace import Presence, RunTrace
from gateway.route.notice import NoticeKind, NoticeState, Removal, StoredNotice, Timing
from gateway.rpc.convert.field import choice, some, time_to_proto
from gateway.rpc.convert.name import id_of, name_of
from gateway.v1 import rights_pb2

MAX_JOBS = 1000

_PRESENCES = {
    Presence.HELD: rights_pb2.PRESENCE_HELD,
    Presence.REMOVED: rights_pb2.PRESENCE_REMOVED,
    Presence.LEFT_OUT: rights_pb2.PRESENCE_LEFT_OUT,
    Presence.ELIGIBLE: rights_pb2.PRESENCE_ELIGIBLE,
    Presence.NOT_RELEASED: rights_pb2.PRESENCE_NOT_RELEASED,
}
_TIMINGS = {
    Timing.AFTER: rights_pb2.TIMING_AFTER,
    Timing.LATE_KNOWN: rights_pb2.TIMING_LATE_KNOWN,
    Timing.VIOLATION: rights_pb2.TIMING_VIOLATION,
}
_KINDS = {
    NoticeKind.TOMBSTONE: rights_pb2.NOTICE_KIND_TOMBSTONE,
    NoticeKind.SUSPEND: rights_pb2.NOTICE_KIND_SUSPEND,
    NoticeKind.RESUME: rights_pb2.NOTICE_KIND_RESUME,
    NoticeKind.INCIDENT: rights_pb2.NOTICE_KIND_INCIDENT,
}
_STATES = {
    NoticeState.DUE: rights_pb2.DEADLINE_STATE_DUE,
    NoticeState.LATE: rights_pb2.DEADLINE_STATE_LATE,
    NoticeState.DONE: rights_pb2.DEADLINE_STATE_DONE,
}


def timing_from_proto(message: rights_pb2.ListRemovalsRequest) -> Timing | None:
    """Read which removals are wanted; None is all."""
    if message.timing == rights_pb2.TIMING_UNSPECIFIED:
        return None
    return choice(message.timing, {number: timing for timing, number in _TIMINGS.items()}, "timing")


def kind_from_proto(message: rights_pb2.NotifyPartnerRequest) -> NoticeKind:
    """Read what to tell."""
    return choice(message.kind, {number: kind for kind, number in _KINDS.items()}, "kind")


def jobs_from_proto(message: rights_pb2.ReadAffectedRequest) -> list[str]:
    """Read the affected jobs, each once."""
    names = some(message.jobs, "jobs", most=MAX_JOBS)
    return list(dict.fromkeys(id_of(name, "jobs", f"jobs[{row}]") for row, name in enumerate(names)))


def trace_to_proto(trace: RunTrace, now: datetime) -> rights_pb2.RunTrace:
    """Write what a run did with a person."""
    job, decision = trace.job, trace.decision
    return rights_pb2.RunTrace(
        job=name_of("jobs", job.job_id),
        session=name_of("sessions", job.session_id),
        partner=name_of("parties", job.partner),
        operation=job.request.operation.value,
        side=job.side.value,
        purpose=name_of("purposes", job.request.purpose),
        presence=_PRESENCES[trace.presence],
        judge_time=time_to_proto(trace.judged_at),
        reason_code=decision.reason_code if decision else "",
        articles=decision.articles if decision else (),
        consent_id=(decision.consent_id or "") if decision else "",
        received=trace.received,
        removal=removal_to_proto(trace.removal) if trace.removal else None,
        notice=notice_to_proto(trace.notice, now) if trace.notice else None,
        left_open=trace.left_open,
    )


def removal_to_proto(removal: Removal) -> rights_pb2.Removal:
    """Write a removal, without whom it concerns."""
    return rights_pb2.Removal(
        job=name_of("jobs", removal.job_id),
        reason_code=removal.reason_code,
        timing=_TIMINGS[removal.timing],
        happen_time=time_to_proto(removal.happened_at),
        record_time=time_to_proto(removal.recorded_at),
        channel=removal.channel,
        decide_time=time_to_proto(removal.decided_at),
        remove_time=time_to_proto(removal.removed_at),
        notice_id=removal.notice_id,
    )


def notice_to_proto(notice: StoredNotice, now: datetime) -> rights_pb2.PartnerNotice:
    """Write a notice as it stands now."""
    return rights_pb2.PartnerNotice(
        notice_id=notice.notice_id,
        ours=notice.ours,
        partner=name_of("parties", notice.partner),
        kind=_KINDS[notice.kind],
        job=name_of("jobs", notice.job_id),
        rows=notice.rows,
        state=_STATES[notice.state(now)],
        make_time=time_to_proto(notice.made_at),
        due_time=time_to_proto(notice.due_at),
        done_time=time_to_proto(notice.done_at),
    )
