"""The store: one transaction holds a state change and its audit entry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gateway.flow.ports.decision import DecisionStore
from gateway.flow.ports.evidence import EvidenceStore
from gateway.flow.ports.membership import MembershipStore
from gateway.flow.ports.people import ConsentStore, ExportStore, IdentityStore
from gateway.flow.ports.projection import ProjectionStore
from gateway.flow.ports.reach import PeerNoticeStore, RemovalStore, RunStore
from gateway.flow.ports.schedule import DeliveryStore, ScheduleStore
from gateway.flow.ports.task import (
    ConsentEndStore,
    DeletionStore,
    ErasureStore,
    RequestStore,
    TaskStore,
    WarningStore,
)
from gateway.flow.ports.witness import EpochStore, WitnessStore
from gateway.route.agreement import AgreementBinding, AgreementCopy
from gateway.route.audit import AuditEvent, EntryFilter, IntegratedEntry, PendingEntry
from gateway.route.job import Job, Side
from gateway.route.party import KnownCard, Partner, SignedCard
from gateway.route.session import Session

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RegistryItem:
    """A versioned entry of the registry.

    Attributes:
        kind: "purpose", "category", "assessment", "notice", "party", "party_event", "mechanism", "basis_rule".
        item_id: id within the kind.
        version: 1, 2, ...
        state: "active"; notices also "draft", "published", "superseded".
        body: JSON-able mapping, as `to_mapping` of the consent type made it.
        at: when this state was reached (UTC).
    """

    kind: str
    item_id: str
    version: int
    state: str
    body: Mapping[str, object]
    at: datetime


class RegistryStore(Protocol):
    """Purposes, categories, methods, impact assessments, notices."""

    async def put(self, item: RegistryItem) -> None:
        """Insert a version or change its state (same kind, id, version)."""
        ...

    async def get(self, kind: str, item_id: str, version: int = 0) -> RegistryItem:
        """Return one version, 0 = the latest; StateError NOT_FOUND."""
        ...

    async def list(self, kind: str, after: tuple[str, int] = ("", 0), limit: int = 1000) -> list[RegistryItem]:
        """Return items ordered by (id, version), strictly after `after`."""
        ...

    async def revision(self) -> int:
        """Return a number that grows with every put (for caches)."""
        ...

    async def stand(self) -> int:
        """Return a number that grows with every put here, of a partner and of an agreement (for caches)."""
        ...


class PartnerStore(Protocol):
    """Partners whose cards were accepted. Partners live in the store only."""

    async def put(self, card: SignedCard, accepted_at: datetime) -> None:
        """Insert a partner or replace its card (rotation)."""
        ...

    async def get(self, party: str) -> Partner:
        """Return a partner; StateError NOT_FOUND."""
        ...

    async def cards(self) -> list[KnownCard]:
        """Return every card there ever was, by party, oldest first."""
        ...

    async def list(self) -> list[Partner]:
        """Return all partners ordered by id."""
        ...


class AgreementStore(Protocol):
    """Our copies of agreements and their bindings."""

    async def put(self, copy: AgreementCopy) -> None:
        """Insert or replace by agreement id; the hash of an id never changes (REVISION_CONFLICT)."""
        ...

    async def get(self, agreement_id: str) -> AgreementCopy:
        """Return our copy; StateError NOT_FOUND."""
        ...

    async def list(self, after: str = "", limit: int = 1000) -> list[AgreementCopy]:
        """Return copies ordered by id, strictly after `after`."""
        ...

    async def bind(self, binding: AgreementBinding) -> None:
        """Insert or replace the binding of an agreement."""
        ...

    async def binding(self, agreement_id: str) -> AgreementBinding | None:
        """Return the binding, or None."""
        ...


class JobStore(Protocol):
    """Jobs with leases and fences."""

    async def create(self, job: Job) -> Job:
        """Insert a job; the same request_id with the same request returns the stored job.

        Raises:
            StateError: REVISION_CONFLICT when the request_id stands for another request.
        """
        ...

    async def get(self, job_id: str) -> Job:
        """Return a job; StateError NOT_FOUND."""
        ...

    async def list(self, after: tuple[datetime, str] | None = None, limit: int = 100) -> list[Job]:
        """Return jobs, newest first, strictly after the (created_at, job_id) given."""
        ...

    async def lease(self, owner: str, spool_id: str, now: datetime, until: datetime) -> Job | None:
        """Take one unfinished job whose lease is free or over; its fence grows by one.

        `FOR UPDATE SKIP LOCKED` on PostgreSQL; a job just looked at goes to the back of the queue.
        """
        ...

    async def renew(self, job_id: str, fence: int, until: datetime) -> Job:
        """Prolong a lease and return the job (to see cancel_requested); REVISION_CONFLICT when fenced out."""
        ...

    async def release(self, job_id: str, fence: int, not_before: datetime) -> None:
        """Give a lease back; the job may be leased again from `not_before`."""
        ...

    async def update(self, job_id: str, fence: int, changes: Mapping[str, object]) -> Job:
        """Change fields of a job held under `fence`; REVISION_CONFLICT when fenced out.

        Args:
            changes: any of state, waiting_for, stage, seq, rows_done, rows_total, session_id,
                refusal, failure, report, finished_at.
        """
        ...

    async def request_cancel(self, job_id: str, now: datetime) -> Job:
        """Mark a job for cancellation; a final job is returned as it is."""
        ...

    async def previous(self, job: Job) -> Job | None:
        """Return the last job before one that succeeded with the same agreement, side, operation and purpose."""
        ...

    async def count_since(self, agreement_id: str, side: str, since: datetime) -> int:
        """Count jobs of an agreement created at or after `since` that opened a session (rate cap)."""
        ...


class SessionStore(Protocol):
    """Protocol sessions."""

    async def create(self, session: Session) -> None:
        """Insert a session."""
        ...

    async def get(self, session_id: str) -> Session:
        """Return a session; StateError NOT_FOUND."""
        ...

    async def by_nonce(self, partner: str, nonce: bytes) -> Session | None:
        """Return the session opened with R's nonce by that partner (idempotent OpenSession)."""
        ...

    async def update(self, session_id: str, changes: Mapping[str, object]) -> Session:
        """Change fields: state, requested_stage, opening, opening_signatures, run_record, run_signatures, failure."""
        ...

    async def overdue(self, now: datetime, opened_before: datetime, limit: int) -> list[Session]:
        """Return unfinished sessions past their life, and those that a partner opened so long ago and left open."""
        ...


