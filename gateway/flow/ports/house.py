"""Everything that a route may use, wired once by `gateway.main`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from consent.workday import DEADLINE_DAYS
from gateway.flow.decision_log import DecisionLog
from gateway.flow.memory import Memory
from gateway.flow.ports.custody import KeyCustody, RunSecrets
from gateway.flow.ports.evidence import EvidenceSeal
from gateway.flow.ports.peer import PeerPort
from gateway.flow.ports.processes import Processes
from gateway.flow.ports.rows import DatasetPort, ResultPort
from gateway.flow.ports.sinks import SinkPort
from gateway.flow.ports.spool import SpoolPort
from gateway.flow.ports.store import Store
from gateway.flow.ports.world import Bells, Clock
from gateway.tlog.policy import Policy


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds from the settings, frozen at start.

    Attributes:
        threads: native threads per batch call, 1 to 256.
        import_batch: consent events per transaction. Each is a person in another place of the store: the more come
            together, the fewer pages are written for each. A few kilobytes are held of each.
        rejected_rows_named: how many row numbers a report names per reason.
        result_batch: rows per record batch of ReadResult.
        deadline_days: working days for rights requests and deletions.
        holidays: days on which nobody works, beside the weekends.
        notice_deadline: until when a partner is to acknowledge what we tell it.
        evidence_years: how long what opened an erased person's log entries is held, where officers are named.
    """

    threads: int = 2
    import_batch: int = 30_000
    rejected_rows_named: int = 20
    result_batch: int = 8192
    deadline_days: int = DEADLINE_DAYS
    holidays: frozenset[date] = frozenset()
    notice_deadline: timedelta = timedelta(hours=24)
    evidence_years: int = 3


@dataclass(frozen=True, slots=True)
class Witnessing:
    """Who is to witness our log, from the settings.

    Attributes:
        witnesses: parties whose cosignatures count; empty: all partners.
        quorum: how many of them a final receipt needs.
        policy: a policy in place of the two, as text was read; None without one.
        compare_with: partners with whom checkpoints of third parties' logs are compared.
    """

    witnesses: tuple[str, ...] = ()
    quorum: int = 1
    policy: Policy | None = None
    compare_with: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class House:
    """The ports of one gateway."""

    store: Store
    custody: KeyCustody
    secrets: RunSecrets
    spool: SpoolPort
    datasets: DatasetPort
    results: ResultPort
    sinks: SinkPort
    peer: PeerPort
    clock: Clock
    bells: Bells
    processes: Processes
    memory: Memory
    limits: Limits
    decisions: DecisionLog = field(default_factory=DecisionLog)
    witnessing: Witnessing = Witnessing()
    evidence: EvidenceSeal | None = None  # None: nobody could open it, and nothing is held
