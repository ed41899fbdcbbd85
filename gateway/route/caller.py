"""Who asks on the tenant port."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a token may do; an administrator is not a cdp_job, and an auditor reads the log and changes nothing."""

    CDP_JOB = "cdp_job"
    COMPLIANCE_OFFICER = "compliance_officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated subject of a token and its roles."""

    subject: str
    roles: frozenset[Role]
