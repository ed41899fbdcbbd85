"""Two real gateways over mutual TLS: a withdrawal after a release reaches the partner's row, and officers see it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.client import Client
from gateway.main import app
from gateway.main.demo import groundwork
from tests.e2e.pair import Pair, Side, some_people, two_gateways, until


def in_result(side: Side, job_id: str) -> set[str]:
    return set(side.client.jobs.result(job_id).column("customer").to_pylist())


def their_job(pair: Pair, session: str) -> str:
    return next(job.job_id for job in pair.platform.client.jobs.list() if job.session_id == session)


def withdrawals(side: Side, customers: list[str], partner: str) -> list[dict[str, object]]:
    return [
        {
            "event_id": f"withdrawn-{number}",
            "type": "consent_withdrawn",
            "at": datetime.now(UTC).isoformat(),
            "subject": customer,
            "handler": side.party,
            "by": "subject",
            "purpose": groundwork.PURPOSE,
            "recipient": partner,
            "channel": "app",
        }
        for number, customer in enumerate(customers)
    ]


def command(side: Side, *words: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    app(["--home", str(side.home), "--output", "json", *words], standalone_mode=False)
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_a_withdrawal_after_a_release_reaches_the_partner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with two_gateways(tmp_path) as pair:
        people = some_people()
        agreement = pair.prepare(people)
        job = pair.retailer.client.jobs.wait(pair.match(agreement).job_id, timeout_s=120)
        assert job.state == "SUCCEEDED"
        before = in_result(pair.retailer, job.job_id)
        theirs = their_job(pair, job.session_id)
        held = [str(row["customer"]) for row in pair.platform.client.rights.affected([theirs]).to_pylist()]
        leaving = held[: len(held) // 2]
        pair.retailer.pause()
        events = withdrawals(pair.platform, leaving, pair.retailer.party)
        assert pair.platform.give(events).accepted == len(leaving)
        pair.platform.hasten("reach-runs")
        client: Client = pair.platform.client
        until(
            lambda: {one.state for one in client.rights.notices()} == {"DUE"}, "the notice waits for the retailer", 60
        )
        pair.retailer.resume()
        until(
            lambda: {one.state for one in client.rights.notices()} == {"DONE"},
            "the notice is acknowledged",
            timeout_s=90,
        )
        after = in_result(pair.retailer, job.job_id)
        assert after < before
        # Nothing is left at either of them under the token of somebody who withdrew.
        gone = leaving[0]
        (traced,) = command(pair.platform, "consent", "trace", gone, capsys=capsys)
        assert (traced["presence"], traced["told"]) == ("REMOVED", "DONE")
        why = traced["reason_code"], traced["removed_for"], traced["timing"]
        assert why == ("OK_CONSENT", "CONSENT_WITHDRAWN", "AFTER")
        assert {row["evidence"] for row in client.rights.affected([theirs]).to_pylist()} == {"HELD", "REMOVED"}
        counts = command(pair.platform, "rights", "incident", "--job", theirs, "--tell-partner", capsys=capsys)
        assert sum(int(str(row["customers"])) for row in counts) == len(held)
        pair.platform.hasten("reach-runs")
        until(
            lambda: any(one.kind == "INCIDENT" for one in pair.retailer.client.rights.notices()),
            "the incident is told",
            90,
        )
        (kept,) = {removal.timing for removal in client.rights.removals()}
        assert kept == "AFTER"
        for side in pair.sides:
            assert gone not in side.log
