from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.client.job import _job as read_back
from gateway.errors import Misuse
from gateway.route.agreement import Operation
from gateway.route.job import Failure, Job, JobRequest, JobState, Refusal, Side, WaitingFor
from gateway.rpc.convert.job import control_segment_from_proto, job_request_from_proto, job_to_proto, report_to_proto
from gateway.v1 import job_pb2
from tests.unit.gateway.rpc.convert.messages import OTHER_UUID, UUID, WHEN, refused

REQUEST = JobRequest(UUID, OTHER_UUID, Operation.ENRICH, "profile_enrichment", ("recency", "channel"), "nightly")
JOB = Job(
    job_id=UUID,
    side=Side.RECEIVER,
    partner="platform-b",
    request=REQUEST,
    state=JobState.EXCHANGING,
    waiting_for=WaitingFor.PEER,
    stage=2,
    seq=-1,
    rows_done=7,
    rows_total=11,
    session_id="ab" * 32,
    refusal=None,
    failure=None,
    report={"tokenised": 11, "left_out": {"NO_CONSENT": 3}},
    cancel_requested=False,
    attempt=1,
    fence=1,
    lease_owner="",
    lease_until=None,
    spool_id="s",
    created_at=WHEN,
    updated_at=WHEN,
    finished_at=None,
    revision=4,
)


def _asked(**changes: Any) -> job_pb2.CreateJobRequest:
    fields: dict[str, Any] = {
        "agreement": f"agreements/{OTHER_UUID}",
        "operation": job_pb2.OPERATION_ENRICH,
        "purpose": "purposes/profile_enrichment",
        "columns": ["recency", "channel"],
    }
    return job_pb2.CreateJobRequest(job=job_pb2.Job(**(fields | changes)), request_id=UUID)


def _parse(message: job_pb2.CreateJobRequest) -> JobRequest:
    return job_request_from_proto(message, "nightly")


def test_a_request_is_parsed_whole() -> None:
    assert _parse(_asked()) == REQUEST


def test_output_only_fields_are_ignored() -> None:
    assert _parse(_asked(state=job_pb2.JOB_STATE_SUCCEEDED, partner="parties/x", requested_by="root")) == REQUEST


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"agreement": OTHER_UUID}, "job.agreement"),
        ({"agreement": ""}, "job.agreement"),
        ({"operation": 0}, "job.operation"),
        ({"operation": 99}, "job.operation"),
        ({"purpose": "profile_enrichment"}, "job.purpose"),
        ({"columns": ["a", "b", "c", "d"]}, "job.columns"),
        ({"columns": [f"c{n}" for n in range(65)], "operation": job_pb2.OPERATION_AGGREGATE}, "job.columns"),
        ({"columns": ["recency", "13800138000"]}, "job.columns[1]"),
        ({"columns": ["recency", "recency"]}, "job.columns[1]"),
    ],
)
def test_a_bad_field_is_named_by_its_path(changes: dict[str, Any], path: str) -> None:
    refused(_parse, _asked(**changes), path)


def test_an_aggregate_may_ask_for_many_columns() -> None:
    columns = tuple(f"c{n}" for n in range(64))
    found = _parse(_asked(columns=columns, operation=job_pb2.OPERATION_AGGREGATE))
    assert (found.operation, found.columns) == (Operation.AGGREGATE, columns)
    assert _parse(_asked(columns=(), operation=job_pb2.OPERATION_OVERLAP)).operation is Operation.OVERLAP


def test_a_control_segment_is_trimmed_as_segments_are() -> None:
    assert control_segment_from_proto(job_pb2.ReadResultRequest()) == ""
    assert control_segment_from_proto(job_pb2.ReadResultRequest(control_segment=" No E-Mail ")) == "No E-Mail"
    refused(control_segment_from_proto, job_pb2.ReadResultRequest(control_segment="x" * 201), "control_segment")


def test_job_and_request_id_are_required() -> None:
    refused(_parse, job_pb2.CreateJobRequest(request_id=UUID), "job")
    refused(_parse, job_pb2.CreateJobRequest(job=_asked().job), "request_id")


def test_a_job_reaches_the_client_whole() -> None:
    found = read_back(job_to_proto(JOB))
    assert (found.job_id, found.agreement_id, found.operation) == (UUID, OTHER_UUID, "ENRICH")
    assert (found.state, found.waiting_for, found.side) == ("EXCHANGING", "PEER", "RECEIVER")
    assert (found.stage, found.seq, found.rows_done, found.rows_total) == (2, -1, 7, 11)
    assert (found.partner, found.session_id, found.purpose) == ("platform-b", "ab" * 32, "profile_enrichment")
    assert (found.columns, found.requested_by) == (("recency", "channel"), "nightly")
    assert (found.created_at, found.updated_at, found.finished_at) == (WHEN, WHEN, None)
    assert (found.refusal, found.failure, found.final) == (None, None, False)
    assert (found.count("tokenised"), found.count("NO_CONSENT", "left_out"), found.count("x")) == (11, 3, 0)


def test_refusal_and_failure_are_told_apart() -> None:
    no = read_back(job_to_proto(replace(JOB, state=JobState.REFUSED, refusal=Refusal("NOT_READY", "later"))))
    assert (no.refusal, no.failure, no.final) == (("NOT_READY", "later"), None, True)
    broken = read_back(job_to_proto(replace(JOB, state=JobState.FAILED, failure=Failure("EMPTY", "no rows"))))
    assert (broken.refusal, broken.failure) == (None, ("EMPTY", "no rows"))


@pytest.mark.parametrize(
    ("of", "change"),
    [
        (JobState, lambda value: replace(JOB, state=value)),
        (WaitingFor, lambda value: replace(JOB, waiting_for=value)),
        (Side, lambda value: replace(JOB, side=value)),
        (Operation, lambda value: replace(JOB, request=replace(REQUEST, operation=value))),
    ],
)
def test_every_word_has_its_number(of: Any, change: Callable[[Any], Job]) -> None:
    for value in of:
        job = read_back(job_to_proto(change(value)))
        assert value.value in (job.state, job.waiting_for, job.side, job.operation)


def test_a_report_keeps_counts_rows_and_facts() -> None:
    report = report_to_proto(
        {
            "matched": 3,
            "left_out": {"NO_CONSENT": 2},
            "rejected": {"BAD_MATCH_KEY": {"count": 9, "first_rows": [4, 7]}},
            "cut_at": "2026-11-21T08:00:00.000000Z",
            "sandbox": True,
            "absent": None,
        }
    )
    assert [(count.group, count.reason, count.count, list(count.first_rows)) for count in report.counts] == [
        ("", "matched", 3, []),
        ("left_out", "NO_CONSENT", 2, []),
        ("rejected", "BAD_MATCH_KEY", 9, [4, 7]),
    ]
    assert [(fact.name, fact.text) for fact in report.facts] == [
        ("cut_at", "2026-11-21T08:00:00.000000Z"),
        ("sandbox", "true"),
    ]


@pytest.mark.parametrize("report", [{"rows": [1, 2]}, {"left_out": {"NO_CONSENT": "many"}}, {"rate": 0.5}])
def test_a_report_of_another_shape_is_a_bug(report: dict[str, object]) -> None:
    with pytest.raises(Misuse):
        report_to_proto(report)
