"""Deletion tasks and warnings on their way from the gateway to its client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.cli.task import _record
from gateway.client import task as client
from gateway.route.task import DeletionCause, DeletionEvidence, DeletionTask, EndingKind, EndWarning
from gateway.rpc.convert.task import deletion_to_proto, warning_to_proto

NOW = datetime(2026, 11, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_evidence_of_a_deletion_reaches_the_client() -> None:
    evidence = (DeletionEvidence("j-1", NOW, "n-1", NOW + HOUR), DeletionEvidence("j-2", NOW, "", None))
    why = DeletionCause.CONSENT_WITHDRAWN
    task = DeletionTask(
        "ab" * 16,
        "a" * 26,
        why,
        "e-1",
        "p",
        "platform",
        (),
        NOW,
        NOW,
        NOW + 9 * HOUR,
        None,
        NOW,
        "reach-runs",
        evidence,
    )
    found = client._deletion(deletion_to_proto(task, NOW))
    assert (found.state, found.done_by) == ("DONE", "reach-runs")
    assert [(one.job_id, one.removed_at, one.notice_id, one.acknowledged_at) for one in found.evidence] == [
        ("j-1", NOW, "n-1", NOW + HOUR),
        ("j-2", NOW, "", None),
    ]
    assert _record(found, ["evidence"]) == {
        "evidence": [
            f"j-1: removed {NOW.isoformat()}, acknowledged {(NOW + HOUR).isoformat()}",
            f"j-2: removed {NOW.isoformat()}",
        ]
    }


def test_a_warning_of_deletions_names_their_last_day() -> None:
    warning = EndWarning(EndingKind.DELETION, "2026-12-11", NOW, 0, NOW)
    found = client._warning(warning_to_proto(warning))
    assert (found.kind, found.item, found.days) == ("DELETION", "2026-12-11", 0)
