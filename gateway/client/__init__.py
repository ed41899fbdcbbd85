"""The public Python client of a gateway's tenant port.

    from gateway.client import Client

    with Client("127.0.0.1:7443", ca_pem, token) as client:
        profiles = client.enrich(customers, on="customer_id", agreement=..., purpose=..., columns=["recency"])

`AsyncClient` is the same for event loops. A run that is answered with no raises
`Refused`; errors are those of `gateway.errors`.
"""

from gateway.client.agreement import Agreement, Binding, Column, Direction
from gateway.client.aio import AsyncClient
from gateway.client.audit import AuditEntry, Checkpoint, InclusionProof
from gateway.client.blocking import Client
from gateway.client.cells import cells_frame, is_cells
from gateway.client.check import CheckedColumn, CheckedKey, CheckedPart, CheckedUse, DatasetCheck
from gateway.client.consent import Consent
from gateway.client.dataset import Dataset, DatasetPart
from gateway.client.decision import Decision, LoggedDecision
from gateway.client.eligible import Coverage
from gateway.client.event import RowError
from gateway.client.event_batch import ImportProgress, ImportReport
from gateway.client.identity import IdentityLink, LinkReport
from gateway.client.job import Count, Job
from gateway.client.notice import Notice, NoticeRecipient
from gateway.client.outcome import Cancelled, Refused
from gateway.client.party import ExportCounter, ExportMechanism, Party, PartyContract, PartyEvent
from gateway.client.plan import Calibration, Forecast, JobPlan, PlanCheck
from gateway.client.provision import Provision
from gateway.client.registry import BasisRule, Category, ImpactAssessment, Invitation, Method, Partner, Purpose
from gateway.client.report import MatchReport, ReportLine
from gateway.client.request import Erasure, RightsRequest
from gateway.client.rights import PartnerNotice, Removal, RunTrace
from gateway.client.schedule import Schedule, SchedulePolicy, ScheduleRun
from gateway.client.sink import Delivery, Sink
from gateway.client.task import Deletion, DeletionEvidence, EndWarning, SinkEvidence, Task
from gateway.client.terms import AggregateTerms, Budget, BudgetCharge, Measure, Scheme

__all__ = [
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
