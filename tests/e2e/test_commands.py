"""The command line against two real gateways: every command's output, and its exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from assent_verify.cli import main as assent_verify
from consent.dpv import CONFORMS_TO
from gateway.client import Agreement
from gateway.main import main
from gateway.main.demo.groundwork import PURPOSE
from tests.e2e.pair import Pair, Side, some_people, two_gateways, until

ROOT = Path(__file__).parents[2]


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


class Stage:
    """Two gateways with an agreement in force, and a way to run commands on either."""

    def __init__(self, pair: Pair, agreement: Agreement) -> None:
        self.pair = pair
        self.agreement = agreement.agreement_id

    def run(self, *words: str, side: Side | None = None, **variables: str) -> Ended:
        """Run a command as the console script does, in this process: loading everything again takes seconds."""
        stdout, stderr = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["assent", *words])
            patch.setenv("ASSENT_HOME", str((side or self.pair.retailer).home))
            for name, value in variables.items():
                patch.setenv(name, value)
            with redirect_stdout(stdout), redirect_stderr(stderr):
                code = main()
        return Ended(code, *(_written(stream) for stream in (stdout, stderr)))

    def read(self, *words: str, side: Side | None = None) -> list[dict[str, object]]:
        """Run a command that must succeed and return its rows as JSON."""
        ended = self.run(*words, "--output", "json", side=side)
        assert ended.returncode == 0, ended.stderr
        found = json.loads(ended.stdout)
        return found if isinstance(found, list) else [found]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with two_gateways(tmp_path_factory.mktemp("pair")) as pair:
        yield Stage(pair, pair.prepare(some_people()))


def test_listings_in_three_formats(stage: Stage) -> None:
    table = stage.run("agreement", "list")
    assert table.returncode == 0
    header, row = table.stdout.splitlines()
    assert header.split()[:3] == ["agreement", "state", "hash"]
    assert row.startswith(stage.agreement)
    as_csv = stage.run("agreement", "list", "--output", "csv")
    rows = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    assert [(found["agreement"], found["state"]) for found in rows] == [(stage.agreement, "IN_FORCE")]
    both = [stage.read("agreement", "list", side=side)[0] for side in stage.pair.sides]
    assert both[0]["hash"] == both[1]["hash"]
    assert both[0]["parties"] == ["retailer", "platform"]
    assert not as_csv.stderr


@pytest.mark.parametrize(
    ("words", "key", "expected"),
    [
        (("partner", "list"), "party", ["platform"]),
        (("registry", "list"), "id", ["campaign_measurement", PURPOSE, "service_improvement"]),
        (("registry", "list", "assessments"), "id", ["enrichment-2026"]),
        (("notice", "list"), "state", ["PUBLISHED"]),
        (("dataset", "list"), "name", ["customers"]),
        (("dataset", "describe", "customers"), "column", ["customer_id", "phone", "arm"]),
    ],
)
def test_listings(stage: Stage, words: tuple[str, ...], key: str, expected: list[str]) -> None:
    assert [row[key] for row in stage.read(*words)] == expected


def test_a_party_from_file_to_listing(stage: Stage, tmp_path: Path) -> None:
    def file(name: str, **body: object) -> str:
        (tmp_path / name).write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
        return str(tmp_path / name)

    times = {"valid_from": "2026-01-01T00:00:00+08:00", "valid_until": "2028-01-01T00:00:00+08:00"}
    party = {"legal_name": "新加坡公司", "contact": "dpo@sg.example", "role": "handler", "country": "SG"}
    (made,) = stage.read("registry", "add-party", "--file", file("party.json", id="sg-one", **party))
    assert (made["id"], made["version"], made["country"]) == ("sg-one", 1, "SG")
    way = file("way.json", id="sg", party="sg-one", type="standard_contract", reference="备案 7", **times)
    assert stage.read("registry", "add-mechanism", "--file", way)[0]["version"] == 1
    event = file("event.json", id="S-1", type="suspended", party="sg-one", at="2026-02-01T00:00:00+08:00")
    assert stage.read("registry", "add-party-event", "--file", event)[0]["type"] == "SUSPENDED"
    rule = {"basis": "contract", "purpose": PURPOSE, "categories": ["phone_hash"], "owner": "crm", "own_use": True}
    assert stage.read("registry", "add-basis-rule", "--file", file("rule.json", id="r", **rule))[0]["owner"] == "crm"
    for kind, ids in (("parties", ["sg-one"]), ("mechanisms", ["sg"]), ("events", ["S-1"]), ("basis-rules", ["r"])):
        assert [row["id"] for row in stage.read("registry", "list", kind)] == ids
    assert stage.read("registry", "list", "counters") == []
    assessed = ("registry", "add-assessment", "own-2026", "--purpose", PURPOSE, "--sensitive")
    (own,) = stage.read(*assessed)
    assert (own["version"], own["recipients"], own["own_use"], own["covers_sensitive"]) == (1, [], True, True)
    (ended,) = stage.read(*assessed, "--until", "2026-12-01T00:00:00+08:00")
    assert (ended["version"], ended["next_review"]) == (2, "2026-11-30T16:00:00+00:00")
    aggregate = ("registry", "add-category", "sum", "--text", "合计", "--base", "phone_hash", "--anonymous-if-group")
    (made,) = stage.read(*aggregate)
    assert (made["base"], made["anonymous_if_group"]) == ("phone_hash", True)
    assert "psi_hash" in {row["id"] for row in stage.read("registry", "list", "methods")}
    (shown,) = stage.read("registry", "show", "sg-one")
    assert (shown["legal_name"], [found["id"] for found in shown["events"]]) == ("新加坡公司", ["S-1"])


def test_a_run_from_start_to_result(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "enriched.csv"
    (checked,) = stage.read("dataset", "check", "customers", "--agreement", stage.agreement)
    eligible = {use["operation"]: use["eligible"] for use in checked["uses"] if use["purpose"] == PURPOSE}
    asked = ("enrich", "--agreement", stage.agreement, "--purpose", PURPOSE, "--column", "tier", "--column", "orders")
    (plan,) = stage.read("job", "plan", *asked)
    assert plan["runs"], plan["checks"]
    words = ("job", "run", *asked, "--request-id", str(uuid.uuid4()), "--result", str(file))
    (job,) = stage.read(*words)
    assert (job["state"], job["operation"], job["side"]) == ("SUCCEEDED", "ENRICH", "RECEIVER")
    assert job["released"] == job["matched"]
    # What was said before is what the run found.
    assert plan["forecast"]["own_rows"] == checked["rows"]
    assert plan["forecast"]["own_records"] == pytest.approx(job["records"], abs=2)
    assert eligible["ENRICH"] == job["consented"]
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * int(str(job["released"]))
    assert {row["attribute"] for row in rows} == {"tier", "orders"}
    assert {row["run"] for row in rows} == {job["session"]}

    # The same request again is the same job, and says the same.
    (again,) = stage.read(*words)
    assert again["job"] == job["job"]

    shown = stage.run("job", "result", str(job["job"]), "--output", "csv")
    assert shown.returncode == 0
    assert shown.stdout == file.read_text(encoding="utf-8")
    parquet = tmp_path / "enriched.parquet"
    assert stage.run("job", "result", str(job["job"]), "--file", str(parquet)).returncode == 0
    assert pq.read_table(parquet).num_rows == len(rows)
    watched = stage.run("job", "watch", str(job["job"]))
    assert watched.returncode == 0
    assert "SUCCEEDED" in watched.stdout
    assert stage.read("job", "list")[0]["job"] == job["job"]
    picture = tmp_path / "report.svg"
    (told,) = stage.read("job", "report", str(job["job"]), "--plot", str(picture))
    lines = {(line["section"], line["item"]): line for line in told["lines"]}
    assert lines["outcome", "matched"]["count"] == job["matched"]
    assert lines["keys", "phone.e164"]["rate"] == int(str(job["matched"])) / int(str(job["consented"]))
    assert "phone.e164" in picture.read_text(encoding="utf-8")
    # The platform's side of the run tells its own reasons, and how many rows the partner had.
    theirs = next(row for row in stage.read("job", "list", side=stage.pair.platform) if row["operation"] == "ENRICH")
    (other,) = stage.read("job", "show", str(theirs["job"]), side=stage.pair.platform)
    assert other["session"] == job["session"]
    assert any(name.startswith("left_out.") for name in other)
    # It is a provision of either side.
    asked = ("audit", "provisions", "--since", "2026-01-01T00:00:00+08:00", "--purpose", PURPOSE)
    ours = stage.read(*asked, "--partner", "platform")[0]
    logged = stage.read(*asked, side=stage.pair.platform)
    provided = logged[0]
    assert {row["session"] for row in (ours, provided)} == {job["session"]}
    assert (ours["provision_id"], ours["side"], ours["handler"]) == (job["job"], "RECEIVER", "retailer")
    assert (provided["provision_id"], provided["side"], provided["handler"]) == (theirs["job"], "SENDER", "platform")
    assert ours["subject_count"] == job["consented"] and provided["output_class"] == "ATTRIBUTES"
    assert {*ours["categories"]} < {*provided["categories"]}
    listed = stage.run(*asked, "--output", "csv").stdout.splitlines()
    assert listed[0].startswith("released_at,operation,side,recipient,") and len(listed) == len(logged) + 1
    assert stage.read("audit", "provisions", "--since", "2099-01-01T00:00:00Z") == []


def test_a_job_that_waits_is_cancelled(stage: Stage) -> None:
    stage.pair.platform.pause()
    try:
        words = ("job", "run", "match", "--agreement", stage.agreement, "--purpose", PURPOSE, "--no-wait")
        (job,) = stage.read(*words)
        name = str(job["job"])
        until(lambda: stage.pair.retailer.client.jobs.get(name).waiting_for == "PEER", "the job waits for its partner")
        assert stage.read("job", "show", name)[0]["waiting_for"] == "PEER"
        assert stage.run("job", "cancel", name).returncode == 0
    finally:
        stage.pair.platform.resume()
    ended = stage.run("job", "watch", name)
    assert ended.returncode == 1
    assert "CANCELLED" in ended.stdout
    assert stage.run("job", "result", name).returncode == 1


def test_a_refused_run_says_why(stage: Stage) -> None:
    words = ("--agreement", stage.agreement, "--purpose", "service_improvement")
    ended = stage.run("job", "run", "match", *words, "--output", "json")
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["state"] == "REFUSED"
    assert "refused (PURPOSE_NOT_AGREED)" in ended.stderr


def test_consents_are_imported_shown_and_judged(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "consents.csv"
    header = (
        "event_id,type,at,subject,handler,consent_id,notice,by,mode,evidence,purpose,categories,methods,recipients,form"
    )
    said = "consent_given,2026-10-01T08:00:00+08:00"
    given = f"retailer,%s,enrichment@1,subject,explicit,true,{PURPOSE},phone_hash,psi_hash,platform,separate"
    rows = [f"e-1,{said},new-1,{given % 'c-1'}", f"e-2,{said},new-2,{given % 'c-2'}".replace("enrichment@1", "other@1")]
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    ended = stage.run("consent", "import", str(file), "--output", "json")
    assert ended.returncode == 1
    report = json.loads(ended.stdout)
    assert (report["accepted"], report["replayed"], report["rejected"]) == (1, 0, 1)
    assert report["rejected_rows"] == [{"row": 2, "field": "notice", "reason": "names no published notice"}]
    assert "1 rows were not imported" in ended.stderr
    file.write_text("\n".join([header, rows[0]]) + "\n", encoding="utf-8")
    assert stage.read("consent", "import", str(file))[0]["replayed"] == 1
    lost = "w-1,consent_withdrawn,2026-10-02T08:00:00+08:00,new-1,retailer,c-9,,subject,,,,,,,"
    file.write_text("\n".join([header, lost]) + "\n", encoding="utf-8")
    ended = stage.run("consent", "import", str(file), "--output", "json")
    report = json.loads(ended.stdout)
    assert (ended.returncode, report["accepted"], report["warned"]) == (0, 1, 1)
    assert [(row["row"], row["field"]) for row in report["warned_rows"]] == [(1, "consent_id")]
    assert "1 rows were imported that may be mistaken" in ended.stderr

    (shown,) = stage.read("consent", "show", "new-1")
    assert (shown["consent_id"], shown["state"], shown["form"]) == ("c-1", "CONSENT_GIVEN", "SEPARATE")
    exported = json.loads(stage.run("consent", "show", "new-1", "--format", "dpv").stdout)
    (record,) = exported["@graph"]
    assert (record["@type"], record["dct:conformsTo"]) == ("dpv:ConsentRecord", CONFORMS_TO)
    assert record["dpv:hasNotice"]["@id"] == "assent:notices/enrichment%401"
    assert record["dpv:hasConsentControl"]["dpv:isExercisedAt"]
    assert record["dpv:hasProcess"][0]["dpv:hasRecipient"] == "assent:parties/platform"
    (status,) = record["dpv:hasConsentStatus"]
    assert status["@type"][0] == "dpv:ConsentGiven"
    assert (status["dpv:isIndicatedBy"], status["dpv:isIndicatedAtTime"]) == ("dpv:DataSubject", "2026-10-01T00:00:00Z")
    assert "new-1" not in json.dumps(exported)  # a pseudonym stands for the person

    asked = ("--purpose", PURPOSE, "--category", "phone_hash", "--recipient", "platform")
    (yes,) = stage.read("consent", "evaluate", "new-1", *asked)
    assert (yes["allowed"], yes["reason_code"]) == (True, "OK_CONSENT")
    # A no is an answer, not a failure.
    (no,) = stage.read("consent", "evaluate", "new-2", *asked)
    assert (no["allowed"], no["reason_code"]) == (False, "NO_CONSENT")
    (before,) = stage.read("consent", "evaluate", "new-1", *asked, "--at", "2026-09-01T00:00:00+08:00")
    assert before["allowed"] is False
    decided = stage.read("consent", "decisions", "--most", "3")
    assert [one["reason_code"] for one in decided] == [answer["reason_code"] for answer in (before, no, yes)]
    assert decided[2]["decision_id"] == yes["decision_id"] and decided[2]["contract"] == yes["contract"]
    assert "new-1" not in json.dumps(decided)
    listed = stage.run("consent", "eligible", *asked, "--output", "csv")
    assert listed.returncode == 0
    assert [line for line in listed.stdout.splitlines() if line.endswith(",c-1")]
    assert "new-1" not in listed.stdout
    lines = [
        json.loads(line) for line in stage.run("consent", "eligible", *asked, "--output", "json").stdout.splitlines()
    ]
    assert len(lines) == len(listed.stdout.splitlines()) - 1
    (counted,) = stage.read("consent", "coverage", *asked, "--method", "psi_hash")
    assert counted["eligible"] == len(lines) and counted["subjects"] >= len(lines)


def test_the_log_is_exported_and_verified(stage: Stage, tmp_path: Path) -> None:
    note = stage.run("audit", "checkpoint")
    assert note.stdout.startswith("retailer.assent.internal/audit\n")
    entries = stage.read("audit", "entries", "--start", "2")
    assert [row["index"] for row in entries[:3]] == [2, 3, 4]
    target = tmp_path / "export"
    assert stage.run("audit", "export", str(target)).returncode == 0
    assert stage.run("audit", "export", str(target)).returncode == 2
    vkey = (target / "log.vkey").read_text(encoding="utf-8").strip()
    verified = stage.run("audit", "verify", str(target), "--vkey", vkey)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "every check passed" in verified.stdout
    size = int((target / "checkpoint").read_text(encoding="utf-8").splitlines()[1])
    proof = stage.run("audit", "consistency", str(size - 1)).stdout
    assert proof.startswith(f"old {size - 1}\n") and "retailer.assent.internal/audit\n" in proof
    continued = tmp_path / "continued"
    continued.write_text(stage.run("audit", "consistency", str(size)).stdout, encoding="utf-8")
    assert assent_verify(["consistency", str(continued), "--since", str(target / "checkpoint"), "--vkey", vkey]) == 0
    assert stage.run("audit", "tiles", str(tmp_path / "tiles"), "checkpoint", "tile/entries/000.p/2").returncode == 0
    assert (target / "tile/entries").is_dir() and (tmp_path / "tiles/tile/entries/000.p/2").stat().st_size > 200
    assert stage.run("audit", "prove", "c-1", "--run", "ab" * 32, "-o", str(tmp_path / "proof")).returncode == 1
    # What a partner gets opens entries about nobody; with both exports runs are reconciled.
    sides = [tmp_path / "ours", tmp_path / "theirs"]
    for directory, side in zip(sides, (stage.pair.retailer, stage.pair.platform), strict=True):
        assert stage.run("audit", "export", str(directory), "--nobody", side=side).returncode == 0
    reconciled = stage.run("audit", "reconcile", *map(str, sides), "--output", "json")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr
    outcome = json.loads(reconciled.stdout)
    runs = stage.read("audit", "entries", "--type", "run_signature")
    assert outcome["ok"] and len(outcome["agreed"]) == len(runs)
    # The two gateways witness each other: by now a receipt is final, and holds against the policy without either.
    proof, policy = tmp_path / "2.tlog-proof", tmp_path / "policy"
    (made,) = stage.read("audit", "receipt", "2", "--wait", "20", "--out", str(proof))
    assert (made["final"], made["witnesses"]) == (True, ["platform"])
    policy.write_text(stage.run("audit", "policy").stdout, encoding="utf-8")
    assert assent_verify([str(proof), "--policy", str(policy)]) == 0
    assert assent_verify([str(target), "--policy", str(policy)]) == 0
    listed = {(row["kind"], row["party"]): row for row in stage.read("audit", "witnesses")}
    assert listed.keys() == {("witness", "platform"), ("log", "platform")}
    shown = stage.run("audit", "witnesses", "--note", "platform").stdout
    assert shown.startswith("platform.assent.internal/audit\n")
    assert stage.run("audit", "witnesses", "--note", "nobody").returncode == 1
    stranger = stage.run("audit", "checkpoint", side=stage.pair.platform).stdout
    foreign = tmp_path / "foreign"
    foreign.write_text(stranger, encoding="utf-8")
    assert stage.run("audit", "verify", str(target), "--vkey", vkey, "--since", str(foreign)).returncode == 1

    bundle = next((target / "tile" / "entries").rglob("*.p/*"))
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.write_bytes(bytes(content))
    damaged = stage.run("audit", "verify", str(target), "--vkey", vkey, "--output", "json")
    assert damaged.returncode == 1
    assert json.loads(damaged.stdout)["ok"] is False


def test_exit_codes(stage: Stage, tmp_path: Path) -> None:
    unknown = ("job", "show", str(uuid.uuid4()))
    assert stage.run(*unknown).returncode == 1
    assert stage.run("job", "show").returncode == 2
    assert stage.run("job", "show", "not-a-uuid").returncode == 2
    nobody = stage.run("partner", "list", ASSENT_TARGET="127.0.0.1:1")
    assert (nobody.returncode, nobody.stdout) == (3, "")
    token = tmp_path / "token"
    token.write_text("no.such.token", encoding="utf-8")
    assert stage.run("partner", "list", ASSENT_TOKEN_FILE=str(token)).returncode == 4
    # An administrator is no compliance officer.
    issued = stage.run("keys", "token", "ops", "--role", "administrator")
    token.write_text(issued.stdout, encoding="utf-8")
    assert stage.run("partner", "list", ASSENT_TOKEN_FILE=str(token)).returncode == 0
    denied = stage.run("consent", "show", "somebody", "--token-file", str(token))
    assert denied.returncode == 4
    assert "ROLE_MISSING" in denied.stderr


def test_the_program_runs_as_a_process(stage: Stage) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "gateway.main", "partner", "list", "--output", "csv"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "ASSENT_HOME": str(stage.pair.platform.home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[1].startswith("retailer,仁里零售有限公司,127.0.0.1:")


def test_health_ends_with_the_process(tmp_path: Path) -> None:
    with two_gateways(tmp_path) as pair:
        assert pair.retailer.pid and pair.platform.pid
        pair.platform.kill()
        assert pair.platform.pid == 0
        pair.platform.restart()
        assert list(pair.platform.client.registry.partners()) == []
        assert pair.retailer.stop() == 0
        assert '"event": "stopping"' in pair.retailer.log