@dataclass(frozen=True, slots=True)
class Charge:
    """Privacy loss of one step of one run; written before the bytes that cause it leave, never taken back.

    Attributes:
        step: "count", "receiver" or "values"; a job is charged once per step.
        epsilon: at most 6 decimal digits.
        delta: at most 18 decimal digits.
        cells: exact cells that the step may release.
    """

    job_id: str
    session_id: str
    agreement_id: str
    partner: str
    dataset: str
    step: str
    epsilon: Decimal
    delta: Decimal
    cells: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Spent:
    """What was charged within a period."""

    epsilon: Decimal
    delta: Decimal
    cells: int


class BudgetStore(Protocol):
    """The ledger of privacy loss towards each partner, across agreements and data sets. Append-only."""

    async def lock(self, partner: str) -> None:
        """Serialise chargers of one ledger until the transaction ends, so that nobody spends what another spends."""
        ...

    async def spent(self, partner: str, since: datetime) -> Spent:
        """Sum the charges at or after `since`."""
        ...

    async def charged(self, job_id: str, step: str) -> Charge | None:
        """Return the charge of a job's step, or None."""
        ...

    async def charge(self, charge: Charge) -> None:
        """Append a charge.

        Raises:
            StateError: REVISION_CONFLICT when the job's step was charged before.
        """
        ...

    async def list(self, partner: str, limit: int = 1000) -> list[Charge]:
        """Return the newest charges of a ledger, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class InputSketch:
    """What is kept of one segment of a run's input, or of a sender's one list, to tell later inputs apart from it.

    Attributes:
        segment: hex MAC of the segment's name, "" for a sender's list.
        rows: people in it.
        sketch: `gateway.disclosure.sketch` of their keyed tags.
        at: when the run was let through.
    """

    job_id: str
    partner: str
    dataset: str
    side: Side
    segment: str
    rows: int
    sketch: bytes = field(repr=False)
    at: datetime


class SketchStore(Protocol):
    """Sketches of the inputs of earlier runs, per partner and side, whatever the data set is called."""

    async def put(self, entries: Sequence[InputSketch]) -> None:
        """Insert sketches; the first of a job and segment stands."""
        ...

    async def kept(self, job_id: str) -> frozenset[str]:
        """Return the segments that were put for a job."""
        ...

    async def count(self, partner: str, side: Side, since: datetime, excluding: str) -> int:
        """Count the sketches at or after `since`, without those of one job."""
        ...

    async def earlier(
        self,
        partner: str,
        side: Side,
        since: datetime,
        excluding: str,
        rows: tuple[int, int],
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> list[InputSketch]:
        """Return what `count` counts, as far as it has so many rows, ordered by (job id, segment), after `after`.

        Args:
            partner: towards whom.
            side: our part in those runs.
            since: earliest time.
            excluding: the job that asks.
            rows: least and most people, both inside.
            after: the last (job id, segment) of the page before.
            limit: most sketches returned.
        """
        ...

    async def partners(self) -> list[str]:
        """Return the partners towards whom sketches are kept."""
        ...

    async def purge(self, partner: str, before: datetime) -> int:
        """Destroy a partner's sketches older than a time; return how many."""
        ...


@dataclass(frozen=True, slots=True)
class TileWrite:
    """A hash tile of 256-wide C2SP layout to store, replacing narrower versions of itself."""

    level: int
    index: int
    width: int
    hashes: bytes


