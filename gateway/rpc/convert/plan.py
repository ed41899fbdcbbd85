"""Plans of jobs, to messages; what is asked, from them."""

from __future__ import annotations

import uuid

from gateway.flow.preflight.plan import JobPlan, Planned
from gateway.flow.preflight.verdict import Verdict
from gateway.route.job import JobRequest
from gateway.rpc.convert.field import refuse
from gateway.rpc.convert.job import job_request_from_proto
from gateway.v1 import job_pb2, plan_pb2

MAX_ROWS = 1 << 40


def plan_request_from_proto(message: job_pb2.PlanJobRequest, requested_by: str) -> tuple[JobRequest, int]:
    """Parse what is to be planned, and the partner's records, 0 where they are not given.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not 0 <= message.partner_rows <= MAX_ROWS:
        refuse("partner_rows", "must be a number of records, or 0 for what is known")
    # Nothing is stored, hence no caller needs a request_id; the job's own fields are read as CreateJob reads them.
    asked = job_pb2.CreateJobRequest(job=message.job if message.HasField("job") else None, request_id=str(uuid.uuid4()))
    return job_request_from_proto(asked, requested_by), message.partner_rows


def plan_to_proto(plan: JobPlan) -> plan_pb2.JobPlan:
    """Write a plan."""
    return plan_pb2.JobPlan(
        checks=[
            plan_pb2.PlanCheck(
                name=check.name, verdict=_VERDICTS[check.verdict], reason_code=check.reason_code, text=check.text
            )
            for check in plan.checks
        ],
        forecast=None if plan.planned is None else _forecast(plan.planned),
        calibration=None if plan.planned is None else _calibration(plan.planned),
    )


def _forecast(planned: Planned) -> plan_pb2.Forecast:
    found = planned.forecast
    return plan_pb2.Forecast(
        own_rows=planned.sample.rows,
        own_rows_from=planned.sample.rows_from,
        own_records=planned.own,
        partner_records=planned.partner,
        partner_records_from=planned.partner_from,
        wall_s=found.wall_s,
        cpu_s=found.cpu_s,
        partner_cpu_s=found.partner_cpu_s,
        wire_bytes=found.wire_bytes,
        table_bytes=found.table_bytes,
        spool_bytes=found.spool_bytes,
        memory_bytes=found.memory_bytes,
        shared_machine=planned.shared_machine,
        shares=[plan_pb2.Share(name=name, cpu_s=cpu_s) for name, cpu_s in found.shares],
    )


def _calibration(planned: Planned) -> plan_pb2.Calibration:
    machine, sample = planned.machine, planned.sample
    return plan_pb2.Calibration(
        isa=machine.isa,
        threads=machine.threads,
        blind_per_cpu_s=1 / machine.blind,
        evaluate_per_cpu_s=1 / machine.evaluate,
        read_per_cpu_s=1 / sample.read_s if sample.read_s else 0.0,
        gate_per_cpu_s=1 / sample.gate_s if sample.gate_s else 0.0,
        slowness=machine.slowness,
        crowding=machine.crowding,
        seconds=machine.seconds,
        sampled_rows=sample.sampled,
    )


_VERDICTS = {
    Verdict.OK: plan_pb2.VERDICT_OK,
    Verdict.WARNING: plan_pb2.VERDICT_WARNING,
    Verdict.NO: plan_pb2.VERDICT_NO,
}
