"""The examples run as their README says, and what checks them would notice a wrong result."""

from __future__ import annotations

import csv
import importlib.util
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "enrich_profiles"
ROWS = 500
STRANGERS = 150
BANDS = ("1) $0 - $100", "2) $100 - $200", "3) $200 - $350", "6) $750 - $1,000", "7) $1,000 +")
HEADER = "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend"


def _table(path: Path) -> None:
    """A customer table of the shape that the example expects: quoted bands, CRLF."""
    chance = random.Random(7)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER.split(","))
        for _ in range(ROWS):
            channel = chance.choice(("Phone", "Web", "Multichannel"))
            history = (chance.randint(1, 12), chance.choice(BANDS), f"{chance.uniform(30, 1500):.2f}", 1, 0)
            writer.writerow((*history, "Rural", 1, channel, "No E-Mail", 0, 0, 0))


def _run(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    known = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [str(word) for word in words],
        env={**known, "PATH": here, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    _table(folder / "customers.csv")
    work = folder / "work"
    csv_file = folder / "customers.csv"
    ended = _run(EXAMPLE / "run.sh", "--csv", csv_file, "--workdir", work, "--strangers", str(STRANGERS))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"enriched.csv agrees row by row: {_rows(work / 'enriched.csv')} rows, 0 differences" in ended.stdout
    return work


def _rows(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as stream:
        return sum(1 for _ in csv.reader(stream)) - 1


def test_it_leaves_inputs_agreement_and_result(workdir: Path) -> None:
    names = {"retailer.csv", "partner.csv", "retailer_consents.csv", "partner_consents.csv", "agreement.json"}
    assert {path.name for path in workdir.iterdir()} >= names | {"enriched.csv"}
    assert _rows(workdir / "retailer.csv") == ROWS
    assert _rows(workdir / "partner.csv") == round(0.7 * ROWS) + STRANGERS
    # 70 % in common, 90 % and 95 % of them agreed: three values for each.
    expected = 3 * 0.7 * 0.9 * 0.95 * ROWS
    assert 0.9 * expected < _rows(workdir / "enriched.csv") < 1.1 * expected


def test_no_server_is_left(workdir: Path) -> None:
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in lines if str(workdir).encode() in line]


@pytest.mark.parametrize("damage", ["value", "null", "missing", "surplus", "consent"])
def test_the_check_notices(workdir: Path, tmp_path: Path, damage: str) -> None:
    for path in workdir.glob("*.*"):
        if path.is_file():
            shutil.copy(path, tmp_path)
    with (tmp_path / "enriched.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert _run(sys.executable, EXAMPLE / "check.py", tmp_path).returncode == 0
    row = next(row for row in rows if row["attribute"] == "channel" and row["value"] == "Web")
    if damage == "value":
        row["value"] = "Phone"
    elif damage == "null":
        row["value"] = ""
    elif damage == "missing":
        rows.remove(row)
    elif damage == "surplus":
        rows.append({**row, "customer": "R999999"})
    else:
        row["consent"] = "another"
    with (tmp_path / "enriched.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    ended = _run(sys.executable, EXAMPLE / "check.py", tmp_path)
    assert ended.returncode == 1
    assert "1 differences" in ended.stdout


def test_the_inputs_are_the_same_every_time(workdir: Path, tmp_path: Path) -> None:
    source = workdir.parent / "customers.csv"
    words = ("--csv", source, "--out", tmp_path, "--strangers", str(STRANGERS))
    made = _run(sys.executable, EXAMPLE / "make_inputs.py", *words, PYTHONPATH=str(EXAMPLE.parent))
    assert made.returncode == 0, made.stderr
    for name in ("retailer.csv", "partner.csv", "retailer_consents.csv", "partner_consents.csv"):
        assert (tmp_path / name).read_bytes() == (workdir / name).read_bytes()


def test_ids_of_events_do_not_tell_whose_they_are(workdir: Path) -> None:
    for name in ("retailer_consents.csv", "partner_consents.csv"):
        with (workdir / name).open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                assert row["subject"] not in row["event_id"] + row["consent_id"]


def test_a_failure_stops_the_servers_too(workdir: Path, tmp_path: Path) -> None:
    source = tmp_path / "customers.csv"
    source.write_text("recency,history_segment\n1,a\n", encoding="utf-8")
    ended = _run(EXAMPLE / "run.sh", "--csv", source, "--workdir", tmp_path / "work")
    assert ended.returncode == 2
    assert "has no column channel" in ended.stderr
    used = _run(EXAMPLE / "run.sh", "--csv", source, "--workdir", workdir)
    assert used.returncode == 2
    assert "is not empty" in used.stderr


UNION = EXAMPLE.parent / "bank_union"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("bank") / "work"
    ended = _run(UNION / "run.sh", "--workdir", work, "--customers", "120")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 differences" in ended.stdout
    assert "nobody's: {'core': 0, 'cards': 0, 'app': 6}; phones settled: 4" in ended.stdout
    return work


@pytest.mark.parametrize("damage", ["value", "order", "link"])
def test_the_check_of_three_sources_notices(bank: Path, tmp_path: Path, damage: str) -> None:
    for path in bank.glob("*.*"):
        if path.is_file():
            shutil.copy(path, tmp_path)
    assert _run(sys.executable, UNION / "check.py", tmp_path).returncode == 0
    if damage == "value":
        text = (tmp_path / "enriched.csv").read_text(encoding="utf-8")
        assert '"gold"' in text
        (tmp_path / "enriched.csv").write_text(text.replace('"gold"', '"silver"', 1), encoding="utf-8")
    elif damage == "order":
        # As if the cards' phones counted first.
        core = (tmp_path / "core.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / "core.csv").write_text("".join(core[:1]), encoding="utf-8")
    else:
        links = (tmp_path / "app_links.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / "app_links.csv").write_text("".join(links[:-1]), encoding="utf-8")
    ended = _run(sys.executable, UNION / "check.py", tmp_path)
    assert ended.returncode == 1
    assert "differences, among them" in ended.stdout


CAMPAIGN = EXAMPLE.parent / "campaign"


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("campaign") / "work"
    ended = _run(CAMPAIGN / "run.sh", "--workdir", work)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "chosen: gold, silver" in ended.stdout
    assert "overlap and lift agree with the inputs: 0 differences" in ended.stdout
    # Who got the message bought more, and no more than the others in the year before.
    lifts = {
        line.split()[0]: float(line.split()[-1].rstrip("%")) for line in ended.stdout.splitlines() if "%" in line[-2:]
    }
    assert lifts["bought"] > 20 > abs(lifts["usual"])
    return work


@pytest.mark.parametrize("damage", ["order", "consent", "cell"])
def test_the_check_of_a_campaign_notices(campaign: Path, tmp_path: Path, damage: str) -> None:
    spec = importlib.util.spec_from_file_location("campaign_check", CAMPAIGN / "check.py")
    assert spec is not None and spec.loader is not None
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    for path in campaign.glob("*.*"):
        if path.is_file():
            shutil.copy(path, tmp_path)
    assert (check.overlap_problems(tmp_path), check.lift_problems(tmp_path)[0]) == ([], [])
    name = {"order": "orders_campaign.csv", "consent": "retailer_consents.csv", "cell": "overlap.json"}[damage]
    text = (tmp_path / name).read_text(encoding="utf-8")
    if damage == "cell":
        # What was suppressed is told.
        changed = text.replace('"value": null', '"value": "41"', 1)
    else:
        kept = text.splitlines(keepends=True)
        changed = "".join(kept[: len(kept) // 2])
    assert changed != text
    (tmp_path / name).write_text(changed, encoding="utf-8")
    assert bool(check.overlap_problems(tmp_path)) == (damage != "order")
    assert bool(check.lift_problems(tmp_path)[0]) == (damage != "cell")