class AuditStore(Protocol):
    """The log: pending entries, then entries at an index, hash tiles, checkpoints, salts."""

    async def append(self, events: Sequence[AuditEvent]) -> None:
        """Make the leaves (creating missing subject salts) and queue them as pending, in order."""
        ...

    async def append_encoded(
        self, type: str, time: datetime, subject_refs: Sequence[str], keys: Sequence[str], payloads: Sequence[bytes]
    ) -> None:
        """As `append`, for many events of one type and time.

        Args:
            type: a leaf type.
            time: when (UTC).
            subject_refs: whose salts commit to the payloads.
            keys: ids by which `find` finds the entries.
            payloads: in canonical form.
        """
        ...

    async def append_acts(
        self, time: datetime, subject_refs: Sequence[str], event_ids: Sequence[str], records: Sequence[str]
    ) -> None:
        """As `append_encoded`, for consent events that this transaction stores; they are not stored again.

        Args:
            time: when (UTC).
            subject_refs: of the events.
            event_ids: of the events; `find` finds the entries by them.
            records: in canonical form, as they are stored.
        """
        ...

    async def lock(self) -> int:
        """Have other sequencers wait until this transaction ends; return the number of integrated entries."""
        ...

    async def pending(self, limit: int) -> list[PendingEntry]:
        """Return the oldest pending entries, locked against other sequencers until commit."""
        ...

    async def appended(self) -> int:
        """Return the number of entries that have their number, integrated or pending."""
        ...

    async def numbered(self, start: int, limit: int) -> list[PendingEntry]:
        """Return entries from a number on, integrated or pending, in order; none is looked for where a gap is."""
        ...

    async def integrate(self, first_index: int, entries: Sequence[PendingEntry], tiles: Sequence[TileWrite]) -> None:
        """Give pending entries their indices and store the tiles; REVISION_CONFLICT unless first_index is the size."""
        ...

    async def size(self) -> int:
        """Return the number of integrated entries."""
        ...

    async def tiles(self, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Return stored tiles {(level, index): hashes} (widest version)."""
        ...

    async def tile_count(self) -> int:
        """Return the number of stored tiles."""
        ...

    async def add_checkpoint(self, size: int, root: bytes, note: bytes, at: datetime) -> None:
        """Store a signed checkpoint; sizes never shrink (LOG_INCONSISTENT)."""
        ...

    async def checkpoint(self) -> tuple[int, bytes, bytes] | None:
        """Return (size, root, note) of the newest checkpoint."""
        ...

    async def misfiled(self, start: int, end: int) -> list[int]:
        """Return integrated entries start <= index < end that `find` looks for elsewhere than their payload says."""
        ...

    async def checkpoint_of(self, size: int) -> tuple[int, bytes, bytes] | None:
        """Return (size, root, note) of the checkpoint of a size, or None."""
        ...

    async def checkpoints(self, above: int, up_to: int) -> list[tuple[int, bytes, bytes]]:
        """Return (size, root, note) of the checkpoints of these sizes, ascending."""
        ...

    def entries(self, start: int, end: int) -> AsyncIterator[IntegratedEntry]:
        """Yield integrated entries start <= index < end, in order, with payload and salt where they remain."""
        ...

    async def checkpoint_at(self, at: datetime) -> tuple[int, bytes, bytes] | None:
        """Return (size, root, note) of the last checkpoint stored by a time."""
        ...

    async def about(self, wanted: EntryFilter, start: int, limit: int) -> list[int]:
        """Return integrated entries from `start` on that name the person or keys of a filter, ascending."""
        ...

    async def acts_of(self, subject_ref: str, limit: int) -> list[int]:
        """Return the integrated entries of a person's consent events that can still be opened, ascending."""
        ...

    async def find(self, type: str, key: str) -> int | None:
        """Return the index of the newest entry of a type whose payload's `key` field (event id, session id) matches."""
        ...

    async def erase_subject(self, subject_ref: str) -> int:
        """Destroy a subject's salt and payloads; leaves stay. Return how many payloads went."""
        ...


class Transaction(Protocol):
    """All stores inside one database transaction."""

    registry: RegistryStore
    consents: ConsentStore
    projection: ProjectionStore
    decisions: DecisionStore
    identity: IdentityStore
    partners: PartnerStore
    agreements: AgreementStore
    jobs: JobStore
    sessions: SessionStore
    runs: RunStore
    memberships: MembershipStore
    removals: RemovalStore
    notices: PeerNoticeStore
    budget: BudgetStore
    exports: ExportStore
    sketches: SketchStore
    audit: AuditStore
    epochs: EpochStore
    witnesses: WitnessStore
    tasks: TaskStore
    schedules: ScheduleStore
    deliveries: DeliveryStore
    ends: ConsentEndStore
    deletions: DeletionStore
    warnings: WarningStore
    requests: RequestStore
    erasure: ErasureStore
    evidence: EvidenceStore


class Store(Protocol):
    """A database. `async with store.begin() as tx` commits at the end, rolls back on an exception."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that may write."""
        ...

    async def append(self, events: Sequence[AuditEvent]) -> None:
        """Append entries that go with no change of state, once each; they are committed when this returns.

        Those that several callers append meanwhile share a commit, and none fails for another's entry.

        Raises:
            RequestError: BAD_FIELD when a payload has no canonical form.
            StateError: as `AuditStore.append` and the commit.
        """
        ...

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a read-only transaction on one snapshot."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...
