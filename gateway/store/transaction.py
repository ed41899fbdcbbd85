"""The store: transactions over all nouns at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.flow.ports.decision import DecisionStore
from gateway.flow.ports.evidence import EvidenceStore
from gateway.flow.ports.membership import MembershipStore
from gateway.flow.ports.people import ConsentStore, ExportStore, IdentityStore
from gateway.flow.ports.projection import ProjectionStore
from gateway.flow.ports.reach import PeerNoticeStore, RemovalStore, RunStore
from gateway.flow.ports.schedule import DeliveryStore, ScheduleStore
from gateway.flow.ports.store import (
    AgreementStore,
    AuditStore,
    BudgetStore,
    JobStore,
    PartnerStore,
    RegistryStore,
    SessionStore,
    SketchStore,
)
from gateway.flow.ports.task import (
    ConsentEndStore,
    DeletionStore,
    ErasureStore,
    RequestStore,
    TaskStore,
    WarningStore,
)
from gateway.flow.ports.witness import EpochStore, WitnessStore
from gateway.flow.shared_commit import SharedCommit
from gateway.route.audit import AuditEvent
from gateway.store.agreements import SqlAgreementStore
from gateway.store.audit import SqlAuditStore
from gateway.store.budget import SqlBudgetStore
from gateway.store.connection import StoreConnection, uninterrupted
from gateway.store.consent_ends import SqlConsentEndStore
from gateway.store.consents import SqlConsentStore
from gateway.store.decisions import SqlDecisionStore
from gateway.store.deletions import SqlDeletionStore
from gateway.store.deliveries import SqlDeliveryStore
from gateway.store.engine import Engines
from gateway.store.epochs import SqlEpochStore
from gateway.store.erasure import SqlErasureStore
from gateway.store.evidence_holds import SqlEvidenceStore
from gateway.store.exports import SqlExportStore
from gateway.store.failure import gateway_errors
from gateway.store.identity import SqlIdentityStore
from gateway.store.jobs import SqlJobStore
from gateway.store.memberships import SqlMembershipStore
from gateway.store.partners import SqlPartnerStore
from gateway.store.peer_notices import SqlPeerNoticeStore
from gateway.store.projection import SqlProjectionStore
from gateway.store.registry import SqlRegistryStore
from gateway.store.removals import SqlRemovalStore
from gateway.store.requests import SqlRequestStore
from gateway.store.runs import SqlRunStore
from gateway.store.schedules import SqlScheduleStore
from gateway.store.sessions import SqlSessionStore
from gateway.store.sketches import SqlSketchStore
from gateway.store.tasks import SqlTaskStore
from gateway.store.unwritten import UnwrittenEvents
from gateway.store.warnings import SqlWarningStore
from gateway.store.witnesses import SqlWitnessStore
from gateway.store.write_ahead import WriteAheadLog

ENTRIES_TOGETHER = 1000  # of one commit of entries that several callers append


class SqlTransaction:
    """The stores of one transaction, all on one connection."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection
        events = UnwrittenEvents(connection)
        self._log = SqlAuditStore(connection, events)
        self.registry: RegistryStore = SqlRegistryStore(connection)
        self.consents: ConsentStore = SqlConsentStore(connection, events)
        self.projection: ProjectionStore = SqlProjectionStore(connection)
        self.decisions: DecisionStore = SqlDecisionStore(connection)
        self.identity: IdentityStore = SqlIdentityStore(connection)
        self.partners: PartnerStore = SqlPartnerStore(connection)
        self.agreements: AgreementStore = SqlAgreementStore(connection)
        self.jobs: JobStore = SqlJobStore(connection)
        self.sessions: SessionStore = SqlSessionStore(connection)
        self.runs: RunStore = SqlRunStore(connection)
        self.memberships: MembershipStore = SqlMembershipStore(connection)
        self.removals: RemovalStore = SqlRemovalStore(connection)
        self.notices: PeerNoticeStore = SqlPeerNoticeStore(connection)
        self.budget: BudgetStore = SqlBudgetStore(connection)
        self.exports: ExportStore = SqlExportStore(connection)
        self.sketches: SketchStore = SqlSketchStore(connection)
        self.audit: AuditStore = self._log
        self.epochs: EpochStore = SqlEpochStore(connection)
        self.witnesses: WitnessStore = SqlWitnessStore(connection)
        self.tasks: TaskStore = SqlTaskStore(connection)
        self.schedules: ScheduleStore = SqlScheduleStore(connection)
        self.deliveries: DeliveryStore = SqlDeliveryStore(connection)
        self.ends: ConsentEndStore = SqlConsentEndStore(connection)
        self.deletions: DeletionStore = SqlDeletionStore(connection)
        self.warnings: WarningStore = SqlWarningStore(connection)
        self.requests: RequestStore = SqlRequestStore(connection)
        self.erasure: ErasureStore = SqlErasureStore(connection, self._log)
        self.evidence: EvidenceStore = SqlEvidenceStore(connection, self._log)

    async def settle(self) -> None:
        """Do what must be last before the commit: number the log's new entries, and write what waits for that.

        Raises:
            AssentError: the failure of an earlier statement, which nothing may be committed after.
        """
        self._connection.check()
        await self._log.flush()

    @property
    def erased(self) -> bool:
        """Whether a subject was erased."""
        return self._log.erased

    @property
    def written(self) -> int:
        """Rows that were written many at once."""
        return self._connection.written


