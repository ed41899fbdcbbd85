"""The store: one transaction holds a state change and its audit entry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consent.evaluate import History, ProjectionRow, Use
from consent.event import ConsentEvent
from consent.mechanism import Exported
from gateway.flow.ports.reach import PeerNoticeStore, RemovalStore, RunStore
from gateway.flow.ports.task import ConsentEndStore, DeletionStore, RequestStore, TaskStore, WarningStore
from gateway.route.agreement import AgreementBinding, AgreementCopy
from gateway.route.audit import AuditEvent, IntegratedEntry, PendingEntry
from gateway.route.consent import FirstEvents
from gateway.route.job import Job, Side
from gateway.route.party import Partner, SignedCard
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


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the history of all that bears on consent.

    Attributes:
        changes: number of the last append of consent events.
        registry: grows with every change of the registry, of a partner and of an agreement.
    """

    changes: int
    registry: int


@dataclass(frozen=True, slots=True)
class Told:
    """People of a range on whom the projection has a word about a use.

    Attributes:
        plain: {subject_ref: string, consent_id: string} ascending: they are plainly allowed.
        doubtful: (m, 26) ascending: the rule is to be asked about them. Nobody is in both.
    """

    plain: pa.Table
    doubtful: Bytes


class ConsentStore(Protocol):
    """Consent events (append-only) and their projection."""

    async def known_events(self, event_ids: Sequence[str]) -> dict[str, str]:
        """Return {event_id: content hash} of those already stored."""
        ...

    async def histories(self, subject_refs: Sequence[str]) -> dict[str, History]:
        """Return the full history of each subject (empty History when unknown). Any number of refs."""
        ...

    async def append(
        self,
        events: Sequence[tuple[ConsentEvent, str]],
        projection: Mapping[str, Sequence[ProjectionRow]],
        first: FirstEvents | None = None,
    ) -> None:
        """Insert events with their content hashes and replace the projection rows of the touched subjects.

        Args:
            events: of anybody.
            projection: of everybody whom the events concern.
            first: events of others, of whom nothing is on file, with their projection.

        Raises:
            StateError: REVISION_CONFLICT when an event id exists already.
        """
        ...

    async def lock_subjects(self, subject_refs: Sequence[str]) -> Collection[str]:
        """Serialise writers per subject until the transaction ends (no lost update).

        Returns:
            Those of them who have events on file.
        """
        ...

    async def plain(self, use: Use, floor: datetime, at: datetime, first: str, last: str) -> Bytes:
        """Return who has a plain row that answers for a Use at a time, (m, 26) ascending.

        A row answers when floor <= effective_from <= at and (valid_until is open or at < valid_until).

        Args:
            use: whose rows; for another basis than consent nobody is plain.
            floor: since when rows must have taken effect, see `plain_floor`.
            at: the moment of the judgement.
            first: least subject_ref of the range, inside.
            last: greatest, inside.
        """
        ...

    async def plain_ids(self, use: Use, floor: datetime, at: datetime, first: str, last: str) -> pa.Table:
        """As `plain`, with the ids of the consents: {subject_ref: string, consent_id: string} ascending."""
        ...

    async def told_apart(
        self, use: Use, floor: datetime, at: datetime, first: str, last: str, *, whoever_receives: bool
    ) -> Told:
        """Part the people of a range by their rows; who is in neither part is plainly not allowed.

        Args:
            use: on the basis of consent.
            floor: as in `plain`.
            at: as in `plain`.
            first: least subject_ref of the range, inside; it is held in memory whole.
            last: greatest, inside.
            whoever_receives: whether what was said of another recipient may bear on this use.
        """
        ...

    async def pairs_of(self, handler: str, purpose: str, recipient: str | None) -> list[tuple[str, str]]:
        """Return each (category, method) that anybody ever spoke of to a handler, ascending."""
        ...

    async def on_file(self, first: str, last: str) -> Bytes:
        """Return the people of a range who have consent events on file, (m, 26) ascending."""
        ...

    async def mark(self) -> Mark:
        """Return the present place; what is appended later has a greater number."""
        ...

    async def changed(self, since: Mark, limit: int) -> Bytes | None:
        """Return whom an append after a mark named, (m, 26) ascending; None when more than `limit`."""
        ...

    async def lapsed(self, use: Use, after: datetime, until: datetime, limit: int) -> Bytes | None:
        """Return whose plain row of a Use ended: after < valid_until <= until, (m, 26) ascending; None as `changed`."""
        ...

    async def more_than(self, count: int) -> bool:
        """Return whether the store knows more people than a number."""
        ...

    async def subject_count(self) -> int:
        """Return how many subjects have events."""
        ...


