"""Two parties' exports of their runs: agreement, and every difference by its name."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assent_verify import Reconciliation, Trust, reconcile
from assent_verify.cli import main
from assent_verify.note import parse_vkey
from gateway.cli.app import app
from gateway.route.canonical import canonical_bytes
from tests.unit.verify.made_export import (
    PUBLIC_KEYS,
    SESSION,
    Made,
    base64_key,
    log_signer,
    make_export,
    signed_by_both,
)

PLATFORM = log_signer(2, "platform.example/audit")
TRUST = Trust((parse_vkey(log_signer().key.vkey), parse_vkey(PLATFORM.key.vkey)), PUBLIC_KEYS)
KEYS = ["--vkey", log_signer().key.vkey, "--vkey", PLATFORM.key.vkey] + [
    f"--party-key={party}={base64_key(party)}" for party in PUBLIC_KEYS
]


@pytest.fixture
def ours(tmp_path: Path) -> Made:
    return make_export(tmp_path / "ours", 20)


@pytest.fixture
def theirs(tmp_path: Path) -> Made:
    return make_export(tmp_path / "theirs", 12, signer=PLATFORM, seed=12, party="platform")


def differences(outcome: Reconciliation) -> list[tuple[str, str, Any, Any]]:
    return [(d.what, d.field, d.ours, d.theirs) for d in outcome.differences]


def signed_anew(change: Callable[[Any], None]) -> Callable[[Any], None]:
    """Change records and let both parties sign them: what two dishonest parties, or one with both keys, could show."""

    def changed(record: Any) -> None:
        change(record)
        for kind in ("opening", "run"):
            signatures = signed_by_both(kind, canonical_bytes(record[kind]))
            record["signatures"][kind] = {party: base64.b64encode(sig).decode() for party, sig in signatures}

    return changed


def test_two_honest_exports_agree(ours: Made, theirs: Made) -> None:
    outcome = reconcile(ours.root, theirs.root, TRUST)
    assert outcome.ours.failures == []
    assert outcome.theirs.failures == []
    assert outcome.differences == []
    assert outcome.agreed == [SESSION]
    assert outcome.ok
    assert outcome.ours.log_key_pinned
    assert outcome.theirs.log_key_pinned


CASES: list[tuple[str, Callable[[Any], None], list[tuple[str, str]]]] = [
    ("sizes", lambda r: r["opening"].update(sender_rows=[30]), [("OPENING", "opening.sender_rows")]),
    (
        "commitments",
        lambda r: r["opening"].update(receiver_commitment="00" * 32, sender_commitment="11" * 32),
        [("OPENING", "opening.receiver_commitment"), ("OPENING", "opening.sender_commitment")],
    ),
    (
        "transcript",
        lambda r: (r["run"]["receiver"].update(transcript="ee" * 32), r["run"]["sender"].update(transcript="ee" * 32)),
        [("RUN", "run.receiver.transcript"), ("RUN", "run.sender.transcript")],
    ),
    ("counts", lambda r: r["run"]["sender"].update(late_drops=3), [("RUN", "run.sender.late_drops")]),
    ("a type", lambda r: r["opening"].update(matches_to_sender=0), [("OPENING", "opening.matches_to_sender")]),
    ("a field more", lambda r: r["run"].update(remark="x"), [("RUN", "run.remark")]),
    ("a field more, null", lambda r: r["run"].update(remark=None), [("RUN", "run.remark")]),
]


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_every_difference_of_the_records_is_named(
    ours: Made, theirs: Made, change: Callable[[Any], None], expected: list[tuple[str, str]]
) -> None:
    theirs.edit_run(signed_anew(change))
    theirs.reseal()
    outcome = reconcile(ours.root, theirs.root, TRUST)
    assert not outcome.ok
    assert outcome.agreed == []
    named = [(what, field) for what, field, _, _ in differences(outcome)]
    assert [pair for pair in named if pair[0] != "SIGNATURE"] == expected
    kind = expected[0][1].split(".")[0]
    assert [pair for pair in named if pair[0] == "SIGNATURE"] == [
        ("SIGNATURE", f"{kind}.platform"),
        ("SIGNATURE", f"{kind}.retailer"),
    ]
    assert outcome.ours.ok
    assert not outcome.theirs.ok, "their log holds the record that both signed at the time"


def test_values_of_a_difference_stand_beside_each_other(ours: Made, theirs: Made) -> None:
    ours.edit_run(lambda record: record["opening"].update(receiver_rows=[18]))
    ours.reseal()
    outcome = reconcile(ours.root, theirs.root, TRUST)
    assert differences(outcome) == [("OPENING", "opening.receiver_rows", [18], [17])]
    assert outcome.differences[0].reason == "opening.receiver_rows is [18] for retailer and [17] for platform"
    assert any("over the opening record does not verify" in failure.reason for failure in outcome.ours.failures)


def test_a_signature_alone(ours: Made, theirs: Made) -> None:
    def swap(record: Any) -> None:
        record["signatures"]["run"]["retailer"] = record["signatures"]["opening"]["retailer"]

    theirs.edit_run(swap)
    theirs.reseal()
    outcome = reconcile(ours.root, theirs.root, TRUST)
    assert [(d.what, d.field) for d in outcome.differences] == [("SIGNATURE", "run.retailer")]
    assert "different signatures of retailer under the run record" in outcome.differences[0].reason


def test_a_key_that_differs(ours: Made, theirs: Made) -> None:
    theirs.edit_run(lambda record: record["parties"][1].update(agreement_key=base64_key("platform")))
    theirs.reseal()
    outcome = reconcile(ours.root, theirs.root, Trust())
    assert ("PARTIES", "retailer.agreement_key", base64_key("retailer"), base64_key("platform")) in differences(outcome)


def test_a_run_that_one_side_lacks(tmp_path: Path, ours: Made) -> None:
    without = make_export(tmp_path / "without", 12, signer=PLATFORM, seed=12, party="platform", with_run=False)
    for pair, sides in (((ours.root, without.root), (True, None)), ((without.root, ours.root), (None, True))):
        outcome = reconcile(*pair, TRUST)
        assert differences(outcome) == [("MISSING", "", *sides)]
        assert outcome.differences[0].session == SESSION
        assert "missing in the export of platform: the log of platform has no opened entry" in (
            outcome.differences[0].reason
        )
        assert not outcome.ok


def test_evidence_that_was_kept_back(ours: Made, theirs: Made) -> None:
    theirs.path(f"runs/{SESSION}.json").unlink()
    theirs.reseal()
    (difference,) = reconcile(ours.root, theirs.root, TRUST).differences
    assert difference.reason.endswith("the log of platform has entries of it, but its evidence was not exported")


def test_an_export_that_is_older_than_the_run(tmp_path: Path, ours: Made) -> None:
    without = make_export(tmp_path / "without", 12, signer=PLATFORM, seed=12, party="platform", with_run=False)
    without.edit("manifest.json", lambda content: content.replace(b'"created":"2026-11-21', b'"created":"2026-11-20'))
    (difference,) = reconcile(ours.root, without.root, TRUST).differences
    assert difference.reason.endswith("the export of platform was made before it ended; ask for a newer one")


@pytest.mark.parametrize("content", [b"{}", b"not json", b'{"opening":{},"parties":[1],"run":{},"signatures":{}}'])
def test_evidence_that_cannot_be_read(ours: Made, theirs: Made, content: bytes) -> None:
    theirs.path(f"runs/{SESSION}.json").write_bytes(content)
    outcome = reconcile(ours.root, theirs.root, TRUST)
    assert differences(outcome) == [("EVIDENCE", "", None, True)]
    assert outcome.agreed == []
    assert not outcome.ok


def test_one_party_twice(ours: Made) -> None:
    outcome = reconcile(ours.root, ours.root, TRUST)
    assert [d.what for d in outcome.differences] == ["PARTIES"]


def test_runs_with_others_are_left_out(ours: Made, theirs: Made) -> None:
    def third(record: Any) -> None:
        record["parties"][0]["party"] = "bank"

    ours.edit_run(third)
    theirs.path(f"runs/{SESSION}.json").unlink()
    outcome = reconcile(ours.root, theirs.root, TRUST)
    assert outcome.others == (1, 0)
    assert outcome.differences == []


def test_the_commands(ours: Made, theirs: Made, capsys: pytest.CaptureFixture[str]) -> None:
    both = [str(ours.root), str(theirs.root)]
    assert main(["reconcile", *both, *KEYS]) == 0
    text = capsys.readouterr().out.splitlines()
    assert f"same      run {SESSION}" in text
    assert text[-1] == "OK        both exports say the same of 1 run"
    theirs.edit_run(lambda record: record["run"]["sender"].update(late_drops=3))
    theirs.reseal()
    assert main(["reconcile", *both, *KEYS, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["ours"]["ok"], found["theirs"]["ok"]) == (False, True, False)
    assert [one["field"] for one in found["differences"]] == ["run.sender.late_drops"]
    assert (found["differences"][0]["ours"], found["differences"][0]["theirs"]) == (0, 3)
    called = CliRunner().invoke(app, ["--output", "json", "audit", "reconcile", *both, *KEYS])
    assert called.exit_code == 1
    assert json.loads(called.output) == found
    with pytest.raises(SystemExit) as stopped:
        main(["reconcile", str(ours.root)])
    assert stopped.value.code == 2