class SqlStore:
    """A database, opened by `open_store`.

    Args:
        engines: where connections come from.
        now: the current time (UTC), for columns that say when a row last changed.
    """

    def __init__(self, engines: Engines, now: Callable[[], datetime]) -> None:
        self._engines = engines
        self._now = now
        self._write_ahead = WriteAheadLog(engines.writer, engines.copier)
        self._unscrubbed = False
        self._appends: SharedCommit[Sequence[AuditEvent], None] = SharedCommit(self._append, len, ENTRIES_TOGETHER)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlTransaction]:
        """Open a transaction that may write: committed at the end, rolled back on an exception.

        SQLite has one writer at a time from here on. On PostgreSQL statements see what
        others committed before them, and the rows that must not change are locked.

        Raises:
            StateError: REVISION_CONFLICT, DISK_FULL, STORE_UNAVAILABLE, also at the commit.
        """
        async with self._transaction(self._engines.writer, writable=True) as transaction:
            yield transaction
        self._write_ahead.grew(transaction.written)
        self._unscrubbed |= transaction.erased
        if self._unscrubbed:
            self._unscrubbed = not await self._write_ahead.empty()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlTransaction]:
        """Open a transaction that reads one snapshot."""
        async with self._transaction(self._engines.reader, writable=False) as transaction:
            yield transaction

    async def append(self, events: Sequence[AuditEvent]) -> None:
        """Append entries that go with no change of state, in one commit with what others append meanwhile.

        Raises:
            RequestError: BAD_FIELD when a payload has no canonical form.
            StateError: as `begin`.
        """
        if events:
            await self._appends.join(events)

    async def _append(self, parts: Sequence[Sequence[AuditEvent]]) -> Sequence[None]:
        async with self.begin() as tx:
            await tx.audit.append([event for events in parts for event in events])
        return [None] * len(parts)

    async def close(self) -> None:
        """Give connections back."""
        await uninterrupted(self._write_ahead.close())
        await uninterrupted(self._engines.close())

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine, *, writable: bool) -> AsyncIterator[SqlTransaction]:
        raw = engine.connect()
        try:
            with gateway_errors():
                await uninterrupted(_start(raw))
            transaction = SqlTransaction(StoreConnection(raw, writable=writable, now=self._now))
            yield transaction
            await transaction.settle()
            with gateway_errors():
                await uninterrupted(raw.commit())
        finally:
            if raw.sync_connection is not None:
                with gateway_errors():
                    await uninterrupted(raw.close())  # what is not committed is rolled back


async def _start(connection: AsyncConnection) -> None:
    await connection.start()
    await connection.begin()
