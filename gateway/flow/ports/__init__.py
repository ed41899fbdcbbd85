"""What the routes need from the world outside, as use-case verbs.

Ports are async Protocols; adapters in stratum 4 implement them. A method
raises only errors of `gateway.errors`.
"""

from gateway.flow.ports.custody import KeyCustody, RunSecrets
from gateway.flow.ports.decision import DecisionStore
from gateway.flow.ports.evidence import EvidenceSeal, EvidenceStore
from gateway.flow.ports.house import House, Limits, Witnessing
from gateway.flow.ports.peer import PeerPort
from gateway.flow.ports.people import ConsentStore, ExportCount, ExportStore, IdentityLink, IdentityStore, Mark
from gateway.flow.ports.processes import Pool, Processes
from gateway.flow.ports.projection import ProjectionStore
from gateway.flow.ports.reach import PeerNoticeStore, RemovalStore, RunStore
from gateway.flow.ports.rows import (
    DatasetDescription,
    DatasetPart,
    DatasetPort,
    ResultPort,
    SourceScan,
    SourceSurvey,
    StoredRows,
    SurveyBatch,
    SurveyColumn,
    SurveyKey,
)
from gateway.flow.ports.schedule import DeliveryStore, ScheduleStore
from gateway.flow.ports.sinks import SinkDescription, SinkPort
from gateway.flow.ports.spool import Sorter, SpoolPort, StageFile
from gateway.flow.ports.store import (
    AgreementStore,
    AuditStore,
    BudgetStore,
    Charge,
    InputSketch,
    JobStore,
    PartnerStore,
    RegistryItem,
    RegistryStore,
    SessionStore,
    SketchStore,
    Spent,
    Store,
    TileWrite,
    Transaction,
)
from gateway.flow.ports.task import (
    ConsentEndStore,
    DeletionStore,
    EndedConsent,
    Erased,
    ErasureStore,
    RequestStore,
    TaskStore,
    WarningStore,
)
from gateway.flow.ports.witness import EpochStore, WitnessStore
from gateway.flow.ports.world import Bells, Clock

__all__ = [
    "AgreementStore",
    "AuditStore",
    "Bells",
    "BudgetStore",
    "Charge",
    "Clock",
    "ConsentEndStore",
    "ConsentStore",
    "DatasetDescription",
    "DatasetPart",
    "DatasetPort",
    "DecisionStore",
    "DeletionStore",
    "DeliveryStore",
    "EndedConsent",
    "EpochStore",
    "Erased",
    "ErasureStore",
    "EvidenceSeal",
    "EvidenceStore",
    "ExportCount",
    "ExportStore",
    "House",
    "IdentityLink",
    "IdentityStore",
    "InputSketch",
    "JobStore",
    "KeyCustody",
    "Limits",
    "Mark",
    "PartnerStore",
    "PeerNoticeStore",
    "PeerPort",
    "Pool",
    "Processes",
    "ProjectionStore",
    "RegistryItem",
    "RegistryStore",
    "RemovalStore",
    "RequestStore",
    "ResultPort",
    "RunSecrets",
    "RunStore",
    "ScheduleStore",
    "SessionStore",
    "SinkDescription",
    "SinkPort",
    "SketchStore",
    "Sorter",
    "SourceScan",
    "SourceSurvey",
    "Spent",
    "SpoolPort",
    "StageFile",
    "Store",
    "StoredRows",
    "SurveyBatch",
    "SurveyColumn",
    "SurveyKey",
    "TaskStore",
    "TileWrite",
    "Transaction",
    "WarningStore",
    "WitnessStore",
    "Witnessing",
]
