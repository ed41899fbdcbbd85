"""The public names, and that the blocking client has every call of the asynchronous one."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import gateway.client
from gateway.client import aio, blocking
from gateway.client.loop import LoopThread

PAIRS = {
    "agreements": (aio.AsyncAgreements, blocking.Agreements),
    "audit": (aio.AsyncAudit, blocking.Audit),
    "consents": (aio.AsyncConsents, blocking.Consents),
    "datasets": (aio.AsyncDatasets, blocking.Datasets),
    "jobs": (aio.AsyncJobs, blocking.Jobs),
    "notices": (aio.AsyncNotices, blocking.Notices),
    "parties": (aio.AsyncParties, blocking.Parties),
    "registry": (aio.AsyncRegistry, blocking.Registry),
    "requests": (aio.AsyncRequests, blocking.Requests),
    "schedules": (aio.AsyncSchedules, blocking.Schedules),
    "sinks": (aio.AsyncSinks, blocking.Sinks),
    "tasks": (aio.AsyncTasks, blocking.Tasks),
    "rights": (aio.AsyncRights, blocking.Rights),
    "witnesses": (aio.AsyncWitnesses, blocking.Witnesses),
}


def test_public_names() -> None:
    assert gateway.client.__all__ == [
        "AggregateTerms",
        "Agreement",
        "AsyncClient",
        "AuditEntry",
        "BasisRule",
        "Binding",
        "Budget",
        "BudgetCharge",
        "Calibration",
        "Cancelled",
        "Category",
        "CheckedColumn",
        "CheckedKey",
        "CheckedPart",
        "CheckedUse",
        "Checkpoint",
        "Client",
        "Column",
        "Consent",
        "Count",
        "Coverage",
        "Dataset",
        "DatasetCheck",
        "DatasetPart",
        "Decision",
        "Deletion",
        "DeletionEvidence",
        "Delivery",
        "Direction",
        "EndWarning",
        "Erasure",
        "ExportCounter",
        "ExportMechanism",
        "Forecast",
        "IdentityLink",
        "ImpactAssessment",
        "ImportProgress",
        "ImportReport",
        "InclusionProof",
        "Invitation",
        "Job",
        "JobPlan",
        "LinkReport",
        "LoggedDecision",
        "MatchReport",
        "Measure",
        "Method",
        "Notice",
        "NoticeRecipient",
        "Partner",
        "PartnerNotice",
        "Party",
        "PartyContract",
        "PartyEvent",
        "PlanCheck",
        "Provision",
        "Purpose",
        "Refused",
        "Removal",
        "ReportLine",
        "RightsRequest",
        "RowError",
        "RunTrace",
        "Schedule",
        "SchedulePolicy",
        "ScheduleRun",
        "Scheme",
        "Sink",
        "SinkEvidence",
        "Task",
        "cells_frame",
        "is_cells",
    ]
    assert all(hasattr(gateway.client, name) for name in gateway.client.__all__)


def _calls(of: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(of, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_the_blocking_client_has_every_call(name: str) -> None:
    asynchronous, block = PAIRS[name]
    loop: Any = LoopThread.__new__(LoopThread)
    wrapped = block(loop, asynchronous.__new__(asynchronous))  # type: ignore[arg-type]
    assert set(vars(wrapped)) == _calls(asynchronous)
    assert all(call.__doc__ for call in vars(wrapped).values())


def test_match_and_enrich_take_the_same_arguments() -> None:
    asynchronous = inspect.signature(aio.AsyncClient.enrich).parameters
    assert list(inspect.signature(blocking.Client.enrich).parameters) == list(asynchronous)
    assert _calls(aio.AsyncClient) == {"aggregate", "close", "enrich", "match", "overlap"}