@dataclass(frozen=True, slots=True)
class IdentityLink:
    """That an id in another system is a person's.

    Attributes:
        source: the other system.
        link_ref: keyed hash of the id there.
        subject_ref: the person.
        version: of the map, since when.
        ended: version that ended it; 0 while it holds.
        at: when it was made (UTC).
    """

    source: str
    link_ref: str
    subject_ref: str
    version: int
    ended: int
    at: datetime


class IdentityStore(Protocol):
    """Links from ids in other systems to people; a link is ended, never changed."""

    async def next_version(self) -> int:
        """Number a change of the map; whoever is next waits for our commit."""
        ...

    async def current(self, source: str, link_refs: Sequence[str]) -> dict[str, str]:
        """Return {link_ref: subject_ref} of those ids that are linked."""
        ...

    async def link(
        self, source: str, version: int, at: datetime, link_refs: Sequence[str], people: Sequence[str]
    ) -> None:
        """Make links of ids that have none, as columns of one length; REVISION_CONFLICT where there is one."""
        ...

    async def unlink(self, source: str, version: int, link_refs: Sequence[str]) -> None:
        """End the links of ids."""
        ...

    async def of_person(self, subject_ref: str) -> list[IdentityLink]:
        """Return every link of a person there ever was, by source and version."""
        ...

    async def pairs(self, source: str, first: str, last: str) -> tuple[Bytes, Bytes]:
        """Return the links that hold of a range of link_refs, both ends inside: link_refs ascending and subject_refs.

        Returns:
            (m, 26) and (m, 26).
        """
        ...


class PartnerStore(Protocol):
    """Partners whose cards were accepted. Partners live in the store only."""

    async def put(self, card: SignedCard, accepted_at: datetime) -> None:
        """Insert a partner or replace its card (rotation)."""
        ...

    async def get(self, party: str) -> Partner:
        """Return a partner; StateError NOT_FOUND."""
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
class ExportCount:
    """How many people were exported in a year, each counted once.

    Attributes:
        year: China's time.
        recipient: to whom; "" is the whole house.
        sensitive: only those count of whom something sensitive went.
        people: how many.
        at: when the last of them were counted.
    """

    year: int
    recipient: str
    sensitive: bool
    people: int
    at: datetime


class ExportStore(Protocol):
    """Who was exported in a year: people, and counts that only grow."""

    async def add(self, year: int, recipient: str, people: Bytes, at: datetime, *, sensitive: bool) -> None:
        """Count people as exported to a recipient, and by the house; who was counted before is not counted again.

        Serialises its callers until the transaction ends, so that two of them do not pass one line together.

        Args:
            year: China's time.
            recipient: party id.
            people: (n, 26) ASCII, each once.
            at: when (UTC).
            sensitive: whether something sensitive of them goes.
        """
        ...

    async def exported(self, year: int, recipient: str, as_known_at: datetime) -> Exported:
        """Return how many were counted by a time; recipient "" is the whole house."""
        ...

    async def list(self, year: int, after: tuple[str, bool] | None = None, limit: int = 1000) -> list[ExportCount]:
        """Return the counts of a year as they stand, ordered by (recipient, sensitive), strictly after `after`."""
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

    async def pending(self, limit: int) -> list[PendingEntry]:
        """Return the oldest pending entries, locked against other sequencers until commit."""
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

    async def add_checkpoint(self, size: int, root: bytes, note: bytes, at: datetime) -> None:
        """Store a signed checkpoint; sizes never shrink (LOG_INCONSISTENT)."""
        ...

    async def checkpoint(self) -> tuple[int, bytes, bytes] | None:
        """Return (size, root, note) of the newest checkpoint."""
        ...

    def entries(self, start: int, end: int) -> AsyncIterator[IntegratedEntry]:
        """Yield integrated entries start <= index < end, in order, with payload and salt where they remain."""
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
    identity: IdentityStore
    partners: PartnerStore
    agreements: AgreementStore
    jobs: JobStore
    sessions: SessionStore
    runs: RunStore
    removals: RemovalStore
    notices: PeerNoticeStore
    budget: BudgetStore
    exports: ExportStore
    sketches: SketchStore
    audit: AuditStore
    tasks: TaskStore
    ends: ConsentEndStore
    deletions: DeletionStore
    warnings: WarningStore
    requests: RequestStore


class Store(Protocol):
    """A database. `async with store.begin() as tx` commits at the end, rolls back on an exception."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that may write."""
        ...

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a read-only transaction on one snapshot."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...
