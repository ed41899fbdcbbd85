"""The asynchronous client: one object per gateway and token."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gateway.client.agreement import Agreement, AsyncAgreements, Column
from gateway.client.audit import AsyncAudit
from gateway.client.cells import cells_frame
from gateway.client.connection import Connection
from gateway.client.consent import AsyncConsents
from gateway.client.dataset import AsyncDatasets
from gateway.client.decision import AsyncDecisions
from gateway.client.frame import Frame
from gateway.client.identity import AsyncIdentity
from gateway.client.job import AsyncJobs, Job, Progress
from gateway.client.notice import AsyncNotices
from gateway.client.party import AsyncParties
from gateway.client.registry import AsyncRegistry
from gateway.client.request import AsyncRequests
from gateway.client.rights import AsyncRights
from gateway.client.schedule import AsyncSchedules
from gateway.client.sink import AsyncSinks
from gateway.client.task import AsyncTasks
from gateway.client.witness import AsyncWitnesses
from gateway.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class AsyncClient:
    """Calls our own gateway on its tenant port.

    async with AsyncClient.connect("127.0.0.1:7443", ca_pem, token) as client:
        table = await client.match(agreement, "profile_enrichment")

    Attributes:
        agreements: propose, accept, bind, look.
        audit: checkpoint, proofs, entries, export.
        consents: import events, ask for a decision, list a customer's consents.
        datasets: what is declared on the gateway's machine.
        decisions: what was asked about single customers, and answered.
        identity: whose the ids of other systems are.
        jobs: run, watch, cancel, read the result.
        notices: draft, publish, look.
        parties: legal entities, what happened to them, exports to them.
        registry: purposes, categories, impact assessments, basis rules, partners.
        requests: rights requests: open, look, advance.
        rights: what became of customers in released runs, and what partners were told.
        schedules: jobs that run again and again.
        sinks: files and tables into which the gateway puts results.
        tasks: what comes round, what ends soon, what must be deleted.
        witnesses: receipts of log entries, who cosigned our log, forks.
    """

    def __init__(self, connection: Connection) -> None:
        """Use a connection; `connect` makes one."""
        self._connection = connection
        self.agreements = AsyncAgreements(connection)
        self.audit = AsyncAudit(connection)
        self.consents = AsyncConsents(connection)
        self.datasets = AsyncDatasets(connection)
        self.decisions = AsyncDecisions(connection)
        self.identity = AsyncIdentity(connection)
        self.jobs = AsyncJobs(connection)
        self.notices = AsyncNotices(connection)
        self.parties = AsyncParties(connection)
        self.registry = AsyncRegistry(connection)
        self.requests = AsyncRequests(connection)
        self.schedules = AsyncSchedules(connection)
        self.sinks = AsyncSinks(connection)
        self.tasks = AsyncTasks(connection)
        self.rights = AsyncRights(connection)
        self.witnesses = AsyncWitnesses(connection)

    @classmethod
    def connect(
        cls, target: str, ca_pem: bytes, token: str, target_name: str | None = None, timeout_s: float = 30.0
    ) -> Self:
        """Make a client; the first call dials. Needs a running event loop.

        Args:
            target: host:port of the gateway's tenant port.
            ca_pem: certificates in PEM that the gateway's certificate must descend from.
            token: bearer token, as `assent keys token` makes it.
            target_name: name expected in the certificate, when it is not the host.
            timeout_s: seconds until a call that answers once is given up.
        """
        return cls(Connection(target, ca_pem, token, target_name, timeout_s))

    async def match(
        self,
        agreement: str,
        purpose: str,
        *,
        progress: Progress | None = None,
        timeout_s: float | None = None,
        request_id: str | None = None,
    ) -> pa.Table:
        """Learn which of our consented customers the partner also has.

        Args:
            agreement: id of an agreement in force.
            purpose: one of its purposes.
            progress: called with the job at every change.
            timeout_s: seconds to wait for the job; None waits for as long as it takes.
            request_id: uuid; a call repeated with it returns the result of the same run. Made anew when left out.

        Returns:
            {customer, attribute, value, partner, run, agreement, consent, obtained_at, expires_at}, one row per
            matched customer; attribute and value are null.

        Raises:
            Refused: the answer is no.
            Cancelled: somebody ended the job.
            AssentError: the job failed, or the gateway cannot be reached.
        """
        job = await self.jobs.create(agreement, "MATCH", purpose, request_id=request_id)
        return await self._result(job, progress, timeout_s)

    async def enrich(
        self,
        frame: Frame,
        on: str,
        *,
        agreement: str,
        purpose: str,
        columns: Sequence[str],
        progress: Progress | None = None,
        timeout_s: float | None = None,
        request_id: str | None = None,
    ) -> Frame:
        """Add agreed attributes of matched customers to a frame, which is never uploaded.

        The run is over the data set bound to the agreement; the frame only says which customers, and in what order,
        are wanted here. It is a left join: rows, order and index stay, unknown customers get nulls.

        Args:
            frame: pyarrow Table or pandas DataFrame; it is not changed.
            on: its column of customers (text or integers), the same values as in the bound data set.
            agreement: id of an agreement in force.
            purpose: one of its purposes.
            columns: one to three agreed columns.
            progress: called with the job at every change.
            timeout_s: seconds to wait for the job; None waits for as long as it takes.
            request_id: uuid; a call repeated with it joins the result of the same run. Made anew when left out.

        Returns:
            A frame of the same kind with the columns added, typed as agreed.

        Raises:
            Refused: the answer is no.
            Cancelled: somebody ended the job.
            AssentError: the frame does not fit, the job failed, or the gateway cannot be reached.
        """
        from gateway.client.join import check_frame, joined  # loads pyarrow

        check_frame(frame, on, columns)
        wanted = _wanted(await self.agreements.get(agreement), columns)
        job = await self.jobs.create(agreement, "ENRICH", purpose, columns, request_id)
        result = await self._result(job, progress, timeout_s)
        return joined(frame, on, result, wanted)

    async def aggregate(
        self,
        agreement: str,
        purpose: str,
        columns: Sequence[str],
        control: str | None = None,
        *,
        progress: Progress | None = None,
        timeout_s: float | None = None,
        request_id: str | None = None,
    ) -> pd.DataFrame:
        """Learn statistics of the partner's columns per segment of our customers; nobody learns who is in them.

        Args:
            agreement: id of an agreement in force.
            purpose: one of its purposes.
            columns: agreed columns, one or more.
            control: a segment; adds the comparison (lift, interval, p-value) of every other released one with it.
            progress: called with the job at every change.
            timeout_s: seconds to wait for the job; None waits for as long as it takes.
            request_id: uuid; a call repeated with it returns the result of the same run. Made anew when left out.

        Returns:
            As `cells_frame`: one row per cell, with numbers and their 95 % intervals.

        Raises:
            Refused: the answer is no, e.g. BUDGET_EXHAUSTED.
            Cancelled: somebody ended the job.
            AssentError: the job failed, or the gateway cannot be reached.
        """
        _wanted(await self.agreements.get(agreement), columns)
        job = await self.jobs.create(agreement, "AGGREGATE", purpose, columns, request_id)
        return cells_frame(await self._result(job, progress, timeout_s, control))

    async def overlap(
        self,
        agreement: str,
        purpose: str,
        *,
        progress: Progress | None = None,
        timeout_s: float | None = None,
        request_id: str | None = None,
    ) -> pd.DataFrame:
        """Learn how many customers of each of our segments the partner also has, e.g. to plan a campaign.

        Args:
            agreement: id of an agreement in force.
            purpose: one of its purposes.
            progress: called with the job at every change.
            timeout_s: seconds to wait for the job; None waits for as long as it takes.
            request_id: uuid; a call repeated with it returns the result of the same run. Made anew when left out.

        Returns:
            As `cells_frame`.

        Raises:
            Refused: the answer is no.
            Cancelled: somebody ended the job.
            AssentError: the job failed, or the gateway cannot be reached.
        """
        job = await self.jobs.create(agreement, "OVERLAP", purpose, request_id=request_id)
        return cells_frame(await self._result(job, progress, timeout_s))

    async def close(self) -> None:
        """Give the connection back; jobs go on."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _result(
        self, job: Job, progress: Progress | None, timeout_s: float | None, control: str | None = None
    ) -> pa.Table:
        done = await self.jobs.wait(job.job_id, progress, timeout_s)
        return await self.jobs.result(done.job_id, control)


def _wanted(agreement: Agreement, columns: Sequence[str]) -> list[Column]:
    agreed = {column.name: column for column in agreement.columns}
    missing = [name for name in columns if name not in agreed]
    if missing or not columns:
        raise RequestError(
            "BAD_FIELD", f"field columns must name agreed columns; the agreement has {', '.join(agreed) or 'none'}"
        )
    return [agreed[name] for name in columns]
