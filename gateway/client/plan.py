"""Whether a job would run and what it would take, as our gateway foretells it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.v1 import plan_pb2


@dataclass(frozen=True, slots=True)
class PlanCheck:
    """One thing that was looked at.

    Attributes:
        verdict: "OK", "WARNING" (the run would start and may disappoint), "NO" (it would be refused or fail).
        reason_code: that a run would give; "" where nothing stands in the way.
    """

    name: str
    verdict: str
    reason_code: str
    text: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would take.

    Attributes:
        own_records: that we would send; own_rows are those of the data set.
        wall_s: from the request to the released result.
        cpu_s: processor seconds of our gateway; partner_cpu_s of the partner's, were its machine like ours.
        wire_bytes: both directions.
        spool_bytes: most of our disk at a time.
        memory_bytes: most resident memory of our gateway.
        shared_machine: whether the partner's gateway runs on the same machine.
        shares: (kind of work, processor seconds of both sides).
    """

    own_rows: int
    own_rows_from: str
    own_records: int
    partner_records: int
    partner_records_from: str
    wall_s: float
    cpu_s: float
    partner_cpu_s: float
    wire_bytes: int
    table_bytes: int
    spool_bytes: int
    memory_bytes: int
    shared_machine: bool
    shares: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured a moment ago, a second of processor time.

    Attributes:
        slowness: of plain work, times the machine that the constants were measured on.
        crowding: above 1 where other work holds the processors.
        seconds: what measuring took.
    """

    isa: str
    threads: int
    blind_per_cpu_s: float
    evaluate_per_cpu_s: float
    read_per_cpu_s: float
    gate_per_cpu_s: float
    slowness: float
    crowding: float
    seconds: float
    sampled_rows: int


@dataclass(frozen=True, slots=True)
class JobPlan:
    """A plan; forecast and calibration are None where the run would end before it has read anything."""

    checks: tuple[PlanCheck, ...]
    forecast: Forecast | None
    calibration: Calibration | None

    @property
    def runs(self) -> bool:
        """Whether nothing was found that would refuse or fail the run."""
        return all(check.verdict != "NO" for check in self.checks)


def plan_from_proto(message: plan_pb2.JobPlan) -> JobPlan:
    """Read a plan."""
    found, measured = message.forecast, message.calibration
    there = message.HasField("forecast")
    return JobPlan(
        checks=tuple(
            PlanCheck(
                check.name,
                plan_pb2.Verdict.Name(check.verdict).removeprefix("VERDICT_"),
                check.reason_code,
                check.text,
            )
            for check in message.checks
        ),
        forecast=Forecast(
            own_rows=found.own_rows,
            own_rows_from=found.own_rows_from,
            own_records=found.own_records,
            partner_records=found.partner_records,
            partner_records_from=found.partner_records_from,
            wall_s=found.wall_s,
            cpu_s=found.cpu_s,
            partner_cpu_s=found.partner_cpu_s,
            wire_bytes=found.wire_bytes,
            table_bytes=found.table_bytes,
            spool_bytes=found.spool_bytes,
            memory_bytes=found.memory_bytes,
            shared_machine=found.shared_machine,
            shares=tuple((share.name, share.cpu_s) for share in found.shares),
        )
        if there
        else None,
        calibration=Calibration(
            isa=measured.isa,
            threads=measured.threads,
            blind_per_cpu_s=measured.blind_per_cpu_s,
            evaluate_per_cpu_s=measured.evaluate_per_cpu_s,
            read_per_cpu_s=measured.read_per_cpu_s,
            gate_per_cpu_s=measured.gate_per_cpu_s,
            slowness=measured.slowness,
            crowding=measured.crowding,
            seconds=measured.seconds,
            sampled_rows=measured.sampled_rows,
        )
        if there
        else None,
    )
