"""Drives the routes: leases jobs and tasks, keeps leases alive, integrates the log. No route knows it."""

from gateway.engine.bells import ProcessBells
from gateway.engine.clock import SystemClock
from gateway.engine.decision_writer import write_decisions, write_decisions_for_ever
from gateway.engine.processes import SpawnedProcesses
from gateway.engine.scheduler import Scheduler, SchedulerLimits
from gateway.engine.sequencer import sequence_for_ever
from gateway.engine.witness_seeker import WitnessSeeker
from gateway.engine.worker import Worker, WorkerLimits

__all__ = [
    "ProcessBells",
    "Scheduler",
    "SchedulerLimits",
    "SpawnedProcesses",
    "SystemClock",
    "WitnessSeeker",
    "Worker",
    "WorkerLimits",
    "sequence_for_ever",
    "write_decisions",
    "write_decisions_for_ever",
]
