"""The blocking client: the asynchronous one behind a thread, for scripts and notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from gateway.client.agreement import AsyncAgreements
from gateway.client.aio import AsyncClient
from gateway.client.audit import AsyncAudit
from gateway.client.consent import AsyncConsents
from gateway.client.dataset import AsyncDatasets
from gateway.client.decision import AsyncDecisions
from gateway.client.frame import Frame
from gateway.client.identity import AsyncIdentity
from gateway.client.job import AsyncJobs, Progress
from gateway.client.loop import LoopThread
from gateway.client.notice import AsyncNotices
from gateway.client.party import AsyncParties
from gateway.client.registry import AsyncRegistry
from gateway.client.request import AsyncRequests
from gateway.client.rights import AsyncRights
from gateway.client.schedule import AsyncSchedules
from gateway.client.sink import AsyncSinks
from gateway.client.task import AsyncTasks
from gateway.client.witness import AsyncWitnesses


class Agreements:
    """Blocking calls of AgreementService; see `AsyncAgreements`."""

    def __init__(self, loop: LoopThread, calls: AsyncAgreements) -> None:
        """Wrap the calls."""
        self.propose = loop.blocking(calls.propose)
        self.accept = loop.blocking(calls.accept)
        self.bind = loop.blocking(calls.bind)
        self.get = loop.blocking(calls.get)
        self.budget = loop.blocking(calls.budget)
        self.list = loop.iterating(calls.list)


class Audit:
    """Blocking calls of AuditService; see `AsyncAudit`."""

    def __init__(self, loop: LoopThread, calls: AsyncAudit) -> None:
        """Wrap the calls."""
        self.checkpoint = loop.blocking(calls.checkpoint)
        self.inclusion_proof = loop.blocking(calls.inclusion_proof)
        self.consistency_proof = loop.blocking(calls.consistency_proof)
        self.tiles = loop.iterating(calls.tiles)
        self.entries = loop.iterating(calls.entries)
        self.export = loop.iterating(calls.export)
        self.evidence = loop.iterating(calls.evidence)
        self.prove_membership = loop.blocking(calls.prove_membership)
        self.provisions = loop.iterating(calls.provisions)


class Consents:
    """Blocking calls of ConsentService; see `AsyncConsents`."""

    def __init__(self, loop: LoopThread, calls: AsyncConsents) -> None:
        """Wrap the calls."""
        self.import_events = loop.blocking(calls.import_events)
        self.evaluate = loop.blocking(calls.evaluate)
        self.eligible = loop.iterating(calls.eligible)
        self.coverage = loop.iterating(calls.coverage)
        self.list = loop.iterating(calls.list)


class Datasets:
    """Blocking calls of DatasetService; see `AsyncDatasets`."""

    def __init__(self, loop: LoopThread, calls: AsyncDatasets) -> None:
        """Wrap the calls."""
        self.get = loop.blocking(calls.get)
        self.check = loop.blocking(calls.check)
        self.list = loop.iterating(calls.list)
        self.declared = loop.iterating(calls.declared)


class Decisions:
    """Blocking calls of DecisionService; see `AsyncDecisions`."""

    def __init__(self, loop: LoopThread, calls: AsyncDecisions) -> None:
        """Wrap the calls."""
        self.list = loop.iterating(calls.list)


class Identity:
    """Blocking calls of IdentityService; see `AsyncIdentity`."""

    def __init__(self, loop: LoopThread, calls: AsyncIdentity) -> None:
        """Wrap the calls."""
        self.import_links = loop.blocking(calls.import_links)
        self.unlink = loop.blocking(calls.unlink)
        self.links = loop.iterating(calls.links)


class Jobs:
    """Blocking calls of JobService; see `AsyncJobs`."""

    def __init__(self, loop: LoopThread, calls: AsyncJobs) -> None:
        """Wrap the calls."""
        self.create = loop.blocking(calls.create)
        self.get = loop.blocking(calls.get)
        self.plan = loop.blocking(calls.plan)
        self.report = loop.blocking(calls.report)
        self.list = loop.iterating(calls.list)
        self.cancel = loop.blocking(calls.cancel)
        self.watch = loop.iterating(calls.watch)
        self.wait = loop.blocking(calls.wait)
        self.result = loop.blocking(calls.result)
        self.save_result = loop.blocking(calls.save_result)


class Notices:
    """Blocking calls of NoticeService; see `AsyncNotices`."""

    def __init__(self, loop: LoopThread, calls: AsyncNotices) -> None:
        """Wrap the calls."""
        self.create = loop.blocking(calls.create)
        self.publish = loop.blocking(calls.publish)
        self.get = loop.blocking(calls.get)
        self.list = loop.iterating(calls.list)


class Parties:
    """Blocking calls of PartyService; see `AsyncParties`."""

    def __init__(self, loop: LoopThread, calls: AsyncParties) -> None:
        """Wrap the calls."""
        self.create = loop.blocking(calls.create)
        self.get = loop.blocking(calls.get)
        self.list = loop.iterating(calls.list)
        self.create_event = loop.blocking(calls.create_event)
        self.events = loop.iterating(calls.events)
        self.create_mechanism = loop.blocking(calls.create_mechanism)
        self.mechanisms = loop.iterating(calls.mechanisms)
        self.export_counters = loop.iterating(calls.export_counters)


class Registry:
    """Blocking calls of RegistryService; see `AsyncRegistry`."""

    def __init__(self, loop: LoopThread, calls: AsyncRegistry) -> None:
        """Wrap the calls."""
        self.create_purpose = loop.blocking(calls.create_purpose)
        self.create_category = loop.blocking(calls.create_category)
        self.create_impact_assessment = loop.blocking(calls.create_impact_assessment)
        self.purposes = loop.iterating(calls.purposes)
        self.categories = loop.iterating(calls.categories)
        self.impact_assessments = loop.iterating(calls.impact_assessments)
        self.create_basis_rule = loop.blocking(calls.create_basis_rule)
        self.basis_rules = loop.iterating(calls.basis_rules)
        self.methods = loop.iterating(calls.methods)
        self.invitation = loop.blocking(calls.invitation)
        self.accept_partner = loop.blocking(calls.accept_partner)
        self.partners = loop.iterating(calls.partners)


class Rights:
    """Blocking calls of RightsService; see `AsyncRights`."""

    def __init__(self, loop: LoopThread, calls: AsyncRights) -> None:
        """Wrap the calls."""
        self.trace = loop.iterating(calls.trace)
        self.removals = loop.iterating(calls.removals)
        self.notices = loop.iterating(calls.notices)
        self.notify = loop.blocking(calls.notify)
        self.affected = loop.blocking(calls.affected)


class Requests:
    """Blocking calls about rights requests; see `AsyncRequests`."""

    def __init__(self, loop: LoopThread, calls: AsyncRequests) -> None:
        """Wrap the calls."""
        self.open = loop.blocking(calls.open)
        self.list = loop.iterating(calls.list)
        self.advance = loop.blocking(calls.advance)
        self.erase = loop.blocking(calls.erase)


class Schedules:
    """Blocking calls of ScheduleService; see `AsyncSchedules`."""

    def __init__(self, loop: LoopThread, calls: AsyncSchedules) -> None:
        """Wrap the calls."""
        self.create = loop.blocking(calls.create)
        self.get = loop.blocking(calls.get)
        self.list = loop.iterating(calls.list)
        self.pause = loop.blocking(calls.pause)
        self.resume = loop.blocking(calls.resume)
        self.delete = loop.blocking(calls.delete)
        self.runs = loop.iterating(calls.runs)


class Sinks:
    """Blocking calls of SinkService; see `AsyncSinks`."""

    def __init__(self, loop: LoopThread, calls: AsyncSinks) -> None:
        """Wrap the calls."""
        self.get = loop.blocking(calls.get)
        self.list = loop.iterating(calls.list)
        self.deliver = loop.blocking(calls.deliver)
        self.delivery = loop.blocking(calls.delivery)
        self.deliveries = loop.iterating(calls.deliveries)
        self.refresh = loop.blocking(calls.refresh)
        self.forget = loop.blocking(calls.forget)


class Tasks:
    """Blocking calls about tasks, warnings and deletions; see `AsyncTasks`."""

    def __init__(self, loop: LoopThread, calls: AsyncTasks) -> None:
        """Wrap the calls."""
        self.list = loop.iterating(calls.list)
        self.warnings = loop.iterating(calls.warnings)
        self.deletions = loop.iterating(calls.deletions)
        self.complete_deletion = loop.blocking(calls.complete_deletion)


class Witnesses:
    """Blocking calls of WitnessService; see `AsyncWitnesses`."""

    def __init__(self, loop: LoopThread, calls: AsyncWitnesses) -> None:
        """Wrap the calls."""
        self.receipt = loop.blocking(calls.receipt)
        self.get = loop.blocking(calls.get)
        self.policy = loop.blocking(calls.policy)


class Client:
    """Calls our own gateway and blocks until it answers; its attributes are those of `AsyncClient`."""

    def __init__(
        self, target: str, ca_pem: bytes, token: str, target_name: str | None = None, timeout_s: float = 30.0
    ) -> None:
        """Make a client; the first call dials. Arguments as of `AsyncClient.connect`."""
        self._loop = LoopThread()
        # The channel belongs to the loop that it is made in.
        self._client = self._loop.run(_connect(target, ca_pem, token, target_name, timeout_s))
        self.agreements = Agreements(self._loop, self._client.agreements)
        self.audit = Audit(self._loop, self._client.audit)
        self.consents = Consents(self._loop, self._client.consents)
        self.datasets = Datasets(self._loop, self._client.datasets)
        self.decisions = Decisions(self._loop, self._client.decisions)
        self.identity = Identity(self._loop, self._client.identity)
        self.jobs = Jobs(self._loop, self._client.jobs)
        self.notices = Notices(self._loop, self._client.notices)
        self.parties = Parties(self._loop, self._client.parties)
        self.registry = Registry(self._loop, self._client.registry)
        self.requests = Requests(self._loop, self._client.requests)
        self.schedules = Schedules(self._loop, self._client.schedules)
        self.sinks = Sinks(self._loop, self._client.sinks)
        self.tasks = Tasks(self._loop, self._client.tasks)
        self.rights = Rights(self._loop, self._client.rights)
        self.witnesses = Witnesses(self._loop, self._client.witnesses)
        self.match = self._loop.blocking(self._client.match)
        self.aggregate = self._loop.blocking(self._client.aggregate)
        self.overlap = self._loop.blocking(self._client.overlap)

    def enrich(
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
        """Add agreed attributes of matched customers to a frame; see `AsyncClient.enrich`."""
        return self._loop.run(
            self._client.enrich(
                frame,
                on,
                agreement=agreement,
                purpose=purpose,
                columns=columns,
                progress=progress,
                timeout_s=timeout_s,
                request_id=request_id,
            )
        )

    def close(self) -> None:
        """Give the connection and the thread back; jobs go on."""
        self._loop.run(self._client.close())
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def _connect(target: str, ca_pem: bytes, token: str, target_name: str | None, timeout_s: float) -> AsyncClient:
    return AsyncClient.connect(target, ca_pem, token, target_name, timeout_s)
