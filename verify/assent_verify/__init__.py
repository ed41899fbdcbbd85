"""Checks an export of an Assent audit log, from its files alone.

A second reading of the published formats: nothing of the gateway is imported, so
that a mistake there does not repeat itself here.
"""

from assent_verify.reconciliation import Reconciliation, reconcile
from assent_verify.report import Report
from assent_verify.trust import Trust
from assent_verify.verify import verify_export

__all__ = ["Reconciliation", "Report", "Trust", "reconcile", "verify_export"]
