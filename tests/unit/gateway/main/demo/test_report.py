from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from gateway.client import Count, Job
from gateway.disclosure import CELLS
from gateway.main.demo.evidence import Evidence
from gateway.main.demo.people import Company, People
from gateway.main.demo.report import Left, Outcome, tell
from gateway.main.demo.runs import Run, Withdrawn

AT = datetime(2026, 11, 21, tzinfo=UTC)


def _job(side: str, *counts: Count) -> Job:
    return Job(
        job_id="j", agreement_id="a", operation="ENRICH", purpose="p", columns=("tier",), state="SUCCEEDED",
        waiting_for="NONE", stage=0, seq=-1, rows_done=0, rows_total=0, side=side, partner="x", session_id="s",
        refusal=None, failure=None, counts=counts, facts=(), requested_by="r", created_at=AT, updated_at=AT,
        finished_at=AT,
    )  # fmt: skip


def _result(rows: list[tuple[str, str, str | None]]) -> pa.Table:
    return pa.table(dict(zip(("customer", "attribute", "value"), map(list, zip(*rows, strict=True)), strict=True)))


def _outcome() -> Outcome:
    customers = pa.table({"customer_id": ["C1", "C2", "C3"]})
    people = People(Company(customers, ()), Company(customers, ()), (("C1", "U1"), ("C2", "U2"), ("C3", "U3")))
    mine = _job(
        "RECEIVER",
        Count("", "consented", 2, ()),
        Count("", "late_drops", 1, ()),
        Count("left_out", "NO_CONSENT", 1, ()),
        Count("rejected", "BAD_MATCH_KEY", 4, (1, 2)),
    )
    theirs = _job("SENDER", Count("", "consented", 3, ()), Count("", "replaced", 1, ()))
    result = _result([("C1", "tier", "gold"), ("C2", "tier", None), ("C1", "orders", "3"), ("C2", "orders", "4")])
    run = Run(mine, theirs, result)
    evidence = {party: Evidence("log\n3\nroot\n\n— sig\n", "assent-verify x", True, "") for party in ("a", "b")}
    withdrawn = Withdrawn("EXCHANGING", ("C3",), ("C9",))
    return Outcome(
        Path("/tmp/x"), people, run, run, withdrawn, _statistics(mine), evidence, (), (("MATCH", 1.25),), 2.5
    )


def _statistics(job: Job) -> Run:
    """What a run of AGGREGATE released: one arm against the control."""

    def cell(segment: str, statistic: str, value: str | None, **more: object) -> dict[str, object]:
        return dict.fromkeys(CELLS.names) | {
            "segment": segment,
            "statistic": statistic,
            "value": value,
            "low": value,
            "high": value,
            "noise_sd": 1.0,
            **more,
        }

    rows = [
        cell("control", "count", None, suppressed="BELOW_MINIMUM"),
        cell("mail", "count", "120"),
        cell("mail", "lift", "0.05", column="bought", against="control", p_value=0.01),
        cell("mail", "sum_of_squares", "7", column="spend"),
    ]
    return Run(job, job, pa.Table.from_pylist(rows, schema=CELLS))


def _lines(outcome: Outcome) -> list[str]:
    lines: list[str] = []
    tell(outcome, lines.append)
    return lines


def test_it_tells_counts_reasons_and_how_to_check() -> None:
    text = "\n".join(_lines(_outcome()))
    assert "2 in common with consent on both sides, of 3 people" in text
    assert "2 customers enriched; 1 of them did not agree" in text
    assert "1 at the retailer:  1 dropped after the data had left" in text
    assert re.search(r"^  control +count +- +suppressed: too few people in it$", text, re.MULTILINE)
    assert re.search(r"^  mail +count +120 +120 to 120$", text, re.MULTILINE)
    assert re.search(r"^  mail +bought +lift +0.05 +0.05 to 0.05 +0.0100$", text, re.MULTILINE)
    assert "sum_of_squares" not in text
    assert "1 at the platform:  1 replaced by random rows" in text
    assert "  NO_CONSENT            1         0  Nothing from this person to this handler." in text
    assert "  BAD_MATCH_KEY         4         0  The phone number is none." in text
    assert "    assent-verify x" in text
    assert "1.2  MATCH" in text or "1.3  MATCH" in text
    assert "STILL RUNNING" not in text


def test_a_sample_shows_what_nobody_agreed_to_as_a_dash() -> None:
    rows = [line.split() for line in _lines(_outcome()) if line.startswith("  C")]
    assert ["C1", "gold", "-", "3"] in rows
    assert ["C2", "-", "-", "4"] in rows


def test_it_is_sound_only_when_everything_holds() -> None:
    outcome = _outcome()
    assert outcome.sound
    leaked = replace(outcome, withdrawn=Withdrawn("EXCHANGING", ("C1",), ()))
    assert leaked.released_though_withdrawn == 1
    assert not leaked.sound
    failed = Evidence("", "assent-verify x", False, "FAILED    tree")
    broken = replace(outcome, evidence={"a": failed})
    assert not broken.sound
    assert "    FAILED    tree" in _lines(broken)


def test_a_run_that_was_too_fast_is_told_as_it_was() -> None:
    assert any("nobody: the run was over" in line for line in _lines(replace(_outcome(), withdrawn=Withdrawn(""))))


def test_servers_that_run_on_are_named() -> None:
    left = (Left(Path("/tmp/x/retailer"), "127.0.0.1:1", 11), Left(Path("/tmp/x/platform"), "127.0.0.1:2", 12))
    text = "\n".join(_lines(replace(_outcome(), left=left)))
    assert "stop both: kill 11 12" in text
    assert "--home /tmp/x/retailer" in text
